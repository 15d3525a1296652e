"""BERTScore F1 (Zhang et al. 2020, https://arxiv.org/abs/1904.09675) through the package bert-score.

The model is ``bert-base-chinese`` at layer 8, rescaled with the Chinese baseline that the package ships, or any folder
or name on the hub. The last part of a path or name decides: where bert-score knows it, its layer is used, and its
baseline if there is a Chinese one; else the layer at two thirds of the depth, without rescaling. Of several references
the best counts. A blank caption scores 0.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._metric import additive, mean_of
from secbench.metrics._models import (
    asked_model,
    device,
    load_quietly,
    model_fields,
    model_folder,
    package_version,
    weights_digest,
)
from secbench.metrics._unavailable import UnavailableError

__all__ = ["bertscore"]

_NAME = "bertscore"
_DEFAULT = "bert-base-chinese"
_UTTERANCES = 32
_NO_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class _Setting:
    """Where the weights are and how they are used.

    Attributes:
        name: last part of the path or name that was given.
        folder: of the weights.
        layer: whose hidden states are compared, 1 for the first.
        baseline: F1 that random pairs of sentences get, for rescaling; None: no rescaling.
    """

    name: str
    folder: Path
    layer: int
    baseline: float | None


def _setting(model: str, *, fetch: bool) -> _Setting:
    package_version("bert-score", "neural")
    folder = model_folder(model, fetch=fetch)
    name = Path(model).name or folder.name
    layer, known = load_quietly(name, lambda: _layer(folder, name))
    return _Setting(name, folder, layer, _baseline(name, layer) if known else None)


def _layer(folder: Path, name: str) -> tuple[int, bool]:
    """The layer to use, and whether bert-score knows the name."""
    from bert_score.utils import model2layers
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    depth = int(config.num_hidden_layers)
    layer = model2layers.get(name) or max(1, round(2 * depth / 3))
    if layer > depth:
        raise UnavailableError(
            f"the folder {name} has {depth} layers, and the model of that name is read at layer {layer}"
        )
    return layer, name in model2layers


def _baseline(name: str, layer: int) -> float | None:
    """F1 of random Chinese pairs at a layer; None if the package has none for the model."""
    import csv
    from importlib.resources import files

    path = files("bert_score") / "rescale_baseline" / "zh" / f"{name}.tsv"
    if not path.is_file():
        return None
    rows = csv.DictReader(path.read_text("utf-8").splitlines())
    return next((float(row["F"]) for row in rows if int(row["LAYER"]) == layer), None)


@dataclass(frozen=True, slots=True)
class _Encoder:
    """A model cut off above the layer, with its tokeniser and the weight of each token (1; 0 for the two markers)."""

    model: Any
    tokeniser: Any
    weights: defaultdict[int, float]


def _encoder(setting: _Setting) -> _Encoder:
    from transformers import AutoModel, AutoTokenizer

    tokeniser = AutoTokenizer.from_pretrained(setting.folder, trust_remote_code=False)
    model, info = AutoModel.from_pretrained(
        setting.folder,
        num_hidden_layers=setting.layer,
        use_safetensors=True,
        trust_remote_code=False,
        dtype="float32",
        output_loading_info=True,
    )
    missing = [key for key in info["missing_keys"] if "pooler" not in key]
    if missing:
        raise UnavailableError(f"the weights of {setting.name} lack {min(missing)} and {len(missing) - 1} more")
    tokeniser.model_max_length = _longest(tokeniser, model.config)
    weights: defaultdict[int, float] = defaultdict(lambda: 1.0)
    weights[tokeniser.sep_token_id] = weights[tokeniser.cls_token_id] = 0.0
    return _Encoder(model.to(device()).eval(), tokeniser, weights)


def _longest(tokeniser: Any, config: Any) -> int:
    """How many tokens fit; a tokeniser that states no limit has one that overflows its own truncation.

    Two positions are left free then, where RoBERTa's begin.
    """
    places = int(getattr(config, "max_position_embeddings", _NO_LIMIT))
    stated = int(tokeniser.model_max_length)
    return min(stated, places) if stated < _NO_LIMIT else places - 2


def _best(encoder: _Encoder, captions: Sequence[str], references: Sequence[Sequence[str]]) -> FloatArray:
    """F1 of each caption with its best reference. All sentences are encoded as one batch, in an order of their own."""
    import torch
    from bert_score.utils import get_bert_embedding, greedy_cos_idf

    places = {text: k for k, text in enumerate(dict.fromkeys([*captions, *(r for rs in references for r in rs)]))}
    owners = [k for k, texts in enumerate(references) for _ in texts]
    left = torch.tensor([places[captions[k]] for k in owners])
    right = torch.tensor([places[text] for texts in references for text in texts])
    with torch.inference_mode():
        parts = get_bert_embedding(
            list(places), encoder.model, encoder.tokeniser, encoder.weights, device=encoder.model.device
        )
        hidden, mask, weight = (part.cpu() for part in parts)  # (S, L, width), (S, L), (S, L)
        _, _, f1 = greedy_cos_idf(hidden[right], mask[right], weight[right], hidden[left], mask[left], weight[left])
    first = np.cumsum([0, *map(len, references)])[:-1]
    best: FloatArray = np.maximum.reduceat(f1.double().numpy(), first)
    return best


def _collect(batch: Batch) -> FloatArray:
    setting = _setting(asked_model(batch, _NAME, _DEFAULT), fetch=True)
    encoder = load_quietly(setting.name, lambda: _encoder(setting))
    given = [k for k, caption in enumerate(batch.captions) if caption.strip()]
    scores = np.zeros(len(batch))
    for _, rows in groupby(given, key=lambda k: k // _UTTERANCES):  # by place, so that a shard encodes the same batches
        part = list(rows)
        scores[part] = _best(encoder, [batch.captions[k] for k in part], [batch.references[k] for k in part])
    if setting.baseline is not None:
        scores[given] = (scores[given] - setting.baseline) / (1 - setting.baseline)
    return np.stack([scores, np.ones(len(batch))], axis=1)


def _describe(model: str) -> Sequence[str]:
    setting = _setting(model, fetch=False)
    return (
        f"bert-score:{package_version('bert-score', 'neural')}",
        f"model:{setting.name}",
        f"weights:{weights_digest(setting.folder)}",
        f"layer:{setting.layer}",
        "rescale:none" if setting.baseline is None else f"rescale:zh-{setting.baseline:.6f}",
    )


def _fields(batch: Batch) -> Sequence[str]:
    return model_fields(batch, _NAME, _DEFAULT, _describe)


bertscore = additive(_NAME, (_NAME, "count"), mean_of, _collect, _fields, each=True)
