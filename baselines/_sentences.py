"""Vectors of sentences by a pretrained encoder that stays as it is, kept on disk between runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from secbench.captioner import Context
from secbench.runs import digest, write_atomically

__all__ = ["sentence_vectors"]

Vectors = NDArray[np.float32]
_BATCH, _MOST = 64, 128  # sentences, tokens


def sentence_vectors(encoder: str, prefix: str, texts: Sequence[str], context: Context) -> Vectors:
    """(N, D) means of the encoder's last states over the tokens.

    Args:
        encoder: a folder, or a name on the hub. Only safetensors are read, and no code is run from there.
        prefix: put before every text, such as "query: " for E5.
        texts: N of them.
        context: cache and progress.

    Raises:
        DataError: if the encoder cannot be loaded.
    """
    known = sorted(set(texts))
    path = None if context.cache is None else context.cache / "sentences" / digest([encoder, prefix, known])
    rows = _stored(path)
    if rows is None:
        rows = _encoded(encoder, [prefix + text for text in known], context)
        if path is not None:
            kept = {"vectors": rows}
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, lambda temporary: save_file(kept, temporary))
    place = {text: k for k, text in enumerate(known)}
    return np.asarray(rows[[place[text] for text in texts]])


def _stored(path: Path | None) -> Vectors | None:
    try:
        return None if path is None else load_file(path)["vectors"]
    except (OSError, SafetensorError, KeyError):
        return None


def _encoded(name: str, texts: Sequence[str], context: Context) -> Vectors:
    """The shortest texts first, so that little is padded."""
    import torch

    from baselines._pretrained_text import load_pretrained  # torch is not needed before

    tokenizer, model = load_pretrained(name)
    model.eval()
    found = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
    context.progress.stage("sentences", len(texts))
    for start in range(0, len(order), _BATCH):
        some = order[start : start + _BATCH]
        batch = tokenizer(
            [texts[k] for k in some], padding=True, truncation=True, max_length=_MOST, return_tensors="pt"
        )
        mask = batch["attention_mask"].unsqueeze(2)
        with torch.inference_mode():
            states = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
            found[some] = ((states * mask).sum(dim=1) / mask.sum(dim=1)).float().numpy()  # (B, D) of (B, T, D)
        context.progress.advance(len(some))
    return found
