"""The readers under fuzz: where each expects its bytes, and what it is asked.

A reader of several files gets them out of one: lines of five equals signs part them. A part that is not there is a file
that is not there.
"""

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.fuzz._checks import check_corpus, check_predictions, check_round_trip, finite_numbers, promise
from leaderboard._chart_space import read_space
from leaderboard._read import Scored, read_run
from secbench.configuration import read_run_file
from secbench.corpora import load_corpus, load_references
from secbench.curves import curves_of
from secbench.emotions import EMOTIONS
from secbench.evaluation import read_utterances
from secbench.metrics._lexicon import LexiconExtractor
from secbench.predictions import read_predictions
from secbench.runs import RunFolder
from secbench.shards import read_note
from secbench.tables import read_table
from secbench.tasks import TASKS
from secbench.timings import mean_seconds, read_timings, usage

__all__ = ["SEPARATOR", "TARGETS", "Target"]

SEPARATOR = b"\n=====\n"
_ID = "G00001_02_01_002"
_CLIP = f"G00001/G00001_02/G00001_02_01/{_ID}"
_CAPTION = "语气并没有平静，情绪高亢，声音里透着悲伤。"


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        readers: each reads what `lay` has left in a folder, and checks what it gets.
        names: the files that it may name in a message; the parts of the bytes are these files, in this order.
        suffix: of seeds and cases.
        words: what a mutation may put anywhere.
        whole: whether the bytes are each of these files, and not parted among them.
        packed: the archive that the parts are members of, if they are.
    """

    readers: tuple[Callable[[Path], None], ...]
    names: tuple[str, ...]
    suffix: str
    words: tuple[str, ...] = ()
    whole: bool = False
    packed: str | None = None

    def lay(self, folder: Path, data: bytes) -> None:
        """Write the bytes where the reader expects them."""
        parts = [data] * len(self.names) if self.whole else data.split(SEPARATOR, len(self.names) - 1)
        if self.packed is not None:
            _pack(folder / self.packed, self.names, data, parts)
            return
        for k, name in enumerate(self.names):
            path = folder / name
            if k < len(parts):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(parts[k])
            else:
                path.unlink(missing_ok=True)


def _pack(path: Path, names: tuple[str, ...], data: bytes, parts: list[bytes]) -> None:
    """Bytes that begin like an archive are one; else they are its members."""
    if data.startswith(b"PK"):
        path.write_bytes(data)
        return
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in zip(names, parts, strict=False):
            archive.writestr(zipfile.ZipInfo(name), part)


def _predictions(name: str, file_format: str | None = None) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        found = read_predictions(folder / name, file_format)
        check_predictions(found)
        check_round_trip(found, folder)

    return read


def _corpus(name: str) -> Callable[[Path], None]:
    return lambda folder: check_corpus(load_corpus(name, folder))


def _run(folder: Path) -> None:
    run = read_run(folder)
    check_predictions(run.predictions, unique=False)
    check_round_trip(run.predictions, folder / "again")
    finite_numbers([curve.points for curve in curves_of(run.curves)], "a point of a curve is not finite")
    if isinstance(run, Scored):
        finite_numbers(run.report.model_dump(), "a score is not finite")
    if run.listening is not None:
        finite_numbers(run.listening.model_dump(), "a drop is not finite")


def _notes(folder: Path) -> None:
    space = read_space(folder)
    if space is not None:
        finite_numbers(space.model_dump(), "a place in a space is not finite")
    promise(read_note(RunFolder(folder)).number >= 1, "a shard has no number")


def _timings(folder: Path) -> None:
    rows = read_timings(folder)
    finite_numbers([mean_seconds(rows) or 0.0, *usage(rows).values()], "an amount is not finite")


def _utterances(folder: Path) -> None:
    table = read_utterances(folder)
    promise(len({len(column) for column in table.values()}) == 1, "columns of several lengths")
    promise(all(isinstance(name, str) for name in table["id"]), "an id is no text")


def _lexicon(folder: Path) -> None:
    found = LexiconExtractor(folder / "lexicon.toml").extract([_CAPTION])
    promise(found[0] <= set(EMOTIONS), "a class that there is not")


def _table(folder: Path) -> None:
    table = read_table(folder / "table.toml", "table")
    finite_numbers([cell.value for cell in table.cells], "a cell is not finite")


def _configuration(folder: Path) -> None:
    promise(all(isinstance(row, dict) for row in read_run_file(folder / "runs.toml")), "a run is no table")


def _build(folder: Path) -> None:
    from secbench.corpora._built import ArrowSplit, BuiltExamples
    from secbench.corpora._columns import Reader, schema_of

    path, schema = folder / "test.arrow", schema_of(("overall",), ("audio",))
    rows = BuiltExamples(ArrowSplit(path, schema, 2), Reader(folder, schema, path), range(2))
    promise(len(list(rows)) == len(rows) == 2, "rows are missing")
    for task in ("caption-overall", "emotion-audio"):
        list(rows.answering(TASKS[task]))
    promise(all(len(turns) for turns in rows.dialogues.values()), "a dialogue is empty")


def _prompts(folder: Path) -> None:
    from baselines._prompts import load_prompts

    load_prompts(str(folder / "prompts.toml"), "1", "zh")


def _checkpoint(folder: Path) -> None:
    from mecap_r1.checkpoints import Checkpoints

    Checkpoints(folder / "newest.safetensors", "x").read()


def _model(folder: Path) -> None:
    from baselines._store import read_arrays, read_facts

    promise(isinstance(read_facts(folder), dict), "the facts are no object")
    read_arrays(folder)


_JSON = (
    '"id"',
    '"caption"',
    '"label"',
    "null",
    "true",
    "1e999",
    "NaN",
    "-Infinity",
    "9" * 400,
    '"\\ud800"',
    "[[[[",
    "{",
)
_ROW = ("references", "probabilities", "logprob", "error", "speaker", "dialogue", "happy", "image_id", "\ufeff", "\0")
_TOML = ("nan", "inf", "-inf", "1e999", "9" * 400, "1979-05-27T07:32:00Z", "[[", "]]", "{}", "[]", '"""', "true", "= ")
_ANNOTATION = ('"data"', '"emotion_result"', '"sourceAttr"', '"content"', '"Continuous label_result"', '"caption_1"')
_CSV = ('"', "\r\n", ",", ";", "\t", "\0", "id", "caption", "prediction", "label", "error", "\ufeff")
_LITERAL = ("{'spe_cap': '", "'caption_1'", "caption_9" + "9" * 90, "b''", "1e999", "9" * 400, "((((", "-", "1j", "...")

TARGETS: Mapping[str, Target] = {
    "predictions-jsonl": Target((_predictions("a.jsonl"),), ("a.jsonl",), ".jsonl", (*_JSON, *_ROW)),
    "predictions-csv": Target(
        (_predictions("a.csv"), _predictions("a.tsv"), _predictions("a.out")),
        ("a.csv", "a.tsv", "a.out"),
        ".csv",
        _CSV,
        whole=True,
    ),
    "predictions-coco": Target((_predictions("a.json", "coco"),), ("a.json",), ".json", (*_JSON, *_ROW)),
    "references": Target(
        (lambda folder: check_corpus(load_references(folder / "gold")),), ("gold",), ".jsonl", (*_JSON, *_ROW)
    ),
    "manifest": Target(
        (_corpus("jsonl"),),
        ("manifest.jsonl", "card.toml"),
        ".txt",
        (*_JSON, *_ROW, "split", "test", "train", "captions", "overall", "audio", "../", "start", "turn", "voice"),
    ),
    "emotiontalk-json": Target(
        (_corpus("emotiontalk"),),
        (f"Audio/json/{_CLIP}.json", f"Text/json/{_CLIP}.json", f"Multimodal/json/{_CLIP}.json"),
        ".txt",
        (*_JSON, *_ANNOTATION),
    ),
    "emotiontalk-csv": Target(
        (_corpus("emotiontalk"),),
        ("audio.csv", "transcription.csv", "mm.csv"),
        ".txt",
        (*_CSV, *_LITERAL, _ID, "file_name", "emotion", "content", "name", "chinese"),
    ),
    "emotiontalk-npz": Target(
        (_corpus("emotiontalk"),),
        ("train_corpus.npy", "val_corpus.npy", "test_corpus.npy"),
        ".bin",
        ("numpy._core.multiarray\n_reconstruct\n", "ndarray", "dtype", _ID, "emo", "val"),
        packed="mm_label.npz",
    ),
    "secap": Target(
        (_corpus("secap"),),
        ("fid2captions.json", "text.txt", "wav.scp"),
        ".txt",
        (*_JSON, "\0", "../", "/dev/zero"),
    ),
    "run": Target(
        (_run,),
        ("run.json", "predictions.jsonl", "scores.json", "train.jsonl", "listening.json"),
        ".txt",
        (*_JSON, *_ROW, "version", "stage", "step", "metrics", "value", "controls", "status"),
    ),
    "run-notes": Target(
        (_notes,),
        ("shard.json", "emotion_space.json"),
        ".txt",
        (*_JSON, "number", "count", "anchors", "emotions", "points", "at", "caption", "label"),
    ),
    "timings": Target((_timings,), ("timings.jsonl",), ".jsonl", (*_JSON, "seconds", "tokens", "0.5", "7")),
    "utterances": Target((_utterances,), ("utterances.parquet",), ".parquet", ("PAR1", "id", "caption")),
    "lexicon": Target(
        (_lexicon,), ("lexicon.toml",), ".toml", (*_TOML, "[terms]", "[mixed]", "[grammar]", "version", "happy-sad")
    ),
    "table": Target(
        (_table,),
        ("table.toml",),
        ".toml",
        (*_TOML, "[[rows]]", "[[recipes]]", "[columns]", "cells", "metric", "scale"),
    ),
    "configuration": Target((_configuration,), ("runs.toml",), ".toml", (*_TOML, "[[run]]", "model", "set")),
    "built": Target((_build,), ("test.arrow",), ".arrow", ("ARROW1", "\0", "\x01", "\xff", "happy", "sad")),
    "prompts": Target((_prompts,), ("prompts.toml",), ".toml", (*_TOML, "{labels}", "{transcript}", "audio", "labels")),
    "checkpoint": Target(
        (_checkpoint,), ("newest.safetensors",), ".safetensors", ('"facts"', '"sha256"', "data_offsets")
    ),
    "model": Target((_model,), ("model.json", "model.safetensors"), ".bin", (*_JSON, "data_offsets", "dtype", "F32")),
}
"""Name -> reader."""
