"""Emotion from the words of a dialogue by n-grams and by recurrent networks together, and a caption typical of it."""

from dataclasses import dataclass
from typing import Any, ClassVar

from baselines._fused import Fused
from baselines.dialogue_network import DialogueNetwork
from baselines.text_classifier import TextClassifier

__all__ = ["DialogueEnsemble"]


class DialogueEnsemble(Fused):
    """`text_classifier` and `dialogue_network`, each by itself, and the weighted geometric mean of what they say."""

    names: ClassVar[tuple[str, str]] = ("ngrams", "networks")
    share: ClassVar[str] = "networks_share"
    neither: ClassVar[str] = "the utterance has no transcript"

    @dataclass(frozen=True)
    class Config(DialogueNetwork.Config):
        """Settings of `dialogue_network`, of which `context` and `markup` are also those of `text_classifier`.

        Attributes:
            longest: n-grams of 1 to so many characters in `text_classifier`; 0 chooses between 2 and 3 on validation.
            networks_share: weight of the networks, from 0 to 1; -1 chooses on validation (.5 without one).
            balance: power of its share of the training labels that each class is held down by; -1 chooses on
                validation.
        """

        longest: int = 0
        networks_share: float = -1.0
        balance: float = 0.0

    def __init__(self, config: Any = None) -> None:
        config = config or self.Config()
        words = TextClassifier.Config(config.context, config.longest, config.markup)
        super().__init__(config, TextClassifier(words), DialogueNetwork(config))
