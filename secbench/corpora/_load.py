"""Finding a corpus by its name."""

from pathlib import Path

from secbench.corpora._types import Corpus
from secbench.registry import registry

__all__ = ["load_corpus"]


def load_corpus(name: str, root: Path | None = None) -> Corpus:
    """Read a registered corpus.

    Args:
        name: a name of ``secbench list corpora``.
        root: the folder that holds it; a shipped corpus needs none.

    Raises:
        UnknownNameError: if no corpus has this name.
        UsageError: if the corpus needs a root and none is given, or the other way round.
        DataError: if the data is missing, malformed or contradictory.
    """
    corpus: Corpus = registry("corpus")[name].load()(root)
    return corpus
