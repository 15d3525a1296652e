"""What reading a large corpus does in another way than a small one: line by line, folder by folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secbench.corpora._files import read_lines, read_text
from secbench.corpora._inside import Below, inside
from secbench.errors import DataError

PIECES = st.sampled_from([b"a", b"\n", b"\r\n", "语".encode(), b"\xef\xbb\xbf", b"\xff", b"\xe8\xaf", b'{"id": 1}'])


def told(work: Callable[..., Any], *arguments: Any) -> Any:
    """What a call gives, or the sentence with which it fails."""
    try:
        return work(*arguments)
    except DataError as error:
        return [str(error)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(PIECES, max_size=8))
def test_lines_are_those_of_the_text(pieces: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"".join(pieces))
    assert told(lambda: "".join(read_lines(path))) == told(lambda: read_text(path))
    if isinstance(told(lambda: read_text(path)), str):
        assert all(line.endswith("\n") for line in [*read_lines(path)][:-1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(st.sampled_from("ab./\\lC"), min_size=1, max_size=8), min_size=1, max_size=4))
def test_many_paths_are_judged_as_each_alone(names: list[str], tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True, exist_ok=True)
    if not (root / "l").is_symlink():
        (root / "l").symlink_to(tmp_path)
        (root / "a" / "l").symlink_to(tmp_path)
        (root / "a" / "b").symlink_to(root)
    below = Below(root)
    for written in names:
        assert told(below.place, written, root, 3) == told(inside, root, written, root, 3)
