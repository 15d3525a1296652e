"""Characters and the frequent strings of them as tokens: the vocabulary of the tiny policy.

Byte-pair encoding over characters (Sennrich et al. 2016), learnt from the training captions and stopped at punctuation.
The words that captions are made of, those for emotions above all, become single tokens: captions are half as long
to learn and to sample, and a reward falls on fewer choices. Any other text is spelt in single characters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import BpeTrainer

from secbench.errors import DataError
from secbench.runs import write_atomically

__all__ = ["PAD", "SPECIAL", "CaptionTokeniser", "Special", "Tokeniser"]

PAD = -1
"""Fills up rows of token ids; no token of any vocabulary."""


@dataclass(frozen=True)
class Special:
    """The ids of tokens that are no text.

    Attributes:
        bos: what a caption is written after.
        eos: what ends it.
        unk: stands for what cannot be spelt; None where everything can.
        banned: placeholders that can be neither sampled nor scored: a policy gives them no probability at all.
    """

    bos: int
    eos: int
    unk: int | None = None
    banned: tuple[int, ...] = ()


class Tokeniser(Protocol):
    """Text to tokens and back, for one policy."""

    @property
    def special(self) -> Special:
        """The ids of tokens that are no text."""
        ...

    def __len__(self) -> int:
        """The number of tokens, special ones included."""
        ...

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without any special one but that for what is unknown."""
        ...

    def decode(self, tokens: Iterable[int]) -> str:
        """The text up to the end token; special tokens and `PAD` give nothing."""
        ...

    def save(self, folder: Path) -> None:
        """Write it beside the policy."""
        ...


SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>", "<sep>", "<audio>")
_BOS, _EOS, _UNK = 1, 2, 3

LONGEST = 4
"""Most characters of a token."""
LEAST = 5
"""Least occurrences of a pair that is merged."""


class CaptionTokeniser:
    """Text to tokens and back.

    Args:
        tokenizer: a byte-pair encoding whose first tokens are `SPECIAL`.
    """

    special = Special(_BOS, _EOS, _UNK, tuple(index for index in range(len(SPECIAL)) if index != _EOS))

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._text = [
            "" if index < len(SPECIAL) else str(tokenizer.id_to_token(index))
            for index in range(tokenizer.get_vocab_size())
        ]

    @classmethod
    def fit(cls, captions: Sequence[str], others: Iterable[str] = (), merges: int = 500) -> "CaptionTokeniser":
        """Learn from captions.

        Args:
            captions: what is to be written.
            others: texts whose characters are to be known, too.
            merges: most strings of several characters; 0: characters alone.
        """
        alphabet = sorted({character for text in (*captions, *others) for character in text})
        tokenizer = Tokenizer(BPE(unk_token=SPECIAL[_UNK]))
        tokenizer.pre_tokenizer = Split(Regex(r"[\p{P}\s]"), "isolated")
        trainer = BpeTrainer(
            vocab_size=len(SPECIAL) + len(alphabet) + merges,
            initial_alphabet=alphabet,
            special_tokens=list(SPECIAL),
            max_token_length=LONGEST,
            min_frequency=LEAST,
            show_progress=False,
        )
        tokenizer.train_from_iterator(captions, trainer)
        return cls(tokenizer)

    def __len__(self) -> int:
        """The number of tokens, special ones included."""
        return len(self._text)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text; `special.unk` for unknown characters, no end token."""
        tokens = self._tokenizer.encode(text, add_special_tokens=False).ids
        return [token if token >= len(SPECIAL) else _UNK for token in tokens]  # a text may hold "<eos>"

    def decode(self, tokens: Iterable[int]) -> str:
        """The text up to the end token; special tokens and `PAD` give nothing."""
        text = []
        for token in tokens:
            if token == _EOS:
                break
            if token != PAD:
                text.append(self._text[token])
        return "".join(text)

    def save(self, folder: Path) -> None:
        """Write `tokeniser.json`."""
        text = self._tokenizer.to_str(pretty=True)
        write_atomically(folder / "tokeniser.json", lambda path: path.write_text(text + "\n", "utf-8"))

    @classmethod
    def load(cls, folder: Path) -> "CaptionTokeniser":
        """Read `tokeniser.json`.

        Raises:
            DataError: if it is missing or of another form.
        """
        path = folder / "tokeniser.json"
        try:
            tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
        except Exception as error:  # the library raises bare exceptions
            raise DataError(f"cannot be read ({error}). Fit the model again.", path) from error
        if [tokenizer.id_to_token(index) for index in range(len(SPECIAL))] != list(SPECIAL):
            raise DataError("was written by another version of mecap_r1. Fit the model again.", path)
        return cls(tokenizer)
