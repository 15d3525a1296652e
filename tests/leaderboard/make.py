"""Run folders as `secbench run` leaves them, made from a small invented corpus without any model or audio."""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from secbench.captioner import Prediction
from secbench.corpora import Corpus, CorpusCard, Example, References, Utterance
from secbench.emotions import EMOTIONS
from secbench.evaluation import evaluate, write_evaluation
from secbench.runs import RunFolder
from secbench.schema import Drop, Listening, ListeningControl, Provenance, Report, RunRecord
from secbench.tasks import find_task

WORDS = dict(zip(EMOTIONS, ("平静", "高兴", "悲伤", "愤怒", "惊讶", "厌恶", "恐惧"), strict=True))
FRAMES: tuple[str, ...] = (
    "说话人的语气听起来十分{}",
    "说话人的语气听起来带着明显的{}",
    "声音里透着{}，语速适中",
    "声音里透着明显的{}，语速适中",
)
WARNING = "The voices and emotions are synthetic: scores say nothing about real speech, <b>whatever</b> they are."
DIALOGUES, TURNS = 12, 5


def build_corpus(dialogues: int = DIALOGUES, turns: int = TURNS, **card: Any) -> Corpus:
    """Sixty test utterances in twelve dialogues of two speakers, with three references each."""
    rows = []
    for number in range(dialogues * turns):
        emotion = EMOTIONS[number * 3 % len(EMOTIONS)]
        captions = tuple(FRAMES[(number + k) % len(FRAMES)].format(WORDS[emotion]) for k in range(3))
        utterance = Utterance(
            f"u{number:03d}",
            transcript=f"机密台词{number}",
            speaker=f"s{number % 2}",
            dialogue=f"d{number // turns:02d}",
            turn=number % turns,
        )
        rows.append(Example(utterance, References({"overall": captions}, {"audio": emotion})))
    fields = {
        "name": "toytalk",
        "title": "ToyTalk",
        "revision": "0123456789abcdef",
        "licence": "CC0-1.0",
        "summary": "Invented.",
        "warning": WARNING,
        "synthetic": True,
        **card,
    }
    return Corpus(CorpusCard(**fields), {"test": tuple(rows)}, Path())


@dataclass
class Maker:
    """Writes run folders below `root`."""

    root: Path
    corpus: Corpus

    def examples(self) -> Sequence[Example]:
        """The test split."""
        return self.corpus.splits["test"]

    def captions(self, right: float, seed: int = 0, frames: int = 4) -> list[Prediction]:
        """Captions that name the right emotion in a share `right` of the utterances."""
        rng = random.Random(f"{right}-{seed}-{frames}")
        answers = []
        for example in self.examples():
            gold = example.references.labels["audio"]
            named = gold if rng.random() < right else rng.choice([e for e in EMOTIONS if e != gold])
            text = rng.choice(FRAMES[:frames]).format(WORDS[named])
            answers.append(Prediction(example.utterance.id, caption=text))
        return answers

    def labels(self, right: float, seed: int = 0) -> list[Prediction]:
        """Labels that are right in a share `right` of the utterances."""
        rng = random.Random(seed)
        return [
            Prediction(e.utterance.id, label=e.references.labels["audio"] if rng.random() < right else "neutral")
            for e in self.examples()
        ]

    def record(self, run_id: str, **fields: Any) -> RunRecord:
        """A record of a complete run."""
        values: dict[str, Any] = {
            "id": run_id,
            "status": "complete",
            "model": run_id,
            "name": run_id,
            "kind": "baseline",
            "corpus": self.corpus.card.name,
            "corpus_revision": self.corpus.card.revision,
            "task": "caption-overall",
            "split": "test",
            "n": len(self.examples()),
            "command": f"secbench run --model {run_id} --root /home/me/secret/toytalk --seed 0",
            "config": {"layers": 4, "cache": "/home/me/secret/cache"},
            "facts": {"parameters": 12_345_678},
            "seconds_per_utterance": 0.0312,
            "card": asdict(self.corpus.card),
            "provenance": Provenance(
                secbench="0.1.0",
                python="3.11.2",
                packages={"torch": "2.13.0", "numpy": "2.4.0"},
                commit="f23ddea1e4b33573e6de48834baced386e2cfe9e",
                dirty=False,
                hardware="16 CPU cores",
                created="2025-03-04T05:06:07Z",
            ),
        }
        return RunRecord(**{**values, **fields})

    def write(
        self,
        run_id: str,
        predictions: Sequence[Prediction] | None,
        curves: Sequence[dict[str, Any]] = (),
        report: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Path:
        """Write a run folder; without predictions, only its record."""
        record = self.record(run_id, **fields)
        folder = RunFolder(self.root / run_id)
        folder.write(record)
        if predictions is not None:
            folder.write_predictions(predictions)
            examples = self.examples()[: record.limit]
            result = evaluate(
                predictions[: record.limit], examples, self.corpus, find_task(record.task), record.split, resamples=200
            )
            stable = result.report.model_copy(update={"seconds": 1.0, **(report or {})})
            write_evaluation(folder.path, type(result)(stable, result.table))
        if curves:
            (folder.path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in curves), "utf-8")
        return folder.path

    def report(self, run_id: str) -> Report:
        """The scores of a run."""
        return Report.model_validate_json((self.root / run_id / "scores.json").read_bytes())

    def change_signature(self, run_id: str, metric: str, signature: str) -> None:
        """Let a metric of a run have been scored in another way."""
        report = self.report(run_id)
        score = report.metrics[metric].model_copy(update={"signature": signature})
        changed = report.model_copy(update={"metrics": {**report.metrics, metric: score}})
        (self.root / run_id / "scores.json").write_text(changed.model_dump_json(), "utf-8")


def curve_rows(steps: int = 120) -> list[dict[str, Any]]:
    """Two stages of training."""
    first = [{"stage": "sft", "step": 10 * k, "loss": 3.0 / (1 + k / 8), "note": "text"} for k in range(steps)]
    second = [{"stage": "grpo", "step": k, "reward": 0.2 + 0.004 * k, "kl": 0.0001 * k} for k in range(steps)]
    return [*first, *second]


def listening_report() -> Listening:
    """One control with an interval, one where something failed and a metric has none, one that could not be had."""
    heard = Drop(value=0.85, control=0.2, drop=0.65, ci_low=0.512, ci_high=0.701)
    none = Drop(value=0.85, control=0.85, drop=-0.0001, ci_low=-0.032, ci_high=0.0)
    alike = Drop(value=0.9, control=0.8, drop=0.1, reason="a resample repeats captions")
    return Listening(
        cluster="dialogue",
        controls={
            "other-audio": ListeningControl(n=60, n_changed=51, drops={"emo_f1": heard, "self_bleu": alike}),
            "silence": ListeningControl(n=60, n_changed=60, n_failed=2, drops={"emo_f1": none}),
            "no-transcript": ListeningControl(status="unavailable", reason="None in /home/me/secret/toytalk."),
        },
    )


def full_set(maker: Maker) -> None:
    """The set of runs that most tests and the screenshots look at."""
    floor = [Prediction(e.utterance.id, caption="平静") for e in maker.examples()]
    maker.write("constant", floor, kind="floor", facts={}, seconds_per_utterance=0.0)
    maker.write("retrieval", maker.captions(0.35), name="Nearest neighbour (TF-IDF)")
    maker.write("sft", maker.captions(0.6, frames=2), name="Whisper-base + GPT-2, SFT")
    for seed in range(3):
        maker.write(
            f"mecap-s{seed}",
            maker.captions(0.85, seed),
            curves=curve_rows(),
            model="mecap_r1",
            name="MECap-R1 base",
            kind="mecap_r1",
            seed=seed,
            optimised_for=("emo_f1", "cider"),
        )
    (maker.root / "mecap-s1" / "listening.json").write_text(listening_report().model_dump_json(), "utf-8")
    hostile = maker.captions(0.5)
    hostile[0] = Prediction("u000", caption="<script>document.title = 'owned'</script><img src=x onerror=alert(1)>")
    hostile[5] = Prediction("u005", caption="悲伤" * 5000)
    hostile[10] = Prediction("u010", caption="\u202eright to left\u202c")
    hostile[20] = Prediction("u020", caption="</style></svg>{{ 7 * 7 }}")
    maker.write("hostile", hostile, name="<script>alert('name')</script>", kind="external", command="", model="=cmd|x")
    maker.write("trial", maker.captions(0.9), limit=20, status="partial", reason="a trial", n=20)
    failed = maker.captions(0.7)
    failed[3] = Prediction("u003", error="FileNotFoundError: /home/me/secret/u003.wav")
    maker.write("partial", failed, status="partial", reason="1 of 60 utterances failed", n_failed=1)
    maker.write("running", None, status="running")
    maker.write("failed", None, status="failed", reason="cannot open '/home/me/secret/my model/weights.bin'")
    maker.write("signature", maker.captions(0.9, 5))
    maker.change_signature("signature", "bleu4", "bleu4|tok:jieba")
    maker.write("labels-good", maker.labels(0.9), task="emotion-audio", name="Classifier, large")
    maker.write("labels-poor", maker.labels(0.3), task="emotion-audio", name="Classifier, small")
    broken = maker.root / "broken"
    broken.mkdir()
    (broken / "run.json").write_text('{"version": 1, "id": "broken"}', "utf-8")
