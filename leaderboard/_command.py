"""`secbench leaderboard`."""

import json
from pathlib import Path

import click

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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def leaderboard(names: tuple[str, ...], site: str, runs: str, public: bool, as_json: bool) -> None:
    """Write a static site that ranks runs, and print the path of its first page.

    A RUN is an id below --runs, or a path that contains a separator. Without any, every run below --runs is shown.
    """
    from leaderboard._read import read_runs
    from leaderboard._site import write_site

    found, broken = read_runs(names, Path(runs))
    board = write_site(found, broken, Path(site), private=not public)
    index = str(Path(site) / "index.html")
    shown = {"index": index, "runs": len(found), "ranked": board.ranked}
    click.echo(json.dumps(shown, ensure_ascii=False, indent=2) if as_json else index)
