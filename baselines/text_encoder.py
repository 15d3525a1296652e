"""Emotion from the words by a pretrained text encoder that is fine-tuned, with the dialogue around the utterance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from typing_extensions import override

from baselines._answers import labels_of
from baselines._classifier import Classifier
from baselines._dialogues import UNKNOWN, Dialogue, dialogues_of, read_dialogues
from baselines._linear import Linear
from baselines._pretrained_text import identity_of, keep, load_kept, load_pretrained
from baselines._signs import sign_counts
from baselines._store import read_facts
from baselines._turn_network import Head, TurnNetwork
from baselines._turn_training import TurnSettings, states_of, train_turns
from mecap_r1.devices import find_device
from mecap_r1.training import seeded
from secbench.captioner import Context
from secbench.corpora import Example, Utterance
from secbench.errors import DataError, UsageError
from secbench.runs import digest, write_atomically
from secbench.tasks import MODALITIES

__all__ = ["TextEncoder"]

_FOLDER, _WEIGHTS = "encoder", "network.safetensors"


class TextEncoder(Classifier):
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

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.others = tuple(name for name in self.config.also.replace(" ", "").split(",") if name)
        for name in self.others:
            if name not in MODALITIES:
                raise UsageError(f"also={name} is no label. Known: {', '.join(MODALITIES)}.")
        if self.config.epochs < 1:
            raise UsageError(f"epochs={self.config.epochs} is no number of passes. Give 1 or more.")
        self.network: TurnNetwork
        self.tokenizer: Any

    @override
    def learn(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        labels = labels_of(train, context.task)
        for row in train:
            if row.utterance.transcript is None:
                raise DataError(f"{row.utterance.id} has no transcript, which this model reads.")
        classes = [tuple(sorted(set(labels))), *(_classes_of(train, name) for name in self.others)]
        self.tokenizer, encoder = load_pretrained(self.config.encoder)
        _freeze(encoder, self.config.frozen_layers)
        with seeded(context.seed, "network"):
            self._build(encoder, [len(names) for names in classes])
        learnt, held = self._material(train, classes, context), self._material(validation, classes, context)
        identity = self._identity(learnt, held, context)
        kept = None if context.cache is None else context.cache / "text_encoder" / digest(identity)
        if kept is not None and (kept / _WEIGHTS).exists():
            context.progress.note("the fine-tuned encoder taken from the cache")
            self.load(kept)
            return
        self.chosen = dict(train_turns(self.network, learnt, held, self._settings(), context, identity))
        self._take(classes[0])
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(kept, self._keep)

    def _settings(self) -> TurnSettings:
        names = [one.name for one in fields(TurnSettings) if one.name != "padding"]
        return TurnSettings(self.tokenizer.pad_token_id, *(getattr(self.config, name) for name in names))

    def _identity(self, train: Sequence[Dialogue], validation: Sequence[Dialogue], context: Context) -> list[Any]:
        """All that the weights depend on."""
        names = {one.name for one in fields(TextEncoder.Config)} - {"device", "encoder"}
        read = [[one.ids, one.tokens, one.targets.tolist()] for one in (*train, *validation)]
        settings = {name: getattr(self.config, name) for name in sorted(names)}
        return [
            TextEncoder.version,
            torch.__version__,
            identity_of(self.config.encoder),
            settings,
            context.seed,
            len(train),
            digest(read),
        ]

    def _keep(self, folder: Path) -> None:
        folder.mkdir()
        self.save(folder)

    def _build(self, encoder: Any, classes: Sequence[int]) -> None:
        config = self.config
        width = encoder.config.hidden_size + sign_counts([""], config.markup).shape[1]
        head = Head(width, classes, config.context, config.hidden, config.dropout)
        self.network = TurnNetwork(encoder, head).to(find_device(config.device))

    def _material(
        self, examples: Sequence[Example], classes: Sequence[Sequence[str]], context: Context
    ) -> list[Dialogue]:
        """The dialogues of examples, with the classes of these alone as targets."""
        targets = {
            row.utterance.id: [
                _place(name, names)
                for name, names in zip(
                    (row.references.gold(context.task), *map(row.references.labels.get, self.others)),
                    classes,
                    strict=True,
                )
            ]
            for row in examples
        }
        return self._read([row.utterance for row in examples], targets, context)

    def _read(
        self, utterances: Sequence[Utterance], targets: Mapping[str, Sequence[int]], context: Context
    ) -> list[Dialogue]:
        config = self.config
        dialogues = dialogues_of(utterances, context, config.context != "none")
        return read_dialogues(dialogues, self.tokenizer, config.prefix, config.markup, config.max_tokens, targets)

    def _take(self, classes: tuple[str, ...]) -> None:
        """The network's output layer as the logistic regression on its states that it is."""
        output = self.network.head.output
        weights, bias = (one.detach().double().cpu().numpy() for one in (output.weight.T, output.bias))
        self.linear = Linear(classes, weights, bias)

    @override
    def features(self, utterances: Sequence[Utterance], context: Context) -> tuple[Any, Mapping[str, str]]:
        missing = {row.id: "the utterance has no transcript" for row in utterances if row.transcript is None}
        dialogues = self._read(utterances, {}, context)
        found = states_of(self.network, dialogues, self._settings())
        return np.stack([found[row.id] for row in utterances]), missing

    @override
    def save(self, folder: Path) -> None:
        """Also the network's weights, and the encoder's configuration and tokeniser."""
        super().save(folder)
        weights = {name: value.contiguous().cpu() for name, value in self.network.state_dict().items()}
        write_atomically(folder / _WEIGHTS, lambda path: save_file(weights, path))
        keep(self.tokenizer, self.network.encoder, folder / _FOLDER)

    @override
    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        super().load(folder)
        self.tokenizer, encoder = load_kept(folder / _FOLDER)
        _freeze(encoder, self.config.frozen_layers)
        self._build(encoder, read_facts(folder)["sizes"])
        try:
            self.network.load_state_dict(load_file(folder / _WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise DataError(f"cannot be read ({error}). Fit the model again.", folder / _WEIGHTS) from error

    @override
    def extra_facts(self) -> Mapping[str, Any]:
        head = self.network.head
        return {"sizes": [head.output.out_features, *(one.out_features for one in head.others)]}

    @override
    def describe(self) -> Mapping[str, Any]:
        sizes = [(value.numel(), value.requires_grad) for value in self.network.parameters()]
        learnt = sum(size for size, learns in sizes if learns)
        return {"parameters": sum(size for size, _ in sizes), "trainable": learnt, **self.chosen}


def _classes_of(examples: Sequence[Example], modality: str) -> tuple[str, ...]:
    found = {row.references.labels[modality] for row in examples if modality in row.references.labels}
    if not found:
        raise UsageError(f"also={modality}: no training utterance has this label. Leave it out.")
    return tuple(sorted(found))


def _place(name: str | None, names: Sequence[str]) -> int:
    return names.index(name) if name in names else UNKNOWN


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
