"""Published tables as data, each cell with where it comes from, how far it can be trusted and what is unknown of it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from secbench.registry import Entry

if TYPE_CHECKING:
    from secbench.tables._file import read_table
    from secbench.tables._find import find_table, load_table
    from secbench.tables._published import Needs, PublishedCell, PublishedRow, PublishedTable, Recipe

__all__ = [
    "TABLES",
    "Needs",
    "PublishedCell",
    "PublishedRow",
    "PublishedTable",
    "Recipe",
    "find_table",
    "load_table",
    "read_table",
]

_LOAD = "secbench.tables:load_table"

TABLES = (
    Entry("emotiontalk-captioning", "EmotionTalk, Table 5: captions of four aspects", _LOAD),
    Entry("emotiontalk-fusion", "EmotionTalk: emotion from words, voice and face together", _LOAD),
    Entry("emotiontalk-sentiment", "EmotionTalk: emotion and continuous sentiment", _LOAD),
    Entry("emotiontalk-speech", "EmotionTalk: emotion from speech", _LOAD),
    Entry("emotiontalk-text", "EmotionTalk: emotion from the transcript", _LOAD),
    Entry("emotiontalk-visual", "EmotionTalk: emotion from the face", _LOAD),
    Entry("field", "Published numbers of neighbouring work on other data", _LOAD),
    Entry("mecap-r1", "MECap-R1: numbers found in digests of the paper, unverified", _LOAD),
    Entry("secap", "SECap: what it reports, and its released outputs scored", _LOAD),
)

_ON_USE = {
    "Needs": "_published",
    "PublishedCell": "_published",
    "PublishedRow": "_published",
    "PublishedTable": "_published",
    "Recipe": "_published",
    "find_table": "_find",
    "load_table": "_find",
    "read_table": "_file",
}


def __getattr__(name: str) -> Any:
    """Import a lazy name on its first use."""
    if name not in _ON_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ON_USE[name]}"), name)
