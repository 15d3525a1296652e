"""What grows how: loading a corpus, scoring captions, building and opening the leaderboard; tables, JSON and plots.

    python benchmarks/growth.py corpora     [--n 19250 1000000]             [--rounds 5]
    python benchmarks/growth.py scoring     [--n 1929 19250 100000 1000000] [--rounds 3] [--peer-up-to 100000]
    python benchmarks/growth.py leaderboard [--n 1 5 20 50 100 200 500]     [--rounds 3]
    python benchmarks/growth.py plots

Run it in the root of the repository. Every figure is of a fresh process; those that are compared take turns, and
medians are kept. Beyond 100,000 rows each is done once. Results are added to `docs/growth/results.json`, from which
`plots` draws; only run sizes that are asked for are replaced. Work files go to a temporary folder (TMPDIR).
"""

import argparse
from collections.abc import Callable, Sequence

from growth_board import measure_board
from growth_corpora import measure_corpora
from growth_plots import draw
from growth_results import keep, show
from growth_scoring import measure_scoring

MEASURES: dict[str, tuple[Callable[..., None], Sequence[int]]] = {
    "corpora": (measure_corpora, (19_250, 1_000_000)),
    "scoring": (measure_scoring, (1_929, 19_250, 100_000, 1_000_000)),
    "leaderboard": (measure_board, (1, 5, 20, 50, 100, 200, 500)),
}


def main() -> None:
    """Measure one thing, or draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*MEASURES, "plots"])
    parser.add_argument("--n", type=int, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-up-to", type=int, default=100_000, help="size beyond which pycocoevalcap is left out")
    options = parser.parse_args()
    if options.what == "plots":
        draw()
        return
    measure, sizes = MEASURES[options.what]
    extra = {"peer_up_to": options.peer_up_to} if options.what == "scoring" else {}
    for count in options.n or sizes:
        measure(count, options.rounds, lambda found: keep(options.what, found), **extra)
    show(options.what)


if __name__ == "__main__":
    main()
