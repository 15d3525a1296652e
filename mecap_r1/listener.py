"""The ear of the tiny policy: frames to a fixed number of audio tokens.

Half of the tokens are made from statistics of the frames as they are (means, deviations and steps, of what is loud and
of what is voiced), the other half from attentive statistics (Okabe et al. 2018) over strided convolutions. The first
learn in a few hundred steps what an emotion does to pitch, loudness and tempo; the second find patterns in time.

Statistics of neighbouring bands say much the same. They are turned onto the principal axes of the training clips, and
all divided by one number, so that what varies little stays small: an optimiser that scales every weight's steps would
else learn voices by the faintest of them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Listener"]

WIDTH = 64
STRIDES = (4, 2)
AXES = 64


class Listener(nn.Module):
    """Listens to standardised frames.

    Args:
        channels: numbers a frame; the last two are voicing and energy.
        hidden: width of a token.
        tokens: how many of each half, M.
        dropout: probability, behind the convolutions.
        clip_dropout: probability for each axis of the statistics.
    """

    def __init__(self, channels: int, hidden: int, tokens: int, dropout: float, clip_dropout: float) -> None:
        super().__init__()
        size = 6 * channels + 1
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.register_buffer("axes", torch.eye(size, AXES))
        self.summary = nn.Sequential(
            nn.Dropout(clip_dropout), nn.Linear(AXES, hidden), nn.GELU(), nn.Linear(hidden, tokens * hidden)
        )
        self.convolutions = nn.ModuleList(
            nn.Conv1d(size, WIDTH, kernel_size=2 * stride + 1, stride=stride, padding=stride)
            for size, stride in zip((channels, WIDTH), STRIDES, strict=True)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in STRIDES)
        self.attention = nn.Linear(WIDTH, tokens, bias=False)
        self.project = nn.Linear(2 * WIDTH, hidden)
        self.kind = nn.Parameter(torch.zeros(2 * tokens, hidden))
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames: Tensor, length: Tensor) -> Tensor:
        """(B, T, C) and (B,) frames that count -> (B, 2M, d)."""
        frames = frames * _present(frames, length)
        whole = self._standard(self.statistics(frames, length)) @ self.get_buffer("axes")
        summary = self.summary(whole).unflatten(1, (-1, self.kind.shape[1]))  # (B, M, d)
        return torch.cat([summary, self.project(self._attend(frames, length))], dim=1) + self.kind

    def standardise(self, frames: Tensor, length: Tensor) -> None:
        """Set mean, deviation and principal axes of the statistics to those of the given frames (B, T, C)."""
        found = self.statistics(frames * _present(frames, length), length)
        self.get_buffer("mean").copy_(found.mean(dim=0))
        self.get_buffer("scale").copy_(found.std(dim=0, correction=0).clamp(min=1e-2))
        self.get_buffer("axes").copy_(_principal_axes(self._standard(found)))

    def _standard(self, statistics: Tensor) -> Tensor:
        return ((statistics - self.get_buffer("mean")) / self.get_buffer("scale")).clamp(-4, 4)

    def statistics(self, frames: Tensor, length: Tensor) -> Tensor:
        """(B, 6 C + 1): mean, log deviation and log root mean square step, of loud and of voiced frames; log length."""
        loud = _present(frames, length) * torch.sigmoid(3 * (frames[..., -1:] + 0.3))
        voiced = loud * torch.sigmoid(3 * frames[..., -2:-1])
        parts = [length.clamp(min=1).to(frames.dtype).log().unsqueeze(1)]
        for weight in (loud, voiced):
            share = weight / weight.sum(dim=1, keepdim=True).clamp(min=1e-3)  # (B, T, 1)
            mean = (share * frames).sum(dim=1)
            variance = (share * frames.square()).sum(dim=1) - mean.square()
            pair = (weight[:, 1:] * weight[:, :-1]).sqrt()
            steps = (pair * frames.diff(dim=1).square()).sum(dim=1) / pair.sum(dim=1).clamp(min=1e-3)
            parts += [mean, variance.clamp(min=1e-4).log() / 2, (steps + 1e-5).log() / 2]
        return torch.cat(parts, dim=1)

    def _attend(self, frames: Tensor, length: Tensor) -> Tensor:
        """Attentive means and deviations (B, M, 2 W) over convolved frames."""
        x = frames
        for convolution, norm, stride in zip(self.convolutions, self.norms, STRIDES, strict=True):
            x = convolution(x.transpose(1, 2)).transpose(1, 2)
            length = (length - 1).div(stride, rounding_mode="floor") + 1
            x = self.dropout(F.gelu(norm(x))) * _present(x, length)
        scores = self.attention(x).masked_fill(_present(x, length) == 0, -1e4)
        weights = scores.softmax(dim=1).transpose(1, 2)  # (B, M, T / 8)
        mean = weights @ x
        deviation = (weights @ x.square() - mean.square()).clamp(min=1e-5).sqrt()
        return torch.cat([mean, deviation], dim=2)


def _principal_axes(rows: Tensor) -> Tensor:
    """(N, S) -> (S, AXES): axes of the largest variance, over the root mean variance along them; 0 where N is small."""
    _, sizes, directions = torch.linalg.svd(rows.double() - rows.double().mean(dim=0), full_matrices=False)
    sizes, directions = sizes[:AXES], directions[:AXES]
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    spread = (sizes.square().mean() / len(rows)).sqrt().clamp(min=1e-6)
    axes = rows.new_zeros(rows.shape[1], AXES)
    axes[:, : len(directions)] = (directions * largest.sign() / spread).T
    return axes


def _present(x: Tensor, length: Tensor) -> Tensor:
    """(B, T, 1): 1 for frames that are there, 0 for padding."""
    places = torch.arange(x.shape[1], device=x.device)
    return (places < length.unsqueeze(1)).to(x.dtype).unsqueeze(2)
