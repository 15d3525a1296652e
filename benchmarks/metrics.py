"""Speed and memory of the n-gram metrics beside other packages, each in a fresh process, interleaved; medians.

    python benchmarks/metrics.py [--sizes 1929x1 19250x5] [--rounds 3] [--peers pycocoevalcap sacrebleu ...]

Every package is given the same captions, as raw text. Ours computes BLEU-1 to BLEU-4, CIDEr-D, Distinct-2 and the
vocabulary, tokenisation included; the others compute what they have of it from text that is split already, so that the
ratios flatter them. Imports and peak memory are shown apart. A package that is not installed, or is broken here, is
listed with the reason. `report` is the whole n-gram report with 1,000 resamples.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

WORDS = ("平静", "高兴", "悲伤", "愤怒", "惊讶", "厌恶", "害怕")
PARTS = (
    ("一位年轻男性", "一位中年女性", "说话人", "这名女子", "他"),
    ("语速较快", "语速缓慢", "语速适中", "声音高亢", "音调低沉", "语调起伏明显", "声音微微颤抖"),
    ("，语气十分", "，语气略显", "，带着强烈的", "，流露出一丝"),
    ("，仿佛在诉说往事", "，似乎在与人争执", "，像是得到了意外的消息", "，好像在安慰对方", "，正在抱怨同事的做法"),
)

Captions = list[str]
References = list[list[str]]
Work = Callable[[Captions, References], object]


def caption(rng: random.Random) -> str:
    """A templated caption of about 28 characters with some free ones in it."""
    who, voice, tone, scene = (rng.choice(part) for part in PARTS)
    free = "".join(chr(rng.randrange(0x4E00, 0x4F00)) for _ in range(6))
    return f"{who}{voice}{tone}{rng.choice(WORDS)}{scene}，说到“{free}”。"


def made(count: int, references: int) -> tuple[Captions, References]:
    """Captions and their references."""
    rng = random.Random(0)
    return [caption(rng) for _ in range(count)], [[caption(rng) for _ in range(references)] for _ in range(count)]


def split(text: str) -> str:
    """What `char` makes of these captions, with blanks between."""
    return " ".join(letter for letter in text if letter.isalnum())


def ours(names: Sequence[str]) -> Work:
    """The named metrics of ours from raw text."""
    from secbench.metrics import Batch
    from secbench.registry import registry

    metrics = [registry("metric")[name].load() for name in names]

    def work(captions: Captions, references: References) -> object:
        batch = Batch(tuple(captions), tuple(map(tuple, references)))
        return {metric.name: metric.collect(batch).value() for metric in metrics}

    return work


def report() -> Work:
    """The whole report of captions without emotion labels: every n-gram metric with its interval, and the controls."""
    from pathlib import Path

    from secbench.captioner import Prediction
    from secbench.corpora import Corpus, CorpusCard, Example, Utterance
    from secbench.corpora import References as Answers
    from secbench.evaluation import evaluate
    from secbench.tasks import find_task

    task = find_task("caption-overall")
    card = CorpusCard("toy", "Toy", "0" * 16, "CC0-1.0", "Made for timing.")

    def work(captions: Captions, references: References) -> object:
        rows = tuple(
            Example(Utterance(f"u{k}", dialogue=f"d{k // 26}"), Answers({"overall": tuple(texts)}))
            for k, texts in enumerate(references)
        )
        found = [Prediction(f"u{k}", caption) for k, caption in enumerate(captions)]
        return evaluate(found, rows, Corpus(card, {"test": rows}, Path()), task, "test")

    return work


def pycocoevalcap(names: Sequence[str]) -> Work:
    """Bleu and Cider, or Rouge, of pycocoevalcap."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    scorers: list[Any] = [Rouge()] if names == ["rouge_l"] else [Bleu(4), Cider()]

    def work(captions: Captions, references: References) -> object:
        mine, gold = {k: [text] for k, text in enumerate(captions)}, dict(enumerate(references))
        bleu = {"verbose": 0}
        return [one.compute_score(gold, mine, **(bleu if isinstance(one, Bleu) else {}))[0] for one in scorers]

    return work


def sacrebleu() -> Work:
    """BLEU alone."""
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(tokenize="none", force=True)
    return lambda captions, references: bleu.corpus_score(
        captions, [list(column) for column in zip(*references, strict=True)]
    )


def torchmetrics() -> Work:
    """BLEU alone."""
    from torchmetrics.functional.text import bleu_score

    return lambda captions, references: bleu_score(captions, references)


def aac_metrics() -> Work:
    """BLEU-1 to BLEU-4 and CIDEr-D."""
    from aac_metrics.functional import bleu, cider_d

    plain = {"tokenizer": str.split}

    def work(captions: Captions, references: References) -> object:
        return bleu(captions, references, n=4, **plain), cider_d(captions, references, **plain)

    return work


CORE = ["bleu1", "bleu2", "bleu3", "bleu4", "cider", "distinct2", "vocabulary"]
PEERS: dict[str, Callable[[], Work]] = {
    "ours": lambda: ours(CORE),
    "pycocoevalcap": lambda: pycocoevalcap(CORE),
    "ours, ROUGE-L": lambda: ours(["rouge_l"]),
    "pycocoevalcap, ROUGE-L": lambda: pycocoevalcap(["rouge_l"]),
    "ours, report": report,
    "sacrebleu": sacrebleu,
    "torchmetrics": torchmetrics,
    "aac-metrics": aac_metrics,
}


def worker(peer: str, count: int, references: int) -> None:
    """Time one package in this process, and print the result as JSON."""
    captions, gold = made(count, references)
    if not peer.startswith("ours"):
        captions, gold = [split(text) for text in captions], [[split(text) for text in texts] for texts in gold]
    started = time.perf_counter()
    try:
        work = PEERS[peer]()
    except (ImportError, OSError) as error:
        print(json.dumps({"unavailable": str(error).splitlines()[0]}))
        return
    imported = time.perf_counter()
    work(captions, gold)
    ended = time.perf_counter()
    print(json.dumps({"import": imported - started, "run": ended - imported, "all": _peak()}))


def _peak() -> float:
    """Peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(peer: str, count: int, references: int) -> dict[str, Any]:
    """What a fresh process says of one package."""
    command = [sys.executable, __file__, "--worker", peer, str(count), str(references)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"unavailable": (done.stderr.strip().splitlines() or ["it failed"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def table(size: str, rounds: int, peers: Sequence[str]) -> str:
    """The lines of one size."""
    count, references = map(int, size.split("x"))
    found: dict[str, list[dict[str, Any]]] = {peer: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            if not (found[peer] and "unavailable" in found[peer][0]):
                found[peer].append(measured(peer, count, references))
    lines = [f"{count} captions, {references} references, medians of {rounds} fresh processes", ""]
    lines += ["| package | run, s | ours is faster by | import, s | peak, MiB |", "|---|---|---|---|---|"]
    for peer in peers:
        if "unavailable" in found[peer][0]:
            lines.append(f"| {peer} | unavailable: {found[peer][0]['unavailable']} | | | |")
            continue
        run, imported, peak = (median(one[key] for one in found[peer]) for key in ("run", "import", "all"))
        base = "ours, ROUGE-L" if peer.endswith("ROUGE-L") else "ours"
        ratio = ""
        if not peer.startswith("ours") and base in found:
            ratio = f"{run / median(one['run'] for one in found[base]):.1f}"
        lines.append(f"| {peer} | {run:.3f} | {ratio} | {imported:.2f} | {peak:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["1929x1", "19250x5"], help="captions x references")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker[0], int(options.worker[1]), int(options.worker[2]))
        return
    for size in options.sizes:
        print(table(size, options.rounds, options.peers), end="\n\n")


if __name__ == "__main__":
    main()
