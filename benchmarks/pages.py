"""Time and size of the leaderboard: of building the site, and of opening its pages in Chromium.

    python -m benchmarks.pages [--runs 50] [--utterances 1929] [--rounds 3]

The runs are invented: no model and no corpus is needed. The peer of building is pandas, which only reads the tables
and the predictions of the same run folders; both take turns, and medians are printed. Pages are opened by `file://`
with an empty cache, until they are drawn; Chromium and playwright (extra `dev`) must be installed.
"""

import argparse
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd

from leaderboard._read import read_runs
from leaderboard._site import write_site
from tests.leaderboard import make

TURNS = 25


def invent(root: Path, runs: int, utterances: int) -> None:
    """Write run folders with captions that differ."""
    made = [f"{a}{b}{{}}{c}" for a in OPENINGS for b in ("十分", "略微", "非常", "明显的") for c in CLOSINGS]
    make.FRAMES = tuple(made)
    corpus = make.build_corpus(-(-utterances // TURNS), TURNS)
    corpus = replace(corpus, splits={"test": corpus.splits["test"][:utterances]})
    maker = make.Maker(root, corpus)
    for k in range(runs):
        captions = maker.captions(0.3 + 0.6 * k / runs, k, frames=len(made))
        kind = ("baseline", "mecap_r1", "external")[k % 3]
        curves = make.curve_rows() if k % 5 == 0 else ()
        maker.write(f"system-{k:02d}", captions, curves, name=f"A system with a name, {k}", kind=kind)


OPENINGS = ("说话人的语气听起来", "声音里透着", "整体语调显得", "这段话的情绪", "她的嗓音带着")
CLOSINGS = ("", ",语速适中", "，音调偏高，节奏急促", "，声音低沉而缓慢，停顿较多", "，尾音上扬")


def ours(root: Path, site: Path) -> None:
    """Read all runs and write the site."""
    write_site(*read_runs((), root), site)


def theirs(root: Path) -> None:
    """Read the tables and the predictions of all runs."""
    for folder in sorted(root.iterdir()):
        pd.read_parquet(folder / "utterances.parquet")
        pd.read_json(folder / "predictions.jsonl", lines=True)


def seconds(work: Callable[[], None]) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def opening(pages: list[Path], rounds: int) -> dict[Path, float]:
    """Median milliseconds from the start of the navigation to the end of loading, script and all."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        found = {}
        for path in pages:
            times = []
            for _ in range(rounds):
                page = browser.new_page()
                page.goto(path.resolve().as_uri())
                times.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
                page.close()
            found[path] = median(times)
        browser.close()
        return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--utterances", type=int, default=1929)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with TemporaryDirectory() as temporary:
        root, site = Path(temporary) / "runs", Path(temporary) / "site"
        root.mkdir()
        invent(root, options.runs, options.utterances)
        built, read = [], []
        for _ in range(options.rounds):
            built.append(seconds(lambda: ours(root, site)))
            read.append(seconds(lambda: theirs(root)))
        print(f"{options.runs} runs of {options.utterances} utterances, medians of {options.rounds}")
        print(f"building the site     {median(built):6.2f} s (first, with imports: {built[0]:.2f} s)")
        print(f"pandas reads the runs {median(read):6.2f} s; ratio {median(built) / median(read):.1f}")
        pages = [
            site / "index.html",
            *sorted((site / "utterances").glob("*.html")),
            *sorted((site / "compare").glob("*.html")),
        ]
        pages.append(site / "charts.html")
        for path in pages:
            print(f"{path.relative_to(site)}: {path.stat().st_size / 1000:.0f} kB")
        for path, milliseconds in opening(pages, options.rounds).items():
            print(f"opening {path.relative_to(site)}: {milliseconds:.0f} ms")


if __name__ == "__main__":
    main()
