"""Servers that misbehave, for the model that asks one."""

from collections.abc import Iterator

from chaos._bench import Bench, Row
from tests.chat_server import Act, Log, chat_server, cut, drip, slow, status

__all__ = ["bad_servers"]

_TROUBLES: dict[str, Act] = {
    "answers 429, and says when to come back": status(429, Retry_After="0"),
    "answers 500": status(500, b"oh"),
    "hangs up in the middle of an answer": cut,
    "takes longer than one waits": slow(1.2),
    "sends a byte now and then": drip,
    "answers with no JSON": status(200, b"<html>"),
    "answers with JSON of another kind": status(200, {"object": "error"}),
    "answers with bytes that are no text": status(200, b"\xff\xfe"),
}


def bad_servers(bench: Bench) -> Iterator[Row]:
    """Each kind of trouble some times and then for ever; and a server that lets nobody in."""
    with chat_server() as log:
        expected = _captions(bench, log, "well", [])
        for k, (name, act) in enumerate(_TROUBLES.items()):
            row = Row(f"a server {name}", told="asked again; a question without an answer is a failure with its id")
            found = _captions(bench, log, f"bad-{k}", [act] * 3)
            row.tried, row.lost = 1, [] if found == expected else ["other answers came out"]
            yield row
        row = Row("a server refuses the key")
        log.script[:] = [status(401)] * 500
        arguments = _arguments(bench, log, "closed")
        row.expect(bench.call(arguments), 2, "answers 401 to every question")
        told = row.told
        log.script.clear()
        row.expect(bench.call(arguments), 0, "")
        row.told = told
        yield row


def _arguments(bench: Bench, log: Log, runs: str) -> list[str]:
    quick = ("retries=6", "timeout=1.0", "backoff=0.01", "longest_wait=0.5", "model=m", f"base_url={log.url}")
    words = [word for setting in quick for word in ("--set", setting)]
    return bench.run_arguments(bench.root / runs, *words, "--limit", "12", model="openai_server")


def _captions(bench: Bench, log: Log, runs: str, script: list[Act]) -> list[str]:
    log.script[:] = script
    called = bench.call(_arguments(bench, log, runs))
    if called.code:
        return [called.err]
    (path,) = (bench.root / runs).glob("*/predictions.jsonl")
    return path.read_text("utf-8").splitlines()
