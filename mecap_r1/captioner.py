"""The registered model `mecap_r1`, and what it shares with the baseline `sft`."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError

from mecap_r1.board import mirror
from mecap_r1.cold_start import ColdStart, cold_start
from mecap_r1.consensus import Consensus
from mecap_r1.devices import find_device
from mecap_r1.emotion_space import build_space
from mecap_r1.grpo import GrpoSettings, emo_grpo
from mecap_r1.material import Item, batches, items_of, prompts, prompts_of
from mecap_r1.memory import halved
from mecap_r1.objective import Objective
from mecap_r1.policy import Policy
from mecap_r1.presets import find_preset
from mecap_r1.processes import team
from mecap_r1.rewards import RewardSum, parse_weights
from mecap_r1.settings import PolicyConfig
from mecap_r1.sft import SftSettings
from mecap_r1.sharding import whole
from mecap_r1.tokeniser import Tokeniser
from mecap_r1.training import Schedule, single_thread, without_bars
from secbench.audio import duration
from secbench.captioner import Captioner, Context, Prediction, Progress
from secbench.corpora import Example, Utterance
from secbench.errors import DataError, SecbenchError
from secbench.runs import write_atomically

__all__ = ["MecapR1", "PolicyCaptioner"]

CAPTION_BATCH = 32


@dataclass
class Fitted:
    """A policy and what it needs to write."""

    policy: Policy
    tokeniser: Tokeniser
    facts: dict[str, Any] = field(default_factory=dict)


class PolicyCaptioner(Captioner):
    """A captioner around a policy: everything but how it is trained."""

    Config = PolicyConfig
    shares_fit: ClassVar[bool] = True

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self._preset = find_preset(self.config.preset)
        self._fitted: Fitted | None = None

    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        """Learn from the training split; choose steps on validation.

        Raises:
            DataError: if a clip cannot be read or has no caption.
            UsageError: for a setting that does not exist, or a device that is not there.
        """
        if not train:
            raise DataError("There is nothing to learn from: the training split is empty.")
        device = find_device(self.config.device)
        with single_thread(), mirror(context, self.config.tensorboard and team().main) as context:
            front_end = self._preset.front_end(self.config.spec)
            with team().main_first():
                ours = items_of(train, self.config.modality, front_end, context)
                theirs = items_of(validation, self.config.modality, front_end, context) if validation else []
            tokeniser = self._preset.tokeniser(self.config.spec, ours)
            fitted = self._train(tokeniser, ours, theirs, context)
            self._fitted = replace(fitted, policy=whole(fitted.policy, device))

    def _train(
        self, tokeniser: Tokeniser, train: Sequence[Item], validation: Sequence[Item], context: Context
    ) -> Fitted:
        raise NotImplementedError

    def _cold_start(self, steps: int) -> ColdStart:
        config = self.config
        schedule = Schedule(
            steps=steps,
            learning_rate=config.sft_learning_rate,
            embedding_speed=4.0,
            evaluate_every=config.evaluate_every,
            patience=config.patience,
            checkpoint_every=config.checkpoint_every,
            average=config.average,
            accumulate=config.accumulate,
            precision=config.precision,
        )
        settings = SftSettings(schedule, config.batch, config.references, config.augmentation, config.drop_text)
        return ColdStart(config.spec, settings, find_device(config.device))

    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        """Write captions greedily, the shortest clips first, in smaller batches where memory runs out.

        A clip that cannot be read, or for which there is not enough memory, yields the reason.
        """
        fitted = self._ready()
        front_end = self._preset.front_end(self.config.spec)
        asked, silent = {row.id for row in utterances}, replace(context, progress=Progress())
        for batch in self.plan(context.split or utterances):
            if asked.isdisjoint(row.id for row in batch):
                continue
            items, failures = prompts_of(batch, self.config.modality, front_end, silent)
            yield from (Prediction(name, error=reason) for name, reason in failures.items() if name in asked)
            with single_thread():
                found = halved(items, partial(self._write, fitted), _too_large, context.progress.note) if items else ()
            yield from (prediction for prediction in found if prediction.id in asked)

    def plan(self, split: Sequence[Utterance]) -> Sequence[Sequence[Utterance]]:
        """Batches of clips of nearly one length, the shortest first."""
        return list(batches(sorted(split, key=self._size), CAPTION_BATCH))

    def _size(self, row: Utterance) -> tuple[int, int]:
        """What a batch is padded by: frames, hundredths of a second each, then characters."""
        words = (row.transcript or "").strip() if "text" in self.config.modality else ""
        if row.audio is None or "audio" not in self.config.modality:
            return 0, len(words)
        try:
            return math.ceil(round(100 * duration(row.audio), 6)), len(words)
        except DataError:
            return 0, len(words)

    def _write(self, fitted: Fitted, items: Sequence[Item]) -> list[Prediction]:
        with torch.no_grad():
            prefix = fitted.policy.prefix(prompts(items, fitted.tokeniser))
            samples = fitted.policy.sample(
                prefix, length=self.config.max_tokens, greedy=True, no_repeat=self.config.no_repeat
            )
        rows = zip(items, samples.tokens.tolist(), samples.logp.sum(dim=1).tolist(), strict=True)
        return [Prediction(item.id, fitted.tokeniser.decode(tokens), logprob=logp) for item, tokens, logp in rows]

    def save(self, folder: Path) -> None:
        """Write the policy (safetensors and JSON), the tokeniser and the facts."""
        fitted = self._ready()
        folder.mkdir(parents=True, exist_ok=True)
        with without_bars():
            fitted.policy.save_pretrained(folder / "policy")
        fitted.tokeniser.save(folder)
        text = json.dumps(fitted.facts, ensure_ascii=False, indent=1) + "\n"
        write_atomically(folder / "facts.json", lambda path: path.write_text(text, "utf-8"))

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            DataError: if something is missing or broken.
        """
        try:
            policy = self._preset.load(folder / "policy").eval().to(find_device(self.config.device))
            facts = json.loads((folder / "facts.json").read_text("utf-8"))
        except (OSError, ValueError, SafetensorError) as error:
            raise DataError(f"The policy cannot be read ({error}). Fit the model again.", folder) from error
        self._fitted = Fitted(policy, self._preset.load_tokeniser(folder), facts)

    def describe(self) -> Mapping[str, Any]:
        """Number of parameters and the chosen steps."""
        return {} if self._fitted is None else self._fitted.facts

    def _ready(self) -> Fitted:
        if self._fitted is None:
            raise SecbenchError("The model has not been fitted. Call fit or load first.")
        return self._fitted


def _too_large(item: Item) -> Prediction:
    return Prediction(item.id, error="There is not enough memory for this clip, even by itself.")


def size_of(policy: Policy) -> dict[str, Any]:
    """The numbers of parameters, and the parts that stay as they are (all of them or, with adapters, beneath)."""
    counts = [(value.numel(), value.requires_grad) for value in policy.parameters()]
    found: dict[str, Any] = {"parameters": sum(n for n, _ in counts)}
    found["trainable"] = sum(n for n, learnt in counts if learnt)
    fixed = {".".join(name.split(".")[:2]) for name, value in policy.named_parameters() if not value.requires_grad}
    return found | ({"frozen": sorted(fixed)} if fixed else {})


class MecapR1(PolicyCaptioner):
    """MECap-R1: maximum likelihood, then Emo-GRPO from the policy that it gave."""

    version: ClassVar[str] = "1"
    kind: ClassVar[str] = "mecap_r1"
    optimised_for: ClassVar[tuple[str, ...]] = (
        "emotion",
        "anchor",
        "consensus",
        "bleu",
        "length",
        "repetition",
        "copying",
        "variety",
        "degenerate",
    )

    @dataclass(frozen=True)
    class Config(PolicyConfig):
        """Settings of stage 2, beside those of the policy and of stage 1.

        Attributes:
            rewards: "name:weight" parts of the reward, separated by commas.
            prompts: clips a step of stage 2.
            group_size: captions for each of them.
            grpo_augmentation: strength of the variation of the features in stage 2.
            grpo_learning_rate: peak of stage 2.
            grpo_patience: evaluations of stage 2 without a better one before it ends; 0: never.
            beta: weight of the divergence from the stage-1 policy.
            loss: `dapo`, `grpo` or `dr_grpo`.
            clip_low: probability ratios are clipped below 1 minus this ...
            clip_high: ... and above 1 plus this.
            advantage: advantages are divided by the deviation of their `group`, of the `batch`, or by `none`.
            normalise: rewards are summed as they are (`sum`), or centred and scaled within groups first (`each`).
            baseline: a reward is held against the mean of its `group` or against the `greedy` caption.
            unended: taken from the reward of a caption without an end.
            sentinels: at signs that training goes astray: `warn`, `stop` or `off`.
            sentence_encoder: of the emotion space: `tfidf`, or `sentence-transformers`, or the folder or name on the
                hub of such a model.
            anchors: anchors of the emotion space: `centroids` of the training captions or plain `names`.
            centred: whether the emotion space is centred.
            projection: `fisher`, `basis` or `cosines`.
        """

        rewards: str = "emotion:2,anchor:2,consensus:5,bleu:3,length:2,repetition:2,copying:1,variety:4,degenerate:30"
        prompts: int = 32
        group_size: int = 8
        grpo_augmentation: float = 0.5
        grpo_learning_rate: float = 4e-4
        grpo_patience: int = 0
        beta: float = 0.04
        loss: str = "dapo"
        clip_low: float = 0.2
        clip_high: float = 0.28
        advantage: str = "group"
        normalise: str = "sum"
        baseline: str = "group"
        unended: float = 1.0
        sentinels: str = "warn"
        sentence_encoder: str = "tfidf"
        anchors: str = "centroids"
        centred: bool = True
        projection: str = "fisher"

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        parse_weights(self.config.rewards)

    def _train(
        self, tokeniser: Tokeniser, train: Sequence[Item], validation: Sequence[Item], context: Context
    ) -> Fitted:
        config = self.config
        objective = Objective(
            config.loss,
            config.clip_low,
            config.clip_high,
            config.beta,
            config.advantage,
            config.normalise,
            config.baseline,
        )
        rewards = self._rewards(train)
        policy = cold_start(self._cold_start(config.sft_steps), tokeniser, train, validation, context)
        schedule = Schedule(
            steps=config.grpo_steps,
            learning_rate=config.grpo_learning_rate,
            warmup=min(10, config.grpo_steps),
            weight_decay=0.0,
            evaluate_every=config.evaluate_every,
            patience=config.grpo_patience,
            checkpoint_every=config.checkpoint_every,
            average=config.average,
            accumulate=config.accumulate,
            precision=config.precision,
        )
        settings = GrpoSettings(
            schedule,
            objective,
            config.prompts,
            config.group_size,
            config.max_tokens,
            config.unended,
            config.grpo_augmentation,
            config.drop_text,
            config.no_repeat,
            config.sentinels,
        )
        identity = [self.version, repr(replace(config, device="auto")), context.seed, [item.id for item in train]]
        trainer = emo_grpo(policy, tokeniser, train, validation, rewards, settings, context, identity)
        chosen = trainer.best_step if validation else trainer.step
        return Fitted(policy, tokeniser, size_of(policy) | {"grpo_step": chosen})

    def _rewards(self, train: Sequence[Item]) -> RewardSum:
        """The rewards, with an emotion space and document frequencies from the training captions."""
        captions = [(text, item.label) for item in train for text in item.references]
        space = build_space([text for text, _ in captions], [label for _, label in captions], self.config)
        return RewardSum(
            self.config.rewards, {"space": space, "consensus": Consensus([item.references for item in train])}
        )
