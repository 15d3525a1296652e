"""Everything on a site: the name of each file, and its text or the file that it is a copy of."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markupsafe import Markup

from leaderboard._board import Tested
from leaderboard._charts import Charts, draw_charts
from leaderboard._clips import clip_files
from leaderboard._compare_page import ComparePage, compare_page
from leaderboard._downloads import files_of
from leaderboard._embed import embedded
from leaderboard._export import board_csv
from leaderboard._language import LANGUAGES
from leaderboard._paper import board_sheet
from leaderboard._published import Paper, papers
from leaderboard._read import Run, Scored
from leaderboard._redact import without_paths
from leaderboard._render import Beside, Pages
from leaderboard._run_page import RunPage, run_page
from leaderboard._samples import Answers, Corpora
from leaderboard._schema import Board, Corpus, Section
from leaderboard._tables import compare_table, published_table, run_table, utterance_csv
from leaderboard._utterances import MOST, UtterancePage, utterance_page
from secbench.reproduction import as_latex, as_markdown

__all__ = ["contents"]


def contents(
    board: Board,
    tested: Mapping[str, Tested],
    runs: Sequence[Run],
    root: Path | None = None,
    *,
    private: bool = False,
) -> Iterator[tuple[str, str | Path]]:
    """What a site holds, file by file.

    Args:
        board: the rows.
        tested: section id -> the tests that its ranks come from.
        runs: all that were read.
        root: folder of a corpus that is not shipped.
        private: show transcripts, references, audio and local paths whatever the corpus card says.

    Raises:
        DataError: if the folder holds no corpus of these runs.
    """
    corpora = Corpora(root, private=private)
    corpora.check_root({(run.record.corpus, run.record.corpus_revision) for run in runs})
    site = _Site(board, tested, runs, corpora, private=private)
    site.charts  # noqa: B018 - drawn while the rest is written
    yield from site.tables()
    yield from site.audio()
    yield from site.pages()


@dataclass(frozen=True)
class _Site:
    board: Board
    tested: Mapping[str, Tested]
    runs: Sequence[Run]
    corpora: Corpora
    private: bool

    def tables(self) -> Iterator[tuple[str, str]]:
        """The rows for other programs and for papers."""
        sheet = board_sheet(self.board)
        yield "leaderboard.json", self.board.model_dump_json(indent=2) + "\n"
        yield "leaderboard.csv", board_csv(self.board)
        yield "leaderboard.md", as_markdown(sheet)
        yield "leaderboard.tex", as_latex(sheet)
        yield "leaderboard.schema.json", json.dumps(Board.model_json_schema(), indent=2) + "\n"
        yield from files_of("published", published_table(self._papers))
        for name, run in self._scored.items():
            yield from files_of(f"runs/{name}", run_table(run))
        for found, data in self._utterances:
            yield f"utterances/{found.section.id}.csv", utterance_csv(found, self._scored)
            yield f"utterances/{found.section.id}.json", data + "\n"
        for compared, _ in self._compared:
            yield from files_of(f"compare/{compared.section.id}", compare_table(compared))

    def audio(self) -> Iterator[tuple[str, Path]]:
        """The clips of sections whose audio may be heard."""
        for section in self.board.sections:
            for address, path in clip_files(section.id, self._answers(section).audio(section.split)).values():
                yield address.partition("#")[0], path

    def pages(self) -> Iterator[tuple[str, str]]:
        """The pages, in each language."""
        single = [self._run_page(run) for run in self.runs]
        beside = Beside(
            utterances=frozenset(page.section.id for page, _ in self._utterances),
            compare=frozenset(page.section.id for page, _ in self._compared),
            shown={run: row.runs[0] for one in self.board.sections for row in one.rows[:MOST] for run in row.runs},
        )
        for language in LANGUAGES:
            pages = Pages(language, beside)
            yield f"{language.folder}published.html", pages.published(self._papers)
            for page, corpus in single:
                yield f"{language.folder}runs/{page.run.record.id}.html", pages.run(page, corpus)
            for found, data in self._utterances:
                spoken = self._spoken(found.section)
                yield f"{language.folder}utterances/{found.section.id}.html", pages.utterances(found, data, spoken)
            for compared, data in self._compared:
                spoken = self._spoken(compared.section)
                yield f"{language.folder}compare/{compared.section.id}.html", pages.compare(compared, data, spoken)
            # What charts are on comes last: they are drawn meanwhile.
            yield f"{language.folder}index.html", pages.index(self.board, self.charts)
            yield f"{language.folder}charts.html", pages.charts(self.charts)

    @cached_property
    def charts(self) -> Charts:
        """All charts, which are drawn from now on."""
        clean = str if self.private else without_paths
        return draw_charts(self.board, self.runs, clean, private=self.private)

    @cached_property
    def _known(self) -> Mapping[str, Run]:
        return {run.record.id: run for run in self.runs}

    @cached_property
    def _scored(self) -> Mapping[str, Scored]:
        return {name: run for name, run in self._known.items() if isinstance(run, Scored)}

    @cached_property
    def _papers(self) -> tuple[Paper, ...]:
        return papers(self.runs)

    @cached_property
    def _utterances(self) -> list[tuple[UtterancePage, Markup]]:
        pages = [self._utterance_page(section) for section in self.board.sections]
        return [(page, embedded(page.data)) for page in pages if page is not None]

    @cached_property
    def _compared(self) -> list[tuple[ComparePage, Markup]]:
        sections = self.board.sections
        pages = [compare_page(one, self.tested[one.id], self._answers(one)) for one in sections]
        return [(page, embedded(page.data)) for page in pages if page is not None]

    def _utterance_page(self, section: Section) -> UtterancePage | None:
        answers = self._answers(section)
        audio = {name: one for name, (one, _) in clip_files(section.id, answers.audio(section.split)).items()}
        return utterance_page(section, self._scored, answers, audio)

    def _run_page(self, run: Run) -> tuple[RunPage, Corpus]:
        record = run.record
        clean = (lambda value: value) if self.private else without_paths
        found = run_page(run, self.corpora.answers(record.corpus, record.corpus_revision), clean)
        places = {(one.corpus.name, one.task, one.split): one.corpus for one in self.board.sections}
        return found, places[record.corpus, record.task, record.split]

    def _answers(self, section: Section) -> Answers:
        return self.corpora.answers(section.corpus.name, section.corpus.revision)

    def _spoken(self, section: Section) -> str:
        """The language of a section's captions."""
        first = self._known[section.rows[0].runs[0]].record
        return str((first.card.get("languages") or ("zh",))[0])
