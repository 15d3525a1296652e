"""Sentences as vectors: the E of the emotion space.

`SentenceEncoder` is all that the emotion space and the semantic reward know of it. There are two:

- `TfidfEncoder` needs no weights: TF-IDF over words and a truncated SVD, fitted on the training captions (latent
  semantic analysis, Deerwester et al. 1990). Words and not characters: half of an idiom, which no human would write,
  must not be worth almost as much as the whole.
- `PretrainedEncoder` is a model of sentence-transformers (Reimers and Gurevych 2019), from a folder or the hub.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from mecap_r1.training import without_bars
from secbench.errors import DataError, SecbenchError
from secbench.metrics import words_of
from secbench.remote_code import remote_code_allowed
from secbench.runs import write_atomically
from secbench.weights import check_sentence_model

__all__ = ["DEFAULT_PRETRAINED", "PretrainedEncoder", "SentenceEncoder", "TfidfEncoder", "find_encoder"]

Floats = NDArray[np.float32]
DEFAULT_PRETRAINED = "sentence-transformers/paraphrase-multilingual-mpnet-base-v2"
"""What `sentence-transformers` alone stands for."""
_FETCHED = ("*.json", "*.txt", "*.model", "*.safetensors")


class SentenceEncoder(Protocol):
    """Texts in, rows of length 1 out (or of zeros, where a text has nothing that is known)."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """(N, D) vectors."""
        ...


class TfidfEncoder:
    """TF-IDF over words by jieba, and a truncated SVD.

    Args:
        vocabulary: word -> column.
        idf: (V,) weights.
        components: (D, V) right singular vectors.
    """

    def __init__(self, vocabulary: dict[str, int], idf: NDArray[np.float64], components: Floats) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.vocabulary, self.idf, self.components = vocabulary, idf, components
        self._vectoriser: Any = TfidfVectorizer(vocabulary=vocabulary, **_SETTINGS)
        self._vectoriser.idf_ = idf

    @classmethod
    def fit(cls, texts: Sequence[str], dimensions: int = 256) -> "TfidfEncoder":
        """Fit on texts; fewer dimensions where the texts do not have that many."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        if not any(text.strip() for text in texts):
            raise DataError("There are no training captions to fit the sentence encoder on.")
        vectoriser = TfidfVectorizer(min_df=2 if len(texts) >= 50 else 1, **_SETTINGS)
        matrix = vectoriser.fit_transform(words_of(texts))
        rank = max(1, min(dimensions, min(matrix.shape) - 1))
        svd = TruncatedSVD(rank, random_state=0).fit(matrix)
        vocabulary = {str(word): int(column) for word, column in vectoriser.vocabulary_.items()}
        return cls(vocabulary, vectoriser.idf_, svd.components_.astype(np.float32))

    def encode(self, texts: Sequence[str]) -> Floats:
        """(N, D) vectors of length 1; zeros for a text without any known word."""
        rows = np.asarray(self._vectoriser.transform(words_of(texts)) @ self.components.T, dtype=np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.where(lengths > 1e-8, rows / np.maximum(lengths, 1e-8), 0.0).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write `encoder.safetensors` and `encoder.json`."""
        arrays: dict[str, NDArray[Any]] = {
            "idf": np.asarray(self.idf),
            "components": np.ascontiguousarray(self.components),
        }
        write_atomically(folder / "encoder.safetensors", lambda path: save_file(arrays, path))
        text = json.dumps({"kind": "tfidf", "vocabulary": self.vocabulary}, ensure_ascii=False)
        write_atomically(folder / "encoder.json", lambda path: path.write_text(text + "\n", "utf-8"))

    @classmethod
    def load(cls, folder: Path) -> "TfidfEncoder":
        """Read what `save` wrote.

        Raises:
            DataError: if it is missing or broken.
        """
        try:
            arrays = load_file(folder / "encoder.safetensors")
            stored = json.loads((folder / "encoder.json").read_text("utf-8"))
            return cls(stored["vocabulary"], arrays["idf"], arrays["components"])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise DataError(f"The sentence encoder cannot be read ({error}). Fit it again.", folder) from error


class PretrainedEncoder:
    """A pretrained sentence encoder. Its vectors depend on its weights and on the texts of one call alone.

    Args:
        name: a folder, or a name on the hub. Only safetensors are read, and no code is run from there
            unless the user allows it.

    Raises:
        SecbenchError: if sentence-transformers is not installed.
        DataError: if the weights are not at hand.
    """

    def __init__(self, name: str = DEFAULT_PRETRAINED) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise SecbenchError(
                f"The sentence encoder {name!r} needs sentence-transformers: pip install 'secbench[neural]', or set "
                "sentence_encoder=tfidf."
            ) from error
        try:
            with without_bars():
                self._model = SentenceTransformer(
                    str(_folder(name)),
                    trust_remote_code=remote_code_allowed(),
                    model_kwargs={"use_safetensors": True},
                ).eval()
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(
                f"The sentence encoder {name!r} cannot be had ({reason}). Give the folder of a downloaded "
                "sentence-transformers model with safetensors weights, or set sentence_encoder=tfidf."
            ) from error

    def encode(self, texts: Sequence[str]) -> Floats:
        """(N, D) vectors of length 1; zeros for a blank text."""
        if not texts:
            return np.zeros((0, self._model.get_embedding_dimension() or 0), np.float32)
        rows = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        blank = np.array([not text.strip() for text in texts])
        return np.where(blank[:, None], 0.0, rows).astype(np.float32)


def _folder(name: str) -> Path:
    """The folder of a model, fetched if it is a name: safetensors and plain text, and no code unless it is allowed.

    Raises:
        DataError: if its weights are something else.
    """
    folder, own = Path(name), remote_code_allowed()
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(name, allow_patterns=[*_FETCHED, *(["*.py"] if own else [])]))
    check_sentence_model(folder, own_code=own)
    return folder


def find_encoder(name: str, texts: Sequence[str]) -> SentenceEncoder:
    """The encoder of a setting.

    Args:
        name: ``tfidf``, which is fitted on the texts; ``sentence-transformers`` for `DEFAULT_PRETRAINED`; else a folder
            or a name on the hub of a sentence-transformers model.
        texts: the training captions.
    """
    if name == "tfidf":
        return TfidfEncoder.fit(texts)
    return PretrainedEncoder(DEFAULT_PRETRAINED if name == "sentence-transformers" else name)


def _itself(words: list[str]) -> list[str]:
    return words


_SETTINGS: dict[str, Any] = {"analyzer": _itself, "sublinear_tf": True}
