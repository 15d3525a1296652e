"""Finding a corpus by its name."""

from pathlib import Path

from secbench.corpora._types import Corpus
from secbench.errors import DataError
from secbench.registry import Entry, registry

__all__ = ["build_problem", "load_corpus"]

_told: set[str] = set()
"""What was said of builds that are not used; each is said once."""


def load_corpus(name: str, root: Path | None = None, *, built: bool = True) -> Corpus:
    """Read a registered corpus: its build (`secbench data build`) if there is one that is up to date, else its files.

    Args:
        name: a name of ``secbench list corpora``.
        root: the folder that holds it; a shipped corpus needs none.
        built: whether a build may be used. One that cannot be is told of on standard error.

    Raises:
        UnknownNameError: if no corpus has this name.
        UsageError: if the corpus needs a root and none is given, or the other way round.
        DataError: if the data is missing, malformed or contradictory.
    """
    entry = registry("corpus")[name]
    corpus = _build_of(entry, root) if built and root is not None else None
    if corpus is None:
        corpus = entry.load()(root)
    assert isinstance(corpus, Corpus)  # noqa: S101 - the registered target's type
    return corpus


def _build_of(entry: Entry, root: Path) -> Corpus | None:
    if not (root / ".secbench" / entry.name).is_dir():
        return None
    from secbench.corpora._opening import open_build

    try:
        return open_build(entry, root)
    except DataError as error:
        _tell(
            f"Warning: The build of {entry.name} in {root} is not used, and its sources are read: {error}. "
            f"`secbench data build {entry.name} --root DIR` makes it anew."
        )
        return None


def build_problem(name: str, root: Path, corpus: Corpus) -> str:
    """What is wrong with the build that stands for a corpus, which was read from its sources; nothing if they agree.

    Every row is compared. A build that is not used is told of, and is no problem.
    """
    found = _build_of(registry("corpus")[name], root)
    try:
        if found is None or (found.card, found.splits, found.missing) == (corpus.card, corpus.splits, corpus.missing):
            return ""
        reason = "it does not say what the files say"
    except DataError as error:
        reason = str(error)
    return f"The build is wrong: {reason}. `secbench data build {name} --root DIR` makes it anew."


def _tell(text: str) -> None:
    import click

    if text not in _told:
        _told.add(text)
        click.echo(text, err=True)
