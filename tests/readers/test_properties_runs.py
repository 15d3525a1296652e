"""Run folders, tables, lexica, configurations and checkpoints: what is written is read; what is spoilt is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines._store import read_arrays, read_facts, write_arrays, write_facts
from leaderboard._read import read_run
from mecap_r1.checkpoints import Checkpoint, Checkpoints
from secbench.configuration import read_run_file
from secbench.curves import curves_of, read_log
from secbench.emotions import EMOTIONS
from secbench.errors import DataError, UsageError
from secbench.evaluation import read_utterances
from secbench.metrics._lexicon import LexiconExtractor
from secbench.runner import _seconds_in
from secbench.runs import RunFolder
from secbench.schema import Provenance, RunRecord
from secbench.tables import read_table
from secbench.timings import mean_seconds, read_timings
from tests.readers.strategies import HAN, JSON, NAMES, NUMBERS, TEXT, WORDS, write

SEEDS = Path(__file__).parent / "seeds"
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


MACHINE = Provenance(secbench="1", python="3", packages={}, hardware="none", created="2025-03-04T05:06:07Z")
RECORDS = st.builds(
    RunRecord,
    id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,30}", fullmatch=True),
    status=st.sampled_from(["running", "complete", "partial", "failed"]),
    model=TEXT,
    name=TEXT,
    kind=TEXT,
    corpus=TEXT,
    corpus_revision=TEXT,
    task=st.sampled_from(["caption-overall", "emotion-audio-4"]),
    split=TEXT,
    seed=st.integers(0, 2**31),
    n=st.integers(0, 10**6),
    config=st.dictionaries(TEXT, PLAIN, max_size=3),
    facts=st.dictionaries(TEXT, PLAIN, max_size=3),
    seconds_per_utterance=st.none() | NUMBERS,
    provenance=st.just(MACHINE),
)


@given(RECORDS)
def test_a_record_comes_back(folder: Path, record: RunRecord) -> None:
    RunFolder(folder / "record").write(record)
    assert read_run(folder / "record").record == record


LOGS = st.lists(
    st.fixed_dictionaries({"step": st.integers(0, 9)}, optional={"stage": NAMES, "loss": NUMBERS, "samples": JSON}),
    max_size=5,
)


@given(LOGS, st.sampled_from(["", "{", '{"step": 1', "\xff", '{"step": 1}']))
def test_a_log_comes_back_without_a_torn_end(folder: Path, rows: list[dict[str, Any]], torn: str) -> None:
    path = write(folder / "train.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows) + torn)
    assert json.dumps(list(read_log(path))) == json.dumps(rows)
    for curve in curves_of(rows):
        assert all(abs(value) < float("inf") for point in curve.points for value in point)


@given(LOGS, st.sampled_from(["{", "[]", "\0", '{"a": 1, "a": 2}', "[" * 5_000, '{"step": ' + "9" * 5_000 + "}"]))
def test_a_spoilt_line_of_a_log_is_named(folder: Path, rows: list[dict[str, Any]], damage: str) -> None:
    path = write(folder / "train.jsonl", "".join(json.dumps(row) + "\n" for row in rows) + damage + "\n")
    with pytest.raises(DataError, match=rf"train\.jsonl, line {len(rows) + 1}: "):
        list(read_log(path))


def test_numbers_beyond_all_bounds_are_no_points() -> None:
    rows = [{"step": k, "loss": 10**400 if k == 1 else k, "rate": float("inf")} for k in range(3)]
    assert [(curve.name, curve.points) for curve in curves_of(rows)] == [("loss", ((0, 0), (2, 2)))]


AMOUNTS = st.fixed_dictionaries({"id": WORDS, "seconds": st.floats(0, 1e6)}, optional={"tokens": st.integers(0, 10**6)})


@given(st.lists(AMOUNTS, max_size=4), st.sampled_from(["", '{"seconds": "1"}', '{"seconds": NaN}', '{"tokens": 1}']))
def test_timings_come_back(folder: Path, rows: list[dict[str, Any]], damage: str) -> None:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    write(folder / "timings.jsonl", "".join(line + "\n" for line in [*lines, *([damage] if damage else [])]))
    if damage:
        with pytest.raises(DataError, match=rf"timings\.jsonl, line {len(rows) + 1}: "):
            read_timings(folder)
        return
    assert read_timings(folder) == rows
    assert (mean_seconds(rows) is None) == (not rows)


@settings(max_examples=40)
@given(st.lists(st.tuples(TEXT, st.none() | TEXT, st.floats()), min_size=1, max_size=5))
def test_a_table_of_utterances_comes_back(folder: Path, rows: list[tuple[str, str | None, float]]) -> None:
    names, captions, scores = (list(column) for column in zip(*rows, strict=True))
    columns = {
        "id": pa.array(names, pa.string()),
        "caption": pa.array(captions, pa.string()),
        "bleu4": pa.array(scores),
    }
    pq.write_table(pa.table(columns), folder / "utterances.parquet")
    table = read_utterances(folder)
    assert (table["id"], table["caption"]) == (names, captions)
    np.testing.assert_array_equal(table["bleu4"], scores)


def test_a_table_that_swells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secbench.evaluation._files._MOST_BYTES", 10**6)
    names = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000), pa.array(["u" * 1_000])).cast(pa.string())
    pq.write_table(pa.table({"id": names, "caption": names}), tmp_path / "utterances.parquet")
    assert (tmp_path / "utterances.parquet").stat().st_size < 10**5
    with pytest.raises(DataError, match="too much for a table of utterances"):
        read_utterances(tmp_path)


@pytest.mark.parametrize(
    "columns",
    [
        {"id": [1], "caption": ["x"]},
        {"id": ["a"]},
        {"id": [None], "caption": ["x"]},
        {"id": [b"\xff"], "caption": ["x"]},
    ],
    ids=str,
)
def test_another_table_is_refused(tmp_path: Path, columns: dict[str, list[Any]]) -> None:
    pq.write_table(pa.table(columns), tmp_path / "utterances.parquet")
    with pytest.raises(DataError, match=r"utterances\.parquet"):
        read_utterances(tmp_path)


@given(st.lists(HAN, min_size=len(EMOTIONS), max_size=len(EMOTIONS), unique=True))
def test_the_words_of_a_lexicon_name_their_classes(folder: Path, words: list[str]) -> None:
    grammar = 'negators = ""\naffirmers = ""\nfillers = ""\nconnectors = ""'
    path = write(
        folder / "lexicon.toml",
        "version = 1\n[terms]\n"
        + "".join(f'{emotion} = "{word}"\n' for emotion, word in zip(EMOTIONS, words, strict=True))
        + f'[states]\nholders = ""\n[affect]\nholders = ""\nchanges = ""\n[grammar]\n{grammar}\n'
        + '[content]\nframes = ""\nvoice = ""\n[ignore]\nphrases = ""\n',
    )
    assert LexiconExtractor(path).extract(words) == [frozenset({emotion}) for emotion in EMOTIONS]


LEXICON = (SEEDS / "lexicon" / "small.toml").read_text("utf-8")
SPOILT_LEXICA = [
    ("version = 3", "version = 0", "`version`"),
    ('happy-sad = "', 'happy-glad = "', "'glad' is no emotion class"),
    ('sad = "悲伤 很悲伤"', "", "`terms`"),
    ('holders = "感情"', 'holders = ["感情"]', "`affect.holders`"),
    ("[ignore]", "[ignored]", "`ignore`"),
    ('voice = "声音"', 'voice = "声音"\nnoise = ""', "`content.noise`"),
]


@pytest.mark.parametrize(("old", "new", "words"), SPOILT_LEXICA)
def test_a_spoilt_lexicon_says_where(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in LEXICON
    path = write(tmp_path / "lexicon.toml", LEXICON.replace(old, new))
    with pytest.raises(DataError, match=words) as caught:
        LexiconExtractor(path)
    assert str(caught.value).startswith(f"{path}: ")


def toml(value: object) -> str:
    """A value of a TOML file."""
    if isinstance(value, str):
        return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value) + '"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items()) + "}"
    return str(value).lower()


CELLS = st.dictionaries(TEXT, st.floats(-1e9, 1e9), min_size=1, max_size=4)


@given(st.lists(CELLS, min_size=1, max_size=3))
def test_the_cells_of_a_table_come_back(folder: Path, rows: list[dict[str, float]]) -> None:
    heads = dict.fromkeys(head for row in rows for head in row)
    text = 'title = "T"\nsource = "S"\nprovenance = "digest"\n[columns]\n'
    text += "".join(f"{toml(head)} = {{}}\n" for head in heads)
    text += "".join(f'[[rows]]\nmodel = "m{k}"\ncells = {toml(row)}\n' for k, row in enumerate(rows))
    table = read_table(write(folder / "table.toml", text), "t")
    assert [{cell.column: cell.printed for cell in row.cells} for row in table.rows] == rows


TABLE = (SEEDS / "table" / "small.toml").read_text("utf-8")
SPOILT_TABLES = [
    ('"BLEU-4" = 7.3', '"BLEU-4" = nan', r"row 1 \(SECap\)"),
    ('"BLEU-4" = 7.3', '"BLEU-5" = 7.3', r"row 1 \(SECap\), cell 'BLEU-5'"),
    ("scale = 100", "scale = 1e-9", "scale"),
    ('metric = ["bleu4"]', 'metric = ["bleu5"]', "column 'BLEU-4'.*Did you mean"),
    ('name = "ours"', 'name = "../ours"', "recipe 1"),
    ("seeds = [0, 1]", "seeds = []", "recipe 1"),
    ('beside = ["SECap"]', 'beside = ["Secap"]', "beside names the row 'Secap'"),
]


@pytest.mark.parametrize(("old", "new", "words"), SPOILT_TABLES)
def test_a_spoilt_table_says_where(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in TABLE
    path = write(tmp_path / "table.toml", TABLE.replace(old, new))
    with pytest.raises(DataError, match=words) as caught:
        read_table(path, "t")
    assert str(caught.value).startswith(f"{path}: ")


SETTINGS = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


RUNS = st.fixed_dictionaries(
    {"model": WORDS, "set": st.dictionaries(TEXT, SETTINGS, min_size=1, max_size=3)},
    optional={"seed": st.lists(st.integers(0, 9), min_size=1, max_size=3), "corpus": WORDS, "control": st.booleans()},
)


@given(st.lists(RUNS, min_size=1, max_size=3))
def test_the_runs_of_a_configuration_come_back(folder: Path, runs: list[dict[str, Any]]) -> None:
    lines = ["[[run]]\n" + "".join(f"{toml(key)} = {toml(value)}\n" for key, value in run.items()) for run in runs]
    assert read_run_file(write(folder / "runs.toml", "".join(lines))) == runs


MANY = "[" + '"x", ' * 60 + "]"
OTHERS = {
    "number": "run = 1",
    "numbers": "run = [1]",
    "one table": "[run]",
    "more": "[[run]]\n[more]",
    "misspelt": "[[runs]]",
    "deep": "run = " + "[" * 5_000,
    "dotted": "[[run]]\nmodel." + ".".join("a" * 1_500) + " = 1",
    "a matrix that fills the memory": f"[matrix]\nmodels = {MANY}\ncorpora = {MANY}\ntasks = {MANY}\n",
    "an endless size": f"[[run]]\nresources = {{ memory = '{'9' * 400} GB' }}",
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_another_configuration_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises((DataError, UsageError), match=r"runs\.toml"):
        read_run_file(write(tmp_path / "runs.toml", text))


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_checkpoint_is_whole_or_is_not_used(folder: Path, place: int, byte: int) -> None:
    kept = Checkpoints(folder / "newest.safetensors", "x")
    kept.path.unlink(missing_ok=True)
    kept.before.unlink(missing_ok=True)
    kept.write(Checkpoint({"w": torch.arange(4.0), "n": torch.tensor(3)}, {"step": 3}))
    data = bytearray(kept.path.read_bytes())
    same = data[place % len(data)] == byte
    data[place % len(data)] = byte
    kept.path.write_bytes(data)
    found, trouble = kept.read()
    assert (found is None) == (trouble != "")
    if found is None:
        assert not same
    else:
        assert found.facts == {"step": 3, "identity": "x"}
        assert torch.equal(found.tensors["w"], torch.arange(4.0))


@settings(max_examples=40)
@given(st.dictionaries(TEXT, PLAIN), st.dictionaries(NAMES, st.lists(NUMBERS, max_size=4)))
def test_a_model_comes_back(folder: Path, facts: dict[str, Any], arrays: dict[str, list[float]]) -> None:
    write_facts(folder, facts)
    write_arrays(folder, {name: np.array(values) for name, values in arrays.items()})
    assert read_facts(folder) == facts
    assert {name: list(values) for name, values in read_arrays(folder).items()} == arrays


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"seconds": "1"}', '{"seconds": NaN}', '{"seconds": 1' + "0" * 400 + "}"]
)
def test_a_spoilt_mark_of_a_fitted_model_is_said(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "fitted.json", text)
    with pytest.raises(DataError, match=r"fitted\.json"):
        _seconds_in(path)
