"""What no file of ours may hold: calls that run what data says, whatever they are called by."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = ("secbench", "mecap_r1", "baselines", "leaderboard", "chaos", "tools", "benchmarks", "studies", "examples")

NAMES = {"eval", "exec", "compile", "__import__", "execfile"}
CALLS = {
    *("os.system", "os.popen", "os.execv", "os.execve", "os.execvp", "os.spawnl", "os.spawnv", "pty.spawn"),
    *("subprocess.getoutput", "subprocess.getstatusoutput"),
    *(
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "pickle._Unpickler",
        "dill.load",
        "dill.loads",
        "joblib.load",
        "shelve.open",
    ),
    *("cPickle.load", "cPickle.loads", "marshal.load", "marshal.loads", "pandas.read_pickle", "pd.read_pickle"),
    *("torch.load", "torch.jit.load", "torch.hub.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load"),
    *("tempfile.mktemp", "runpy.run_path", "runpy.run_module"),
    *("xml.sax.parse", "xml.dom.minidom.parse", "shutil.unpack_archive"),
}
IMPORT = "importlib.import_module"
EXPLAINED = {
    ("secbench/registry.py", IMPORT): "the target of an entry point of an installed package",
    ("secbench/metrics/_aac_worker.py", IMPORT): "a metric of aac-metrics; the names are ours",
    ("secbench/corpora/_opening.py", IMPORT): "the module of a function that is imported already",
    ("secbench/corpora/_pickled.py", "pickle._Unpickler"): "the restricted one, which can name four things of ours",
}
"""(file, call) -> why it may be there."""


def imports(tree: ast.AST) -> dict[str, str]:
    """Name in the file -> what it stands for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(
                {
                    one.asname or one.name.split(".")[0]: one.name if one.asname else one.name.split(".")[0]
                    for one in node.names
                }
            )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update({one.asname or one.name: f"{node.module}.{one.name}" for one in node.names})
    return found


def dotted(node: ast.AST, known: dict[str, str]) -> str:
    """A name or an attribute as it would be imported; empty for anything else."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value, known)):
        return f"{owner}.{node.attr}"
    return ""


def ours(module: ast.expr) -> bool:
    """Whether a module is named in the code itself, or lies in the package of the file."""
    if isinstance(module, ast.JoinedStr):
        first = module.values[0]
        return isinstance(first, ast.FormattedValue) and ast.unparse(first.value) == "__name__"
    return isinstance(module, ast.Constant)


def true(node: ast.expr) -> bool:
    return not (isinstance(node, ast.Constant) and not node.value)


def wrong(source: str) -> Iterator[str]:
    """The forbidden calls of a file; a name counts also where it is only handed on."""
    tree = ast.parse(source)
    known = imports(tree)
    for node in ast.walk(tree):
        name = dotted(node, known) if isinstance(node, ast.Name | ast.Attribute) else ""
        if name in CALLS:
            yield name
        if isinstance(node, ast.Call):
            called = dotted(node.func, known)
            yield from wrong_call(node, called)
            yield from wrong_options(called, {one.arg: one.value for one in node.keywords}, known)


def wrong_call(node: ast.Call, called: str) -> Iterator[str]:
    """What is wrong with whom it calls."""
    if called.removeprefix("builtins.") in NAMES:
        yield called
    if called == IMPORT and not ours(node.args[0]):
        yield IMPORT


def wrong_options(called: str, options: dict[str | None, ast.expr], known: dict[str, str]) -> Iterator[str]:
    """What is wrong with how it calls; an option without a name stands for more of them."""
    for name in ("shell", "allow_pickle"):
        if name in options and true(options[name]):
            yield f"{name}=True"
    if "trust_remote_code" in options and ast.unparse(options["trust_remote_code"]) not in ALLOWED:
        yield "trust_remote_code=..."
    last = called.rpartition(".")[2]
    unpacks = last in ("extractall", "extract") and {"tarfile", "zipfile"} & set(known.values())
    if unpacks and ast.unparse(options.get("filter", ast.Constant(None))) != "'data'":
        yield "extract without filter='data'"
    if last == "from_pretrained" and "Model" in called and not {"use_safetensors", None} & options.keys():
        yield "from_pretrained without use_safetensors"


ALLOWED = {"False", "remote_code_allowed()"}
"""The one place that says whether code of a model may run, or no."""


@pytest.mark.parametrize("package", CODE)
def test_no_file_runs_what_data_says(package: str) -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), call)
        for path in (ROOT / package).rglob("*.py")
        for call in wrong(path.read_text("utf-8"))
    }
    assert found - EXPLAINED.keys() == set()


def test_every_exception_is_still_one() -> None:
    for (file, call), why in EXPLAINED.items():
        assert call in set(wrong((ROOT / file).read_text("utf-8"))), file
        assert why


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("eval(x)", "eval"),
        ("import builtins\nbuiltins.exec(x)", "builtins.exec"),
        ("__import__(x)", "__import__"),
        ("import os\nos.system(x)", "os.system"),
        ("from os import system as run\nrun(x)", "os.system"),
        ("import subprocess as s\ns.run(x, shell=True)", "shell=True"),
        ("import pickle\npickle.loads(x)", "pickle.loads"),
        ("from pickle import load\nmap(load, x)", "pickle.load"),
        ("import torch\ntorch.load(x)", "torch.load"),
        ("import numpy as np\nnp.load(x, allow_pickle=True)", "allow_pickle=True"),
        ("import yaml\nyaml.load(x)", "yaml.load"),
        ("A.from_pretrained(x, trust_remote_code=True)", "trust_remote_code=..."),
        ("AutoModel.from_pretrained(x)", "from_pretrained without use_safetensors"),
        ("import zipfile\na.extractall(x)", "extract without filter='data'"),
        ("import tarfile\na.extract(x, filter='tar')", "extract without filter='data'"),
        ("import importlib\nimportlib.import_module(x)", "importlib.import_module"),
    ],
)
def test_it_is_found_however_it_is_written(source: str, call: str) -> None:
    assert call in set(wrong(source))


def test_harmless_code_is_let_be() -> None:
    source = "import re, ast\nre.compile(x)\nmodel.eval()\nast.literal_eval(x)\njson.load(x)\nrun(x, shell=False)"
    assert set(wrong(source)) == set()
