"""What is scored on: corpora read from folders that users have, and the shipped `minitalk`."""

from secbench.corpora._types import (
    SPLITS,
    AudioClip,
    Corpus,
    CorpusCard,
    Example,
    References,
    Split,
    Utterance,
)

__all__ = ["SPLITS", "AudioClip", "Corpus", "CorpusCard", "Example", "References", "Split", "Utterance"]
