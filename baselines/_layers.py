"""A learned weighting of an encoder's layers (Yang et al. 2021, SUPERB, section 3), with a linear classifier on it."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import Tensor, nn

from baselines._linear import Linear
from mecap_r1.training import seeded, single_thread
from secbench.captioner import Context

__all__ = ["DECAYS", "Layered", "learn_layers"]

DECAYS = (0.1, 0.01, 0.03, 0.3, 1.0)
"""Candidates for the weight of half the squared length of the classifier's weights."""
EPOCHS, PATIENCE, UNCHECKED = 100, 8, 20
BATCH = 64
RATE, LAYER_RATE = 1e-3, 1e-2

Rows = NDArray[np.floating[Any]]
Labelled = tuple[Rows, Sequence[str]]


@dataclass(frozen=True)
class Layered:
    """A fitted weighting.

    Attributes:
        weights: (L,) of the layers; they sum to 1.
        linear: the classifier of the weighted sum.
        chosen: decay, epochs and the weighted F1 on validation.
    """

    weights: NDArray[np.float64]
    linear: Linear
    chosen: Mapping[str, Any]


def learn_layers(train: Labelled, validation: Labelled | None, context: Context) -> Layered:
    """Learn a weight for each layer, and a softmax regression on the weighted sum, together.

    Validation stops each fit at its lowest negative log-likelihood, and chooses the decay by weighted F1. Without one
    the first decay is taken, and a fixed number of epochs. The order of the examples depends on the seed.

    Args:
        train: standardised layers (N, L, D) and labels.
        validation: the same.
        context: seed and progress.
    """
    candidates = DECAYS if validation else DECAYS[:1]
    context.progress.stage("layers", len(candidates))
    fits = []
    for decay in candidates:
        with single_thread(), seeded(context.seed, "layers"):
            fits.append(_fit(train, validation, decay))
        context.progress.advance()
    return max(fits, key=lambda one: one.chosen["validation_weighted_f1"] or 0.0)


class _Model(nn.Module):
    """Layers (N, L, D) to logits (N, K); it begins with equal weights, and with no opinion."""

    def __init__(self, layers: int, width: int, classes: int) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(layers))
        self.linear = nn.Linear(width, classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, rows: Tensor) -> Tensor:
        found: Tensor = self.linear(torch.einsum("nld,l->nd", rows, self.mix.softmax(0)))
        return found

    def optimiser(self) -> torch.optim.Optimizer:
        """Adam, faster on the few weights of the layers."""
        groups: list[dict[str, Any]] = [
            {"params": self.linear.parameters()},
            {"params": [self.mix], "lr": LAYER_RATE},
        ]
        return torch.optim.Adam(groups, lr=RATE)


def _fit(train: Labelled, validation: Labelled | None, decay: float) -> Layered:
    classes = tuple(sorted(set(train[1])))
    rows, targets = _tensors(train, classes)
    checked = None if validation is None else _tensors(validation, classes)
    model = _Model(rows.shape[1], rows.shape[2], len(classes))
    optimiser, least, kept, epochs = model.optimiser(), float("inf"), model, 0
    for epoch in range(1, 1 + (UNCHECKED if checked is None else EPOCHS)):
        _learn_once(model, optimiser, rows, targets, decay)
        loss = -float(epoch) if checked is None else _loss(model, *checked)
        if loss < least:
            least, kept, epochs = loss, deepcopy(model), epoch
        elif epoch - epochs >= PATIENCE:
            break
    return _layered(kept, classes, validation, {"decay": decay, "epochs": epochs})


def _tensors(labelled: Labelled, classes: Sequence[str]) -> tuple[Tensor, Tensor]:
    """(N, L, D) and (N,); the target of an unknown class is -100, which no loss counts."""
    rows = torch.from_numpy(np.asarray(labelled[0], dtype=np.float32))
    return rows, torch.tensor([classes.index(name) if name in classes else -100 for name in labelled[1]])


def _learn_once(model: _Model, optimiser: torch.optim.Optimizer, rows: Tensor, targets: Tensor, decay: float) -> None:
    """One epoch."""
    for some in torch.split(torch.randperm(len(rows)), BATCH):
        loss = nn.functional.cross_entropy(model(rows[some]), targets[some])
        loss = loss + decay / 2 * model.linear.weight.square().sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _loss(model: _Model, rows: Tensor, targets: Tensor) -> float:
    with torch.no_grad():
        return float(nn.functional.cross_entropy(model(rows), targets))


def _layered(
    model: _Model, classes: tuple[str, ...], validation: Labelled | None, chosen: Mapping[str, Any]
) -> Layered:
    with torch.no_grad():
        weights = model.mix.double().softmax(0).numpy()
        linear = Linear(classes, model.linear.weight.double().T.numpy(), model.linear.bias.double().numpy())
    score = None
    if validation is not None:
        found = linear.predict(np.einsum("nld,l->nd", validation[0], weights))
        score = float(f1_score(validation[1], found, average="weighted", zero_division=0))
    return Layered(weights, linear, {**chosen, "validation_weighted_f1": score})
