"""`secbench show emotion-space`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secbench.visible import visible

if TYPE_CHECKING:
    from mecap_r1.space_view import Cloud, SpaceView

__all__ = ["emotion_space_command"]

UNWRAPPED = 200
"""Columns of a table that goes to a file or a pipe."""


@click.command("emotion-space")
@click.option("--model", "name", required=True, metavar="RUN", help="A run of a captioning model.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw captions and anchors to a file.")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the corpus; not needed for a shipped one.")
@click.option("--runs", type=click.Path(file_okay=False), default="runs", show_default=True, help="Folder of the runs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def emotion_space_command(name: str, svg: Path | None, root: Path | None, runs: str, as_json: bool) -> None:
    """Show captions and anchors in the emotion space of a run."""
    from mecap_r1.space_sheet import draw_space
    from mecap_r1.space_view import space_view
    from secbench.runs import find_run

    view = space_view(find_run(name, Path(runs)), root)
    if svg is not None:
        draw_space(view, svg)
    if as_json:
        click.echo(json.dumps(_plain(view), ensure_ascii=False, indent=2))
        return
    _print(view)


def _print(view: "SpaceView") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    click.echo(visible(f"emotion space of {view.run}: {view.settings}; {view.dimensions} dimensions"))
    for cloud in view.clouds:
        click.secho(f"{cloud.what}: mean cosine of the gold emotion's captions (rows) with every anchor", bold=True)
        table = Table("", "n", *view.emotions, box=SIMPLE_HEAD)
        for label, (count, cosines) in cloud.mean_cosines().items():
            table.add_row(visible(label), str(count), *(f"{value:+.2f}" for value in cosines))
        Console(markup=False, width=None if sys.stdout.isatty() else UNWRAPPED).print(table)
        click.echo(f"nearest anchor right: {100 * cloud.accuracy(view.emotions):.1f} % of {len(cloud.captions)}\n")


def _plain(view: "SpaceView") -> dict[str, Any]:
    return {
        "run": view.run,
        "settings": view.settings,
        "dimensions": view.dimensions,
        "emotions": view.emotions,
        "shares": view.shares,
        "anchors": view.anchors.tolist(),
        **{cloud.what: _plain_cloud(cloud, view) for cloud in view.clouds},
    }


def _plain_cloud(cloud: "Cloud", view: "SpaceView") -> dict[str, Any]:
    return {
        "accuracy": cloud.accuracy(view.emotions),
        "mean_cosines": {
            label: {"n": count, **dict(zip(view.emotions, cosines, strict=True))}
            for label, (count, cosines) in cloud.mean_cosines().items()
        },
        "points": [
            {"caption": caption, "label": label, "at": at}
            for caption, label, at in zip(cloud.captions, cloud.labels, cloud.points.tolist(), strict=True)
        ],
    }
