"""`secbench data`."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secbench.cli._fetch import fetch_command
from secbench.cli._options import quiet_option
from secbench.cli._output import json_option, print_json, print_table, say
from secbench.errors import DataError

if TYPE_CHECKING:
    from secbench.corpora import Verification

__all__ = ["data_group"]


@click.group("data")
def data_group() -> None:
    """Fetch a corpus, verify it, or build it so that it opens at once."""


data_group.add_command(fetch_command)


@data_group.command("verify")
@click.argument("name", metavar="CORPUS")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the corpus; not needed for a shipped one.")
@click.option("--deep", is_flag=True, help="Read every audio clip to its end.")
@json_option
def _verify(name: str, root: Path | None, deep: bool, as_json: bool) -> None:
    """Say what is there, next to what is published, and where to get what is missing.

    The files themselves are read; a build is compared with them, row by row.
    """
    from secbench.corpora import load_corpus, verify_corpus
    from secbench.corpora._load import build_problem

    corpus = load_corpus(name, root, built=False)
    found = verify_corpus(corpus, deep=deep)
    if root is not None and (problem := build_problem(name, root, corpus)):
        found = found.model_copy(update={"problems": (*found.problems, problem)})
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)
    if not found.ok:
        raise DataError(f"{found.title} in {found.root} is not as published or not whole; see the lines above.")


@data_group.command("build")
@click.argument("name", metavar="CORPUS")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the corpus.")
@quiet_option
@json_option
def _build(name: str, root: Path | None, quiet: bool, as_json: bool) -> None:
    """Read a corpus once and keep it in a form that opens at once.

    The build is written into .secbench/CORPUS/ below the root, and used as long as the files it was read from are as
    they were.
    """
    from secbench.cli._progress import progress_for
    from secbench.corpora import build_into

    with progress_for(f"build {name}", quiet=quiet) as progress:
        record, folder = build_into(name, root, progress)
    counts = {split: file.rows for split, file in record.splits.items()}
    size = sum(file.bytes for file in record.splits.values())
    if as_json:
        told = {"corpus": record.card.name, "revision": record.card.revision, "folder": str(folder)}
        print_json({**told, "splits": counts, "bytes": size})
    else:
        shown = ", ".join(f"{split} {rows:,}" for split, rows in counts.items())
        say(f"{record.card.title}, revision {record.card.revision}: {shown} utterances")
        click.echo(f"{folder} ({size / 1e6:,.1f} MB)")


def _print(found: "Verification") -> None:
    say(f"{found.title}, revision {found.revision}, in {found.root}")
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
