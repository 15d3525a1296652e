"""One process of coverage-guided fuzzing: `python -m chaos.fuzz._worker TARGET CORPUS FINDINGS [libFuzzer options]`.

A finding does not end the process: each kind is written once, made small, and the search goes on.
"""

import importlib
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

__all__ = ["main"]

_INSTRUMENTED = ["secbench", "leaderboard", "baselines", "mecap_r1", "tomllib", "zipfile", "csv", "json", "ast"]


def main(name: str, corpus: Path, findings: Path, options: list[str]) -> None:
    """Fuzz one target; never returns.

    Args:
        name: of the target.
        corpus: folder of what was worth keeping for its coverage.
        findings: folder for findings: the bytes and, beside them, what they did.
        options: of libFuzzer.
    """
    atheris: Any = importlib.import_module("atheris")
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with _quietly(), atheris.instrument_imports(include=_INSTRUMENTED):
            from chaos.fuzz._contract import judge
            from chaos.fuzz._files import kept
            from chaos.fuzz._mutator import mutator
            from chaos.fuzz._targets import TARGETS

            target = TARGETS[name]
            _parse_facts_once()
            for path in kept(name):  # what is imported on use is imported now
                judge(target, path.read_bytes(), folder)
        search = _Search(name, findings, folder)
        # `Mutate` is another function once `Fuzz` was called
        mutate = mutator(target.words, lambda data, size: atheris.Mutate(data, size))
        atheris.Setup([name, *options, str(corpus)], search.try_one, custom_mutator=mutate)
        atheris.Fuzz()


def _parse_facts_once() -> None:
    """What ships with secbench is the same for every input, and most of the time that a corpus takes."""
    from secbench.corpora import _emotiontalk, _secap

    for module in (_emotiontalk, _secap):
        module.__dict__["read_toml"] = cache(module.__dict__["read_toml"])


@contextmanager
def _quietly() -> Iterator[None]:
    """Without a line for each module that is instrumented."""
    logging.disable(logging.INFO)
    stderr = sys.stderr
    try:
        with Path("/dev/null").open("w") as sys.stderr:
            yield
    finally:
        sys.stderr = stderr
        logging.disable(logging.NOTSET)


class _Search:
    """Takes bytes from libFuzzer and writes down what is new."""

    def __init__(self, name: str, findings: Path, folder: Path) -> None:
        from chaos.fuzz._targets import TARGETS

        self.target, self.findings, self.folder = TARGETS[name], findings, folder
        self.known = {json.loads(path.read_text("utf-8"))["kind"] for path in findings.glob("*.json")}

    def try_one(self, data: bytes) -> None:
        """Judge some bytes."""
        from chaos.fuzz._contract import judge
        from chaos.fuzz._minimise import minimised

        found = judge(self.target, data, self.folder)
        if found is None or found.kind in self.known:
            return
        self.known.add(found.kind)

        def still(shorter: bytes) -> bool:
            again = judge(self.target, shorter, self.folder)
            return again is not None and again.kind == found.kind

        small = minimised(data, still) if still(data) else data
        stem = self.findings / f"{len(self.known):03d}"
        stem.with_suffix(".bin").write_bytes(small)
        stem.with_suffix(".json").write_text(json.dumps({"kind": found.kind, "text": found.text}), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
