"""The settings of a policy and of stage 1."""

from dataclasses import dataclass

__all__ = ["PolicyConfig", "PolicySpec"]


@dataclass(frozen=True)
class PolicySpec:
    """What a new policy is made from: those settings that `PolicyConfig` explains."""

    preset: str = "tiny"
    listener: str = ""
    writer: str = ""
    bridge: str = "linear"
    audio_tokens: int = 0
    freeze_listener: bool = True
    lora: int = 0
    bf16_weights: bool = False
    dropout: float = 0.1


@dataclass(frozen=True)
class PolicyConfig:
    """Settings of the policy and of stage 1.

    Attributes:
        preset: kind of policy; see `mecap_r1.presets`.
        listener: speech encoder of the preset, a folder or a name on the hub; empty: the preset's own.
        writer: language model of the preset, likewise.
        bridge: from the encoder to the language model: `linear` or `qformer`.
        audio_tokens: of a clip after the bridge; 0: the preset's own number.
        freeze_listener: leave the weights of the speech encoder as they are.
        lora: rank of low-rank adapters on the language model, which is frozen then; 0: all of its weights are trained.
        bf16_weights: keep the weights of the large presets in bfloat16.
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
        accumulate: parts that a process cuts its share of a step's batch into, so that it takes less memory; batches of
            validation are as much smaller.
        precision: `fp32`, or `bf16`: passes through the policy in bfloat16 where that is safe, weights as they are.
        device: `auto`, a GPU where there is one; `cpu`, `cuda`, or one GPU such as `cuda:1`.
        tensorboard: also write the curves as event files into the folder `checkpoint/tensorboard` of the run.
    """

    preset: str = "tiny"
    listener: str = ""
    writer: str = ""
    bridge: str = "linear"
    audio_tokens: int = 0
    freeze_listener: bool = True
    lora: int = 0
    bf16_weights: bool = False
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
    accumulate: int = 1
    precision: str = "fp32"
    device: str = "auto"
    tensorboard: bool = False

    @property
    def spec(self) -> PolicySpec:
        """What a new policy is made from."""
        return PolicySpec(
            self.preset,
            self.listener,
            self.writer,
            self.bridge,
            self.audio_tokens,
            self.freeze_listener,
            self.lora,
            self.bf16_weights,
            self.dropout,
        )
