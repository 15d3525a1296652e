"""Seconds and memory of a step of GRPO on a tiny Qwen2-Audio: TRL and ours, interleaved, each in a fresh process.

    python benchmarks/grpo.py [--rounds 3] [--steps 10] [--beta 0.0] [--new-tokens 24] [--group 8] [--prompts 4]

Both train the same model (random weights, written once to a folder) on the same synthetic clips with the same
instruction, reward, group size, learning rate and number of new tokens, in one thread. TRL 1.16 knows no audio: what it
needs of it is in `AudioTrainer`, the least that makes its log-probabilities hear the clip. Prints medians over rounds
of the median step, and the peak resident memory. A contender that is not installed is listed with the reason
(`pip install -c constraints.txt trl==1.16.0`).
"""

import argparse
import json
import resource
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

SECONDS = 4
INSTRUCTION = "请描述说话人的情感。"
SPECIAL = ["<pad>", "<|im_end|>", "<unk>", "<|im_start|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"]
BANNED = [k for k, name in enumerate(SPECIAL) if name != "<|im_end|>"]
HAN = [bytes([high, low]).decode("gb2312", "ignore") for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF)]
LETTERS = sorted({*HAN, *string.printable, *"，。：？！"} - {""})


def clip(number: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A tone of 1 to 2.5 s."""
    clock = np.arange(int(16_000 * (1 + 0.1 * (number % 16)))) / 16_000
    noise = np.random.default_rng(number).standard_normal(clock.size)
    return (0.3 * np.sin(2 * np.pi * (200 + 50 * number) * clock) + 0.01 * noise).astype(np.float32)


def reward(completions: Sequence[Any], **_: Any) -> list[float]:
    """The share of distinct characters, which no policy at random has at its best."""
    texts = [one if isinstance(one, str) else one[0]["content"] for one in completions]
    return [len(set(text)) / max(1, len(text)) for text in texts]


def processor_of(bands: int, seconds: int) -> Any:
    """A processor whose tokeniser knows single characters."""
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from transformers import PreTrainedTokenizerFast, Qwen2AudioProcessor, WhisperFeatureExtractor

    words = Tokenizer(WordLevel({word: k for k, word in enumerate([*SPECIAL, *LETTERS])}, unk_token=SPECIAL[2]))
    words.pre_tokenizer = Split(Regex("."), "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=SPECIAL[0], eos_token=SPECIAL[1], unk_token=SPECIAL[2]
    )
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL[3:]})
    return Qwen2AudioProcessor(WhisperFeatureExtractor(feature_size=bands, chunk_length=seconds), tokenizer)


def make(folder: Path) -> None:
    """Write a tiny Qwen2-Audio with its processor."""
    from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration

    processor = processor_of(80, SECONDS)
    audio = {"num_mel_bins": 80, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 256}
    text = {"vocab_size": len(processor.tokenizer), "hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2}
    text |= {"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 1024}
    torch.manual_seed(0)
    model = Qwen2AudioForConditionalGeneration(
        Qwen2AudioConfig(
            audio_config=audio | {"d_model": 64, "max_source_positions": SECONDS * 50},
            text_config=text | {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None},  # nosec B105 # ids
            audio_token_index=SPECIAL.index("<|AUDIO|>"),
        )
    )
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = 0, 1
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def trl_trainer(model: Any, processor: Any, folder: Path, options: argparse.Namespace, **more: Any) -> Any:
    """TRL, ready to train a Qwen2-Audio.

    Args:
        model: of transformers.
        processor: of the model, padding on the left.
        folder: for what it writes.
        options: steps, beta, new_tokens, group, prompts.
        more: further arguments of the trainer, and under "settings" of its settings.
    """
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    class AudioTrainer(GRPOTrainer):  # type: ignore[misc]
        """Carries the features of the clips into every forward pass, private hook by private hook."""

        def __init__(self, model: Any, *arguments: Any, **named: Any) -> None:
            model.config.image_token_id = model.config.audio_token_id  # any processor counts as one of images
            self.heard: dict[str, torch.Tensor] = {}
            super().__init__(model, *arguments, **named)

        def _tokenize_prompts(self, prompts: Any) -> Any:
            found = super()._tokenize_prompts(prompts)
            names = ("input_features", "feature_attention_mask")
            self.heard = {name: torch.as_tensor(found[2][name]) for name in names if name in found[2]}
            return found

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            return {**super()._generate_and_score_completions(inputs), **self.heard}

        def _compute_loss(self, model: Any, inputs: Any) -> Any:
            self.heard = {name: inputs[name] for name in self.heard}
            return super()._compute_loss(model, inputs)

        def _get_per_token_logps_and_entropies(
            self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, *_: Any, **named: Any
        ) -> Any:
            labels = input_ids.masked_fill(attention_mask == 0, -100)
            labels[:, :-logits_to_keep] = -100
            found = model(
                input_ids=input_ids, attention_mask=attention_mask, labels=labels, fused_lm_head=True, **self.heard
            )
            entropy = found.entropy[:, -logits_to_keep:] if named.get("compute_entropy") else None
            return found.log_probs[:, -logits_to_keep:], entropy, None

    def conversations(rows: dict[str, list[int]]) -> dict[str, list[Any]]:
        def said(number: int) -> list[Any]:
            parts = [{"type": "audio", "audio": clip(number)}, {"type": "text", "text": INSTRUCTION}]
            return [{"role": "user", "content": parts}]

        return {"prompt": [said(number) for number in rows["number"]]}

    count = options.prompts * options.group
    settings = GRPOConfig(
        output_dir=str(folder / "trl"),
        per_device_train_batch_size=count,
        num_generations=options.group,
        max_completion_length=options.new_tokens,
        max_steps=options.steps,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        beta=options.beta,
        learning_rate=1e-3,
        gradient_checkpointing=False,
        loss_type="dapo",
        remove_unused_columns=False,
        disable_tqdm=True,
        **more.pop("settings"),
    )
    rows = Dataset.from_dict({"number": list(range(64))}).with_transform(conversations)
    return AudioTrainer(
        model=model, reward_funcs=reward, args=settings, train_dataset=rows, processing_class=processor, **more
    )


def trl(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds of each step of TRL."""
    from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

    model = Qwen2AudioForConditionalGeneration.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder, padding_side="left")
    words = {"min_new_tokens": options.new_tokens, "suppress_tokens": BANNED}
    settings = {"use_cpu": True, "bf16": False, "generation_kwargs": words}
    trainer = trl_trainer(model, processor, folder, options, settings=settings)
    before = model.model.audio_tower.conv1.weight.detach().clone()
    trainer.train()
    if torch.equal(before, trainer.model.model.audio_tower.conv1.weight):
        raise RuntimeError("TRL trained without hearing the clips")
    return [row["step_time"] for row in trainer.state.log_history if "step_time" in row]


def ours(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds of each step of ours."""
    from mecap_r1.presets import find_preset
    from mecap_r1.settings import PolicySpec

    preset, spec = find_preset("qwen2-audio"), PolicySpec("qwen2-audio", writer=str(folder), freeze_listener=False)
    tokeniser = preset.tokeniser(spec, [])
    policy = preset.make(spec, tokeniser, 0).eval()
    policy.config.special["banned"] = [*BANNED, SPECIAL.index("<|im_end|>")]  # as TRL does: to the last token
    return [whole for whole, _ in trained(policy, tokeniser, options, 80)]


def now(device: torch.device) -> float:
    """The time in seconds when the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def trained(
    policy: Any, tokeniser: Any, options: argparse.Namespace, bands: int, mixed: bool = False
) -> list[tuple[float, float]]:
    """Seconds of each step of ours, and of them those of encoding the prompts and writing the captions.

    Args:
        policy: what is trained.
        tokeniser: of the policy.
        options: steps, beta, new_tokens, group, prompts.
        bands: of the log-mel spectrogram that it hears.
        mixed: passes through the policy in bfloat16, by autocast.
    """
    from mecap_r1.front_ends import log_mel
    from mecap_r1.material import Item, prompts
    from mecap_r1.objective import Objective, advantages, policy_loss

    frozen, device = policy.frozen() if options.beta else None, policy.device
    optimiser = torch.optim.AdamW([value for value in policy.parameters() if value.requires_grad], lr=1e-3)
    objective, times = Objective("dapo", beta=options.beta), []
    for step in range(options.steps):
        started = now(device)
        numbers = [(step * options.prompts + k) % 64 for k in range(options.prompts)]
        items = [Item(str(k), log_mel(bands).extract(clip(k)), "") for k in numbers]
        batch = prompts(items, tokeniser)
        began = now(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed, cache_enabled=False):
            prefix = policy.prefix(batch)
            samples = policy.sample(prefix, options.group, length=options.new_tokens)
            written = now(device) - began
            logp, _ = policy.score(prefix, samples.tokens, options.group)
            reference = None if frozen is None else frozen(batch, samples.tokens, options.group)
        rewards = torch.tensor(reward([tokeniser.decode(row) for row in samples.tokens.tolist()]))
        advantage, live = (rows.to(device) for rows in advantages(rewards, options.group))
        loss, _ = policy_loss(
            logp, samples.logp, reference, advantage, live, samples.mask, objective, options.new_tokens
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        times.append((now(device) - started, written))
    return times


CONTENDERS: dict[str, Callable[[Path, argparse.Namespace], list[float]]] = {"TRL": trl, "ours": ours}


def worker(options: argparse.Namespace) -> None:
    """Run one contender in this process, and print the median step and the peak memory as JSON."""
    torch.set_num_threads(1)
    try:
        times = CONTENDERS[options.worker](Path(options.folder), options)
    except ImportError as error:
        print(json.dumps({"unavailable": str(error).splitlines()[0]}))
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"step": median(times[1:]), "peak": peak}))


def measured(contender: str, folder: str, options: argparse.Namespace) -> dict[str, Any]:
    """What a fresh process says of one contender."""
    words = [sys.executable, __file__, "--worker", contender, "--folder", folder]
    for name in ("steps", "beta", "new_tokens", "group", "prompts"):
        words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--beta", type=float, default=0.0)
    parser.add_argument("--new-tokens", type=int, default=24)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--worker", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options)
        return
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        for _ in range(options.rounds):
            for name in CONTENDERS:
                found[name].append(measured(name, folder, options))
    print(
        f"tiny Qwen2-Audio, {options.prompts} prompts x {options.group}, {options.new_tokens} tokens, KL {options.beta}"
    )
    print("| | s a step | peak, MiB |\n|---|---|---|")
    for name, rows in found.items():
        if "unavailable" in rows[0]:
            print(f"| {name} | unavailable: {rows[0]['unavailable']} | |")
            continue
        print(f"| {name} | {median(r['step'] for r in rows):.3f} | {median(r['peak'] for r in rows):.0f} |")
    if not any("unavailable" in rows[0] for rows in found.values()):
        step, peak = (
            median(r[k] for r in found["TRL"]) / median(r[k] for r in found["ours"]) for k in ("step", "peak")
        )
        print(f"| TRL / ours | {step:.1f} | {peak:.1f} |")


if __name__ == "__main__":
    main()
