"""An audio language model behind an OpenAI-compatible server (OpenAI, vLLM, SGLang, llama.cpp, ...), zero shot."""

import base64
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from baselines._chat import Answer, ChatClient, ChatError, Patience, check_url
from baselines._prompts import load_prompts
from baselines._replies import to_prediction
from secbench.audio import SAMPLE_RATE, read_audio
from secbench.captioner import Captioner, Context, Prediction
from secbench.corpora import AudioClip, Utterance
from secbench.errors import DataError, UsageError
from secbench.keys import is_key
from secbench.tasks import Task

__all__ = ["OpenaiServer"]

_MILLION = 1e6
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class OpenaiServer(Captioner):
    """Sends each clip with a prompt to a server, and takes its answer as the caption or as the name of a class."""

    needs_fit: ClassVar[bool] = False
    without_effect: ClassVar[frozenset[str]] = frozenset(
        {"key_variable", "concurrency", "per_minute", "retries", "timeout", "backoff", "longest_wait"}
        | {"price_in", "price_out", "plain_http"}
    )

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Attributes:
            base_url: of the server, such as http://localhost:8000/v1.
            model: as the server calls it.
            key_variable: the environment variable that holds the key; none is sent if it is not set.
            language: of the prompts, `zh` or `en`.
            prompts: a TOML file with prompts of your own; empty: those that are shipped.
            prompt_version: of the prompts.
            prompted: whether words go with the audio; Qwen3-Omni-Captioner takes none.
            temperature: 0: the likeliest words.
            max_tokens: of an answer.
            concurrency: requests at a time.
            per_minute: requests that begin in a minute at most; 0: no limit.
            retries: further tries after a failure that may pass.
            timeout: seconds for one try.
            backoff: seconds before the second try; twice as many before each further one.
            longest_wait: seconds before a try at most; what asks for more has failed.
            price_in: of a million tokens of the questions, in any currency.
            price_out: of a million tokens of the answers.
            plain_http: allow an unencrypted connection to a server in a foreign network.
        """

        base_url: str = "http://localhost:8000/v1"
        model: str = ""
        key_variable: str = "OPENAI_API_KEY"
        language: str = "zh"
        prompts: str = ""
        prompt_version: str = "1"
        prompted: bool = True
        temperature: float = 0.0
        max_tokens: int = 256
        concurrency: int = 4
        per_minute: int = 0
        retries: int = 5
        timeout: float = 120.0
        backoff: float = 1.0
        longest_wait: float = 60.0
        price_in: float = 0.0
        price_out: float = 0.0
        plain_http: bool = False

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        check_url(self.config.base_url, plain_http=self.config.plain_http)
        _check(self.config)
        self.prompts = load_prompts(self.config.prompts, self.config.prompt_version, self.config.language)

    @override
    def receiver(self) -> str:
        return f"{self.config.base_url}, with the key in the environment variable {self.config.key_variable}"

    @override
    def fingerprint(self) -> Mapping[str, str]:
        return {"prompts": self.prompts.fingerprint} if self.config.prompted else {}

    @override
    def describe(self) -> Mapping[str, Any]:
        return dict(self.fingerprint())

    @override
    def caption(self, utterances: Sequence[Utterance], context: Context) -> Iterator[Prediction]:
        """Answers come as they are there, so that an interruption loses only what is being asked.

        Raises:
            UsageError: if no question will be answered; what was under way is answered before.
        """
        config, task = self.config, context.task
        if not config.model:
            raise UsageError("openai_server needs the name that the server gives its model. Add --set model=NAME.")
        if self.config.prompted:
            self.prompts.prompt(task)
        elif not task.is_caption:
            raise UsageError(f"Without a prompt no model can be asked for the classes of {task.name}.")
        client = self._client()
        pool = ThreadPoolExecutor(config.concurrency)
        try:
            asked = [pool.submit(self._answer, client, row, task) for row in utterances]
            hopeless: BaseException | None = None
            for done in as_completed(asked):
                failure = None if done.cancelled() else done.exception()
                if failure is not None and hopeless is None:
                    hopeless = failure
                    for other in asked:
                        other.cancel()
                elif failure is None and not done.cancelled():
                    yield done.result()
            if hopeless is not None:
                raise hopeless
        finally:
            client.close()
            pool.shutdown(wait=True, cancel_futures=True)

    def _client(self) -> ChatClient:
        config = self.config
        key = os.environ.get(config.key_variable, "").strip()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError(f"The environment variable {config.key_variable} holds no key: keys are plain ASCII.")
        patience = Patience(config.retries, config.timeout, config.backoff, config.longest_wait, config.per_minute)
        return ChatClient(config.base_url, key, patience, config.key_variable)

    def _answer(self, client: ChatClient, utterance: Utterance, task: Task) -> Prediction:
        try:
            content = self._question(utterance, task)
        except DataError as error:
            return Prediction(utterance.id, error=str(error))
        try:
            answer = client.ask(self._body(content))
        except ChatError as error:
            return Prediction(utterance.id, error=str(error), usage=_tries(error.tries))
        return to_prediction(utterance.id, answer.text, task, self.prompts.labels, self._usage(answer))

    def _body(self, content: list[dict[str, Any]]) -> dict[str, Any]:
        config = self.config
        return {
            "model": config.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": config.temperature,
            "max_tokens": config.max_tokens,
        }

    def _question(self, utterance: Utterance, task: Task) -> list[dict[str, Any]]:
        """What is sent: the clip, and the prompt after it.

        Raises:
            DataError: if the utterance lacks a part of it.
        """
        parts: list[dict[str, Any]] = []
        if not self.config.prompted or self.prompts.prompt(task).audio:
            if utterance.audio is None:
                raise DataError("The utterance has no audio.")
            parts.append({"type": "input_audio", "input_audio": {"data": _wav(utterance.audio), "format": "wav"}})
        if self.config.prompted:
            parts.append({"type": "text", "text": self.prompts.ask(task, utterance)})
        return parts

    def _usage(self, answer: Answer) -> dict[str, float]:
        usage = _tries(answer.tries)
        if answer.cut:
            usage["cut_answers"] = 1
        if answer.tokens_in is None or answer.tokens_out is None:
            return usage | {"uncounted_answers": 1}
        config = self.config
        cost = (answer.tokens_in * config.price_in + answer.tokens_out * config.price_out) / _MILLION
        return usage | {"tokens_in": answer.tokens_in, "tokens_out": answer.tokens_out, "cost": cost}


def _tries(count: int) -> dict[str, float]:
    return {"requests": count, "retries": max(0, count - 1)}


def _check(config: Any) -> None:
    """Hold settings to their ranges.

    Raises:
        UsageError: naming the first one outside.
    """
    least = {"concurrency": 1, "max_tokens": 1, "per_minute": 0, "retries": 0, "temperature": 0, "backoff": 0}
    least |= {"longest_wait": 0, "price_in": 0, "price_out": 0}
    for name, lowest in least.items():
        if not getattr(config, name) >= lowest:
            raise UsageError(f"The setting {name} of the model openai_server must be at least {lowest}.")
    if not config.timeout > 0:
        raise UsageError("The setting timeout of the model openai_server must be more than 0 seconds.")
    if not _VARIABLE.fullmatch(config.key_variable) or is_key(config.key_variable):
        raise UsageError("key_variable takes the name of an environment variable, not the key itself.")


def _wav(clip: AudioClip) -> str:
    """A clip as a WAV file of 16 bits, mono, in base64."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, read_audio(clip), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode("ascii")
