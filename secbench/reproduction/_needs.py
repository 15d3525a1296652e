"""What a row needs and this machine lacks: parts of the corpus file by file, weights, memory of a GPU."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from secbench.corpora import Corpus, Example
from secbench.errors import DataError, UsageError
from secbench.reproduction._models import Missing
from secbench.reproduction._rows import OwnRow
from secbench.reproduction._weights import weights_problem
from secbench.tasks import MODALITIES, Task, find_task

__all__ = ["Surroundings"]

_SHOWN = 3
"""Names of files that are listed where many are missing alike."""


@dataclass(frozen=True)
class Surroundings:
    """What is here.

    Attributes:
        name: of the corpus; empty: there is none.
        root: its folder, or None.
        anyway: a lack of GPU memory keeps no row from running.
        download: weights may be fetched from the hub.
    """

    name: str
    root: Path | None
    anyway: bool = False
    download: bool = False

    @cached_property
    def corpus(self) -> Corpus | None:
        """The corpus, where it can be read."""
        return None if not self.name or isinstance(self._read, str) else self._read

    @cached_property
    def _read(self) -> Corpus | str:
        from secbench.corpora import load_corpus

        try:
            return load_corpus(self.name, self.root)
        except UsageError as error:
            if self.root is not None:
                raise
            return str(error)
        except DataError as error:
            return str(error)

    @cached_property
    def gpu_gb(self) -> float:
        """Memory of the largest GPU in GiB; 0 without one."""
        import torch

        if not torch.cuda.is_available():
            return 0.0
        return max(torch.cuda.get_device_properties(k).total_memory for k in range(torch.cuda.device_count())) / 2**30

    def missing(self, row: OwnRow) -> list[Missing]:
        """All that keeps a row from being run."""
        return [*self._data(row), *self._weights(row), *self._gpu(row)]

    def _data(self, row: OwnRow) -> Iterator[Missing]:
        task = find_task(row.task)
        parts = (_answer(task), *row.recipe.needs.parts)
        if isinstance(self._read, str):
            if self.root is None:
                yield Missing(what=f"the corpus {self.name} (--root DIR)", details=(self._read,))
                return
            yield Missing(what=f"the corpus {self.name}", details=(self._read,))
            for part in parts:
                yield Missing(what=part, details=tuple(self._files(part, ())))
            return
        rows = _asked(self._read, task)
        for part in parts:
            lacking = [one for one in rows if not _has(one, part)]
            if lacking:
                some = "" if len(lacking) == len(rows) else f" of {len(lacking):,} utterances"
                details = tuple(self._files(part, lacking)) or (self._read.missing.get(part, "Add it to the corpus."),)
                yield Missing(what=f"{part}{some}", details=details)

    def _files(self, part: str, lacking: Sequence[Example]) -> Iterator[str]:
        """A sentence on every file that would bring a part."""
        for found in _places(self.name):
            if found["part"] != part or self.root is None:
                continue
            holds = f", {found['holds']}" if "holds" in found else ""
            if "file" in found:
                there = next((p for p in _candidates(self.root, found["file"]) if p.is_file()), None)
                state = "there, but without it" if there else "not there"
                yield f"{there or self.root / found['file']}{holds}: {state}. From {found['get']}."
            else:
                paths, state = self._each(self.root, found["each"], lacking)
                yield f"{paths}{holds}: {state}. From {found['get']}."

    def _each(self, root: Path, pattern: str, lacking: Sequence[Example]) -> tuple[str, str]:
        """The files that utterances lack, some by name, and what is wrong with them."""
        paths = [root / _path_of(pattern, one.utterance.id) for one in lacking]
        if not paths:
            return str(root / pattern), "not there"
        absent = [path for path in paths if not path.is_file()]
        listed = absent or paths
        more = f" and {len(listed) - _SHOWN:,} more files" if len(listed) > _SHOWN else ""
        return ", ".join(map(str, listed[:_SHOWN])) + more, "not there" if absent else "there, but without it"

    def _weights(self, row: OwnRow) -> Iterator[Missing]:
        for key in row.recipe.needs.weights:
            name = str(row.settings[key])
            problem = weights_problem(name)
            if problem and not (self.download and not Path(name).is_dir()):
                remedy = f"Give a folder with --set ROW:{key}=FOLDER, or let them be fetched with --download."
                yield Missing(what=f"weights {name}", details=(f"{problem} {remedy}",))

    def _gpu(self, row: OwnRow) -> Iterator[Missing]:
        needed = row.recipe.needs.gpu_gb
        if needed and not self.anyway and self.gpu_gb < needed:
            here = f"the GPU here has {self.gpu_gb:.0f}" if self.gpu_gb else "there is no GPU here"
            details = f"An estimate of the memory that training takes; {here}. --anyway runs the row all the same."
            yield Missing(what=f"a GPU of {needed:g} GiB", details=(details,))


def _answer(task: Task) -> str:
    """The part of a corpus that holds a task's answers."""
    return "captions" if task.is_caption else f"labels:{task.modality}"


def _asked(corpus: Corpus, task: Task) -> list[Example]:
    """The utterances that a task asks for; all where none has its answer."""
    rows = [row for split in corpus.splits.values() for row in split]
    if task.aspect is not None:
        chosen = [row for row in rows if row.references.captions.get(task.aspect)]
        return chosen if _in_all_splits(corpus, chosen) else rows
    chosen = [row for row in rows if row.references.gold(task) in task.classes]
    return chosen if _in_all_splits(corpus, chosen) else rows


def _in_all_splits(corpus: Corpus, chosen: Sequence[Example]) -> bool:
    kept = {row.utterance.id for row in chosen}
    return all(any(row.utterance.id in kept for row in corpus.splits.get(name, ())) for name in ("train", "test"))


def _has(row: Example, part: str) -> bool:
    if part == "captions":
        return bool(row.references.captions)
    if part == "audio":
        return row.utterance.audio is not None and row.utterance.audio.path.is_file()
    if part == "transcripts":
        return row.utterance.transcript is not None
    modality = part.removeprefix("labels:")
    assert modality in MODALITIES, part  # noqa: S101 - parts come from tasks and checked recipes
    return modality in row.references.labels


def _places(corpus: str) -> Sequence[Mapping[str, Any]]:
    from secbench.corpora._files import read_toml

    found: Sequence[Mapping[str, Any]] = read_toml(Path(__file__).with_name("files.toml")).get(corpus, ())
    return found


def _candidates(root: Path, file: str) -> tuple[Path, ...]:
    return root / file, root / "EmotionTalk" / "dataset" / file, root / Path(file).name


def _path_of(pattern: str, name: str) -> str:
    session, dialogue, speaker, _ = name.split("_")
    return pattern.format(session=session, dialogue=dialogue, speaker=speaker, id=name)
