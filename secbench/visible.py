"""What a file holds, on a terminal: nothing in it moves the cursor, or changes the window or the reading direction."""

import re

__all__ = ["visible"]

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""A text on one line, with ``\x1b`` and the like in place of what a terminal would obey."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
