"""A step of GRPO with Qwen2-Audio-7B and Qwen2.5-Omni-3B on a GPU: TRL and ours, interleaved, each in a fresh process.

    python benchmarks/gpu.py [--models qwen2-audio,qwen2.5-omni] [--rounds 3] [--steps 5] [--group 8] [--prompts 4]
                             [--new-tokens 48] [--lora 16] [--device cuda] [--small]

Weights are random, in bfloat16, and are made on the GPU at the sizes of `large_models.toml`; adapters are in float32,
passes under autocast. Prints medians: seconds of a step, new tokens a second, peak memory of tensors, and the share of
the bandwidth limit of writing: the seconds in which the language model's weights could have been read once for every
token, over those that encoding the prompts and writing took. The bandwidth is measured with a large copy. `--small` has
the same code run on tiny sizes, with `--device cpu` for tests. What cannot run is listed with the reason.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from grpo import BANNED, SPECIAL, clip, now, processor_of, trained, trl_trainer
from large_models import LARGE, TABLE, build, config_of, weights_in

from mecap_r1.front_ends import log_mel
from mecap_r1.hosted import HostedConfig
from mecap_r1.pretrained import PretrainedTokeniser, words_of

BANDS = 128
SMALL_AUDIO: dict[str, Any] = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 32}
SMALL_TEXT: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "vocab_size": 7200}
SMALL_TEXT |= {"num_attention_heads": 2, "num_key_value_heads": 1}
Row = dict[str, Any]


def sized(model: str, options: argparse.Namespace) -> HostedConfig:
    """The configuration of a model, at full size or tiny."""
    config = config_of(model, options.lora)
    if options.small:
        config.listener = config.listener | SMALL_AUDIO
        config.writer = config.writer | SMALL_TEXT
        if "output_dim" in config.listener:
            config.listener["output_dim"] = SMALL_TEXT["hidden_size"]
            config.writer["rope_parameters"] = {**config.writer["rope_parameters"], "mrope_section": [1, 1, 2]}
    return config


def banned_of(vocabulary: int, known: int) -> list[int]:
    """Tokens that neither contender may write: marks, and rows that no token has."""
    return [*BANNED, SPECIAL.index("<|im_end|>"), *range(known, vocabulary)]


def ours(model: str, options: argparse.Namespace) -> tuple[list[tuple[float, float]], int]:
    """Seconds of each step and of its writing, and the bytes of weights that a token needs."""
    tokeniser = PretrainedTokeniser(processor_of(BANDS, 30).tokenizer, SPECIAL.index("<|im_start|>"))
    config = sized(model, options)
    config.special = asdict(tokeniser.special) | {"banned": banned_of(config.writer["vocab_size"], len(tokeniser))}
    config.words = {name: tokeniser.chat(text) for name, text in asdict(words_of(model)).items()}
    policy = build(config, options.device, torch.bfloat16).eval()
    read = [
        *policy.writer.backbone.layers.parameters(),
        *(() if policy.writer.head is None else [policy.writer.head.weight]),
    ]
    times = trained(policy, tokeniser, options, BANDS, mixed=True)
    return times, sum(value.numel() * value.element_size() for value in read)


def theirs(model: str, options: argparse.Namespace) -> tuple[list[tuple[float, float]], int]:
    """The same of TRL, whose writing is what `generate` takes.

    Raises:
        ImportError: if TRL cannot run the model.
    """
    if model != "qwen2-audio":
        raise ImportError("the audio subclass of TRL carries the features of Qwen2-Audio alone")
    import trl  # noqa: F401 - so that its absence is the reason, whatever else is missing
    from peft import LoraConfig
    from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration

    config, processor = sized(model, options), processor_of(BANDS, 30)
    processor.tokenizer.padding_side = "left"
    ends: dict[str, Any] = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}  # nosec B105 # ids
    with torch.device(options.device), weights_in(torch.bfloat16):
        full: Any = Qwen2AudioForConditionalGeneration(
            Qwen2AudioConfig(
                audio_config=config.listener,
                text_config=config.writer | ends,
                audio_token_index=SPECIAL.index("<|AUDIO|>"),
            )
        )
    full.generation_config.pad_token_id, full.generation_config.eos_token_id = 0, 1
    read = [*full.model.language_model.layers.parameters(), full.lm_head.weight]
    size = sum(value.numel() * value.element_size() for value in read)
    written: list[float] = []
    generate = Qwen2AudioForConditionalGeneration.generate

    def timed(*arguments: Any, **named: Any) -> Any:
        began = now(full.device)
        found = generate(*arguments, **named)
        written.append(now(full.device) - began)
        return found

    Qwen2AudioForConditionalGeneration.generate = timed  # type: ignore[method-assign]
    words = {
        "min_new_tokens": options.new_tokens,
        "suppress_tokens": banned_of(config.writer["vocab_size"], len(processor.tokenizer)),
    }
    on_cpu = options.device == "cpu"
    settings = {"use_cpu": on_cpu, "bf16": not on_cpu, "generation_kwargs": words}
    linear = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
    adapters = LoraConfig(r=options.lora, lora_alpha=2 * options.lora, target_modules=linear)
    with tempfile.TemporaryDirectory() as folder:
        trainer = trl_trainer(full, processor, Path(folder), options, settings=settings, peft_config=adapters)
        trainer.train()
    steps = [row["step_time"] for row in trainer.state.log_history if "step_time" in row]
    return list(zip(steps, written, strict=True)), size


CONTENDERS: dict[str, Callable[[str, argparse.Namespace], tuple[list[tuple[float, float]], int]]] = {
    "TRL": theirs,
    "ours": ours,
}


def worker(options: argparse.Namespace) -> None:
    """Run one contender in this process, and print what it took as JSON."""
    try:
        times, size = CONTENDERS[options.worker](options.models, options)
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "trl"
        print(json.dumps({"unavailable": "trl is not installed" if missing else str(error).splitlines()[0]}))
        return
    on_gpu = options.device != "cpu"
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    step, write = (median(column) for column in zip(*times[1:], strict=True))
    print(json.dumps({"step": step, "write": write, "peak": peak, "bytes": size}))


def measured(contender: str, model: str, options: argparse.Namespace) -> Row:
    """What a fresh process says of one contender."""
    words = [sys.executable, __file__, "--worker", contender, "--models", model, "--device", options.device]
    for name in ("steps", "new_tokens", "group", "prompts", "lora"):
        words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    done = subprocess.run(
        [*words, *(["--small"] if options.small else [])], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"unavailable": (done.stderr.strip().splitlines() or ["it was killed"])[-1]}
    found: Row = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def bandwidth(device: torch.device, size: int) -> float:
    """Bytes a second that are read and written by a copy of so many bytes; the median of ten."""
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target, times = torch.empty_like(source), []
    for _ in range(11):
        began = now(device)
        target.copy_(source)
        times.append(now(device) - began)
    return 2 * size / median(times[1:])


def features(device: torch.device) -> str:
    """How far torchaudio's log-mel spectrogram on the device is from ours on the CPU, and how long it takes."""
    try:
        audio: Any = import_module("torchaudio.functional")
    except (ImportError, OSError) as error:
        return f"unavailable: {str(error).splitlines()[0]}"
    wave = clip(9)
    expected = torch.from_numpy(log_mel(BANDS).extract(wave).astype(np.float32))
    bank = audio.melscale_fbanks(201, 0.0, 8000.0, BANDS, 16_000, norm="slaney", mel_scale="slaney").to(device)
    began = now(device)
    spectrum = torch.stft(
        torch.from_numpy(wave).to(device), 400, 160, window=torch.hann_window(400, device=device), return_complex=True
    )
    power = (spectrum[:, :-1].abs() ** 2).T @ bank
    found = power.clamp(min=1e-10).log10()
    found = (found.clamp(min=float(found.max()) - 8) + 4) / 4
    took = now(device) - began
    apart = float((found.cpu()[: len(expected)] - expected).abs().max())
    return f"largest difference {apart:.1e} of values between -1 and 1.5 ({took * 1e3:.1f} ms, the first call)"


def line(name: str, rows: list[Row], options: argparse.Namespace, speed: float) -> str:
    """A row of the table."""
    if "unavailable" in rows[0]:
        return f"| {name} | unavailable: {rows[0]['unavailable']} | | | |"
    step, write, peak, size = (median(row[key] for row in rows) for key in ("step", "write", "peak", "bytes"))
    tokens = options.prompts * options.group * options.new_tokens
    share = options.new_tokens * size / speed / write
    return f"| {name} | {step:.3f} | {tokens / step:.0f} | {peak / 2**30:.2f} | {100 * share:.0f} % |"


def report(options: argparse.Namespace) -> None:
    """Measure all models, and print."""
    device = torch.device(options.device)
    speed = bandwidth(device, 2**24 if options.small else 2**30)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    size = "tiny sizes, which say nothing about speed" if options.small else "full size"
    print(f"{name}, {size}; a copy reads and writes {speed / 1e9:.0f} GB/s")
    print(f"torchaudio's features against ours: {features(device)}")
    print(f"{options.prompts} prompts x {options.group} captions x {options.new_tokens} tokens, LoRA {options.lora}")
    for model in options.models.split(","):
        found: dict[str, list[Row]] = {contender: [] for contender in CONTENDERS}
        for _ in range(options.rounds):
            for contender, rows in found.items():
                rows.append(measured(contender, model, options))
        print(f"\n{model}\n| | s a step | tokens/s | peak, GiB | share of the bandwidth limit |\n|---|---|---|---|---|")
        for contender, rows in found.items():
            print(line(contender, rows, options, speed))
        if all("step" in row for rows in found.values() for row in rows):
            ratio = [
                median(row[key] for row in found["TRL"]) / median(row[key] for row in found["ours"])
                for key in ("step", "peak")
            ]
            print(f"| TRL / ours | {ratio[0]:.1f} | | {ratio[1]:.1f} | |")


def main() -> None:
    """Read the options, and measure where that is possible."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--models", default=",".join(LARGE), help=f"of {', '.join(TABLE)}: those with an ear of their own"
    )
    for name, value in (("rounds", 3), ("steps", 5), ("group", 8), ("prompts", 4), ("new-tokens", 48), ("lora", 16)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--worker", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.beta = 0.0
    if options.device != "cpu" and not torch.cuda.is_available():
        print("There is no GPU here, so nothing was measured; --device cpu --small runs the same code on tiny sizes.")
    elif options.worker:
        worker(options)
    else:
        report(options)


if __name__ == "__main__":
    main()
