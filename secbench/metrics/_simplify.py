"""Traditional to simplified characters with OpenCC, which is an optional package."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from secbench.errors import UsageError

__all__ = ["simplified", "simplifier_identity"]

_CONFIGURATION = "t2s"


def simplifier_identity() -> str:
    """The conversion and the version of OpenCC, ``t2s-1.1.9``.

    Raises:
        UsageError: if the package is missing.
    """
    try:
        return f"{_CONFIGURATION}-{version('opencc')}"
    except PackageNotFoundError as error:
        message = "Simplifying characters needs the package opencc: pip install 'secbench[opencc]'."
        raise UsageError(message) from error


@cache
def _converter() -> Any:
    simplifier_identity()  # another package of the same import name is not OpenCC
    import opencc

    return opencc.OpenCC(_CONFIGURATION)


def simplified(texts: Sequence[str], *, nfkc: bool = False) -> list[str]:
    """Each text in simplified characters.

    Args:
        texts: in any mixture of characters.
        nfkc: normalise first, so that compatibility ideographs are converted too.

    Raises:
        UsageError: if the package is missing.
    """
    convert = _converter().convert
    return [str(convert(unicodedata.normalize("NFKC", text) if nfkc else text)) for text in texts]
