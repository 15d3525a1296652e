"""What classifiers that train a network of turns share: their material, the training kept in the cache, their files."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from typing_extensions import override

from baselines._answers import labels_of
from baselines._classifier import Classifier
from baselines._dialogues import UNKNOWN, Dialogue, dialogues_of
from baselines._linear import Linear
from baselines._store import read_facts
from baselines._turn_network import Network
from baselines._turn_training import TurnSettings, states_of, train_turns
from mecap_r1.training import seeded
from secbench.captioner import Context
from secbench.corpora import Example, Utterance
from secbench.errors import DataError, UsageError
from secbench.runs import digest, write_atomically, write_folder_once
from secbench.tasks import MODALITIES

__all__ = ["TurnClassifier"]

Targets = Mapping[str, Sequence[int]]


class TurnClassifier(Classifier):
    """Networks that read turns in their dialogues; of several, the geometric mean of what they say.

    They differ in the random numbers that they start from and drop out by. A configuration has the settings `context`,
    `also`, `networks` and `epochs`.

    Class attributes:
        elsewhere: settings that no weight depends on, or that `reading` has its own words for.
    """

    elsewhere: ClassVar[frozenset[str]] = frozenset({"device"})

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.others = tuple(name for name in self.config.also.replace(" ", "").split(",") if name)
        for name in self.others:
            if name not in MODALITIES:
                raise UsageError(f"also={name} is no label. Known: {', '.join(MODALITIES)}.")
        for name in ("epochs", "networks"):
            if getattr(self.config, name) < 1:
                raise UsageError(f"{name}={getattr(self.config, name)} is too few. Give 1 or more.")
        self.trained: list[Network] = []

    @abstractmethod
    def prepare(self, train: Sequence[Example], context: Context) -> None:
        """Load or learn what turns are read with."""

    @abstractmethod
    def reading(self) -> Any:
        """Plain data that tells what turns are read with from anything else."""

    @abstractmethod
    def build(self, classes: Sequence[int]) -> Network:
        """A network with so many classes of each label."""

    @abstractmethod
    def read(self, dialogues: Sequence[Sequence[Utterance]], targets: Targets, context: Context) -> list[Dialogue]:
        """Dialogues as a network takes them."""

    @abstractmethod
    def settings(self) -> TurnSettings:
        """How a network learns."""

    @abstractmethod
    def keep_reading(self, folder: Path) -> None:
        """Write what turns are read with."""

    @abstractmethod
    def load_reading(self, folder: Path) -> None:
        """Read what `keep_reading` wrote."""

    @override
    def learn(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        labels = labels_of(train, context.task)
        for row in train:
            if row.utterance.transcript is None:
                raise DataError(f"{row.utterance.id} has no transcript, which this model reads.")
        classes = [tuple(sorted(set(labels))), *(_classes_of(train, name) for name in self.others)]
        self.prepare(train, context)
        learnt, held = self._material(train, classes, context), self._material(validation, classes, context)
        identity = self._identity(learnt, held, context)
        kept = None if context.cache is None else context.cache / "networks" / digest(identity)
        if kept is not None and kept.exists():
            context.progress.note(f"the training of the {type(self).__name__} taken from the cache")
            self.load(kept)
            return
        self._train(learnt, held, [len(names) for names in classes], context, identity)
        self._take(classes[0])
        if kept is not None:
            write_folder_once(kept, self._keep)

    def _train(
        self,
        train: Sequence[Dialogue],
        validation: Sequence[Dialogue],
        classes: Sequence[int],
        context: Context,
        identity: Any,
    ) -> None:
        self.trained, told = [], []
        for number in range(self.config.networks):
            with seeded(context.seed, "network", number):
                network = self.build(classes)
            stage = f"network{number or ''}"
            told.append(train_turns(network, train, validation, self.settings(), context, stage, identity))
            self.trained.append(network)
        self.chosen = {key: [one[key] for one in told] if len(told) > 1 else told[0][key] for key in told[0]}

    def _identity(self, train: Sequence[Dialogue], validation: Sequence[Dialogue], context: Context) -> list[Any]:
        """All that the weights depend on."""
        names = sorted({one.name for one in fields(type(self).Config)} - self.elsewhere)
        read = [[one.ids, one.tokens, one.speakers, one.targets.tolist()] for one in (*train, *validation)]
        made = [type(self).__name__, self.version, torch.__version__, self.reading()]
        return [*made, {name: getattr(self.config, name) for name in names}, context.seed, len(train), digest(read)]

    def _material(
        self, examples: Sequence[Example], classes: Sequence[Sequence[str]], context: Context
    ) -> list[Dialogue]:
        """The dialogues of examples, with the classes of these alone as targets."""
        if not examples:
            return []
        targets = {}
        for row in examples:
            labels = (row.references.gold(context.task), *map(row.references.labels.get, self.others))
            targets[row.utterance.id] = [_place(*pair) for pair in zip(labels, classes, strict=True)]
        return self.read(self._dialogues([row.utterance for row in examples], context), targets, context)

    def _dialogues(self, utterances: Sequence[Utterance], context: Context) -> list[tuple[Utterance, ...]]:
        return dialogues_of(utterances, context, self.config.context != "none")

    def _take(self, classes: tuple[str, ...]) -> None:
        """The output layers as one logistic regression on all states: a mean of logits is a geometric mean."""
        layers = [one.head.output for one in self.trained]
        weights = torch.cat([one.weight for one in layers], dim=1).T / len(layers)
        bias = torch.stack([one.bias for one in layers]).mean(dim=0)
        self.linear = Linear(classes, *(one.detach().double().cpu().numpy() for one in (weights, bias)))

    @override
    def features(self, utterances: Sequence[Utterance], context: Context) -> tuple[Any, Mapping[str, str]]:
        missing = {row.id: "the utterance has no transcript" for row in utterances if row.transcript is None}
        dialogues = self.read(self._dialogues(utterances, context), {}, context)
        found = [states_of(network, dialogues, self.settings()) for network in self.trained]
        return np.stack([np.concatenate([one[row.id] for one in found]) for row in utterances]), missing

    def _keep(self, folder: Path) -> None:
        folder.mkdir()
        self.save(folder)

    @override
    def save(self, folder: Path) -> None:
        """Also the weights of the networks, and what turns are read with."""
        super().save(folder)
        for number, network in enumerate(self.trained):
            weights = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
            write_atomically(folder / _weights(number), partial(save_file, weights))
        self.keep_reading(folder)

    @override
    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        super().load(folder)
        self.load_reading(folder)
        self.trained, sizes = [], read_facts(folder)["sizes"]
        for number in range(self.config.networks):
            network, path = self.build(sizes), folder / _weights(number)
            try:
                network.load_state_dict(load_file(path))
            except (OSError, SafetensorError, RuntimeError) as error:
                raise DataError(f"cannot be read ({error}). Fit the model again.", path) from error
            self.trained.append(network)

    @override
    def extra_facts(self) -> Mapping[str, Any]:
        head = self.trained[0].head
        return {"sizes": [head.output.out_features, *(one.out_features for one in head.others)]}

    @override
    def describe(self) -> Mapping[str, Any]:
        sizes = [(value.numel(), value.requires_grad) for one in self.trained for value in one.parameters()]
        learnt = sum(size for size, learns in sizes if learns)
        return {"parameters": sum(size for size, _ in sizes), "trainable": learnt, **self.chosen}


def _weights(number: int) -> str:
    return f"network{number or ''}.safetensors"


def _classes_of(examples: Sequence[Example], modality: str) -> tuple[str, ...]:
    found = {row.references.labels[modality] for row in examples if modality in row.references.labels}
    if not found:
        raise UsageError(f"also={modality}: no training utterance has this label. Leave it out.")
    return tuple(sorted(found))


def _place(name: str | None, names: Sequence[str]) -> int:
    return names.index(name) if name in names else UNKNOWN
