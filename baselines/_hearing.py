"""What a clip sounds like, as numbers: acoustic statistics, eGeMAPS, or the pooled layers of a speech encoder."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from baselines._acoustics import acoustic_statistics
from baselines._egemaps import egemaps
from mecap_r1.features import load_features
from mecap_r1.front_ends import ACOUSTICS, FrontEnd
from secbench.captioner import Context
from secbench.corpora import Utterance
from secbench.errors import DataError, UsageError

__all__ = ["Hearing", "Kind"]

Kind = Literal["statistics", "egemaps", "encoder"]
Numbers = NDArray[np.floating[Any]]


class Hearing:
    """Features of clips, standardised on those it was fitted on.

    Args:
        kind: ``statistics`` (116 of energy, pitch, timbre and tempo), ``egemaps`` (88 functionals by openSMILE) or
            ``encoder`` (the mean over time of every hidden layer).
        encoder: folder or name on the hub of the speech encoder, for that kind alone.

    Raises:
        UsageError: if an encoder is missing, or given to another kind.
    """

    def __init__(self, kind: Kind = "statistics", encoder: str = "") -> None:
        if kind == "encoder" and not encoder:
            raise UsageError(
                "Features by an encoder need one: set it to a folder, or to a name on the hub, of HuBERT, WavLM, "
                "wav2vec 2.0 or Whisper."
            )
        if encoder and kind != "encoder":
            raise UsageError(
                f"The features are {kind}, which the encoder {encoder!r} has no part in. Set them to encoder."
            )
        self.kind, self.encoder = kind, encoder
        self.mean: Numbers = np.zeros(0)
        self.scale: Numbers = np.ones(0)

    def fit(self, utterances: Sequence[Utterance], context: Context) -> Numbers:
        """Learn means and deviations of training utterances, and give their features (N, V) or, by layer, (N, L, V).

        Raises:
            DataError: naming the first that cannot be heard.
        """
        rows = self._all(utterances, context)
        self.mean, self.scale = rows.mean(axis=0), rows.std(axis=0) + 1e-8
        return self._standard(rows)

    def transform_all(self, utterances: Sequence[Utterance], context: Context) -> Numbers:
        """The features of utterances of which none may be missing.

        Raises:
            DataError: naming the first that cannot be heard.
        """
        return self._standard(self._all(utterances, context))

    def transform(self, utterances: Sequence[Utterance], context: Context) -> tuple[Numbers, Mapping[str, str]]:
        """The features of utterances, zeros for those that cannot be heard; and id -> why, for those."""
        heard, failures = self.hear(utterances, context)
        return self._standard(np.stack([heard.get(row.id, self.mean) for row in utterances])), failures

    def hear(self, utterances: Sequence[Utterance], context: Context) -> tuple[dict[str, Numbers], Mapping[str, str]]:
        """Id -> features as they are (V,) or (L, V); and id -> why, for those that cannot be heard."""
        found = load_features(utterances, self._front_end, context.cache, context.progress)
        deaf = {row.id: "the utterance has no audio" for row in utterances if row.audio is None}
        return {name: self._summary(frames) for name, frames in found.frames.items()}, {**found.failures, **deaf}

    def _all(self, utterances: Sequence[Utterance], context: Context) -> Numbers:
        heard, failures = self.hear(utterances, context)
        for name, reason in failures.items():
            raise DataError(
                f"{name}: {reason.rstrip('.')}. This model needs the audio of every utterance that it learns from."
            )
        return np.stack([heard[row.id] for row in utterances])

    def _standard(self, rows: Numbers) -> Numbers:
        return np.asarray((rows - self.mean) / self.scale)

    @cached_property
    def _front_end(self) -> FrontEnd:
        if self.kind == "statistics":
            return ACOUSTICS
        if self.kind == "egemaps":
            return egemaps()
        from baselines._pooled import pooled_layers  # torch is not needed before

        return pooled_layers(self.encoder)

    @property
    def _summary(self) -> Callable[[Numbers], Numbers]:
        """What the stored frames of a clip become."""
        summaries: Mapping[Kind, Callable[[Numbers], Numbers]] = {
            "statistics": acoustic_statistics,
            "egemaps": lambda frames: frames[0].astype(np.float64),
            "encoder": lambda frames: frames,
        }
        return summaries[self.kind]

    def facts(self) -> Mapping[str, Any]:
        """What tells these features from others: their version, and the weights of the encoder."""
        return {"heard": self._front_end.name}

    def arrays(self) -> Mapping[str, Numbers]:
        """What was learnt."""
        return {"mean": self.mean, "scale": self.scale}

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, Numbers]) -> None:
        """Take back what `facts` and `arrays` gave.

        Raises:
            DataError: if the features at hand are not those that the model was fitted on.
        """
        if facts.get("heard", self._front_end.name) != self._front_end.name:
            raise DataError(
                f"The model was fitted on the features {facts['heard']}, and {self._front_end.name} are at hand: "
                "openSMILE or the encoder is another one. Fit the model again."
            )
        self.mean, self.scale = arrays["mean"], arrays["scale"]
