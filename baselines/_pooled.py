"""Every hidden layer of a pretrained speech encoder, each as its mean over the time that a clip covers."""

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModel, PretrainedConfig

from baselines._acoustics import lengthened
from mecap_r1.devices import find_device
from mecap_r1.ears import padded
from mecap_r1.front_ends import WAVEFORM, FrontEnd, log_mel
from mecap_r1.pretrained import load_config, loaded, weights_identity
from mecap_r1.training import single_thread, without_bars
from secbench.errors import UsageError
from secbench.remote_code import remote_code_allowed

__all__ = ["pooled_layers"]

_WHAT = "speech encoder"


def pooled_layers(name: str) -> FrontEnd:
    """A clip as the means over time of an encoder's hidden layers: (L + 1, D), the first before any layer.

    A clip goes through the encoder by itself, so that nothing is padded; Whisper's position embeddings are cut to the
    length of the clip in place of its 30 seconds of silence, and a longer clip is heard in several windows.

    Args:
        name: a folder, or a name on the hub, of HuBERT, WavLM, wav2vec 2.0 or Whisper. Only safetensors are read, and
            no code is run from there.

    Raises:
        DataError: if it cannot be loaded.
        UsageError: if it is no speech encoder.
    """
    config = load_config(_WHAT, name)
    heard, width = _input(config), config.d_model if config.model_type == "whisper" else config.hidden_size
    version = f"pooled-1-{weights_identity(name, config)}"
    return FrontEnd(version, heard.rate, int(width), lambda wave: _means(name, heard.extract(lengthened(wave))))


def _input(config: PretrainedConfig) -> FrontEnd:
    """What the encoder is given."""
    if config.model_type == "whisper":
        return log_mel(int(config.num_mel_bins))
    if config.model_type in ("hubert", "wavlm", "wav2vec2"):
        return WAVEFORM
    raise UsageError(
        f"encoder= takes HuBERT, WavLM, wav2vec 2.0 or Whisper, not a model of the type {config.model_type!r}."
    )


@cache
def _encoder(name: str) -> Any:
    """The encoder in inference mode, on a GPU where there is one."""

    def load() -> Any:
        with without_bars():
            return AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=remote_code_allowed())

    model = loaded(_WHAT, name, load)
    encoder = model.encoder if model.config.model_type == "whisper" else model
    return encoder.float().eval().to(find_device("auto"))


def _means(name: str, frames: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(T, C) input frames to (L + 1, D)."""
    encoder = _encoder(name)
    clip = torch.from_numpy(np.asarray(frames, dtype=np.float32)).to(encoder.device)
    with single_thread(), torch.inference_mode():
        if encoder.config.model_type == "whisper":
            states = _whisper_states(encoder, clip)
        else:
            states = torch.cat(encoder(clip.T, output_hidden_states=True).hidden_states)  # (L + 1, S, D)
        return np.asarray(states.mean(dim=1).cpu().numpy())


def _whisper_states(encoder: Any, clip: Tensor) -> Tensor:
    """(L + 1, S, D) of log-mel frames (T, C), 20 ms a state."""
    windows = torch.split(clip, 2 * encoder.max_source_positions)
    return torch.cat([_window_states(encoder, window) for window in windows], dim=1)


def _window_states(encoder: Any, window: Tensor) -> Tensor:
    """(L + 1, S, D) of a window that is no longer than the encoder's own."""
    places, config = encoder.embed_positions, encoder.config
    count = (len(window) + 1) // 2
    try:
        config.max_source_positions = count
        encoder.embed_positions = nn.Embedding(count, config.d_model, _weight=places.weight[:count])
        found = encoder(padded(window, 2 * count), output_hidden_states=True).hidden_states
    finally:
        encoder.embed_positions, config.max_source_positions = places, encoder.max_source_positions
    return torch.cat(found)
