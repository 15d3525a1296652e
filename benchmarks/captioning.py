"""Captions per second: one by one with `generate`, and ours, from the same tiny Qwen2-Audio, at the same output.

    python benchmarks/captioning.py [--clips 64] [--tokens 24] [--rounds 3]

Both write greedily after the same prompt. The first makes features, encodes and decodes clip by clip, as a user of
transformers would; ours computes features once (the second pass reads them from disk), sorts by length, and writes in
batches of 32. Every caption must be the same, token by token, or nothing is printed. One thread; interleaved; medians.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import soundfile
import torch
from grpo import BANNED, clip, make

from mecap_r1.ears import padded
from mecap_r1.features import load_features
from mecap_r1.front_ends import log_mel
from mecap_r1.material import Item, batches, prompts
from mecap_r1.policy import Policy
from mecap_r1.presets import find_preset
from mecap_r1.pretrained import words_of
from mecap_r1.settings import PolicySpec
from mecap_r1.tokeniser import PAD, Tokeniser
from secbench.captioner import Progress
from secbench.corpora import AudioClip, Utterance

SENTENCES = ("今天的饭很好吃。", "你怎么又迟到了，大家都在等你一个人。", "门口有人。")
BATCH = 32


def utterances(folder: Path, count: int) -> list[Utterance]:
    """Clips of 1 to 2.5 s with a sentence each."""
    rows = []
    for number in range(count):
        path = folder / f"{number}.wav"
        soundfile.write(path, clip(number), 16_000)
        rows.append(Utterance(str(number), AudioClip(path), SENTENCES[number % len(SENTENCES)]))
    return rows


def one_by_one(model: Any, tokenizer: Any, rows: Sequence[Utterance], tokens: int) -> list[list[int]]:
    """The tokens of each caption by `generate`."""
    words = words_of("qwen2-audio")
    tower = model.model.audio_tower
    limit = 2 * tower.config.max_source_positions
    found = []
    for row in rows:
        (frames,) = load_features([row], log_mel(80), None, Progress()).frames.values()
        heard = torch.from_numpy(frames.astype("float32"))
        _, count = tower._get_feat_extract_output_lengths(torch.tensor([len(heard)]))
        text = f"{words.before}{'<|AUDIO|>' * int(count)}{words.between}{row.transcript}{words.after}"
        batch = dict(tokenizer(text, return_tensors="pt"))
        batch["input_features"] = padded(heard, limit)
        batch["feature_attention_mask"] = (torch.arange(limit) < len(heard)).long().unsqueeze(0)
        with torch.no_grad():
            written = model.generate(**batch, max_new_tokens=tokens, do_sample=False, suppress_tokens=BANNED)
        found.append(written[0, batch["input_ids"].shape[1] :].tolist())
    return found


def ours(policy: Policy, tokeniser: Tokeniser, rows: Sequence[Utterance], tokens: int, cache: Path) -> list[list[int]]:
    """The tokens of each caption in batches."""
    frames = load_features(rows, log_mel(80), cache, Progress()).frames
    items = [Item(row.id, frames[row.id], row.transcript or "") for row in rows]
    by_length = sorted(range(len(items)), key=lambda k: len(frames[items[k].id]))
    found: list[list[int]] = [[] for _ in items]
    for some in batches([items[k] for k in by_length], BATCH):
        with torch.no_grad():
            samples = policy.sample(policy.prefix(prompts(some, tokeniser)), length=tokens, greedy=True)
        for item, row in zip(some, samples.tokens.tolist(), strict=True):
            found[int(item.id)] = [token for token in row if token != PAD]
    return found


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

    torch.set_num_threads(1)
    times: dict[str, list[float]] = {"one by one": [], "ours, features made": [], "ours, features read": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "model")
        rows = utterances(folder, options.clips)
        model: Any = Qwen2AudioForConditionalGeneration.from_pretrained(folder / "model")
        model.eval()
        tokenizer = AutoProcessor.from_pretrained(folder / "model").tokenizer
        preset, spec = find_preset("qwen2-audio"), PolicySpec("qwen2-audio", writer=str(folder / "model"))
        tokeniser = preset.tokeniser(spec, [])
        policy = preset.make(spec, tokeniser, 0)
        policy.train(mode=False)
        for number in range(options.rounds):
            cache = folder / f"cache{number}"
            works: dict[str, Callable[[], list[list[int]]]] = {
                "one by one": partial(one_by_one, model, tokenizer, rows, options.tokens),
                "ours, features made": partial(ours, policy, tokeniser, rows, options.tokens, cache),
                "ours, features read": partial(ours, policy, tokeniser, rows, options.tokens, cache),
            }
            written = []
            for which, work in works.items():
                started = time.perf_counter()
                written.append(work())
                times[which].append(time.perf_counter() - started)
            if not written[0] == written[1] == written[2]:
                raise SystemExit("The captions differ, so that their speeds cannot be compared.")
    print(f"{options.clips} clips, {options.tokens} tokens, tiny Qwen2-Audio\n")
    print("| | captions a second | times |\n|---|---|---|")
    slow = median(times["one by one"])
    for which, found in times.items():
        print(f"| {which} | {options.clips / median(found):.1f} | {slow / median(found):.1f} |")


if __name__ == "__main__":
    main()
