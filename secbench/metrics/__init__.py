"""What captions and labels are scored with."""

from secbench.metrics._batch import Batch, Readings
from secbench.metrics._extractors import Extractor, FittedExtractor
from secbench.metrics._metric import STAT_PREFIX, Metric, UnavailableError, additive, mean_of
from secbench.metrics._models import NOT_ASKED_FOR
from secbench.metrics._sufficient import Additive, Aggregate, Statistics, Types
from secbench.metrics._tokenise import TOKENISERS, Tokens, find_tokeniser, words_of

__all__ = [
    "NOT_ASKED_FOR",
    "STAT_PREFIX",
    "TOKENISERS",
    "Additive",
    "Aggregate",
    "Batch",
    "Extractor",
    "FittedExtractor",
    "Metric",
    "Readings",
    "Statistics",
    "Tokens",
    "Types",
    "UnavailableError",
    "additive",
    "find_tokeniser",
    "mean_of",
    "words_of",
]
