"""One set of run folders and its site, made once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from leaderboard._read import read_runs
from leaderboard._schema import Board
from leaderboard._site import write_site
from tests.leaderboard.browser import Tab, chromium
from tests.leaderboard.make import Maker, build_corpus, full_set


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """All kinds of runs; not to be changed."""
    made = Maker(tmp_path_factory.mktemp("leaderboard") / "runs", build_corpus())
    made.root.mkdir()
    full_set(made)
    return made


@pytest.fixture
def own(tmp_path: Path) -> Maker:
    """An empty folder for runs of a single test."""
    (tmp_path / "runs").mkdir()
    return Maker(tmp_path / "runs", build_corpus())


@pytest.fixture(scope="session")
def built(maker: Maker) -> tuple[Path, Board]:
    """The public site of all runs, and its rows."""
    site = maker.root.parent / "site"
    runs, broken = read_runs((), maker.root)
    return site, write_site(runs, broken, site)


@pytest.fixture(scope="session")
def site(built: tuple[Path, Board]) -> Path:
    """The folder of the site."""
    return built[0]


@pytest.fixture(scope="session")
def board(built: tuple[Path, Board]) -> Board:
    """The rows of the site."""
    return built[1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser; a loop of its own runs as long, so it ends with the tests of a file."""
    with chromium() as started:
        yield started


@pytest.fixture
def tab(browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Opens pages, and closes them after the test."""
    tabs: list[Tab] = []

    def opened(address: Path | str, **options: object) -> Tab:
        tabs.append(Tab(browser, address, **options))  # type: ignore[arg-type]
        return tabs[-1]

    yield opened
    for one in tabs:
        one.page.close()
