"""Audio language models through transformers, zero shot: Qwen2-Audio, Qwen2.5-Omni, Qwen3-Omni and its Captioner."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from typing_extensions import override

from baselines._audio_chat import Packer, chunked_length, halved_length, read_frame
from baselines._prompts import Prompts, load_prompts
from baselines._replies import to_prediction
from mecap_r1.devices import find_device
from mecap_r1.memory import halved
from mecap_r1.pretrained import check_kernel, loaded, weights_identity
from mecap_r1.training import without_bars
from secbench.audio import read_audio
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import Utterance
from secbench.errors import DataError, SecbenchError, UsageError
from secbench.remote_code import remote_code_allowed
from secbench.tasks import Task

__all__ = ["Qwen2Audio", "Qwen3Omni", "Qwen25Omni"]

_WHAT = "audio language model"
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


class _Question(NamedTuple):
    """What is asked of an utterance: words, and the clip (n,) where the model listens."""

    id: str
    words: str
    clip: NDArray[np.float32] | None


class _AudioLanguageModel(Captioner):
    """A model that is asked about each clip and answers with the likeliest words.

    Class attributes:
        family: its frame in `chats.toml`.
        architecture: its class in transformers, without what speaks.
        whole: whether clips are padded to the longest that it hears.
        gigabytes: memory of its published weights in 16 bits, in GiB.
    """

    needs_fit: ClassVar[bool] = False
    family: ClassVar[str]
    architecture: ClassVar[str]
    whole: ClassVar[bool] = False
    gigabytes: ClassVar[int]

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            model: folder or name on the hub.
            revision: branch, tag or commit on the hub.
            language: of the prompts, `zh` or `en`.
            prompts: a TOML file with prompts of your own; empty: those that are shipped.
            prompt_version: of the prompts.
            prompted: whether words go with the audio; Qwen3-Omni-Captioner takes none.
            precision: of the weights: `bf16`, `fp16` or `fp32`.
            device: `auto`, a GPU where there is one; `cpu`, `cuda`, or one GPU such as `cuda:1`.
            batch: utterances at a time.
            max_new_tokens: of an answer.
        """

        model: str = ""
        revision: str = "main"
        language: str = "zh"
        prompts: str = ""
        prompt_version: str = "1"
        prompted: bool = True
        precision: Literal["bf16", "fp16", "fp32"] = "bf16"
        device: str = "auto"
        batch: int = 4
        max_new_tokens: int = 256

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        for name in ("batch", "max_new_tokens"):
            if getattr(self.config, name) < 1:
                raise UsageError(f"The setting {name} of the model {self.family} must be at least 1.")
        self.frame = read_frame(self.family)
        self.prompts: Prompts = load_prompts(self.config.prompts, self.config.prompt_version, self.config.language)
        self._model: Any = None

    @abstractmethod
    def length(self, frames: int) -> int:
        """Steps that the tower makes of so many frames."""

    @override
    def fingerprint(self) -> Mapping[str, str]:
        """Hashes of frame, prompts and weights.

        Raises:
            DataError: if the model is not there.
        """
        config = self.config
        found = self._load(transformers.AutoConfig.from_pretrained)
        check_kernel(_WHAT, config.model, found)
        asked = {"prompts": self.prompts.fingerprint} if config.prompted else {}
        return {"chat": self.frame.fingerprint, **asked, "weights": weights_identity(config.model, found)}

    @override
    def describe(self) -> Mapping[str, Any]:
        facts = {"prompts": self.prompts.fingerprint} if self.config.prompted else {}
        if self._model is None:
            return facts
        return {**facts, "parameters": sum(one.numel() for one in self._model.parameters())}

    @override
    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        """Batches are planned from the whole split, so that a resumed run gives what an undisturbed one does."""
        task = context.task
        listens = self._listens(task)
        asked = {row.id for row in utterances}
        for rows in self.plan(context.split or utterances):
            if any(row.id in asked for row in rows):
                yield from (one for one in self._answer(rows, context, listens) if one.id in asked)

    @override
    def plan(self, split: Sequence[Utterance]) -> Sequence[Sequence[Utterance]]:
        """Batches in the order of the split."""
        size = self.config.batch
        return [split[begin : begin + size] for begin in range(0, len(split), size)]

    def _listens(self, task: Task) -> bool:
        """Whether the task has the clip in its question.

        Raises:
            UsageError: if the task cannot be asked for.
        """
        if self.config.prompted:
            return self.prompts.prompt(task).audio
        if not task.is_caption:
            raise UsageError(
                f"Without a prompt no model can be asked for the classes of {task.name}. Set prompted=true, and model "
                "to one that follows prompts, such as Qwen/Qwen3-Omni-30B-A3B-Instruct."
            )
        return True

    def _answer(self, rows: Sequence[Utterance], context: Context, listens: bool) -> Iterator[Prediction]:
        questions: list[_Question] = []
        for row in rows:
            try:
                words = self.prompts.ask(context.task, row) if self.config.prompted else ""
                questions.append(_Question(row.id, words, self._hear(row) if listens else None))
            except DataError as error:
                yield Prediction(row.id, error=str(error))
        if questions:
            answer = partial(self._generate, context.task)
            yield from halved(questions, answer, self._too_large, context.progress.note)

    def _hear(self, utterance: Utterance) -> NDArray[np.float32]:
        if utterance.audio is None:
            raise DataError("The utterance has no audio.")
        samples = read_audio(utterance.audio)
        self._packer.check_clip(samples)
        return samples

    @torch.inference_mode()
    def _generate(self, task: Task, questions: Sequence[_Question]) -> list[Prediction]:
        model, packer = self._ready(), self._packer
        clips = [one.clip for one in questions if one.clip is not None]
        inputs = {
            name: value.to(model.device, model.dtype if value.is_floating_point() else None)
            for name, value in packer.pack([one.words for one in questions], clips or None).items()
        }
        found = model.generate(**inputs)
        said = packer.read(found[:, inputs["input_ids"].shape[1] :])
        labels = self.prompts.labels
        return [to_prediction(one.id, answer, task, labels) for one, answer in zip(questions, said, strict=True)]

    def _too_large(self, question: _Question) -> Prediction:
        return Prediction(question.id, error=str(self._too_small()))

    def _ready(self) -> Any:
        """The model on its device, loaded once; it ends at its own tokens and takes the likeliest words alone."""
        if self._model is None:
            kind = getattr(transformers, self.architecture)
            device = find_device(self.config.device)
            with without_bars():
                model, told = self._load(kind.from_pretrained, dtype=_TYPES[self.config.precision], **_SAFE)
            if told["missing_keys"]:
                missing = sorted(told["missing_keys"])
                raise DataError(f"{self.config.model!r} comes without {len(missing)} weights, such as {missing[0]}.")
            self._packer.check(model.config.audio_token_id)
            settings: Any = transformers.GenerationConfig
            model.generation_config = settings(
                max_new_tokens=self.config.max_new_tokens,
                do_sample=False,
                eos_token_id=self._packer.ends(),
                pad_token_id=self._packer.pad(),
            )
            try:
                self._model = model.to(device).eval()
            except torch.OutOfMemoryError as error:
                raise self._too_small() from error
        return self._model

    @cached_property
    def _packer(self) -> Packer:
        tokenizer = self._load(transformers.AutoTokenizer.from_pretrained)
        extractor = self._load(transformers.WhisperFeatureExtractor.from_pretrained)
        return Packer(self.frame, tokenizer, extractor, self.length, self.whole)

    def _load(self, load: Callable[..., Any], **options: Any) -> Any:
        """A part of the model; no code that comes with it is run unless that is allowed.

        Raises:
            DataError: if it cannot be had, with what it needs.
        """
        name, revision = self.config.model, self.config.revision
        try:
            return loaded(
                _WHAT, name, lambda: load(name, revision=revision, trust_remote_code=remote_code_allowed(), **options)
            )
        except DataError as error:
            raise DataError(
                f"{error} Its published weights take {self.gigabytes} GiB of disk and GPU memory."
            ) from error

    def _too_small(self) -> SecbenchError:
        return SecbenchError(
            f"There is too little memory for {self.config.model!r}, even with one clip at a time. Its published "
            f"weights alone take {self.gigabytes} GiB. Ask it through openai_server."
        )


_SAFE: Mapping[str, Any] = {"use_safetensors": True, "output_loading_info": True}


class Qwen2Audio(_AudioLanguageModel):
    """Qwen2-Audio (Chu et al. 2024, arXiv 2407.10759)."""

    family, architecture = "qwen2_audio", "Qwen2AudioForConditionalGeneration"
    whole, gigabytes = True, 16

    @dataclass(frozen=True)
    class Config(_AudioLanguageModel.Config):
        """Settings, with the published weights."""

        model: str = "Qwen/Qwen2-Audio-7B-Instruct"

    @override
    def length(self, frames: int) -> int:
        return halved_length(frames)


class Qwen25Omni(_AudioLanguageModel):
    """The thinker of Qwen2.5-Omni (Xu et al. 2025, arXiv 2503.20215)."""

    family, architecture = "qwen2_5_omni", "Qwen2_5OmniThinkerForConditionalGeneration"
    gigabytes = 17

    @dataclass(frozen=True)
    class Config(_AudioLanguageModel.Config):
        """Settings, with the published weights."""

        model: str = "Qwen/Qwen2.5-Omni-7B"

    @override
    def length(self, frames: int) -> int:
        return halved_length(frames)


class Qwen3Omni(_AudioLanguageModel):
    """The thinker of Qwen3-Omni, by default the Captioner, which takes no words (Xu et al. 2025, arXiv 2509.17765)."""

    family, architecture = "qwen3_omni", "Qwen3OmniMoeThinkerForConditionalGeneration"
    gigabytes = 59

    @dataclass(frozen=True)
    class Config(_AudioLanguageModel.Config):
        """Settings, with the published weights."""

        model: str = "Qwen/Qwen3-Omni-30B-A3B-Captioner"
        prompted: bool = False

    @override
    def length(self, frames: int) -> int:
        return chunked_length(frames)
