"""Templates to pages: everything is escaped, and a page may load and run nothing but its own style and script."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leaderboard import _curves
from leaderboard._board import section_id
from leaderboard._charts import Charts, vega
from leaderboard._format import compact, display, plain, seconds
from leaderboard._listening import in_a_line
from leaderboard._published import Paper
from leaderboard._run_page import RunPage
from leaderboard._schema import Board, Corpus
from leaderboard._view import columns, kind_label, notes, place

__all__ = ["Pages"]


def _asset(name: str) -> str:
    return files("leaderboard").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _policy(style: str, script: str) -> str:
    allowed = f"script-src {_hash(script)}; " if script else ""
    return f"default-src 'none'; style-src {_hash(style)}; {allowed}base-uri 'none'; form-action 'none'"


class Pages:
    """The pages of a site."""

    def __init__(self) -> None:
        self._style = _asset("style.css")
        self._environment = Environment(
            loader=PackageLoader("leaderboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["metric_label"] = lambda name: display(name).label
        self._environment.globals.update(
            columns=columns,
            compact=compact,
            display=display,
            in_a_line=in_a_line,
            kind_label=kind_label,
            notes=notes,
            place=place,
            plain=plain,
            seconds=seconds,
        )

    def index(self, board: Board, charts: Charts | None = None) -> str:
        """The index page, with the drawings of the charts."""
        return self._page("index.html", _asset("table.js"), board=board, charts=charts or Charts())

    def charts(self, charts: Charts) -> str:
        """The page on which charts are explored; without charts it runs no script."""
        script = f"{vega()}\n{_asset('charts.js')}" if charts.groups else ""
        return self._page("charts.html", script, charts=charts, licence=_asset("vega-licence.txt"))

    def published(self, papers: Sequence[Paper]) -> str:
        """The page of the papers' tables."""
        return self._page("published.html", "", papers=papers)

    def run(self, page: RunPage, corpus: Corpus) -> str:
        """The page of a run."""
        languages = page.run.record.card.get("languages") or ("zh",)
        return self._page(
            "run.html",
            "",
            page=page,
            corpus=corpus,
            section_id=section_id(page.run),
            language=str(languages[0]),
            box={"width": _curves.WIDTH, "height": _curves.HEIGHT},
        )

    def _page(self, template: str, script: str, **values: object) -> str:
        # The assets are ours and must reach the page byte by byte, or their hashes would not fit.
        return self._environment.get_template(template).render(
            policy=Markup(_policy(self._style, script)),  # noqa: S704
            style=Markup(self._style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            **values,
        )
