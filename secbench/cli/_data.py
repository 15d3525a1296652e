"""`secbench data`."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secbench.cli._output import json_option, print_json, print_table
from secbench.errors import DataError

if TYPE_CHECKING:
    from secbench.corpora import Verification

__all__ = ["data_group"]


@click.group("data")
def data_group() -> None:
    """Verify a corpus."""


@data_group.command("verify")
@click.argument("name", metavar="CORPUS")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the corpus; not needed for a shipped one.")
@click.option("--deep", is_flag=True, help="Read every audio clip to its end.")
@json_option
def _verify(name: str, root: Path | None, deep: bool, as_json: bool) -> None:
    """Say what is there, next to what is published, and where to get what is missing."""
    from secbench.corpora import load_corpus, verify_corpus

    found = verify_corpus(load_corpus(name, root), deep=deep)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)
    if not found.ok:
        raise DataError(f"{found.title} in {found.root} is not as published or not whole; see the lines above.")


def _print(found: "Verification") -> None:
    click.echo(f"{found.title}, revision {found.revision}, in {found.root}")
    rows = [(count.name, str(count.found), _against(count.found, count.published)) for count in found.counts]
    print_table("counts", ["", "found", "published"], rows)
    _print_classes(found)
    others = [row for row in found.rows() if row.section != "counts" and not row.section.endswith(" label")]
    lines = [(row.section, row.name, row.found or row.status, row.note) for row in others]
    print_table("parts, speakers, agreement", ["", "what", "found", "note"], lines, left=4)


def _print_classes(found: "Verification") -> None:
    """A row for each modality and split, a column for each emotion."""
    emotions = list(dict.fromkeys(count.name for count in found.classes))
    cells: dict[tuple[str, str], dict[str, tuple[int, int | None]]] = defaultdict(dict)
    for count in found.classes:
        cells[count.modality, count.split][count.name] = (count.found, count.published)
    rows = [
        (f"{modality} {split}", *(str(row[emotion][0]) for emotion in emotions), _verdict(list(row.values())))
        for (modality, split), row in cells.items()
    ]
    print_table("emotion labels", ["", *emotions, "as published"], rows)


def _verdict(counts: list[tuple[int, int | None]]) -> str:
    known = [(found, published) for found, published in counts if published is not None]
    if not known:
        return "not published"
    wrong = [f"{found} for {published}" for found, published in known if found != published]
    return "yes" if not wrong else f"NO: {', '.join(wrong)}"


def _against(found: int, published: int | None) -> str:
    if published is None:
        return ""
    return str(published) if found == published else f"{published}: NOT THE SAME"
