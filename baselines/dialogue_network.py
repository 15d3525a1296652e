"""Emotion from the words of a dialogue by small recurrent networks on vectors of its turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from baselines._dialogues import Dialogue, read_dialogues
from baselines._pretrained_text import identity_of
from baselines._turn_classifier import Targets, TurnClassifier
from baselines._turn_network import Head, Network, VectorNetwork
from baselines._turn_training import TurnSettings
from baselines._turn_vectors import TurnVectors
from secbench.captioner import Context
from secbench.corpora import Example, Utterance
from secbench.errors import UsageError

__all__ = ["DialogueNetwork"]


class DialogueNetwork(TurnClassifier):
    """Several networks of two recurrent layers each: over the turns of the dialogue, and over the speaker's own.

    The turns are vectors that stay as they are, so that a CPU trains a network in a minute.
    """

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            context: `past`: the turns before; `whole`: all turns of the dialogue; `none`: the utterance alone.
            markup: whether tags such as ``[laughing]`` are read.
            components: of the n-grams of a turn.
            encoder: folder or name on the hub of a sentence encoder whose vectors are read besides, as they are; empty:
                none.
            encoder_prefix: put before every text that the encoder reads, such as "query: " for E5.
            also: other labels of the training utterances that help to learn, such as "text,audio"; none is read at
                test.
            networks: how many, whose geometric mean answers.
            epochs: passes through the training split.
            batch: turns of a step.
            learning_rate: peak.
            hidden: width of a recurrent layer, each way.
            dropout: of vectors and of what the recurrent layers say.
            average: decay of the moving average of the weights that is evaluated and kept; 0: none.
        """

        context: Literal["none", "past", "whole"] = "whole"
        markup: bool = True
        components: int = 200
        encoder: str = ""
        encoder_prefix: str = ""
        also: str = ""
        networks: int = 3
        epochs: int = 16
        batch: int = 320
        learning_rate: float = 1e-3
        hidden: int = 64
        dropout: float = 0.5
        average: float = 0.0

    elsewhere: ClassVar[frozenset[str]] = frozenset({"encoder"})

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        if self.config.components < 1:
            raise UsageError(f"components={self.config.components} is too few. Give 1 or more.")
        self.vectors = self._new()

    def _new(self) -> TurnVectors:
        config = self.config
        return TurnVectors(config.components, config.markup, config.encoder, config.encoder_prefix)

    @override
    def prepare(self, train: Sequence[Example], context: Context) -> None:
        self.vectors = self._new()
        self.vectors.fit([row.utterance.transcript or "" for row in train], context)

    @override
    def reading(self) -> Any:
        return identity_of(self.config.encoder) if self.config.encoder else ""

    @override
    def build(self, classes: Sequence[int]) -> Network:
        config = self.config
        return VectorNetwork(Head(self.vectors.width, classes, config.context, config.hidden, config.dropout))

    @override
    def read(self, dialogues: Sequence[Sequence[Utterance]], targets: Targets, context: Context) -> list[Dialogue]:
        texts = [row.transcript or "" for turns in dialogues for row in turns]
        ends = np.cumsum([len(turns) for turns in dialogues])
        given = np.split(self.vectors.transform(texts, context), ends[:-1])
        return read_dialogues(dialogues, given, [[()] * len(turns) for turns in dialogues], targets)

    @override
    def settings(self) -> TurnSettings:
        config = self.config
        return TurnSettings(config.epochs, config.batch, config.learning_rate, average=config.average)

    @override
    def extra_facts(self) -> Mapping[str, Any]:
        return {**super().extra_facts(), **self.vectors.facts()}

    @override
    def extra_arrays(self) -> Mapping[str, NDArray[Any]]:
        return self.vectors.arrays()

    @override
    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.vectors.restore(facts, arrays)

    @override
    def keep_reading(self, folder: Path) -> None:
        """Nothing: it is among the arrays."""

    @override
    def load_reading(self, folder: Path) -> None:
        """Nothing: it is among the arrays."""
