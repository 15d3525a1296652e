"""Emotion from the words by n-grams and by a fine-tuned encoder together, and a caption typical of it."""

from dataclasses import dataclass
from typing import Any, ClassVar

from baselines._fused import Fused
from baselines.text_classifier import TextClassifier
from baselines.text_encoder import TextEncoder

__all__ = ["TextEnsemble"]


class TextEnsemble(Fused):
    """`text_classifier` and `text_encoder`, each by itself, and the weighted geometric mean of what they say."""

    names: ClassVar[tuple[str, str]] = ("ngrams", "encoder")
    share: ClassVar[str] = "encoder_share"
    neither: ClassVar[str] = "the utterance has no transcript"

    @dataclass(frozen=True)
    class Config(TextEncoder.Config):
        """Settings of `text_encoder`, of which `context` and `markup` are also those of `text_classifier`.

        Attributes:
            longest: n-grams of 1 to so many characters; 0 chooses between 2 and 3 on validation.
            encoder_share: weight of the encoder, from 0 to 1; -1 chooses on validation (.5 without one).
            balance: power of its share of the training labels that each class is held down by; -1 chooses on
                validation.
        """

        longest: int = 0
        encoder_share: float = -1.0
        balance: float = -1.0

    def __init__(self, config: Any = None) -> None:
        config = config or self.Config()
        words = TextClassifier.Config(context=config.context, longest=config.longest, markup=config.markup)
        super().__init__(config, TextClassifier(words), TextEncoder(config))
