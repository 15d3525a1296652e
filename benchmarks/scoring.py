"""Time of scoring, ours and pycocoevalcap's, in one process, interleaved; medians of several rounds.

    python benchmarks/scoring.py [--n 1929] [--references 1 5] [--rounds 5]

Ours starts from raw captions (tokenisation included); pycocoevalcap is given text that is split already. Both compute
BLEU-1 to BLEU-4, CIDEr-D and ROUGE-L. A second line times the whole `evaluate`: all metrics with their intervals,
control rows and tables. pycocoevalcap must be installed (extra `oracle`).
"""

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from secbench.captioner import Prediction
from secbench.corpora import Corpus, CorpusCard, Example, References, Utterance
from secbench.emotions import EMOTIONS
from secbench.evaluation import evaluate
from secbench.metrics import Batch
from secbench.registry import registry
from secbench.tasks import find_task

WORDS = ("平静", "高兴", "悲伤", "愤怒", "惊讶", "厌恶", "害怕")
PARTS = (
    ("一位年轻男性", "一位中年女性", "说话人", "这名女子", "他"),
    ("语速较快", "语速缓慢", "语速适中", "声音高亢", "音调低沉", "语调起伏明显", "声音微微颤抖"),
    ("，语气十分", "，语气略显", "，带着强烈的", "，流露出一丝"),
    ("，仿佛在诉说往事", "，似乎在与人争执", "，像是得到了意外的消息", "，好像在安慰对方", "，正在抱怨同事的做法"),
)
METRICS = ("bleu1", "bleu2", "bleu3", "bleu4", "cider", "rouge_l")


def caption(emotion: int, rng: random.Random) -> str:
    """A templated caption of about 28 characters with some free ones in it."""
    who, voice, tone, scene = (rng.choice(part) for part in PARTS)
    free = "".join(chr(rng.randrange(0x4E00, 0x4F00)) for _ in range(6))
    return f"{who}{voice}{tone}{WORDS[emotion]}{scene}，说到“{free}”。"


def toy(count: int, references: int) -> tuple[Corpus, list[Prediction]]:
    """A test split and captions for it."""
    rng = random.Random(0)
    rows, found = [], []
    for index in range(count):
        emotion = rng.randrange(len(EMOTIONS))
        captions = tuple(caption(emotion, rng) for _ in range(references))
        utterance = Utterance(f"u{index}", speaker=f"s{index % 4}", dialogue=f"d{index // 26}")
        rows.append(Example(utterance, References({"overall": captions}, {"audio": EMOTIONS[emotion]})))
        found.append(Prediction(utterance.id, caption(rng.choice((emotion, rng.randrange(7))), rng)))
    card = CorpusCard("toy", "Toy", "0" * 16, "CC0-1.0", "Made for timing.")
    return Corpus(card, {"test": tuple(rows)}, Path()), found


def ours(corpus: Corpus, found: list[Prediction]) -> dict[str, float]:
    """BLEU, CIDEr-D and ROUGE-L from raw captions."""
    references = tuple(row.references.captions["overall"] for row in corpus.splits["test"])
    batch = Batch(tuple(p.caption or "" for p in found), references)
    return {name: registry("metric")[name].load().collect(batch).value() for name in METRICS}


def oracle(mine: dict[str, list[str]], gold: dict[str, list[str]]) -> dict[str, float]:
    """The same of pycocoevalcap."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    bleu = Bleu(4).compute_score(gold, mine, verbose=0)[0]
    rest = [Cider().compute_score(gold, mine)[0], Rouge().compute_score(gold, mine)[0]]
    return dict(zip(METRICS, [*bleu, *rest], strict=True))


def split(text: str) -> str:
    """What `char` makes of these captions, with blanks between."""
    return " ".join(letter for letter in text if letter.isalnum())


def timed(work: Callable[[], object]) -> float:
    """Seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(count: int, references: int, rounds: int) -> None:
    """Print the times for one size."""
    corpus, found = toy(count, references)
    gold = {r.utterance.id: [split(c) for c in r.references.captions["overall"]] for r in corpus.splits["test"]}
    mine = {p.id: [split(p.caption or "")] for p in found}
    task = find_task("caption-overall")
    works: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(corpus, found),
        "pycocoevalcap": lambda: oracle(mine, gold),
        "evaluate": lambda: evaluate(found, corpus.splits["test"], corpus, task, "test"),
    }
    first, second = ours(corpus, found), oracle(mine, gold)
    gap = max(abs(first[name] - second[name]) for name in METRICS)
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(timed(work))
    middle = {name: median(values) for name, values in times.items()}
    print(
        f"n={count} references={references}: BLEU+CIDEr-D+ROUGE-L ours {middle['ours']:.3f} s, "
        f"pycocoevalcap {middle['pycocoevalcap']:.3f} s, ratio {middle['pycocoevalcap'] / middle['ours']:.1f}, "
        f"largest difference {gap:.1e}"
    )
    print(f"n={count} references={references}: whole evaluate with 1,000 resamples {middle['evaluate']:.3f} s")


def main() -> None:
    """Read the options and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_929)
    parser.add_argument("--references", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for references in options.references:
        report(options.n, references, options.rounds)


if __name__ == "__main__":
    main()
