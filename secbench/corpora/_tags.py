"""The markup in EmotionTalk's transcripts: ``[over/]...[/over]`` (overlapped speech), ``[laughing]`` and the like.

The real tags are not always whole: ``[over/呀[/over]``, ``[interrupted]/over]``, ``[over/我敲您]``, ``项目[[/over]``.
What is inside a torn tag and is not its name was said, and is kept.
"""

import re

__all__ = ["TAG_NAMES", "markup", "strip_markup"]

TAG_NAMES = ("over", "interrupted", "laughing", "sobbing", "crying", "screaming")

_NAME = "|".join(TAG_NAMES)
# `\s*/?\s*` and a run of brackets that is tried from each of its brackets would take the square of a text's length
_WHOLE = re.compile(r"\[\s*(?:/\s*)?[A-Za-z]+\s*(?:/\s*)?\]")
_TORN = re.compile(rf"(?<!\[)\[+/?(?:{_NAME})(?![A-Za-z])/?|/?(?<![A-Za-z])(?:{_NAME})/?\]+", re.IGNORECASE)
_OPENING = re.compile(rf"\[\s*({_NAME})(?![A-Za-z])", re.IGNORECASE)


def strip_markup(text: str) -> str:
    """Take the markup out of a transcript and leave the words.

    Whole tags of any Latin name go; of a torn tag (one bracket missing, words inside) its known name and brackets go;
    then stray brackets. Text without square brackets comes back as it is, but for white space at its ends.

    Args:
        text: a raw transcript.

    Returns:
        The transcript without tags; it holds no ``[`` and no ``]``.
    """
    for pattern in (_WHOLE, _TORN):
        text = pattern.sub("", text)
    return text.replace("[", "").replace("]", "").strip()


def markup(text: str) -> tuple[str, ...]:
    """The events tagged in a transcript, in order: ``over`` (once for each opening tag), ``laughing``, ...

    Args:
        text: a raw transcript.

    Returns:
        Names of `TAG_NAMES`; closing tags are left out.
    """
    return tuple(name.lower() for name in _OPENING.findall(text))
