"""Questions to audio language models of transformers, as tensors: tokens with places for the clip, and its features.

They are put together here and not by the processors of transformers, as those of the omni models cannot be made
without parts for pictures and video, and those not without torchvision.
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from secbench.audio import SAMPLE_RATE
from secbench.errors import DataError
from secbench.runs import digest

__all__ = ["Frame", "Packer", "chunked_length", "halved_length", "read_frame"]

_CHUNK, _OF_A_CHUNK = 100, 13  # frames that Qwen3-Omni's tower hears at a time, and the steps it makes of them
_PLAIN_PAD = 0


@dataclass(frozen=True)
class Frame:
    """What stands around a question; see `chats.toml`."""

    before: str
    clip_begins: str
    clip: str
    clip_ends: str
    after: str
    ends: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """A hash of all of it."""
        return digest(asdict(self))


def read_frame(family: str) -> Frame:
    """The frame of a family of models."""
    table = tomllib.loads(Path(__file__).with_name("chats.toml").read_text("utf-8"))[family]
    return Frame(**{**table, "ends": tuple(table["ends"])})


def halved_length(frames: int) -> int:
    """Steps that the towers of Qwen2-Audio and Qwen2.5-Omni make of so many frames: halved by a convolution and a pool.

    (transformers, `Qwen2AudioProcessor`.)
    """
    return ((frames - 1) // 2 + 1 - 2) // 2 + 1


def chunked_length(frames: int) -> int:
    """Steps that the tower of Qwen3-Omni makes of so many frames: 13 of each 100, an eighth of the rest.

    (transformers, `Qwen3OmniMoeProcessor`.)
    """
    rest = frames % _CHUNK
    for _ in range(3):
        rest = (rest - 1) // 2 + 1
    return rest + frames // _CHUNK * _OF_A_CHUNK


@dataclass(frozen=True)
class Packer:
    """Makes tensors of questions.

    Attributes:
        frame: what stands around.
        tokenizer: of transformers.
        extractor: of log-mel features.
        length: steps of so many frames.
        whole: whether every clip is padded to the longest one that the model hears.
    """

    frame: Frame
    tokenizer: Any
    extractor: Any
    length: Callable[[int], int]
    whole: bool

    def check(self, audio_token: int) -> None:
        """Hold the tokeniser to the model's token for a clip.

        Raises:
            DataError: if it is another one.
        """
        if self.tokenizer.convert_tokens_to_ids(self.frame.clip) != audio_token:
            raise DataError(f"The tokeniser's {self.frame.clip} is not the token {audio_token}, as the model has it.")

    def check_clip(self, samples: NDArray[np.float32]) -> None:
        """Hold a clip to what the model hears.

        Raises:
            DataError: if it is longer or too short.
        """
        if len(samples) > self.extractor.n_samples:
            most = self.extractor.n_samples / SAMPLE_RATE
            raise DataError(f"The clip has {len(samples) / SAMPLE_RATE:.1f} s, and the model hears {most:g} s at most.")
        if self.length(len(samples) // self.extractor.hop_length) < 1:
            raise DataError(f"The clip of {len(samples)} samples is too short for the model.")

    def pack(self, words: Sequence[str], clips: Sequence[NDArray[np.float32]] | None) -> dict[str, torch.Tensor]:
        """The inputs of a model for a batch of B questions, padded on the left.

        Args:
            words: what is asked, which may be nothing.
            clips: one each at 16 kHz; None: the questions have none.

        Returns:
            ``input_ids`` and ``attention_mask`` (B, S), and with clips ``input_features`` (B, bands, T) and
            ``feature_attention_mask`` (B, T).
        """
        if clips is None:
            return self._pad([self._tokens(one, None) for one in words])
        heard = self.extractor(
            [np.asarray(clip) for clip in clips],
            sampling_rate=SAMPLE_RATE,
            return_attention_mask=True,
            return_tensors="pt",
            padding="max_length" if self.whole else "longest",
        )
        frames = heard["attention_mask"].sum(dim=1).tolist()
        rows = [self._tokens(one, self.length(count)) for one, count in zip(words, frames, strict=True)]
        return {
            **self._pad(rows),
            "input_features": heard["input_features"],
            "feature_attention_mask": heard["attention_mask"],
        }

    def ends(self) -> list[int]:
        """The tokens that end an answer, of those that the tokeniser has."""
        known = self.tokenizer.get_vocab()
        return [known[one] for one in self.frame.ends if one in known]

    def pad(self) -> int:
        """The token that rows are padded with."""
        found = self.tokenizer.pad_token_id
        return _PLAIN_PAD if found is None else int(found)

    def read(self, tokens: torch.Tensor) -> list[str]:
        """The words of answers (B, S)."""
        found: list[str] = self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return found

    def _tokens(self, words: str, steps: int | None) -> list[int]:
        """The tokens of one question; special ones that its words may hold are taken as plain text."""
        frame, encode = self.frame, self.tokenizer.encode
        clip: list[int] = []
        if steps is not None:
            place = [self.tokenizer.convert_tokens_to_ids(frame.clip)] * steps
            clip = [*self._marks(frame.clip_begins), *place, *self._marks(frame.clip_ends)]
        plain = encode(words, add_special_tokens=False, split_special_tokens=True)
        return [*self._marks(frame.before), *clip, *plain, *self._marks(frame.after)]

    def _marks(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return found

    def _pad(self, rows: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        width = max(map(len, rows))
        gaps = [width - len(row) for row in rows]
        return {
            "input_ids": torch.tensor([[self.pad()] * gap + list(row) for gap, row in zip(gaps, rows, strict=True)]),
            "attention_mask": torch.tensor([[0] * gap + [1] * len(row) for gap, row in zip(gaps, rows, strict=True)]),
        }
