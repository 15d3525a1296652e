"""The Chinese interface: nothing that a page says is left out, and nothing is translated that no page says."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from markupsafe import Markup

from leaderboard._chart_svg import translated_svg
from leaderboard._language import ENGLISH, LANGUAGES, script_messages
from leaderboard._render import environment
from leaderboard._schema import Board
from secbench.emotions import EMOTIONS
from tests.leaderboard.test_pages import Page

CHINESE = LANGUAGES[1]
NAME = re.compile(r"[A-Z][A-Za-z]*(-[A-Za-z0-9]+)?(@\d+)?")
"""BLEU-4, CIDEr and the like are called so in every language."""

ASSETS = files("leaderboard").joinpath("assets")


def literal() -> set[str]:
    """What templates and scripts say in so many words."""
    english = environment()
    found: set[str] = set()
    for name in english.list_templates():
        assert english.loader is not None
        source = english.loader.get_source(english, name)[0]
        for _, _, message in english.extract_translations(source):
            found.update(message if isinstance(message, tuple) else (message,))
    for path in ASSETS.iterdir():
        if path.name.endswith(".js"):
            found.update(script_messages(path.read_text("utf-8")))
    return found - {None, ""}  # type: ignore[arg-type]


def metrics() -> set[str]:
    table = tomllib.loads(ASSETS.joinpath("metrics.toml").read_text("utf-8"))
    return {text for one in table.values() for text in (one["label"], one.get("meaning", "")) if text}


def blanks(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|%%|\{\w+\}|</?[a-z][^>]*>", text))


def test_everything_is_translated() -> None:
    assert len(literal()) > 120
    missing = {text for text in literal() | metrics() | set(EMOTIONS) if text not in CHINESE.messages}
    assert not {text for text in missing if not NAME.fullmatch(text)}


@pytest.mark.parametrize("english", CHINESE.messages)
def test_what_is_filled_in_and_marked_up_stays(english: str) -> None:
    assert blanks(CHINESE.messages[english]) == blanks(english)


def test_nothing_is_translated_in_vain() -> None:
    room = Path(str(files("leaderboard")))
    code = "".join(path.read_text("utf-8") for path in (*room.glob("*.py"), *room.glob("templates/*")))
    spoken = literal() | metrics() | set(EMOTIONS)
    composed = re.compile(
        r"intervals resample|By |Running|Partial|Complete|none|.* against |.*(accuracy|diversity) →", re.IGNORECASE
    )
    unused = {text for text in CHINESE.messages if text not in spoken and not composed.match(text)}
    assert not {text for text in unused if f'"{text}"' not in code}


def test_english_says_what_is_written() -> None:
    assert ENGLISH.say("Rank") == "Rank"
    assert ENGLISH.plural("one", "many", 1) == "one"
    assert CHINESE.say("Rank") == "名次"
    assert CHINESE.say("nobody has translated this") == "nobody has translated this"


def test_the_pages_speak_it_and_lead_to_one_another(site: Path) -> None:
    for name, up in (("index.html", ""), ("runs/mecap-s0.html", "../")):
        english, chinese = (Page((site / folder / name).read_text("utf-8")) for folder in ("", "zh"))
        assert (english.all("html"), chinese.all("html")) == ([{"lang": "en"}], [{"lang": "zh"}])
        links = [[a["href"] for a in page.all("a") if "hreflang" in a] for page in (english, chinese)]
        assert links == [[f"{up}zh/{name}"], [f"{up}../{name}"]]
    index = Page((site / "zh/index.html").read_text("utf-8"))
    assert "语音情感描述排行榜" in index.text
    assert "3 个系统" not in index.text
    assert "5 个系统，按 Emo-F1 从高到低" in index.text
    assert {"../leaderboard.csv", "../leaderboard.json"} <= {str(a.get("href")) for a in index.all("a")}


def test_drawings_speak_it(site: Path, board: Board) -> None:
    assert board.sections
    assert "Distinct-2：多样性 →" in (site / "zh/index.html").read_text("utf-8")
    hostile = Markup("<text x='1'>highest floor</text><text>&lt;b&gt;</text><desc>highest floor</desc>")
    said = translated_svg(hostile, CHINESE.say)
    assert said == "<text x='1'>最高下限</text><text>&lt;b&gt;</text><desc>highest floor</desc>"
