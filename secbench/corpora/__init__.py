"""What is scored on: corpora read from folders that users have, and the shipped `minitalk`.

`load_corpus(name, root)` reads any of them, or what `build_into` has written of it; `existing_root`, `read_text`,
`CardFile` and `build_corpus` help to write the loader of another one, `Sources` says what it reads. Everything that
needs pydantic, numpy or datasets is imported on use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from secbench.corpora._load import load_corpus
from secbench.corpora._revision import revision_of
from secbench.corpora._tags import TAG_NAMES, markup, strip_markup
from secbench.corpora._types import (
    SPLITS,
    AudioClip,
    Corpus,
    CorpusCard,
    Example,
    LazyExamples,
    References,
    Split,
    Utterance,
)

if TYPE_CHECKING:
    from secbench.corpora._build import build_into
    from secbench.corpora._card import CardFile, build_corpus
    from secbench.corpora._datasets import to_dataset
    from secbench.corpora._files import existing_root, read_text
    from secbench.corpora._manifest import manifest_schema
    from secbench.corpora._references import load_references
    from secbench.corpora._sources import Sources
    from secbench.corpora._verification import Verification
    from secbench.corpora._verify import verify_corpus
    from secbench.corpora._views import answers_of, utterances_of

__all__ = [
    "SPLITS",
    "TAG_NAMES",
    "AudioClip",
    "CardFile",
    "Corpus",
    "CorpusCard",
    "Example",
    "LazyExamples",
    "References",
    "Sources",
    "Split",
    "Utterance",
    "Verification",
    "answers_of",
    "build_corpus",
    "build_into",
    "existing_root",
    "load_corpus",
    "load_references",
    "manifest_schema",
    "markup",
    "read_text",
    "revision_of",
    "strip_markup",
    "to_dataset",
    "utterances_of",
    "verify_corpus",
]

_ON_USE = {
    "CardFile": "_card",
    "answers_of": "_views",
    "Sources": "_sources",
    "Verification": "_verification",
    "build_corpus": "_card",
    "build_into": "_build",
    "existing_root": "_files",
    "load_references": "_references",
    "manifest_schema": "_manifest",
    "read_text": "_files",
    "to_dataset": "_datasets",
    "utterances_of": "_views",
    "verify_corpus": "_verify",
}


def __getattr__(name: str) -> Any:
    """Import a lazy name on its first use."""
    if name not in _ON_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ON_USE[name]}"), name)
