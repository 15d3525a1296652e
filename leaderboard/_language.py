"""The words of the pages in other languages: English in the templates and scripts, translations in data files."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

__all__ = ["ENGLISH", "LANGUAGES", "Language", "script_messages"]

_SAID = re.compile(r'\bsay\(\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Language:
    """A language of the interface.

    Attributes:
        code: as in the attribute `lang`; every language but English has a folder of this name.
        name: in the language itself.
        messages: English -> translation. What runs, corpora and papers say stays in its own language.
    """

    code: str
    name: str
    messages: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its pages lie below the site, with a slash at the end; empty for English."""
        return "" if self is ENGLISH else f"{self.code}/"

    def say(self, message: str) -> str:
        """The translation; English where there is none."""
        return self.messages.get(message, message)

    def plural(self, one: str, many: str, count: int) -> str:
        """The translation of the form that fits a count."""
        return self.say(one if count == 1 else many)


@cache
def _translated(code: str, name: str) -> Language:
    text = files("leaderboard").joinpath("assets", f"{code}.toml").read_text(encoding="utf-8")
    return Language(code, name, tomllib.loads(text))


def script_messages(script: str) -> list[str]:
    """What a script says: the first argument of each call of `say`."""
    return list(dict.fromkeys(_SAID.findall(script)))


ENGLISH = Language("en", "English")
LANGUAGES = (ENGLISH, _translated("zh", "中文"))
"""Those that a site is written in, English first."""
