"""`minitalk`: the synthetic corpus inside the package."""

from dataclasses import replace
from pathlib import Path

from secbench.corpora._jsonl import read_folder
from secbench.corpora._types import Corpus
from secbench.errors import UsageError

__all__ = ["load"]

FOLDER = Path(__file__).parent / "minitalk_data"


def load(root: Path | None) -> Corpus:
    """Read the shipped corpus.

    Raises:
        UsageError: if a root is given.
        DataError: if the package lacks its data files.
    """
    if root is not None:
        raise UsageError("The corpus minitalk is inside the package and takes no --root. Leave it out.")
    corpus = read_folder(FOLDER, "minitalk")
    return replace(corpus, missing=dict.fromkeys(corpus.missing, "minitalk is speech only and does not have it."))
