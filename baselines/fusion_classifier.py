"""Emotion from the words and the voice together, and a caption typical of it."""

from dataclasses import dataclass
from typing import Any, ClassVar

from baselines._fused import Fused
from baselines._hearing import Kind
from baselines.audio_classifier import AudioClassifier
from baselines.text_classifier import TextClassifier

__all__ = ["FusionClassifier"]


class FusionClassifier(Fused):
    """`text_classifier` and `audio_classifier`, each by itself, and the weighted geometric mean of what they say."""

    names: ClassVar[tuple[str, str]] = ("words", "sound")
    share: ClassVar[str] = "voice"
    neither: ClassVar[str] = "the utterance has neither a transcript nor audio that can be read"

    @dataclass(frozen=True)
    class Config(TextClassifier.Config):
        """Settings of `text_classifier`, those of `audio_classifier` by other names, and how the two are weighed.

        Attributes:
            voice: weight of the voice, from 0 to 1; -1 chooses on validation (.5 without one).
            balance: power of its share of the training labels that each class is held down by; -1 chooses on
                validation.
            audio_features: `statistics`, `egemaps` or `encoder`, as `features` of `audio_classifier`.
            audio_encoder: folder or name on the hub of a speech encoder, as `encoder` of `audio_classifier`.
        """

        voice: float = -1.0
        balance: float = 0.0
        audio_features: Kind = "statistics"
        audio_encoder: str = ""

    def __init__(self, config: Any = None) -> None:
        config = config or self.Config()
        audio = AudioClassifier.Config(features=config.audio_features, encoder=config.audio_encoder)
        super().__init__(config, TextClassifier(config), AudioClassifier(audio))
