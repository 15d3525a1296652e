"""Pretrained text encoders and their tokenisers: by folder or name, and kept with a model that was trained from one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging

from mecap_r1.pretrained import load_config, loaded, weights_identity
from mecap_r1.training import without_bars
from secbench.errors import DataError
from secbench.remote_code import remote_code_allowed

__all__ = ["identity_of", "keep", "load_kept", "load_pretrained"]

_WHAT = "text encoder"
_UNUSED = "pooler."  # a layer on the first token, which nothing here looks at and which some encoders come without


def identity_of(name: str) -> str:
    """A hash that tells an encoder's weights from others.

    Raises:
        DataError: if there is no such encoder.
    """
    return weights_identity(name, load_config("encoder", name))


def load_pretrained(name: str) -> tuple[Any, Any]:
    """The tokeniser and the encoder of a folder or a name on the hub, in 32 bits.

    Only safetensors are read, and no code is run from there.

    Raises:
        DataError: if one of them cannot be loaded, or weights are missing.
    """
    with _quietly():
        tokenizer = loaded(
            _WHAT, name, lambda: AutoTokenizer.from_pretrained(name, trust_remote_code=remote_code_allowed())
        )
        model, told = loaded(
            _WHAT,
            name,
            lambda: AutoModel.from_pretrained(
                name,
                use_safetensors=True,
                trust_remote_code=remote_code_allowed(),
                dtype="float32",
                output_loading_info=True,
            ),
        )
    missing = sorted(key for key in told["missing_keys"] if not key.startswith(_UNUSED))
    if missing:
        raise DataError(f"The text encoder {name!r} comes without {len(missing)} of its weights, such as {missing[0]}.")
    return tokenizer, model


def keep(tokenizer: Any, model: Any, folder: Path) -> None:
    """Write the tokeniser and the encoder's configuration; its weights are kept elsewhere."""
    tokenizer.save_pretrained(folder)
    model.config.save_pretrained(folder)


def load_kept(folder: Path) -> tuple[Any, Any]:
    """What `keep` wrote: the tokeniser, and the encoder with random weights.

    Raises:
        DataError: if a file is missing or of another form.
    """
    tokenizer = loaded(
        _WHAT, str(folder), lambda: AutoTokenizer.from_pretrained(folder, trust_remote_code=remote_code_allowed())
    )
    config = loaded(
        _WHAT, str(folder), lambda: AutoConfig.from_pretrained(folder, trust_remote_code=remote_code_allowed())
    )
    return tokenizer, AutoModel.from_config(config, trust_remote_code=remote_code_allowed())  # type: ignore[no-untyped-call]


@contextmanager
def _quietly() -> Iterator[None]:
    """Without bars, and without the report on weights that are missing, which is made here."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        with without_bars():
            yield
    finally:
        logging.set_verbosity(before)
