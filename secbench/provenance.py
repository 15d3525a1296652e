"""What a result was made with: versions, commit, hardware."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from secbench import __version__
from secbench.remote_code import remote_code_allowed
from secbench.schema import Provenance

__all__ = ["provenance"]

_PACKAGES = (
    "accelerate",
    "datasets",
    "jieba",
    "numpy",
    "peft",
    "scikit-learn",
    "scipy",
    "soundfile",
    "soxr",
    "torch",
    "transformers",
)


def provenance() -> Provenance:
    """The present moment, machine and software.

    The commit is that of the source tree secbench runs from, None for an installed wheel.
    """
    commit = _git("rev-parse", "HEAD")
    return Provenance(
        secbench=__version__,
        python=platform.python_version(),
        packages={name: found for name in _PACKAGES if (found := _version(name))},
        commit=commit,
        dirty=None if commit is None else bool(_git("status", "--porcelain", "--untracked-files=no")),
        hardware=_hardware(),
        remote_code=remote_code_allowed(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _git(*arguments: str) -> str | None:
    source = Path(__file__).parent.parent
    if not (source / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(source), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _hardware() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
