"""Pretrained models by folder or by name on the hub, and their tokenisers.

Only weights in safetensors are read, and no code that comes with a model is run unless the user allows it
(`secbench.remote_code`).
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig

from mecap_r1.tokeniser import PAD, Special
from secbench.errors import DataError
from secbench.remote_code import refusal, remote_code_allowed
from secbench.runs import digest
from secbench.weights import check_pretrained, kernel_of

__all__ = ["PretrainedTokeniser", "Words", "check_kernel", "load_config", "loaded", "weights_identity", "words_of"]

_Found = TypeVar("_Found")
_FOLDER = "tokeniser"
_BLANK = re.compile(r"(?<![\x21-\x7e]) +| +(?![\x21-\x7e])")
"""Blanks that do not stand between two Latin words, where a vocabulary of single characters puts them."""


def loaded(what: str, name: str, load: Callable[[], _Found]) -> _Found:
    """What `load` returns; its errors in a sentence.

    Raises:
        DataError: if the model or a part of it is not there, or is of another form, or could run code.
    """
    try:
        if Path(name).is_dir():
            check_pretrained(Path(name))
        return load()
    except DataError as error:
        raise DataError(f"The {what} {name!r} cannot be loaded: {error}") from error
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        if "trust_remote_code" in str(error):
            raise refusal(what, name) from error
        raise DataError(
            f"The {what} {name!r} cannot be loaded ({said[0].rstrip('.')}). "
            "Give a folder with its configuration and safetensors, or a name on the hub while you are online; a pickle "
            "(.bin, .pt) can run any code and is not read."
        ) from error


def load_config(what: str, name: str) -> PretrainedConfig:
    """The configuration of a pretrained model.

    Raises:
        DataError: if it is not there, or asks for code that may not run.
    """
    found: PretrainedConfig = loaded(
        what, name, lambda: AutoConfig.from_pretrained(name, trust_remote_code=remote_code_allowed())
    )
    check_kernel(what, name, found)
    return found


def check_kernel(what: str, name: str, config: PretrainedConfig) -> None:
    """See that a configuration asks for no compiled code from the hub, unless that is allowed.

    Raises:
        DataError: if it does.
    """
    kernel = kernel_of({**config.to_dict(), "attn_implementation": config._attn_implementation})
    if kernel and not remote_code_allowed():
        raise refusal(what, name, f"compiled code ({kernel})")


def weights_identity(name: str, config: PretrainedConfig) -> str:
    """A hash of a folder's configuration and weights, or of a hub name and its commit."""
    folder = Path(name)
    if not folder.is_dir():
        return digest([name, getattr(config, "_commit_hash", None)])
    hashes = []
    for path in sorted([folder / "config.json", *folder.glob("*.safetensors")]):
        with path.open("rb") as file:
            hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digest(hashes)


@dataclass(frozen=True)
class Words:
    """Texts around audio and transcript, from `prompts.toml`."""

    before: str
    between: str
    after: str


def words_of(prompt: str) -> Words:
    """The words of a prompt."""
    table = tomllib.loads(Path(__file__).with_name("prompts.toml").read_text("utf-8"))
    return Words(**table[prompt])


class PretrainedTokeniser:
    """The tokeniser of a pretrained model.

    Args:
        tokenizer: of transformers.
        begin: what captions are written after; None: its begin or class token, else the end token.
    """

    def __init__(self, tokenizer: Any, begin: int | None = None) -> None:
        self.tokenizer = tokenizer
        end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
        if end is None:
            raise DataError("The tokeniser has no token that ends a text, so that captions could not end.")
        starts = (begin, tokenizer.bos_token_id, tokenizer.cls_token_id, end)
        marks = {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
        self.special = Special(
            bos=next(one for one in starts if one is not None),
            eos=end,
            unk=tokenizer.unk_token_id if tokenizer.unk_token_id != end else None,
            banned=tuple(sorted((marks | set(tokenizer.all_special_ids)) - {end})),
        )

    @classmethod
    def of(cls, name: str, words: Words | None = None) -> "PretrainedTokeniser":
        """The tokeniser of a folder or name; with chat words, captions begin after their last token."""
        found = loaded(
            "tokeniser of", name, lambda: AutoTokenizer.from_pretrained(name, trust_remote_code=remote_code_allowed())
        )
        begin = None if words is None else found.encode(words.after, add_special_tokens=False)[-1]
        return cls(found, begin)

    def __len__(self) -> int:
        """The number of tokens, special ones included."""
        return len(self.tokenizer)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without any special one but that for what is unknown."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return found

    def chat(self, text: str) -> list[int]:
        """The tokens of words that hold special ones by their names."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return found

    def decode(self, tokens: Iterable[int]) -> str:
        """The text up to the end token; special tokens and `PAD` give nothing."""
        kept: list[int] = []
        for token in tokens:
            if token == self.special.eos:
                break
            if token != PAD and token not in self.special.banned:
                kept.append(token)
        text: str = self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return _BLANK.sub("", text).strip()

    def save(self, folder: Path) -> None:
        """Write the tokeniser's own files, and the token that captions begin after."""
        self.tokenizer.save_pretrained(folder / _FOLDER)
        (folder / _FOLDER / "begin.txt").write_text(f"{self.special.bos}\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "PretrainedTokeniser":
        """Read what `save` wrote.

        Raises:
            DataError: if it is missing or of another form.
        """
        path = folder / _FOLDER
        tokenizer = loaded(
            "tokeniser", str(path), lambda: AutoTokenizer.from_pretrained(path, trust_remote_code=remote_code_allowed())
        )
        return cls(tokenizer, loaded("tokeniser", str(path), lambda: int((path / "begin.txt").read_text("utf-8"))))
