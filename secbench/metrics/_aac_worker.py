"""Runs one metric of aac-metrics in a process of its own; reads a request from stdin, writes its answer to stdout.

It imports nothing of secbench, so that any Python that has aac-metrics can run it. Its own process, since aac-metrics
may bring a torchaudio that does not fit torch, which then breaks transformers for the rest of the process.
"""

import json
import sys
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any

__all__ = ["answer"]

_ON_THE_HUB = {"fense": "sentence-transformers/paraphrase-TinyBERT-L6-v2", "clap_sim": "microsoft/msclap"}


def _look_up(metric: str) -> None:
    """Fail at once where the hub cannot be reached; the libraries would try again and again for minutes."""
    if metric in _ON_THE_HUB:
        from huggingface_hub import snapshot_download

        snapshot_download(_ON_THE_HUB[metric], allow_patterns=["config.json"])


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The scores of each caption.

    Args:
        request: ``metric`` (the function), ``candidates`` (N captions), and ``references`` (N lists) or ``audio``
            (N paths).

    Returns:
        Either ``scores`` (N numbers) or ``error``, one line.
    """
    metric = request["metric"]
    try:
        function = getattr(import_module(f"aac_metrics.functional.{metric}"), metric)
        _look_up(metric)
        if "audio" in request:
            _, found = function(request["candidates"], audio_paths=request["audio"], clap_method="audio")
        else:
            _, found = function(request["candidates"], request["references"])
        return {"scores": [float(score) for score in found[metric]]}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told to the process that asked
        text = next((line.strip() for line in str(error).splitlines() if line.strip()), "").rstrip(".")
        return {"error": f"{type(error).__name__}: {text}"}


def _main() -> None:
    with redirect_stdout(sys.stderr):
        found = answer(json.load(sys.stdin))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    _main()
