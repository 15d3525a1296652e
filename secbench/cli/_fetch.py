"""`secbench data fetch`."""

from dataclasses import asdict
from pathlib import Path

import click

from secbench.cli._options import quiet_option
from secbench.cli._output import json_option, print_json
from secbench.errors import UsageError

__all__ = ["fetch_command"]

_ELSEWHERE = {
    "minitalk": "minitalk is inside the package; there is nothing to fetch.",
    "secap": "SECap's test set is public: git clone https://github.com/thuhcsi/SECap, and give the clone as --root.",
    "jsonl": "jsonl reads a folder of yours; there is nothing to fetch.",
}
_USUAL = ("Audio", "Text", "Multimodal")


@click.command("fetch")
@click.argument("name", metavar="CORPUS")
@click.option("--root", type=click.Path(path_type=Path), required=True, help="Folder that the corpus goes into.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Folder with archives that you have downloaded; else they are downloaded into DIR/archives.",
)
@click.option(
    "--part",
    "parts",
    type=click.Choice(["Audio", "Text", "Video", "Multimodal"]),
    multiple=True,
    help="Only these parts.  [default: Audio, Text and Multimodal; with --from, all that are there]",
)
@quiet_option
@json_option
def fetch_command(
    name: str, root: Path, source: Path | None, parts: tuple[str, ...], quiet: bool, as_json: bool
) -> None:
    """Get EmotionTalk: unpack its archives, and download them from the hub before that where they are not at hand.

    Only JSON and WAV files of utterances are unpacked, links and devices are refused, and nothing leaves DIR. A call
    that was cut off goes on where it was. The repository on the hub is gated: accept its licence there first.
    """
    from secbench.cli._progress import progress_for
    from secbench.corpora._emotiontalk_fetch import PARTS, PUBLIC, download_archives, unpack_archives
    from secbench.registry import registry

    if name != "emotiontalk":
        entry = registry("corpus")[name]
        raise UsageError(_ELSEWHERE.get(name, f"The corpus {name} is from {entry.source}, which says where to get it."))
    wanted = parts or (_USUAL if source is None else PARTS)
    folder = download_archives(wanted, root) if source is None else source
    with progress_for("unpack", quiet=quiet) as progress:
        found = unpack_archives(folder, wanted, root, progress)
    if as_json:
        print_json({"root": str(root), "public": PUBLIC, "archives": [asdict(one) for one in found]})
        return
    for one in found:
        click.echo(
            f"{one.archive}: {one.written:,} files written ({one.bytes / 1e6:,.1f} MB), {one.kept:,} were there, "
            f"{one.left_out:,} left out"
        )
    click.echo(f"Captions, labels and splits are public, too: put the folder EmotionTalk/ of {PUBLIC} into {root}.")
    click.echo(f"Next: secbench data verify emotiontalk --root {root}")
