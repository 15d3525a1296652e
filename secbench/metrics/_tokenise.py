"""Captions to token ids: one pass that feeds every n-gram metric.

`char` and `jieba` begin alike (NFKC, lower case, no punctuation) and then take characters or words; `coco` is what
papers did to raw text. Each can be preceded by a conversion to simplified characters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from secbench.errors import UnknownNameError
from secbench.metrics._characters import characters_of, split_characters
from secbench.metrics._coco import coco_identity, coco_words, split_coco
from secbench.metrics._simplify import simplified, simplifier_identity
from secbench.metrics._tokens import Tokens
from secbench.metrics._words import jieba_identity, split_words, words_of

__all__ = ["TOKENISERS", "Tokeniser", "Tokens", "find_tokeniser", "tokeniser_of", "words_of"]

_UNTOUCHED = "none"


@dataclass(frozen=True, slots=True)
class Tokeniser:
    """A named way to split captions.

    Attributes:
        name: what a user types.
        identity: what stands in signatures, with the version of whatever can change the result. It begins with the
            name, and a hyphen if there is more.
        split: texts to token ids; may raise `UnavailableError`.
        words: the same tokens as strings.
        normalisation: what is done to text first.
    """

    name: str
    identity: Callable[[], str]
    split: Callable[[Sequence[str]], Tokens]
    words: Callable[[Sequence[str]], list[list[str]]]
    normalisation: str = "nfkc+nopunct"

    @property
    def signature(self) -> str:
        """The signature fields ``tok:...|norm:...``."""
        return f"tok:{self.identity()}|norm:{self.normalisation}"


def find_tokeniser(name: str, *, simplify: bool = False) -> Tokeniser:
    """The tokeniser of a name.

    Args:
        name: a key of `TOKENISERS`.
        simplify: convert traditional to simplified characters first.

    Raises:
        UnknownNameError: if there is none of that name.
        UsageError: if OpenCC is needed and missing.
    """
    if name not in TOKENISERS:
        raise UnknownNameError("tokeniser", name, TOKENISERS)
    return _simplifying(TOKENISERS[name]) if simplify else TOKENISERS[name]


def _simplifying(plain: Tokeniser) -> Tokeniser:
    untouched = plain.normalisation == _UNTOUCHED
    conversion = simplifier_identity()
    return replace(
        plain,
        split=lambda texts: plain.split(simplified(texts, nfkc=not untouched)),
        words=lambda texts: plain.words(simplified(texts, nfkc=not untouched)),
        normalisation=conversion if untouched else f"{plain.normalisation}+{conversion}",
    )


def tokeniser_of(signature: str) -> tuple[str, bool]:
    """The name of the tokeniser in a metric's signature, and whether it simplified."""
    fields = dict(field.split(":", 1) for field in signature.split("|") if ":" in field)
    return fields["tok"].split("-")[0], any(part.startswith("t2s-") for part in fields["norm"].split("+"))


TOKENISERS = {
    "char": Tokeniser("char", lambda: "char", split_characters, characters_of),
    "jieba": Tokeniser("jieba", jieba_identity, split_words, words_of),
    "coco": Tokeniser("coco", coco_identity, split_coco, coco_words, _UNTOUCHED),
}
