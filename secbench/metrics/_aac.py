"""SPICE, SPIDEr, FENSE and CLAPScore through aac-metrics, each run in a process of its own.

All four read English: SPICE parses it, and the models behind FENSE and CLAPScore were trained on it, so none is
defined for Chinese captions. What a user gives as their model is the Python of an environment that has aac-metrics;
the default is the Python that runs secbench. A blank caption scores 0.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from secbench.metrics._arrays import FloatArray
from secbench.metrics._batch import Batch
from secbench.metrics._cider import cider
from secbench.metrics._metric import Metric, additive, mean_of
from secbench.metrics._models import asked_model, model_fields
from secbench.metrics._sufficient import Additive
from secbench.metrics._unavailable import UnavailableError

__all__ = ["clapscore", "fense", "spice", "spider"]

_HERE = sys.executable
_WORKER = Path(__file__).with_name("_aac_worker.py")
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_TIMEOUT = 3600.0
"""Seconds; the Java program of SPICE is known to freeze."""
_PROBE = "from importlib.metadata import version; print(version('aac-metrics'))"
_NEEDS = {
    "spice": "It needs Java 8 to 13 and the files that aac-metrics-download fetches.",
    "fense": "It needs its models from the hub and from aac-metrics-download.",
    "clap_sim": "It needs aac-metrics 0.6 or newer, a torchaudio that fits torch, and the weights of MS-CLAP.",
}

Request = dict[str, Any]


def _python(metric: str, given: str) -> tuple[str, str]:
    """The Python that has aac-metrics, and the version of it.

    Raises:
        UnavailableError: if there is no such Python, or it has no aac-metrics.
    """
    python = shutil.which(Path(given).expanduser())
    if python is None:
        raise UnavailableError(f"there is no Python at {given}; --with {metric}=PYTHON names one that has aac-metrics")
    found = _version(python)
    if not found:
        raise UnavailableError(
            "needs the package aac-metrics: pip install 'secbench[aac]', or name the Python of an environment that "
            f"has it, as in --with {metric}=PYTHON"
        )
    return python, found


@cache
def _version(python: str) -> str:
    return subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, check=False).stdout.strip()


def _check(batch: Batch, label: str) -> None:
    """Refuse captions that are not English."""
    texts = [text for references in batch.references for text in references]
    if 2 * sum(bool(_HAN.search(text)) for text in texts) > len(texts):
        raise UnavailableError(f"{label} reads English only, and the references are Chinese")


def _java() -> None:
    if not os.environ.get("AAC_METRICS_JAVA_PATH") and shutil.which("java") is None:
        raise UnavailableError("Java is missing: install Java 8 to 13, or name it in AAC_METRICS_JAVA_PATH")


def _run(python: str, request: Request) -> list[float]:
    """The worker's scores.

    Raises:
        UnavailableError: with what went wrong and what the metric needs.
    """
    function = str(request["metric"])
    try:
        done = subprocess.run(
            [python, str(_WORKER)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
            encoding="utf-8",
        )
        answer: Mapping[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        what = "did not end within an hour" if isinstance(error, subprocess.TimeoutExpired) else "broke off"
        raise UnavailableError(f"{function} of aac-metrics {what}. {_NEEDS[function]}") from error
    if "error" in answer:
        raise UnavailableError(f"{function} of aac-metrics failed ({answer['error']}). {_NEEDS[function]}")
    scores = [float(score) for score in answer["scores"]]
    if len(scores) != len(request["candidates"]) or not np.isfinite(scores).all():
        raise UnavailableError(f"{function} of aac-metrics gave no number for some caption. {_NEEDS[function]}")
    return scores


def _scores(batch: Batch, metric: str, function: str, extra: Callable[[Batch, list[int]], Request]) -> FloatArray:
    """The score of each caption, shape (N,); blank ones are not sent and score 0."""
    given = [k for k, caption in enumerate(batch.captions) if caption.strip()]
    python, _ = _python(metric, asked_model(batch, metric, _HERE))
    scores = np.zeros(len(batch))
    if given:
        more = extra(batch, given)  # nosec B610 # a function of ours, and no database
        request = {"metric": function, "candidates": [batch.captions[k] for k in given], **more}
        scores[given] = _run(python, request)
    return scores


def _references(batch: Batch, given: list[int]) -> Request:
    return {"references": [list(batch.references[k]) for k in given]}


def _audio(batch: Batch, given: list[int]) -> Request:
    """The paths of whole audio files.

    Raises:
        UnavailableError: if an utterance has no file of its own.
    """
    clips = [batch.audio[k] if batch.audio else None for k in given]
    for clip in clips:
        if clip is None or not clip.path.exists():
            raise UnavailableError("CLAPScore needs audio, and not every utterance here has its file")
        if clip.start is not None or clip.end is not None:
            raise UnavailableError("CLAPScore needs a file for each utterance; cut the longer recordings first")
    return {"audio": [str(clip.path.resolve()) for clip in clips if clip is not None]}


def _collect_spice(batch: Batch, metric: str = "spice") -> FloatArray:
    asked_model(batch, metric, _HERE)
    _check(batch, "SPICE")
    _java()
    return _scores(batch, metric, "spice", _references)


def _collect_spider(batch: Batch) -> FloatArray:
    """The mean of CIDEr-D, as secbench computes it, and SPICE."""
    scene = _collect_spice(batch, "spider")
    consensus = cast(Additive, cider.collect(batch))
    return np.asarray((consensus.values[:, 0] + scene) / 2)


def _collect_fense(batch: Batch) -> FloatArray:
    asked_model(batch, "fense", _HERE)
    _check(batch, "FENSE")
    return _scores(batch, "fense", "fense", _references)


def _collect_clapscore(batch: Batch) -> FloatArray:
    asked_model(batch, "clapscore", _HERE)
    _check(batch, "CLAPScore")
    _audio(batch, list(range(len(batch))))
    return _scores(batch, "clapscore", "clap_sim", _audio)


def _adapter(name: str, collect: Callable[[Batch], FloatArray], what: Sequence[str]) -> Metric:
    def statistics(batch: Batch) -> FloatArray:
        return np.stack([collect(batch), np.ones(len(batch))], axis=1)

    def describe(python: str) -> Sequence[str]:
        return f"aac-metrics:{_python(name, python)[1]}", *what

    def fields(batch: Batch) -> Sequence[str]:
        own = cider.fields(batch) if name == "spider" and name in batch.models else ()
        return tuple(dict.fromkeys((*model_fields(batch, name, _HERE, describe), *own)))

    return additive(name, (name, "count"), mean_of, statistics, fields, each=True)


spice = _adapter("spice", _collect_spice, ("subset:yes",))
spider = _adapter("spider", _collect_spider, ("of:cider-d+spice",))
fense = _adapter(
    "fense", _collect_fense, ("sbert:paraphrase-TinyBERT-L6-v2", "echecker:clotho-audiocaps-base", "penalty:0.9")
)
clapscore = _adapter("clapscore", _collect_clapscore, ("model:MS-CLAP-2023",))
