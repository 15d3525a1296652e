"""Characters as tokens: the vocabulary of the tiny policy."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from secbench.errors import DataError
from secbench.runs import write_atomically

__all__ = ["BANNED", "BOS", "EOS", "PAD", "SPECIAL", "UNK", "CharacterTokeniser"]

SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>", "<sep>", "<audio>")
PAD, BOS, EOS, UNK = range(4)
BANNED = tuple(index for index in range(len(SPECIAL)) if index != EOS)
"""Placeholders that can be neither sampled nor scored: a policy gives them no probability at all."""


class CharacterTokeniser:
    """One token a character, in a fixed order, after the special tokens.

    Args:
        characters: every known character once.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = tuple(characters)
        self._index = {character: index for index, character in enumerate(self.characters, start=len(SPECIAL))}

    @classmethod
    def fit(cls, texts: Iterable[str]) -> "CharacterTokeniser":
        """The tokeniser of all characters that occur."""
        return cls(sorted(set().union(*map(set, texts))))

    def __len__(self) -> int:
        """The number of tokens, special ones included."""
        return len(SPECIAL) + len(self.characters)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text; `UNK` for unknown characters, no end token."""
        return [self._index.get(character, UNK) for character in text]

    def decode(self, tokens: Iterable[int]) -> str:
        """The text up to the end token; special tokens give nothing."""
        text = []
        for token in tokens:
            if token == EOS:
                break
            if token >= len(SPECIAL):
                text.append(self.characters[token - len(SPECIAL)])
        return "".join(text)

    def save(self, folder: Path) -> None:
        """Write `tokeniser.json`."""
        text = json.dumps({"special": SPECIAL, "characters": "".join(self.characters)}, ensure_ascii=False)
        write_atomically(folder / "tokeniser.json", lambda path: path.write_text(text + "\n", "utf-8"))

    @classmethod
    def load(cls, folder: Path) -> "CharacterTokeniser":
        """Read `tokeniser.json`.

        Raises:
            DataError: if it is missing or of another form.
        """
        path = folder / "tokeniser.json"
        try:
            stored = json.loads(path.read_text("utf-8"))
            if stored["special"] != list(SPECIAL):
                raise DataError("was written by another version of mecap_r1. Fit the model again.", path)
            return cls(stored["characters"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"cannot be read ({error}). Fit the model again.", path) from error
