"""Getting EmotionTalk: its archives from the gated repository on the hub, unpacked into a root."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from secbench.captioner import Progress
from secbench.corpora._archives import ENDINGS, Limits, Unpacked, unpack
from secbench.corpora._emotiontalk_json import HUB_FOLDERS
from secbench.corpora._emotiontalk_records import utterance_id
from secbench.corpora._files import read_toml
from secbench.errors import BusyError, DataError, SecbenchError

__all__ = ["PARTS", "PUBLIC", "download_archives", "unpack_archives"]

PARTS = tuple(HUB_FOLDERS)
PUBLIC = "https://github.com/NKU-HLT/EmotionTalk"
"""The public repository, whose `mm-process/` has captions, labels and transcripts without asking anybody."""
_STAGING = ".unpacking"
_NEEDS_LICENCE = (
    "{repository} is gated: log in on https://huggingface.co/datasets/{repository}, accept the licence there, and give "
    "this machine your token with `hf auth login` or in the environment variable HF_TOKEN."
)


def download_archives(parts: Sequence[str], root: Path) -> Path:
    """Download archives from the hub into `archives/` below a root, or what is missing of them.

    Args:
        parts: some of `PARTS`.
        root: of the corpus.

    Returns:
        The folder that holds them.

    Raises:
        DataError: if the licence was not accepted, or no token is there.
        SecbenchError: if the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, LocalTokenNotFoundError, RepositoryNotFoundError

    hub = read_toml(Path(__file__).with_name("emotiontalk.toml"))["hub"]
    folder = root / "archives"
    try:
        snapshot_download(
            hub["repository"],
            repo_type="dataset",
            revision=hub["revision"],
            allow_patterns=[f"**{part}{ending}" for part in parts for ending in ENDINGS],
            local_dir=folder,
        )
    except (GatedRepoError, RepositoryNotFoundError, LocalTokenNotFoundError) as error:
        raise DataError(_NEEDS_LICENCE.format(repository=hub["repository"])) from error
    except OSError as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise SecbenchError(
            f"The hub cannot be reached, or broke off ({said[0].rstrip('.')}). Call the same command again to go on, "
            "or download the archives elsewhere and unpack them with --from FOLDER."
        ) from error
    return folder


def unpack_archives(folder: Path, parts: Sequence[str], root: Path, progress: Progress) -> list[Unpacked]:
    """Unpack the archives that a folder holds into a root. A call that was cut off is gone on with.

    Args:
        folder: with `Audio.tar`, `Text.zip` and the like.
        parts: those of `PARTS` that are wanted.
        root: of the corpus; it is made if it is not there.
        progress: where to report.

    Raises:
        DataError: if there is no archive, or one is broken or hostile.
        BusyError: if another process unpacks into the same root.
    """
    archives = _archives(folder, parts)
    root.mkdir(parents=True, exist_ok=True)
    with _staging(root) as staging:
        return [unpack(path, root, staging, partial(_place, part=part), progress, Limits()) for part, path in archives]


def _archives(folder: Path, parts: Sequence[str]) -> list[tuple[str, Path]]:
    """Part -> its archive, for those that are there."""
    if not folder.is_dir():
        raise DataError("This folder does not exist. Give the one that holds the archives.", folder)
    names = {path.name.lower(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    found = []
    for part in parts:
        path = next((names[name] for ending in ENDINGS if (name := f"{part.lower()}{ending}") in names), None)
        if path is not None:
            found.append((part, path))
    if not found:
        wanted = ", ".join(f"{part}.tar" for part in parts)
        raise DataError(f"There is none of {wanted} here (nor .tar.gz, .tgz or .zip of them).", folder)
    return found


@contextmanager
def _staging(root: Path) -> Iterator[Path]:
    """An empty folder for the file that is being written, held by this process."""
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BusyError(f"Another process is unpacking into {root}. Wait for it, or stop it.") from error
        folder = root / _STAGING
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def _place(name: str, part: str) -> str | None:
    """Where a member of an archive goes: ``Audio/json/...`` or ``Audio/wav/...``, whatever folders are above that."""
    parts = PurePosixPath(name).parts
    kinds = {"json": ".json", "wav": ".wav"} if part == "Audio" else {"json": ".json"}
    start = next((k for k, one in enumerate(parts) if one in kinds), None)
    if (
        start is None
        or any(one.startswith((".", "__MACOSX")) for one in parts)
        or not name.endswith(kinds[parts[start]])
    ):
        return None
    try:
        utterance_id(name, Path(part))
    except DataError:
        return None
    return "/".join((part, *parts[start:]))
