"""Runs to the rows of the leaderboard."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from leaderboard._eligible import divide
from leaderboard._names import distinct_names
from leaderboard._read import Broken, Run, Scored
from leaderboard._references import floors, references
from leaderboard._schema import Board, Corpus, Row, Score, Section, Unranked, Unreadable
from leaderboard._seeds import Configuration, configurations
from secbench.comparison import Pairwise, Systems
from secbench.metrics import NOT_ASKED_FOR
from secbench.schema import Drop
from secbench.tasks import TASKS, find_task

__all__ = ["MAIN", "Tested", "build_board", "rank_runs", "section_id"]

MAIN = {True: ("bleu4", "cider", "emo_f1", "distinct2"), False: ("weighted_f1", "macro_f1", "accuracy")}
"""The ranking metrics of caption tasks (True) and label tasks (False)."""

_ORDER_BY = {True: ("emo_f1", "cider", "bleu4"), False: ("weighted_f1", "macro_f1", "accuracy")}

Ranks = dict[str, dict[str, tuple[int, int]]]
Tidy = Callable[[str], str]
Tested = Mapping[str, Pairwise]
"""Ranking metric -> all pairs of the ranked systems of a section."""


def section_id(run: Run) -> str:
    """The anchor of a run's section."""
    record = run.record
    return "-".join(
        "".join(c if c.isalnum() else "-" for c in part) for part in (record.corpus, record.task, record.split)
    )


def build_board(runs: Sequence[Run], broken: Sequence[Broken], tidy: Tidy = str) -> Board:
    """Rank runs; arguments as of `rank_runs`."""
    return rank_runs(runs, broken, tidy)[0]


def rank_runs(runs: Sequence[Run], broken: Sequence[Broken], tidy: Tidy = str) -> tuple[Board, dict[str, Tested]]:
    """Rank runs.

    Args:
        runs: in the order of their ids.
        broken: folders that could not be read.
        tidy: applied to free text (reasons), to leave out what must not be published.

    Returns:
        The board, and for each section id the tests that its ranks come from.
    """
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.record.corpus, run.record.task, run.record.split), []).append(run)
    order = sorted(groups, key=lambda key: (key[0], list(TASKS).index(find_task(key[1]).name), key[2]))
    found = [_section(groups[key], tidy) for key in order]
    board = Board(
        sections=tuple(section for section, _ in found),
        unreadable=tuple(Unreadable(folder=one.folder, reason=tidy(one.reason)) for one in broken),
    )
    return board, {section.id: tested for section, tested in found}


def _section(runs: Sequence[Run], tidy: Tidy) -> tuple[Section, Tested]:
    newest = max(runs, key=lambda run: (run.record.provenance.created, run.record.id))
    caption = find_task(newest.record.task).is_caption
    main = MAIN[caption]
    ranked, apart = divide(runs, main)
    shown = max(ranked, key=lambda run: (run.record.provenance.created, run.record.id)) if ranked else newest
    report = shown.report
    ranked_by = next(
        (name for name in _ORDER_BY[caption] if any(_has(run, name) for run in ranked)), _ORDER_BY[caption][0]
    )
    systems = configurations(ranked)
    tested = _tested(ranked, main)
    bars = floors(systems, main)
    everything = dict.fromkeys(
        name
        for run in runs
        if run.report is not None
        for name, score in run.report.metrics.items()
        if not score.reason.startswith(NOT_ASKED_FOR)
    )
    section = Section(
        id=section_id(newest),
        corpus=_corpus(shown),
        task=shown.record.task,
        split=shown.record.split,
        protocol=report.protocol if report else "",
        n=report.n if report else shown.record.n,
        cluster=report.cluster if report else None,
        ranked_by=ranked_by,
        main=main,
        further=tuple(name for name in everything if name not in main),
        rows=_rows(systems, distinct_names(systems, tidy), _ranks(tested), ranked_by, bars),
        floors=bars,
        references=references(shown) if isinstance(shown, Scored) and ranked else (),
        unranked=tuple(_unranked(run, tuple(map(tidy, reasons))) for run, reasons in apart),
    )
    return section, tested


def _tested(ranked: Sequence[Scored], main: Sequence[str]) -> Tested:
    """All pairs under each metric that at least one system has."""
    if not ranked:
        return {}
    systems = Systems.of(ranked)
    return {name: Pairwise(systems, name) for name in main if any(_has(run, name) for run in ranked)}


def _ranks(tested: Tested) -> Ranks:
    """Metric -> run id -> rank interval."""
    return {
        name: {run.record.id: rank for place, rank in pairs.ranks().items() for run in pairs.systems.groups[place].runs}
        for name, pairs in tested.items()
    }


def _has(run: Scored, metric: str) -> bool:
    score = run.report.metrics.get(metric)
    return score is not None and score.value is not None


def _corpus(run: Run) -> Corpus:
    record, card = run.record, run.record.card
    return Corpus(
        name=record.corpus,
        title=str(card.get("title") or record.corpus),
        revision=record.corpus_revision,
        licence=str(card.get("licence") or ""),
        summary=str(card.get("summary") or ""),
        warning=str(card.get("warning") or ""),
        synthetic=bool(card.get("synthetic", False)),
    )


def _rows(
    systems: Sequence[Configuration], names: Sequence[str], ranks: Ranks, ranked_by: str, bars: dict[str, float]
) -> tuple[Row, ...]:
    rows = [
        _row(system, name, ranks, bars, _listening(system, ranked_by))
        for system, name in zip(systems, names, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (-_value(row, ranked_by), row.name, row.runs)))


def _value(row: Row, metric: str) -> float:
    score = row.scores.get(metric)
    return score.value if score is not None and score.value is not None else -1.0


def _listening(system: Configuration, metric: str) -> dict[str, Drop]:
    """Control -> what the metric loses, for the first seed that was checked."""
    checked = next((run.listening for run in system.runs if run.listening is not None), None)
    controls = checked.controls if checked else {}
    return {name: control.drops[metric] for name, control in controls.items() if metric in control.drops}


def _row(system: Configuration, name: str, ranks: Ranks, bars: dict[str, float], listening: dict[str, Drop]) -> Row:
    record = system.runs[0].record
    records = [run.record for run in system.runs]
    scores = {name: _ranked(system.score(name), ranks.get(name, {}).get(record.id)) for name in system.metrics}
    if record.kind != "floor":
        scores.update({name: _judged(scores[name], bars[name]) for name in bars if name in scores})
    return Row(
        name=name,
        model=record.model,
        kind=record.kind,
        runs=tuple(r.id for r in records),
        seeds=tuple(r.seed for r in records),
        optimised_for=record.optimised_for,
        scores=scores,
        below_floors=tuple(name for name, score in scores.items() if score.above_floors is False),
        listening=listening,
        n=system.runs[0].report.n,
        n_failed=sum(run.report.n_failed for run in system.runs),
        parameters=_parameters(system.runs[0]),
        seconds_per_utterance=_mean([r.seconds_per_utterance for r in records]),
        date=max(r.provenance.created for r in records)[:10],
    )


def _ranked(score: Score, rank: tuple[int, int] | None) -> Score:
    return score if rank is None else score.model_copy(update={"rank_low": rank[0], "rank_high": rank[1]})


def _judged(score: Score, bar: float) -> Score:
    """Say whether a system clears the floors: its whole interval must lie above the highest of them."""
    low = score.ci_low if score.ci_low is not None else score.value
    return score if low is None else score.model_copy(update={"above_floors": low > bar})


def _parameters(run: Run) -> int | None:
    value = run.record.facts.get("parameters")
    return value if isinstance(value, int) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _unranked(run: Run, reasons: tuple[str, ...]) -> Unranked:
    record, report = run.record, run.report
    return Unranked(
        run=record.id,
        name=record.name,
        model=record.model,
        kind=record.kind,
        seed=record.seed,
        reasons=reasons,
        scores=_single(run) if isinstance(run, Scored) else {},
        n=report.n if report else record.n,
        n_failed=report.n_failed if report else record.n_failed,
        date=record.provenance.created[:10],
    )


def _single(run: Scored) -> dict[str, Score]:
    (system,) = configurations([run])
    return {name: system.score(name) for name in system.metrics}
