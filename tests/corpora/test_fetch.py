"""Getting EmotionTalk: archives are unpacked safely, wholly, and on from where a call was cut off."""

import io
import json
import os
import signal
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from secbench.captioner import Progress
from secbench.cli import main
from secbench.corpora import _emotiontalk_fetch as fetching
from secbench.corpora import load_corpus
from secbench.corpora._archives import Limits, unpack
from secbench.corpora._emotiontalk_fetch import PARTS, download_archives, unpack_archives
from secbench.errors import BusyError, DataError, SecbenchError
from tests.corpora.trees import IDS, annotation, folder_of, write_annotation, write_wav

pytestmark = pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="unpacking safely needs Python 3.11.4 or newer"
)

NAME = IDS[0]
INNER = f"{folder_of(NAME)}/{NAME}"
JSON = json.dumps(annotation(NAME), ensure_ascii=False).encode()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the archives hold."""
    for name in IDS:
        write_annotation(tmp_path / "tree", name, annotation(name))
        write_annotation(tmp_path / "tree", name, annotation(name), "Text")
        write_wav(tmp_path / "tree", name)
    return tmp_path / "tree"


def pack(tree: Path, part: str, where: Path, ending: str, above: str) -> Path:
    """An archive of one part, with other things in it that no reader knows."""
    where.mkdir(exist_ok=True)
    files = {f"{above}{path.relative_to(tree / part)}": path for path in (tree / part).rglob("*") if path.is_file()}
    odd = {f"{above}README.txt": b"hello", f"{above}json/._{NAME}.json": b"\0", f"{above}json/index.json": b"{}"}
    odd |= {f"{above}video/{NAME}.mp4": b"film"}
    path = where / f"{part}{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, file in files.items():
                archive.write(file, name)
            for name, content in odd.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz" if ending != ".tar" else "w") as archive:
        for name, file in files.items():
            archive.add(file, name)
        for name, content in odd.items():
            archive.addfile(member(name, content), io.BytesIO(content))
    return path


def member(name: str, content: bytes = b"", **more: Any) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size = len(content)
    for key, value in more.items():
        setattr(found, key, value)
    return found


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz", ".zip"])
@pytest.mark.parametrize("above", ["Audio/", "", "./Audio/", "EmotionTalk/Audio/"])
def test_archives_become_a_corpus(tree: Path, tmp_path: Path, ending: str, above: str) -> None:
    pack(tree, "Audio", tmp_path / "got", ending, above)
    pack(tree, "Text", tmp_path / "got", ending, above.replace("Audio", "Text"))
    audio, text = unpack_archives(tmp_path / "got", PARTS, tmp_path / "root", Progress())
    assert (audio.written, audio.kept, audio.left_out) == (2 * len(IDS), 0, 4)
    assert (text.written, text.left_out) == (len(IDS), 4)
    corpus = load_corpus("emotiontalk", tmp_path / "root")
    assert corpus.card.revision == load_corpus("emotiontalk", tree).card.revision
    again = unpack_archives(tmp_path / "got", ["Audio"], tmp_path / "root", Progress())[0]
    assert (again.written, again.kept) == (0, 2 * len(IDS))
    assert sorted(path.name for path in (tmp_path / "root").iterdir()) == ["Audio", "Text"]


HOSTILE: dict[str, tuple[list[tuple[tarfile.TarInfo, bytes]], str]] = {
    "dots": ([(member(f"../{NAME}.json", JSON), JSON)], "leads out"),
    "dots within": ([(member(f"Audio/json/../../../{NAME}.json", JSON), JSON)], "leads out"),
    "absolute": ([(member(f"/Audio/json/{NAME}.json", JSON), JSON)], "leads out"),
    "backslash": ([(member(f"Audio\\json\\..\\..\\{NAME}.json", JSON), JSON)], "backslash"),
    "windows": ([(member("Audio/json/nul.json", JSON), JSON)], "no file name on Windows"),
    "link": ([(member("Audio/json", type=tarfile.SYMTYPE, linkname="/etc"), b"")], "a link or a device"),
    "inner link": ([(member("Audio/json/a", type=tarfile.SYMTYPE, linkname="b"), b"")], "a link or a device"),
    "hard link": ([(member("Audio/json/a", type=tarfile.LNKTYPE, linkname="../../etc/passwd"), b"")], "a link"),
    "device": ([(member("Audio/json/a", type=tarfile.CHRTYPE, devmajor=1, devminor=3), b"")], "a link or a device"),
    "pipe": ([(member("Audio/json/a", type=tarfile.FIFOTYPE), b"")], "a link or a device"),
    "large": ([(member(f"Audio/json/{NAME}.json", b"x" * (5 * 2**20)), b"x" * (5 * 2**20))], "are let in"),
    "twice": ([(member(f"Audio/json/{place}{NAME}.json", JSON), JSON) for place in ("", "")], "occurs twice"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused(tmp_path: Path, name: str) -> None:
    members, words = HOSTILE[name]
    with tarfile.open(tmp_path / "Audio.tar", "w") as archive:
        for one, content in members:
            archive.addfile(one, io.BytesIO(content))
    before = {path for path in tmp_path.parent.rglob("*") if "root" not in path.parts}
    with pytest.raises(DataError, match=words) as caught:
        unpack_archives(tmp_path, PARTS, tmp_path / "in" / "root", Progress())
    assert str(tmp_path / "Audio.tar") in str(caught.value)
    assert {path for path in tmp_path.parent.rglob("*") if "root" not in path.parts} - before <= {tmp_path / "in"}
    assert not any(path.is_symlink() for path in (tmp_path / "in").rglob("*"))


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.external_attr = mode << 16
    return found


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (entry(f"../../{NAME}.json"), "leads out"),
        (entry(f"/etc/{NAME}.json"), "leads out"),
        (entry(f"C:/json/{NAME}.json"), "leads out"),
        (entry(f"json\\..\\{NAME}.json"), "backslash"),
        (entry(f"json/{NAME}.json", stat.S_IFLNK | 0o777), "a link or a device"),
        (entry(f"json/{NAME}.json", stat.S_IFBLK | 0o777), "a link or a device"),
    ],
)
def test_a_hostile_zip_is_refused(tmp_path: Path, info: zipfile.ZipInfo, words: str) -> None:
    with zipfile.ZipFile(tmp_path / "Text.zip", "w") as archive:
        archive.writestr(info, JSON)
    with pytest.raises(DataError, match=words):
        unpack_archives(tmp_path, PARTS, tmp_path / "root", Progress())
    assert list((tmp_path / "root").rglob("*")) == []


def test_permissions_of_an_archive_are_not_taken(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "Text.tar", "w") as archive:
        archive.addfile(member(f"Text/json/{INNER}.json", JSON, mode=0o6777, uid=0), io.BytesIO(JSON))
    unpack_archives(tmp_path, PARTS, tmp_path / "root", Progress())
    (path,) = (tmp_path / "root").rglob("*.json")
    assert not path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR | stat.S_IWOTH)


@pytest.mark.parametrize(
    ("limits", "words"),
    [(Limits(members=3), "more than 3 members"), (Limits(bytes=3 * len(JSON)), "bytes together")],
)
@pytest.mark.parametrize("ending", [".tar", ".zip"])
def test_an_archive_has_an_end(tree: Path, tmp_path: Path, ending: str, limits: Limits, words: str) -> None:
    path = pack(tree, "Text", tmp_path / "got", ending, "")
    (tmp_path / "staging").mkdir()
    with pytest.raises(DataError, match=words):
        unpack(path, tmp_path / "root", tmp_path / "staging", lambda name: f"Text/{name}", Progress(), limits)


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".zip"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_an_archive_that_ends_early_is_said_to(tree: Path, tmp_path: Path, ending: str, share: float) -> None:
    path = pack(tree, "Audio", tmp_path / "got", ending, "Audio/")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole.rstrip(b"\0")))])
    with pytest.raises(DataError, match="broken or ends early"):
        unpack_archives(tmp_path / "got", PARTS, tmp_path / "root", Progress())
    for found in (tmp_path / "root").rglob("*.*"):
        assert found.stat().st_size == (tree / found.relative_to(tmp_path / "root")).stat().st_size
    path.write_bytes(whole)
    unpack_archives(tmp_path / "got", PARTS, tmp_path / "root", Progress())
    assert len(load_corpus("emotiontalk", tmp_path / "root").splits["train"]) == 1


def test_a_tar_that_is_cut_off_between_two_members_is_not_whole(tree: Path, tmp_path: Path) -> None:
    path = pack(tree, "Text", tmp_path / "got", ".tar", "")
    with tarfile.open(path) as archive:
        second = archive.getmembers()[1]
    path.write_bytes(path.read_bytes()[: second.offset])
    with pytest.raises(DataError, match="it has no end"):
        unpack_archives(tmp_path / "got", PARTS, tmp_path / "root", Progress())


def test_a_zip_that_says_less_than_it_holds_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "Text.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"Text/json/{INNER}.json", b"0" * 1_000_000)
    content = (tmp_path / "Text.zip").read_bytes()
    size = (1_000_000).to_bytes(4, "little")
    (tmp_path / "Text.zip").write_bytes(content.replace(size, (1000).to_bytes(4, "little")))
    with pytest.raises(DataError, match="broken"):
        unpack_archives(tmp_path, PARTS, tmp_path / "root", Progress())
    assert not list((tmp_path / "root").rglob("*.json"))


def test_a_linked_folder_in_the_root_is_not_written_through(tree: Path, tmp_path: Path) -> None:
    pack(tree, "Text", tmp_path / "got", ".tar", "")
    (tmp_path / "root").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root" / "Text").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="by a link"):
        unpack_archives(tmp_path / "got", PARTS, tmp_path / "root", Progress())
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_killed_call_leaves_whole_files_and_is_gone_on_with(tmp_path: Path) -> None:
    contents = {f"G00002_01_03_{k:03d}": b"x" * (1000 + k) for k in range(900)}
    (tmp_path / "got").mkdir()
    with tarfile.open(tmp_path / "got" / "Text.tar", "w") as archive:
        for name, content in contents.items():
            archive.addfile(member(f"Text/json/{name}.json", content), io.BytesIO(content))
    root = tmp_path / "root"
    words = [sys.executable, "-P", "-m", "secbench", "data", "fetch", "emotiontalk", "-q", "--root", str(root)]
    with subprocess.Popen([*words, "--from", str(tmp_path / "got")], stdout=subprocess.PIPE) as process:
        while process.poll() is None and len(list(root.rglob("*.json"))) < 50:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    there = list((root / "Text").rglob("*.json"))
    assert all(path.read_bytes() == contents[path.stem] for path in there)
    (found,) = unpack_archives(tmp_path / "got", PARTS, root, Progress())
    assert (found.written, found.kept) == (900 - len(there), len(there))
    assert sorted(path.name for path in root.iterdir()) == ["Text"]


def test_two_calls_do_not_unpack_at_once(tree: Path, tmp_path: Path) -> None:
    pack(tree, "Text", tmp_path / "got", ".tar", "")
    (tmp_path / "root").mkdir()
    with fetching._staging(tmp_path / "root"), pytest.raises(BusyError, match="Another process"):
        unpack_archives(tmp_path / "got", PARTS, tmp_path / "root", Progress())


def hub_error(kind: str) -> Exception:
    import httpx2
    from huggingface_hub import errors

    response = httpx2.Response(403, request=httpx2.Request("GET", "https://huggingface.co/x"))
    made: dict[str, Callable[[], Exception]] = {
        "gated": lambda: errors.GatedRepoError("Access is restricted", response=response),  # type: ignore[arg-type]
        "token": lambda: errors.LocalTokenNotFoundError("no token"),
        "offline": lambda: errors.LocalEntryNotFoundError("Cannot find the files on disk"),
        "connection": lambda: ConnectionError("no route"),
    }
    return made[kind]()


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("gated", DataError, r"gated: log in on https://huggingface.co/datasets/BAAI/Emotiontalk, accept the licence"),
        ("token", DataError, "hf auth login"),
        ("offline", SecbenchError, "cannot be reached.*--from FOLDER"),
        ("connection", SecbenchError, "cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_said_with_what_to_do(
    kind: str, error: type[SecbenchError], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise hub_error(kind)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(error, match=words):
        download_archives(["Audio"], tmp_path)


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["data", "fetch", *map(str, words)])
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def test_the_command_downloads_and_unpacks(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}

    def download(name: str, local_dir: Path, **options: Any) -> None:
        asked.update(options, name=name)
        pack(tree, "Text", local_dir.parent, ".tar", "")
        os.renames(local_dir.parent / "Text.tar", local_dir / "data" / "Text.tar")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    code, out, err = call(capsys, "emotiontalk", "--root", tmp_path / "root")
    assert code == 0, err
    assert (asked["name"], asked["repo_type"]) == ("BAAI/Emotiontalk", "dataset")
    assert len(asked["revision"]) == 40
    assert "**Video.tar" not in asked["allow_patterns"]
    assert f"Text.tar: {len(IDS)} files written" in out
    assert "https://github.com/NKU-HLT/EmotionTalk" in out
    code, out, _ = call(capsys, "emotiontalk", "--root", tmp_path / "root", "--from", tmp_path / "root", "--json")
    assert json.loads(out)["archives"][0]["kept"] == len(IDS)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("minitalk", "--root", "x"), 2, "nothing to fetch"),
        (("secap", "--root", "x"), 2, "git clone"),
        (("emotiontolk", "--root", "x"), 2, "Did you mean emotiontalk"),
        (("emotiontalk", "--root", "x", "--from", "nowhere"), 3, "nowhere: This folder does not exist"),
        (("emotiontalk", "--root", "x", "--from", "."), 3, "none of Audio.tar"),
        (("emotiontalk",), 2, "--root"),
    ],
)
def test_wrong_usage(
    words: tuple[str, ...],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, _, err = call(capsys, *words)
    assert found == code
    assert message in err
