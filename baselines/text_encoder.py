"""Emotion from the words by a pretrained text encoder that is fine-tuned, with the dialogue around the utterance."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from typing_extensions import override

from baselines._dialogues import Dialogue, read_dialogues
from baselines._pretrained_text import identity_of, keep, load_kept, load_pretrained
from baselines._signs import sign_counts
from baselines._turn_classifier import Targets, TurnClassifier
from baselines._turn_network import EncoderNetwork, Head, Network
from baselines._turn_training import TurnSettings
from mecap_r1.devices import find_device
from secbench.captioner import Context
from secbench.corpora import Example, Utterance, strip_markup
from secbench.errors import UsageError

__all__ = ["TextEncoder"]

_FOLDER = "encoder"


class TextEncoder(TurnClassifier):
    """A pretrained encoder of one turn, and two small recurrent layers over the turns around it, trained together."""

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            encoder: folder or name on the hub of a model such as BERT, RoBERTa or E5.
            prefix: put before every text that it reads, such as "query: " for E5.
            context: `none`: the utterance alone; `past`: also the turns before; `whole`: all turns of the dialogue.
            markup: whether tags such as ``[laughing]`` are counted; the encoder reads the text without them.
            also: other labels of the training utterances that help to learn, such as "text,audio"; none is read at
                test.
            frozen_layers: the embeddings and so many of the lowest layers of the encoder stay as they are.
            networks: how many are trained, one after another; their geometric mean answers.
            epochs: passes through the training split.
            batch: turns of a step.
            learning_rate: peak of the encoder's.
            head_rate: peak of that of the layers that are new.
            hidden: width of a recurrent layer, each way.
            dropout: in the layers that are new.
            average: decay of the moving average of the weights that is evaluated and kept; 0: none.
            max_tokens: of a turn; more are left out.
            precision: `fp32`, or `bf16`: passes through the encoder in bfloat16 where that is safe.
            device: `auto`, a GPU where there is one; `cpu`, `cuda`, or one GPU such as `cuda:1`.
        """

        encoder: str = "hfl/chinese-roberta-wwm-ext"
        prefix: str = ""
        context: Literal["none", "past", "whole"] = "none"
        markup: bool = True
        also: str = ""
        frozen_layers: int = 0
        networks: int = 1
        epochs: int = 3
        batch: int = 32
        learning_rate: float = 5e-5
        head_rate: float = 2e-3
        hidden: int = 64
        dropout: float = 0.3
        average: float = 0.0
        max_tokens: int = 64
        precision: str = "fp32"
        device: str = "auto"

    elsewhere: ClassVar[frozenset[str]] = frozenset({"device", "encoder"})

    @override
    def prepare(self, train: Sequence[Example], context: Context) -> None:
        self.tokenizer, self.encoder = load_pretrained(self.config.encoder)

    @override
    def reading(self) -> Any:
        return identity_of(self.config.encoder)

    @override
    def build(self, classes: Sequence[int]) -> Network:
        config, encoder = self.config, deepcopy(self.encoder)
        _freeze(encoder, config.frozen_layers)
        width = encoder.config.hidden_size + sign_counts([""], config.markup).shape[1]
        head = Head(width, classes, config.context, config.hidden, config.dropout)
        return EncoderNetwork(encoder, head).to(find_device(config.device))

    @override
    def read(self, dialogues: Sequence[Sequence[Utterance]], targets: Targets, context: Context) -> list[Dialogue]:
        config = self.config
        texts = [[row.transcript or "" for row in turns] for turns in dialogues]
        given = [sign_counts(turns, config.markup) for turns in texts]
        tokens = [
            self.tokenizer(
                [config.prefix + strip_markup(text) for text in turns], truncation=True, max_length=config.max_tokens
            )["input_ids"]
            for turns in texts
        ]
        return read_dialogues(dialogues, given, tokens, targets)

    @override
    def settings(self) -> TurnSettings:
        config = self.config
        return TurnSettings(
            epochs=config.epochs,
            batch=config.batch,
            learning_rate=config.head_rate,
            encoder_rate=config.learning_rate,
            average=config.average,
            precision=config.precision,
            padding=self.tokenizer.pad_token_id,
        )

    @override
    def keep_reading(self, folder: Path) -> None:
        keep(self.tokenizer, self.encoder, folder / _FOLDER)

    @override
    def load_reading(self, folder: Path) -> None:
        self.tokenizer, self.encoder = load_kept(folder / _FOLDER)


def _freeze(encoder: Any, layers: int) -> None:
    """Let the embeddings and the lowest layers be as they are.

    Raises:
        UsageError: if the encoder has fewer layers.
    """
    stack = getattr(getattr(encoder, "encoder", None), "layer", [])
    if layers > len(stack):
        raise UsageError(f"frozen_layers={layers}, but the encoder has {len(stack)} layers that can be frozen.")
    encoder.get_input_embeddings().requires_grad_(False)
    unused = getattr(encoder, "pooler", None)
    for part in [getattr(encoder, "embeddings", None), unused, *stack[:layers]]:
        if part is not None:
            part.requires_grad_(False)
