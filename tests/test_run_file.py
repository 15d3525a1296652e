"""Files of runs: what a matrix stands for, and every mistake in one sentence."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secbench.errors import UsageError
from secbench.run_file import Resources, read_run_file


def read(folder: Path, text: str) -> list[dict[str, object]]:
    path = folder / "runs.toml"
    path.write_text(text, encoding="utf-8")
    return read_run_file(path)


def test_a_matrix_with_settings_roots_and_runs_beside_it(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        [matrix]
        models = ["modal", "sft"]
        corpora = ["minitalk", "jsonl"]
        seeds = [0, 1]
        limit = 5

        [models.sft]
        set = { sft_steps = 3, batch = 4 }
        resources = { cpus = 2, gpus = 0.5, memory = "2 GB" }

        [corpora.jsonl]
        root = "here"

        [[run]]
        model = "sft"
        set = { batch = 8 }
        """,
    )
    sft = {"set": {"sft_steps": 3, "batch": 4}, "resources": {"cpus": 2.0, "gpus": 0.5, "memory": 2_000_000_000}}
    common = {"task": "caption-overall", "seed": [0, 1], "limit": 5}
    assert found == [
        {"model": "modal", "corpus": "minitalk", **common},
        {"model": "modal", "corpus": "jsonl", "root": "here", **common},
        {"model": "sft", "corpus": "minitalk", **common, **sft},
        {"model": "sft", "corpus": "jsonl", "root": "here", **common, **sft},
        {"model": "sft", "set": {"sft_steps": 3, "batch": 8}, "resources": sft["resources"]},
    ]


def test_the_example_of_the_docs(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "running-many.md").read_text("utf-8")
    found = read(tmp_path, page.partition("```toml\n")[2].partition("```")[0])
    assert len(found) == 3 * 2 * 2 + 1
    assert found[-2]["resources"] == {"cpus": 4.0, "gpus": 1.0, "memory": 24_000_000_000}
    assert found[-2]["root"] == "/data/EmotionTalk"


names = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True)


@given(models=names, corpora=names, tasks=names, seeds=st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_a_matrix_is_every_combination_once(
    tmp_path_factory: pytest.TempPathFactory, models: list[str], corpora: list[str], tasks: list[str], seeds: list[int]
) -> None:
    text = f"[matrix]\nmodels = {models}\ncorpora = {corpora}\ntasks = {tasks}\nseeds = {seeds}\n"
    found = read(tmp_path_factory.mktemp("matrix"), text)
    assert [(row["model"], row["corpus"], row["task"]) for row in found] == list(product(models, corpora, tasks))
    assert all(row["seed"] == seeds for row in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[matrx]\nmodels = ['a']", r"nothing else but a \[matrix\].* Did you mean matrix"),
        ("", "must hold"),
        ("[models.a]\nset = {}", "must hold"),
        ("run = 3", "must hold"),
        ("[matrix]\nmodel = ['a']", r"Unknown key 'model' in \[matrix\] of .*Did you mean models"),
        ("[matrix]\ncorpora = ['a']", "models in .*Field required"),
        ("[matrix]\nmodels = []", "models in .*at least 1"),
        ("[matrix]\nmodels = 'a'", "models in .*list.*not 'a'"),
        ("[matrix]\nmodels = ['a']\nseeds = ['0']", "seeds.0 in .*integer, not '0'"),
        ("[matrix]\nmodels = ['a']\nlimit = 0", "limit in .*greater than or equal to 1"),
        ("[[run]]\nmodel = 'a'\nsede = 1", r"Unknown key 'sede' in \[\[run\]\] of .*Did you mean seed"),
        ("[[run]]\nmodel = 'a'\nseed = []", "seed"),
        ("[[run]]\nmodel = 'a'\nsplit = 'tset'", "split in .*'test'"),
        ("[[run]]\nmodel = 3", "model in .*string, not '3'"),
        ("[[run]]\nmodel = 'a'\nresources = {cpu = 1}", "Unknown key 'resources.cpu'.*Did you mean cpus"),
        ("[[run]]\nmodel = 'a'\nresources = {memory = 'much'}", "resources.memory.*such as '16 GB', not 'much'"),
        ("[[run]]\nmodel = 'a'\n[models.b]\n", r"\[models.b\] in .* is of no run in it. .*There are: a"),
        ("[[run]]\nmodel = 'sft'\n[models.stf]\n", "Did you mean sft"),
        ("[[run]]\nmodel = 'a'\n[models.a]\nsets = {}", r"Unknown key 'sets' in \[models.a\].*Did you mean set"),
        ("[[run]]\nmodel = 'a'\n[corpora.minitalk]\nroots = 'x'", "Did you mean root"),
        ("corpora = 3\n[[run]]\nmodel = 'a'", "must hold a table for each name"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("16 GB", 16 * 10**9), ("16GiB", 16 * 2**30), ("1.5g", 1_500_000_000), ("500 MiB", 500 * 2**20), (7, 7), ("9", 9)],
)
def test_sizes(text: str | int, size: int) -> None:
    assert Resources.model_validate({"memory": text}).memory == size
