"""A chat server on this machine that behaves as badly as it is told to."""

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import soundfile

Act = Callable[["Handler"], None]


@dataclass
class Log:
    """What came in, and what is to happen: a list of acts, then the usual one."""

    script: list[Act] = field(default_factory=list)
    say: Callable[[dict[str, Any]], str] = lambda body: "语气平静。"
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    delay: float = 0.0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    log: Log

    def do_POST(self) -> None:
        log = self.log
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with log.lock:
            log.bodies.append({**body, "path": self.path})
            log.keys.append(self.headers.get("Authorization"))
            log.times.append(time.monotonic())
            log.at_once += 1
            log.most_at_once = max(log.most_at_once, log.at_once)
            act = log.script.pop(0) if log.script else None
        try:
            time.sleep(log.delay)
            if act is None:
                self.reply(200, completion(log.say(body)))
            else:
                act(self)
        finally:
            with log.lock:
                log.at_once -= 1

    def reply(self, status: int, content: Any, **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, address: Any) -> None:
        """Clients that leave early are part of the play."""


def completion(text: Any, **choice: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop", **choice}], "usage": usage}


def status(code: int, content: Any = b"", **headers: str) -> Act:
    return lambda handler: handler.reply(code, content, **headers)


def cut(handler: Handler) -> None:
    """Promise a body, send half of it, hang up."""
    data = json.dumps(completion("半")).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.wfile.flush()
    handler.connection.close()


def slow(seconds: float) -> Act:
    def act(handler: Handler) -> None:
        time.sleep(seconds)
        handler.reply(200, completion("晚了"))

    return act


def drip(handler: Handler) -> None:
    """Send a byte now and then, so that no single read takes long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(30):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


@contextmanager
def chat_server() -> Iterator[Log]:
    log = Log()
    server = _Server(("127.0.0.1", 0), type("Told", (Handler,), {"log": log}))
    log.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield log
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def heard(body: dict[str, Any]) -> tuple[Any, int]:
    """Samples and rate of the clip in a question."""
    part = body["messages"][0]["content"][0]
    assert part["type"] == "input_audio"
    assert part["input_audio"]["format"] == "wav"
    wave, rate = soundfile.read(io.BytesIO(base64.b64decode(part["input_audio"]["data"])), dtype="int16")
    return wave, int(rate)


def words(body: dict[str, Any]) -> list[str]:
    return [part["text"] for part in body["messages"][0]["content"] if part["type"] == "text"]
