"""The registered model `mecap_r1`, and what it shares with the baseline `sft`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch

from mecap_r1.cold_start import ColdStart, cold_start, fit_tokeniser
from mecap_r1.consensus import Consensus
from mecap_r1.emotion_space import EmotionSpace, anchor_texts
from mecap_r1.encoder import TfidfEncoder
from mecap_r1.grpo import GrpoSettings, emo_grpo
from mecap_r1.material import Item, batches, items_of, prompts, prompts_of
from mecap_r1.objective import Objective
from mecap_r1.policy import Policy
from mecap_r1.presets import find_preset
from mecap_r1.rewards import RewardSum, parse_weights
from mecap_r1.sft import SftSettings
from mecap_r1.tokeniser import CaptionTokeniser
from mecap_r1.training import Schedule, single_thread, without_bars
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Example, Utterance
from secbench.errors import DataError, SecbenchError
from secbench.runs import write_atomically

__all__ = ["MecapR1", "PolicyCaptioner", "PolicyConfig"]

CAPTION_BATCH = 32


@dataclass(frozen=True)
class PolicyConfig:
    """Settings of the policy and of stage 1.

    Attributes:
        preset: kind of policy; `tiny`.
        modality: what it is given: `audio`, `text` or `audio+text`.
        sft_steps: optimiser steps of stage 1.
        grpo_steps: optimiser steps of stage 2; the baseline `sft` spends them on stage 1.
        batch: clips a step of stage 1.
        references: references of a clip that are learnt from in one step.
        sft_learning_rate: peak of stage 1.
        dropout: of the policy, in stage 1.
        augmentation: strength of the variation of the features; 0: none.
        drop_text: chance in training that a transcript is left out.
        max_tokens: most tokens of a caption, its end included.
        no_repeat: sequences of so many tokens are not written twice in one caption; 0: they may be.
        patience: evaluations of stage 1 without a better one before it ends; 0: never.
        evaluate_every: steps between evaluations on validation.
        checkpoint_every: steps between checkpoints.
        average: decay of the moving average of the weights that is evaluated and kept, in both stages; 0: none.
    """

    preset: str = "tiny"
    modality: str = "audio+text"
    sft_steps: int = 800
    grpo_steps: int = 200
    batch: int = 16
    references: int = 2
    sft_learning_rate: float = 1.5e-3
    dropout: float = 0.1
    augmentation: float = 0.5
    drop_text: float = 0.8
    max_tokens: int = 32
    no_repeat: int = 2
    patience: int = 0
    evaluate_every: int = 50
    checkpoint_every: int = 50
    average: float = 0.98


@dataclass
class Fitted:
    """A policy and what it needs to write."""

    policy: Policy
    tokeniser: CaptionTokeniser
    facts: dict[str, Any] = field(default_factory=dict)


class PolicyCaptioner(Captioner):
    """A captioner around a policy: everything but how it is trained."""

    Config = PolicyConfig

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        find_preset(self.config.preset)
        self._fitted: Fitted | None = None

    def fit(self, train: Sequence[Example], validation: Sequence[Example], context: Context) -> None:
        """Learn from the training split; choose steps on validation.

        Raises:
            DataError: if a clip cannot be read or has no caption.
            UsageError: for a setting that does not exist.
        """
        if not train:
            raise DataError("There is nothing to learn from: the training split is empty.")
        with single_thread():
            ours = items_of(train, self.config.modality, context)
            theirs = items_of(validation, self.config.modality, context) if validation else []
            tokeniser = fit_tokeniser(ours)
            self._fitted = self._train(tokeniser, ours, theirs, context)

    def _train(
        self, tokeniser: CaptionTokeniser, train: Sequence[Item], validation: Sequence[Item], context: Context
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
        )
        settings = SftSettings(schedule, config.batch, config.references, config.augmentation, config.drop_text)
        return ColdStart(config.preset, config.dropout, settings)

    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        """Write captions greedily. An utterance whose clip cannot be read yields the reason."""
        fitted = self._ready()
        items, failures = prompts_of(utterances, self.config.modality, context)
        for name, reason in failures.items():
            yield Prediction(name, error=reason)
        for some in batches(items, CAPTION_BATCH):
            with single_thread():
                found = self._write(fitted, some)
            yield from found

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
            policy = find_preset(self.config.preset).load(folder / "policy").eval()
            facts = json.loads((folder / "facts.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"The policy cannot be read ({error}). Fit the model again.", folder) from error
        self._fitted = Fitted(policy, CaptionTokeniser.load(folder), facts)

    def describe(self) -> Mapping[str, Any]:
        """Number of parameters and the chosen steps."""
        return {} if self._fitted is None else self._fitted.facts

    def _ready(self) -> Fitted:
        if self._fitted is None:
            raise SecbenchError("The model has not been fitted. Call fit or load first.")
        return self._fitted


def size_of(policy: Policy) -> dict[str, int]:
    """The numbers of parameters, for the report."""
    counts = [(value.numel(), value.requires_grad) for value in policy.parameters()]
    return {"parameters": sum(n for n, _ in counts), "trainable": sum(n for n, learnt in counts if learnt)}


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
            beta: weight of the divergence from the stage-1 policy.
            loss: `dapo`, `grpo` or `dr_grpo`.
            unended: taken from the reward of a caption without an end.
            anchors: anchors of the emotion space: `centroids` of the training captions or plain `names`.
            centred: whether the emotion space is centred.
            projection: `fisher`, `basis` or `cosines`.
        """

        rewards: str = "emotion:2,anchor:2,consensus:5,bleu:3,length:2,repetition:2,copying:1"
        prompts: int = 32
        group_size: int = 8
        grpo_augmentation: float = 0.5
        grpo_learning_rate: float = 4e-4
        beta: float = 0.04
        loss: str = "dapo"
        unended: float = 1.0
        anchors: str = "centroids"
        centred: bool = True
        projection: str = "fisher"

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        parse_weights(self.config.rewards)

    def _train(
        self, tokeniser: CaptionTokeniser, train: Sequence[Item], validation: Sequence[Item], context: Context
    ) -> Fitted:
        config = self.config
        objective = Objective(config.loss, beta=config.beta)
        rewards = self._rewards(train)
        policy = cold_start(self._cold_start(config.sft_steps), tokeniser, train, validation, context)
        schedule = Schedule(
            steps=config.grpo_steps,
            learning_rate=config.grpo_learning_rate,
            warmup=min(10, config.grpo_steps),
            weight_decay=0.0,
            evaluate_every=config.evaluate_every,
            checkpoint_every=config.checkpoint_every,
            average=config.average,
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
        )
        identity = [self.version, repr(config), context.seed, [item.id for item in train]]
        trainer = emo_grpo(policy, tokeniser, train, validation, rewards, settings, context, identity)
        chosen = trainer.best_step if validation else trainer.step
        return Fitted(policy, tokeniser, size_of(policy) | {"grpo_step": chosen})

    def _rewards(self, train: Sequence[Item]) -> RewardSum:
        """The rewards, with an emotion space and document frequencies from the training captions."""
        captions = [(text, item.label) for item in train for text in item.references]
        texts, labels = [text for text, _ in captions], [label for _, label in captions]
        encoder = TfidfEncoder.fit(texts)
        anchors = anchor_texts(texts, labels, self.config.anchors)
        space = EmotionSpace(encoder, anchors, self.config.centred, self.config.projection)
        return RewardSum(
            self.config.rewards, {"space": space, "consensus": Consensus([item.references for item in train])}
        )
