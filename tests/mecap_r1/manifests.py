"""The toy corpus as a folder that `--corpus jsonl` reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.mecap_r1.conftest import toy_examples

__all__ = ["toy_manifest"]


def toy_manifest(root: Path, splits: Mapping[str, int]) -> Path:
    """Write so many clips of each split, and their manifest, into a folder, which is returned."""
    root.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed, (split, count) in enumerate(splits.items()):
        for example in toy_examples(root, count, seed):
            utterance, references = example.utterance, example.references
            assert utterance.audio is not None
            row: dict[str, Any] = {"id": utterance.id, "split": split, "audio": utterance.audio.path.name}
            row |= {"transcript": utterance.transcript, "labels": dict(references.labels)}
            rows.append({**row, "captions": {key: list(value) for key, value in references.captions.items()}})
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (root / "manifest.jsonl").write_text(text, "utf-8")
    return root
