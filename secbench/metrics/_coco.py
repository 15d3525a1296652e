"""The tokeniser `coco`: PTBTokenizer on raw text, as the COCO caption evaluation and aac-metrics run it by default.

It is for comparison with papers only. It knows no Chinese words: a clause without punctuation or blank is one token,
full-width punctuation counts as tokens, and emoji and rare Han characters vanish. The Java program comes with
pycocoevalcap and is called here on a temporary file. Line breaks of any kind inside a caption become blanks first, as
Java would take each for the end of a caption and give every later caption the tokens of another.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from secbench.errors import SecbenchError
from secbench.metrics._tokens import Tokens, number_words
from secbench.metrics._unavailable import UnavailableError

__all__ = ["coco_identity", "coco_words", "find_java", "split_coco"]

_CLASS = "edu.stanford.nlp.process.PTBTokenizer"
_OPTIONS = ("-preserveLines", "-lowerCase")
_DROPPED = frozenset(("''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", *".?!,:;-", "--", "..."))
_LINE_BREAK = re.compile("[\n\v\f\r\u2028\u2029]")
_SECONDS = 600


def find_java() -> str:
    """The program `java`.

    Raises:
        UnavailableError: if there is none.
    """
    java = shutil.which("java")
    if java is None:
        raise UnavailableError("needs Java, and no java is on the PATH")
    return java


def _find_jar() -> Path | None:
    spec = find_spec("pycocoevalcap")
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    jars = [jar for folder in folders for jar in sorted(Path(folder, "tokenizer").glob("stanford-corenlp-*.jar"))]
    return jars[-1] if jars else None


@cache
def _digest(jar: Path) -> str:
    return sha256(jar.read_bytes()).hexdigest()[:8]


def coco_identity() -> str:
    """The version in the jar's name and the beginning of its SHA-256, ``coco-ptb-3.4.1.1a2b3c4d``."""
    jar = _find_jar()
    return "coco-ptb" if jar is None else f"coco-ptb-{jar.stem.rpartition('-')[2]}.{_digest(jar)}"


def coco_words(texts: Sequence[str]) -> list[list[str]]:
    """The tokens of each text.

    Raises:
        UnavailableError: if Java or pycocoevalcap is missing, or Java fails.
        SecbenchError: if there are not as many lines in the output as in the input.
    """
    java, jar = find_java(), _find_jar()
    if jar is None:
        raise UnavailableError("needs the PTB tokeniser of pycocoevalcap: pip install 'secbench[oracle]'")
    with TemporaryDirectory(prefix="secbench-") as folder:
        path = Path(folder, "captions.txt")
        path.write_bytes("".join(_LINE_BREAK.sub(" ", text) + "\n" for text in texts).encode())
        lines = _run([java, "-cp", str(jar), _CLASS, *_OPTIONS, str(path)]).split("\n")
    if len(lines) != len(texts) + 1:
        raise SecbenchError(
            f"PTBTokenizer made {len(lines) - 1} lines of {len(texts)} captions, so they cannot be told apart. "
            "Use --tokeniser char."
        )
    return [" ".join(word for word in line.split(" ") if word not in _DROPPED).split() for line in lines[:-1]]


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        raise UnavailableError(f"Java could not run PTBTokenizer ({error})") from error
    return done.stdout.decode()


def split_coco(texts: Sequence[str]) -> Tokens:
    """The tokens of each text as numbers."""
    return number_words(coco_words(texts))
