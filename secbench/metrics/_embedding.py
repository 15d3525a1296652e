"""Cosine of sentence embeddings of caption and references, as SECap reports it, through sentence-transformers.

Of several references the mean counts. A blank caption scores 0.
"""

import json
from collections.abc import Sequence
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

__all__ = ["embedding_similarity"]

_NAME = "embedding_similarity"
_DEFAULT = "shibing624/text2vec-base-chinese-paraphrase"
_OWN = "sentence_transformers."
_SENTENCE = "说话人语气平静。"


def _encoder(folder: Path) -> Any:
    """The model of a folder.

    It is loaded twice: weights that the folder lacks would be random, and the two would not agree.
    """
    encoder, again = _load(folder), _load(folder)
    first, second = (each.encode([_SENTENCE], show_progress_bar=False) for each in (encoder, again))
    if not np.allclose(first, second, atol=1e-4):
        raise UnavailableError("the folder lacks some of the model's weights, which would be random")
    return encoder


def _load(folder: Path) -> Any:
    """The model of a folder; one without `modules.json` is read as a transformer whose token states are averaged."""
    from sentence_transformers import SentenceTransformer

    modules = folder / "modules.json"
    if modules.exists():
        kinds = [str(module["type"]) for module in json.loads(modules.read_text("utf-8"))]
        if any(not kind.startswith(_OWN) for kind in kinds):  # older versions import such code from local folders
            raise UnavailableError("the model brings code of its own, which is never run")
    return SentenceTransformer(
        str(folder),
        device=str(device()),
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": "float32"},
    )


def _collect(batch: Batch) -> FloatArray:
    model = asked_model(batch, _NAME, _DEFAULT)
    package_version("sentence-transformers", "neural")
    folder = model_folder(model)
    encoder = load_quietly(Path(model).name, lambda: _encoder(folder))
    captions, references = batch.captions, batch.references
    places = {text: k for k, text in enumerate(dict.fromkeys([*captions, *(r for rs in references for r in rs)]))}
    found = encoder.encode(list(places), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True)
    unit = np.asarray(found, dtype=np.float64)  # (texts, width)
    owner = np.repeat(np.arange(len(batch)), [len(texts) for texts in references])
    left = unit[[places[caption] for caption in captions]][owner]
    right = unit[[places[text] for texts in references for text in texts]]
    mean = np.bincount(owner, weights=(left * right).sum(1)) / np.bincount(owner)
    blank = np.array([not caption.strip() for caption in captions])
    return np.stack([np.where(blank, 0.0, mean), np.ones(len(batch))], axis=1)


def _describe(model: str) -> Sequence[str]:
    folder = model_folder(model, fetch=False)
    return (
        f"sentence-transformers:{package_version('sentence-transformers', 'neural')}",
        f"model:{Path(model).name or folder.name}",
        f"weights:{weights_digest(folder)}",
        "over:mean",
    )


def _fields(batch: Batch) -> Sequence[str]:
    return model_fields(batch, _NAME, _DEFAULT, _describe)


embedding_similarity = additive(_NAME, (_NAME, "count"), mean_of, _collect, _fields, each=True)
