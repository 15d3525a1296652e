"""What files may hold, as hypothesis draws it."""

from pathlib import Path

from hypothesis import strategies as st

from secbench.emotions import EMOTIONS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORDS = TEXT.filter(lambda text: bool(text.strip()))
NAMES = st.text("abcdefghij0123456789_-", min_size=1, max_size=8)
HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=4)
EMOTION = st.sampled_from(EMOTIONS)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MODALITY = st.sampled_from(["audio", "text", "video", "multimodal"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
"""Anything that JSON can hold, NaN and infinity among it, as Python writes it."""


def write(path: Path, text: str) -> Path:
    """Write UTF-8, as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path
