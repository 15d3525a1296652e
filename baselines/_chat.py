"""A client of OpenAI-compatible chat servers that waits, tries again and counts, and keeps the key to itself."""

import ipaddress
import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from secbench.errors import UsageError
from secbench.keys import hidden, remember, without

__all__ = ["Answer", "ChatClient", "ChatError", "Patience", "RateLimit", "check_url", "is_private", "retry_after"]

_WINDOW = 60.0
_LARGEST = 16 * 2**20  # bytes of an answer
_TIMES = frozenset({408, 409, 429})
_HOPELESS = frozenset({401, 403, 404})
_NO_MONEY = "insufficient_quota"
_SHOWN = 160

Sleep = Callable[[float], object]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Patience:
    """How long a question is worth.

    Attributes:
        retries: tries after the first one.
        timeout: seconds that one try may take.
        backoff: seconds before the second try; twice as many before each further one.
        longest: seconds that are waited before a try at most; a server that asks for more has refused.
        per_minute: tries that begin in a minute at most, of all questions together; 0: no limit.
    """

    retries: int = 5
    timeout: float = 120.0
    backoff: float = 1.0
    longest: float = 60.0
    per_minute: int = 0


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        text: the message.
        tries: requests that it took.
        tokens_in: of the question as the server counts them; None: it does not say.
        tokens_out: of the answer, likewise.
        cut: whether the answer ends where it had to, for its length.
    """

    text: str
    tries: int
    tokens_in: int | None
    tokens_out: int | None
    cut: bool


class ChatError(Exception):
    """One question has no answer; others may have.

    Args:
        message: why.
        tries: requests that it took.
    """

    def __init__(self, message: str, tries: int = 0) -> None:
        super().__init__(message)
        self.tries = tries


class _AgainError(Exception):
    """A try failed in a way that the next one may not; after so many seconds, if the server says so."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class RateLimit:
    """At most so many requests begin in any minute, whichever thread they come from.

    Args:
        per_minute: 0: as many as there are.
        clock: seconds that never go back.
        sleep: waits so many seconds.
    """

    def __init__(self, per_minute: int, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self._begun: deque[float] = deque(maxlen=per_minute or None)
        self._per_minute, self._clock, self._sleep = per_minute, clock, sleep
        self._lock, self._closed_until = threading.Lock(), 0.0

    def wait(self) -> None:
        """Take the next place, and wait for it."""
        with self._lock:
            now = self._clock()
            place = max(now, self._closed_until)
            if self._per_minute and len(self._begun) == self._per_minute:
                place = max(place, self._begun[0] + _WINDOW)
            if self._per_minute:
                self._begun.append(place)
        if place > now:
            self._sleep(place - now)

    def close_for(self, seconds: float) -> None:
        """Let nothing begin for a while: the server has asked one of the threads to wait."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)


class ChatClient:
    """Asks one server.

    Args:
        url: base of the API, as in ``https://api.openai.com/v1``.
        key: sent with every request and told to nobody; empty: none is sent.
        patience: see there.
        variable: where the key came from, for messages.
    """

    def __init__(self, url: str, key: str, patience: Patience, variable: str = "") -> None:
        self._url, self._key, self._variable = f"{url.rstrip('/')}/chat/completions", key, variable
        remember(key)
        self._patience, self._closed = patience, threading.Event()
        self._limit = RateLimit(patience.per_minute, sleep=self._sleep)
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=patience.timeout,
            trust_env=not is_private(url),  # no proxy and no .netrc between us and a server at home
        )

    def __repr__(self) -> str:
        return f"ChatClient({self._url!r})"

    def close(self) -> None:
        """End; who waits for a further try stops waiting."""
        self._closed.set()
        self._http.close()

    def ask(self, body: Mapping[str, Any]) -> Answer:
        """Put a question, again and again where that may help.

        Raises:
            ChatError: if there is no answer to this one.
            UsageError: if there will be none to any.
        """
        for tries in range(1, self._patience.retries + 2):
            self._limit.wait()
            if self._closed.is_set():
                raise ChatError("interrupted", tries - 1)
            try:
                return self._try(body, tries)
            except UsageError:
                self._closed.set()  # what is under way may end, nothing begins
                raise
            except _AgainError as error:
                last = error
            if tries <= self._patience.retries:
                self._pause(last, tries)
        raise ChatError(f"{last} ({tries} tries)", tries) from last

    def _pause(self, error: _AgainError, tries: int) -> None:
        patience = self._patience
        if error.wait is None:
            most = min(patience.backoff * 2 ** (tries - 1), patience.longest)
            self._sleep(random.uniform(most / 2, most))
        elif error.wait > patience.longest:
            raise ChatError(f"{error}, and asks for {error.wait:.0f} s of patience", tries) from error
        else:
            self._limit.close_for(error.wait)

    def _sleep(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def _try(self, body: Mapping[str, Any], tries: int) -> Answer:
        try:
            status, headers, content = self._post(body)
        except httpx2.TimeoutException as error:
            raise _AgainError(f"the server did not answer within {self._patience.timeout:g} s") from error
        except httpx2.RequestError as error:
            raise _AgainError(f"the connection failed ({self._clean(str(error)) or type(error).__name__})") from error
        if status != httpx2.codes.OK:
            raise self._refusal(status, headers, content, tries)
        answer = _answer(content, tries)
        return replace(answer, text=without(self._key, answer.text))

    def _post(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        """One request, whose whole answer must be there in time, however slowly it drips."""
        end = time.monotonic() + self._patience.timeout
        content = bytearray()
        with self._http.stream("POST", self._url, json=body) as response:
            for part in response.iter_bytes():
                content += part
                if time.monotonic() > end:
                    raise httpx2.ReadTimeout("slow")
                if len(content) > _LARGEST:
                    raise ChatError(f"the answer has more than {_LARGEST} bytes", 1)
            return response.status_code, response.headers, bytes(content)

    def _refusal(self, status: int, headers: Mapping[str, str], content: bytes, tries: int) -> Exception:
        said = self._clean(content.decode("utf-8", "replace"))
        where = urlsplit(self._url).netloc
        if status in _HOPELESS:
            return UsageError(f"{where} answers {status} to every question. {self._remedy(status)}")
        if _NO_MONEY in said:
            return UsageError(f"{where} says that the account has nothing left to spend ({_NO_MONEY}).")
        message = f"the server answers {status}{': ' if said else ''}{said}"
        if status in _TIMES or status >= httpx2.codes.INTERNAL_SERVER_ERROR:
            return _AgainError(message, retry_after(headers.get("retry-after"), datetime.now(UTC)))
        return ChatError(message, tries)

    def _remedy(self, status: int) -> str:
        if status == httpx2.codes.NOT_FOUND:
            return "Check base_url, which often ends in /v1, and model."
        sent = "was sent and is not accepted" if self._key else "is not set"
        return f"The key in the environment variable {self._variable} {sent}."

    def _clean(self, text: str) -> str:
        """Words of a server on one line, without the key, should it repeat it."""
        return " ".join(hidden(text).split())[:_SHOWN]


def _answer(content: bytes, tries: int) -> Answer:
    try:
        reply = json.loads(content)
        choice = reply["choices"][0]
        text = choice["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise _AgainError("the server answers in another form than that of chat completions") from error
    if not isinstance(text, str):
        raise ChatError("the server answers without words", tries)
    usage = reply.get("usage")
    return Answer(
        text,
        tries,
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        choice.get("finish_reason") == "length",
    )


def _count(usage: Any, name: str) -> int | None:
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and found >= 0 else None


def retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds that a header ``Retry-After`` asks for, given as such or as a date; None if it asks for none.

    (RFC 9110, section 10.2.3.)
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()
    return max(0.0, seconds) if seconds < float("inf") else None


def is_private(url: str) -> bool:
    """Whether a server is on this machine or in its own network, by its address."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_private


def check_url(url: str, *, plain_http: bool) -> None:
    """Hold the address of a server to what can be recorded in a run and trusted with a key.

    Raises:
        UsageError: if it is no address, holds a secret, or is not encrypted on its way through foreign networks.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError("base_url must be an address such as https://api.openai.com/v1 or http://localhost:8000/v1.")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError(
            "base_url must be a plain address without user, password or parameters, as it is written into the run. "
            "A key belongs in the environment variable that key_variable names."
        )
    if parts.scheme == "http" and not plain_http and not is_private(url):
        raise UsageError(
            f"base_url goes to {parts.hostname} unencrypted, so that key and audio could be read on the way. "
            "Use https, or set plain_http=true if the network between is your own."
        )
