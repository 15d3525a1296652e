"""`secbench leaderboard`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from secbench.errors import DataError, UsageError
from secbench.visible import visible

__all__ = ["leaderboard"]


@click.command("leaderboard")
@click.argument("names", metavar="[RUN]...", nargs=-1)
@click.option(
    "-o",
    "--output",
    "site",
    type=click.Path(file_okay=False),
    default="site",
    show_default=True,
    help="Folder of the site.",
)
@click.option(
    "--runs", type=click.Path(file_okay=False), default="runs", show_default=True, help="Folder of the run folders."
)
@click.option(
    "--public/--private",
    default=True,
    show_default=True,
    help="Leave out transcripts and references that the corpus does not allow to publish, and local paths.",
)
@click.option("--check", is_flag=True, help="Write nothing: say what is wrong with the RUNs, that somebody sent.")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of a corpus that is not shipped.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def leaderboard(
    names: tuple[str, ...], site: str, runs: str, public: bool, check: bool, root: Path | None, as_json: bool
) -> None:
    """Write a static site that ranks runs, and print the path of its first page.

    A RUN is an id below --runs, or a path that contains a separator. Without any, every run below --runs is shown.
    With --root, the pages of utterances show transcripts, references and audio of the corpus that lies there, as far as
    its card allows it; with --private, all of them.

    With --check nothing is written, and nothing that is in a run folder is executed: files, counts and answers must
    agree, and the scores are computed again where the corpus is at hand. Exit code 3: something is wrong.
    """
    if check:
        _check(names, Path(runs), root, as_json=as_json)
        return
    from leaderboard._read import read_runs
    from leaderboard._site import write_site

    found, broken = read_runs(names, Path(runs))
    board = write_site(found, broken, Path(site), root, private=not public)
    index = str(Path(site) / "index.html")
    shown = {"index": index, "runs": len(found), "ranked": board.ranked}
    click.echo(json.dumps(shown, ensure_ascii=False, indent=2) if as_json else index)


def _check(names: tuple[str, ...], runs: Path, root: Path | None, *, as_json: bool) -> None:
    """Print what was found.

    Raises:
        UsageError: if no run is named.
        DataError: if something is wrong with one of them.
    """
    from leaderboard._check import check_run
    from secbench.runs import find_run

    if not names:
        raise UsageError("--check needs the RUNs to check: ids below --runs, or paths that contain a separator.")
    found = [check_run(find_run(name, runs).path, root) for name in names]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
    else:
        for one in found:
            said = "; ".join(one.problems) if one.problems else "nothing is wrong with it"
            click.echo(visible(f"{one.folder}: {said}"))
            if one.rescored:
                click.echo(f"  computed again and the same: {', '.join(one.rescored)}")
            for remark in one.remarks:
                click.echo(visible(f"  {remark}"))
    wrong = [one.folder for one in found if one.problems]
    if wrong:
        raise DataError(f"{len(wrong)} of {len(found)} runs cannot be taken as they are: {', '.join(wrong)}")
