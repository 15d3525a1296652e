"""Which column is the id and which the caption."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["REFERENCE_COLUMNS", "Columns", "find_columns"]

_IDS = frozenset({"id", "utt_id", "uttid", "utterance_id", "image_id", "audio_id", "sample_id", "key"})
_CAPTIONS = frozenset(
    {"caption", "prediction", "predicted_caption", "generated_caption", "hypothesis", "hyp", "pred", "output"}
)


@dataclass(frozen=True, slots=True)
class Columns:
    """The names that a user gave.

    Attributes:
        id: the column of the ids; None: find it.
        caption: the column of the captions; None: find it.
        common: the names under which captions are found.
    """

    id: str | None = None
    caption: str | None = None
    common: frozenset[str] = _CAPTIONS

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return self.id is not None or self.caption is not None


REFERENCE_COLUMNS = Columns(common=frozenset({"caption", "reference", "ref"}))
"""What the columns of a file of references are called."""


@lru_cache(maxsize=64)
def find_columns(names: tuple[str, ...], columns: Columns) -> Mapping[str, str] | str:
    """The columns of a row.

    Args:
        names: those that it has.
        columns: those that the user named.

    Returns:
        ``id`` and, where there is one, ``caption`` -> name of the column; or what is wrong, as a sentence.
    """
    found: dict[str, str] = {}
    for what, wanted, common in (("id", columns.id, _IDS), ("caption", columns.caption, columns.common)):
        fits = [name for name in names if (name.strip().lower() in common if wanted is None else name == wanted)]
        if len(fits) > 1:
            return f"{' and '.join(fits)} could each be the {what}. Say which with --{what}-column."
        if wanted is not None and not fits:
            return f"there is no {wanted!r}; found: {_listed(names)}."
        if fits:
            found[what] = fits[0]
    if "id" not in found:
        return f'each line must be an object with a string "id", or have such a column; found: {_listed(names)}.'
    return found


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(name[:40] for name in names[:12])
    return (shown or "nothing") + (", ..." if len(names) > 12 else "")
