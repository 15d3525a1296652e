"""What can be wrong with an installation, looked at without changing it."""

import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from typing import Literal

from secbench.registry import registry

__all__ = ["Finding", "examine"]

_NEEDED = ("torch", "transformers", "scikit-learn", "soundfile", "soxr", "pyarrow", "jieba")
_OPTIONAL = {
    "pycocoevalcap": "the reference implementation (extra 'oracle')",
    "bert-score": "BERTScore (extra 'neural')",
    "sentence-transformers": "Sentence-BERT emotion space (extra 'neural')",
}


@dataclass
class Finding:
    """One thing that was looked at.

    Attributes:
        what: the thing.
        state: ``ok``, ``missing`` (optional and not there) or ``broken``.
        detail: the version, or what to do.
    """

    what: str
    state: Literal["ok", "missing", "broken"]
    detail: str


def examine() -> list[Finding]:
    """Look at everything."""
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (_python, _packages, _audio, _torchaudio, _owners, _plugins)
    return [finding for look in looks for finding in look()]


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _packages() -> Iterator[Finding]:
    for name in _NEEDED:
        found = _version(name)
        yield Finding(name, "ok" if found else "broken", found or "not installed; install secbench again")
    for name, use in _OPTIONAL.items():
        found = _version(name)
        yield Finding(name, "ok" if found else "missing", found or f"not installed; only for {use}")


def _audio() -> Iterator[Finding]:
    import soundfile

    formats = soundfile.available_formats()
    missing = {"WAV", "FLAC", "OGG", "MP3"} - formats.keys()
    detail = f"lacks {', '.join(sorted(missing))}; update it" if missing else "reads WAV, FLAC, OGG and MP3"
    yield Finding("libsndfile", "broken" if missing else "ok", f"{soundfile.__libsndfile_version__} {detail}")


def _torchaudio() -> Iterator[Finding]:
    """A CUDA torchaudio beside a CPU torch fails to import, and transformers with it."""
    if find_spec("torchaudio") is None:
        yield Finding("torchaudio", "missing", "not installed; not needed (extra 'cuda')")
        return
    done = subprocess.run(
        [sys.executable, "-c", "import torchaudio"], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode == 0:
        yield Finding("torchaudio", "ok", _version("torchaudio") or "")
    else:
        remedy = "does not fit the installed torch and breaks transformers: `pip uninstall torchaudio`"
        yield Finding("torchaudio", "broken", f"{_version('torchaudio')} {remedy}")


def _owners() -> Iterator[Finding]:
    """Another package may own one of our import names."""
    owners = packages_distributions()
    for name in ("baselines", "leaderboard", "mecap_r1"):
        others = sorted(set(owners.get(name, ())) - {"secbench"})
        if others:
            yield Finding(name, "broken", f"the import name also belongs to {', '.join(others)}; uninstall that")


def _plugins() -> Iterator[Finding]:
    for room in ("model", "corpus", "metric", "extractor", "reward", "table", "command"):
        entries = list(registry(room))
        for entry in entries:
            if entry.problem:
                yield Finding(f"{room} {entry.name} (from {entry.source})", "broken", entry.problem)
        sources = sorted({entry.source for entry in entries})
        yield Finding(f"{room} registry", "ok", f"{len(entries)} from {', '.join(sources) or 'nowhere'}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
