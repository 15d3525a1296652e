"""Run folders to a folder of pages, complete or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leaderboard._board import rank_runs
from leaderboard._charts import charts_missing
from leaderboard._contents import contents
from leaderboard._downloads import FORMATS
from leaderboard._language import ENGLISH, LANGUAGES
from leaderboard._read import Broken, Run
from leaderboard._redact import without_paths
from leaderboard._schema import Board
from leaderboard._vega import begin_vega
from secbench.errors import DataError
from secbench.keys import hidden

__all__ = ["write_site"]

_PAGES = ("charts.html", "compare", "index.html", "published.html", "runs", "utterances")
_FOLDERS = tuple(language.code for language in LANGUAGES if language is not ENGLISH)
_OURS = {
    *_PAGES,
    *_FOLDERS,
    "audio",
    "leaderboard.schema.json",
    *(f"{name}.{kind}" for name in ("leaderboard", "published") for kind in FORMATS),
}


def write_site(
    runs: Sequence[Run], broken: Sequence[Broken], site: Path, root: Path | None = None, *, private: bool = False
) -> Board:
    """Write the site for some runs in place of what is there; a crash leaves the old one.

    Args:
        runs: as read, in the order of their ids.
        broken: folders that could not be read.
        site: the folder to write.
        root: folder of a corpus that is not shipped, for its transcripts, references and audio.
        private: show transcripts, references, audio and local paths whatever the corpus card says.

    Raises:
        DataError: if the folder holds something else than a leaderboard, or `root` no corpus of these runs.
    """
    site = Path(os.path.realpath(site))
    _check_replaceable(site)
    if not charts_missing():
        begin_vega()
    board, tested = rank_runs(runs, broken, str if private else without_paths)
    fresh = site.with_name(f".{site.name}.new")
    with _held(site.parent):
        _clear_up(fresh, site)
        try:
            for name, content in contents(board, tested, runs, root, private=private):
                _write(fresh / name, content)
            _swap(fresh, site)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return board


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; another one that writes a site there waits."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _clear_up(fresh: Path, site: Path) -> None:
    """Remove what a killed process has left, and put an old site back that it had moved away."""
    shutil.rmtree(fresh, ignore_errors=True)
    old = _moved(site)
    if old.exists() and not site.exists():
        old.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def _moved(site: Path) -> Path:
    """Where an old site lies while the new one takes its place."""
    return site.with_name(f".{site.name}.old")


def _write(path: Path, content: str | Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(hidden(content), encoding="utf-8", newline="\n")  # a stranger's run may hold its maker's key
    else:
        shutil.copyfile(content, path)


def _check_replaceable(site: Path) -> None:
    if not site.exists():
        return
    other = sorted(path.name for path in site.iterdir() if path.name not in _OURS) if site.is_dir() else [site.name]
    if other:
        raise DataError(f"{site} holds what is no leaderboard ({', '.join(other[:3])}). Give another folder with -o.")


def _swap(fresh: Path, site: Path) -> None:
    """Put a finished folder in the place of the old one; if that fails, the old one is put back."""
    old = _moved(site)
    replaced = site.exists()
    if replaced:
        site.rename(old)
    try:
        fresh.rename(site)
    except OSError:
        if replaced:
            old.rename(site)
        raise
    if replaced:
        shutil.rmtree(old)
