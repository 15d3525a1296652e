"""The leaderboard of so many runs: building it, its size, and opening it in Chromium.

The runs are invented by `benchmarks/pages.py`, at most 100; beyond, each stands there again under other names. They are
kept in the temporary folder, and smaller boards have every n-th of them.
"""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from growth_results import Cost, Row, measured, typical

__all__ = ["measure_board"]

UTTERANCES, INVENTED, MOST = 1_929, 100, 500
INVENT = """
import sys
from pathlib import Path
from benchmarks.pages import invent
invent(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
"""
OPEN = """
import json, sys
from pathlib import Path
from benchmarks.pages import opening
site = Path(sys.argv[1])
pages = {"index": site / "index.html", "charts": site / "charts.html"}
for name in ("utterances", "compare"):
    pages.update({name: path for path in (site / name).glob("*.html")})
found = opening(list(pages.values()), 3)
facts = {f"{name} ms": found[path] for name, path in pages.items()}
facts |= {f"{name} MB": path.stat().st_size / 1e6 for name, path in pages.items()}
every = [path for path in site.rglob("*") if path.is_file()]
facts |= {"site MB": sum(path.stat().st_size for path in every) / 1e6, "files": len(every)}
print(json.dumps(facts))
"""


def _runs() -> list[Path]:
    """The folders of all runs, in an order in which any n-th ones differ."""
    kept = Path(gettempdir()) / "secbench-growth-runs"
    if not kept.exists():
        part = kept.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        measured([sys.executable, "-c", INVENT, str(part), str(INVENTED), str(UTTERANCES)], told=False)
        part.rename(kept)
    for number in range(INVENTED, MOST):
        _again(kept / f"system-{number % INVENTED:02d}", number)
    return sorted((path for path in kept.iterdir() if path.is_dir()), key=lambda path: int(path.name[7:]) % INVENTED)


def _again(run: Path, number: int) -> None:
    """The same run under another name."""
    copy = run.with_name(f"system-{number}")
    if not copy.exists():
        shutil.copytree(run, copy)
        text = (run / "run.json").read_text("utf-8")
        text = text.replace(run.name, copy.name)
        (copy / "run.json").write_text(re.sub(r"with a name, \d+", f"with a name, {number}", text), "utf-8")


def measure_board(count: int, rounds: int, keep: Callable[[Row], None]) -> None:
    """The board of so many runs, each of 1,929 utterances with captions of its own."""
    with TemporaryDirectory() as folder:
        runs, site = Path(folder) / "runs", Path(folder) / "site"
        runs.mkdir()
        for run in _runs()[:: MOST // count][:count]:
            (runs / run.name).symlink_to(run)
        build = [sys.executable, "-m", "secbench", "leaderboard", "--runs", str(runs), "-o", str(site)]
        costs: list[Cost] = []
        for _ in range(1 if count > 100 else rounds):
            cost = measured(build, environment={"OMP_NUM_THREADS": "1"}, told=False)
            costs.append(cost)
        keep(typical("leaderboard", count, costs))
        keep(typical("opening the site", count, [measured([sys.executable, "-c", OPEN, str(site)])]))
