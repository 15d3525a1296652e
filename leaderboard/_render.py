"""Templates to pages: everything is escaped, and a page may load and run nothing but its own style and script."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leaderboard import _curves
from leaderboard._board import section_id
from leaderboard._chart_svg import translated_svg
from leaderboard._charts import Charts
from leaderboard._compare_page import ComparePage
from leaderboard._embed import embedded
from leaderboard._format import compact, display, plain, seconds
from leaderboard._language import ENGLISH, LANGUAGES, Language, script_messages
from leaderboard._listening import in_a_line
from leaderboard._published import Paper
from leaderboard._run_page import RunPage
from leaderboard._schema import Board, Corpus
from leaderboard._utterances import UtterancePage
from leaderboard._vega import vega
from leaderboard._view import choices, column_choices, columns, kind_label, notes, place

__all__ = ["Beside", "Pages", "environment"]


def _asset(name: str) -> str:
    return files("leaderboard").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _policy(style: str, script: str, media: str) -> str:
    allowed = f"script-src {_hash(script)}; " if script else ""
    heard = f"media-src {media}; " if media else ""
    return f"default-src 'none'; style-src {_hash(style)}; {allowed}{heard}base-uri 'none'; form-action 'none'"


def environment(language: Language = ENGLISH) -> Environment:
    """The templates, which speak a language."""
    made = Environment(
        loader=PackageLoader("leaderboard"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(language.say, language.plural, newstyle=True)  # type: ignore[attr-defined]
    say = language.say
    made.filters["metric_label"] = lambda name: say(display(name).label)
    made.globals.update(
        choices=choices,
        column_choices=column_choices,
        columns=columns,
        compact=compact,
        display=display,
        drawn=partial(translated_svg, say=say),
        in_a_line=partial(in_a_line, say=say),
        kind_label=lambda kind: say(kind_label(kind)),
        language=language,
        languages=LANGUAGES,
        notes=partial(notes, say=say),
        place=place,
        plain=plain,
        say=say,
        seconds=seconds,
    )
    return made


@dataclass(frozen=True)
class Beside:
    """What pages may link to.

    Attributes:
        utterances: ids of the sections that have a page of utterances.
        compare: ids of those that have a page of comparisons.
        shown: ranked run -> the run that these pages show for its system.
    """

    utterances: frozenset[str] = frozenset()
    compare: frozenset[str] = frozenset()
    shown: Mapping[str, str] = field(default_factory=dict)


class Pages:
    """The pages of a site in one language."""

    def __init__(self, language: Language = ENGLISH, beside: Beside | None = None) -> None:
        self._language, self._environment = language, environment(language)
        self._environment.globals["pages"] = beside or Beside()
        self._style = _asset("style.css")

    def index(self, board: Board, charts: Charts | None = None) -> str:
        """The index page, with the drawings of the charts."""
        return self._page("index.html", "index.html", ("table.js",), board=board, charts=charts or Charts())

    def charts(self, charts: Charts) -> str:
        """The page on which charts are explored; without charts it runs no script."""
        licence = _asset("vega-licence.txt")
        drawn = ("charts.js",) if charts.groups else ()
        return self._page(
            "charts.html", "charts.html", drawn, library=vega() if drawn else "", charts=charts, licence=licence
        )

    def published(self, papers: Sequence[Paper]) -> str:
        """The page of the papers' tables."""
        return self._page("published.html", "published.html", papers=papers)

    def utterances(self, page: UtterancePage, data: Markup, spoken: str) -> str:
        """The page of all utterances of a section.

        Args:
            page: what is drawn.
            data: of the page, as JSON.
            spoken: the language of captions and transcripts.
        """
        name = f"utterances/{page.section.id}.html"
        media = "'self'" if page.shown[1] else ""
        return self._page(
            "utterances.html", name, ("marks.js", "utterances.js"), media=media, page=page, data=data, spoken=spoken
        )

    def compare(self, page: ComparePage, data: Markup, spoken: str) -> str:
        """The page of all pairs of a section; arguments as of `utterances`."""
        name = f"compare/{page.section.id}.html"
        return self._page("compare.html", name, ("marks.js", "compare.js"), page=page, data=data, spoken=spoken)

    def run(self, page: RunPage, corpus: Corpus) -> str:
        """The page of a run."""
        spoken = page.run.record.card.get("languages") or ("zh",)
        return self._page(
            "run.html",
            f"runs/{page.run.record.id}.html",
            page=page,
            corpus=corpus,
            section_id=section_id(page.run),
            spoken=str(spoken[0]),
            box={"width": _curves.WIDTH, "height": _curves.HEIGHT},
        )

    def _page(
        self,
        template: str,
        name: str,
        scripts: Sequence[str] = (),
        library: str = "",
        media: str = "",
        **values: object,
    ) -> str:
        """Fill a template.

        Args:
            template: its file.
            name: of the page, below the folder of its language.
            scripts: assets that run on it, beside what all pages with a script share.
            library: a script that comes before them.
            media: where audio may be loaded from, as the policy says it.
            values: what the template draws.
        """
        script = "\n".join([library, *map(_asset, ("page.js", *scripts))]).lstrip() if scripts else ""
        # The assets are ours and must reach the page byte by byte, or their hashes would not fit.
        return self._environment.get_template(template).render(
            policy=Markup(_policy(self._style, script, media)),  # noqa: S704
            style=Markup(self._style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            messages=self._messages(scripts),
            here=name,
            up="../" * name.count("/"),
            top="../" * (name.count("/") + self._language.folder.count("/")),
            **values,
        )

    def _messages(self, scripts: Sequence[str]) -> Markup:
        said: Mapping[str, str] = {
            message: self._language.messages[message]
            for script in scripts
            for message in script_messages(_asset(script))
            if message in self._language.messages
        }
        return embedded(said)
