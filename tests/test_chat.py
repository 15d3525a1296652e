"""The client and the model `openai_server` against a real server that misbehaves."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines._chat import ChatClient, ChatError, Patience, RateLimit, check_url, is_private, retry_after
from baselines.openai_server import OpenaiServer
from secbench.audio import read_audio
from secbench.captioner import Context, Prediction
from secbench.cli import main
from secbench.corpora import Utterance, load_corpus
from secbench.errors import UsageError
from secbench.runner import RunRequest, run
from secbench.tasks import find_task
from tests.chat_server import Log, chat_server, completion, cut, drip, heard, slow, status, words

KEY = "planted-key-7f3a9c1e"
QUICK = Patience(retries=2, timeout=0.4, backoff=0.01, longest=0.5)


@pytest.fixture
def server() -> Iterator[Log]:
    with chat_server() as log:
        yield log


def ask(server: Log, patience: Patience = QUICK, key: str = KEY) -> Any:
    client = ChatClient(server.url, key, patience, "SOME_KEY")
    try:
        return client.ask({"model": "m", "messages": []})
    finally:
        client.close()


PASSING = {
    "429": status(429),
    "429 in seconds": status(429, Retry_After="0"),
    "500": status(500, b"oh"),
    "503": status(503),
    "408": status(408),
    "409": status(409),
    "cut": cut,
    "slow": slow(0.8),
    "dripping": drip,
    "no JSON": status(200, b"<html>"),
    "no text": status(200, b"\xff\xfe"),
    "no choices": status(200, {"object": "error"}),
    "empty choices": status(200, {"choices": []}),
    "a list": status(200, [1]),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_tried_again(name: str, server: Log) -> None:
    server.script = [PASSING[name]]
    answer = ask(server)
    assert (answer.text, answer.tries, answer.tokens_in, answer.tokens_out) == ("语气平静。", 2, 100, 10)
    assert len(server.bodies) == 2


@pytest.mark.parametrize("name", PASSING)
def test_what_does_not_pass_is_given_up(name: str, server: Log) -> None:
    server.script = [PASSING[name]] * 9
    with pytest.raises(ChatError) as found:
        ask(server)
    assert found.value.tries == len(server.bodies) == 3
    assert KEY not in str(found.value)


@pytest.mark.parametrize("code", [400, 413, 422, 302])
def test_a_refused_question_is_not_repeated(code: int, server: Log) -> None:
    server.script = [status(code, f"no: Bearer {KEY}\n{'x' * 999}".encode(), Location="http://127.0.0.1:9/")]
    with pytest.raises(ChatError, match=rf"the server answers {code}: no: Bearer \*\*\* x") as found:
        ask(server)
    assert len(server.bodies) == 1
    assert len(str(found.value)) < 250


@pytest.mark.parametrize(
    ("code", "key", "said"),
    [
        (401, KEY, "variable SOME_KEY was sent and is not accepted"),
        (401, "", "variable SOME_KEY is not set"),
        (403, KEY, "variable SOME_KEY was sent"),
        (404, KEY, "Check base_url"),
    ],
)
def test_what_no_question_will_pass_ends_the_run(code: int, key: str, said: str, server: Log) -> None:
    server.script = [status(code, f"bad key {KEY}".encode())]
    with pytest.raises(UsageError, match=said) as found:
        ask(server, key=key)
    assert len(server.bodies) == 1
    assert KEY not in str(found.value)


def test_no_money_ends_the_run(server: Log) -> None:
    server.script = [status(429, {"error": {"code": "insufficient_quota"}})]
    with pytest.raises(UsageError, match="nothing left to spend"):
        ask(server)
    assert len(server.bodies) == 1


def test_a_server_may_ask_for_patience_but_not_for_too_much(server: Log) -> None:
    server.script = [status(429, Retry_After="0.3")]
    ask(server)
    assert server.times[1] - server.times[0] >= 0.3
    server.script = [status(429, Retry_After="3600")]
    with pytest.raises(ChatError, match="asks for 3600 s of patience"):
        ask(server)
    assert len(server.bodies) == 3


def test_no_server_at_all() -> None:
    with chat_server() as log:
        pass
    with pytest.raises(ChatError, match="the connection failed"):
        ask(log)


def test_the_key_is_sent_and_never_shown(server: Log) -> None:
    ask(server)
    ask(server, key="")
    assert server.keys == [f"Bearer {KEY}", None]
    assert KEY not in repr(ChatClient(server.url, KEY, QUICK))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("soon", None),
        ("inf", None),
        ("nan", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, datetime(2015, 10, 21, 7, 28, tzinfo=UTC)) == seconds


def test_requests_a_minute() -> None:
    now, begun = [0.0], []

    def sleep(seconds: float) -> None:
        now[0] += seconds

    limit = RateLimit(3, lambda: now[0], sleep)
    for _ in range(7):
        limit.wait()
        begun.append(now[0])
        now[0] += 1
    assert begun == [0, 1, 2, 60, 61, 62, 120]
    limit.close_for(30)
    limit.wait()
    assert now[0] == 151
    assert all(sum(t <= other < t + 60 for other in begun) <= 3 for t in begun)


def test_a_closed_client_asks_nothing(server: Log) -> None:
    client = ChatClient(server.url, KEY, QUICK)
    client.close()
    with pytest.raises(ChatError, match="interrupted"):
        client.ask({})
    assert server.bodies == []


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://192.168.0.7/v1", True),
        ("http://10.1.2.3/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://8.8.8.8/v1", False),
        ("http://localhost.example.com/v1", False),
    ],
)
def test_addresses(url: str, private: bool) -> None:
    assert is_private(url) == private
    check_url(url, plain_http=True)
    if url.startswith("http:") and not private:
        with pytest.raises(UsageError, match="unencrypted"):
            check_url(url, plain_http=False)


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://a/v1", "https://u:secretpw@a/v1", "https://a/v1?key=secretpw"]
)
def test_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(UsageError, match="base_url must be") as found:
        check_url(url, plain_http=True)
    assert "secretpw" not in str(found.value)


def request(server: Log, tmp_path: Path, corpus: Path, **settings: Any) -> RunRequest:
    chosen = {"base_url": server.url, "model": "m", "backoff": 0.01, "timeout": 5.0, "longest_wait": 1.0, **settings}
    return RunRequest("openai_server", "jsonl", corpus, settings=chosen, runs=tmp_path / "runs")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_run_through_all_troubles(server: Log, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    troubles = [status(429, f"slow down, {KEY}".encode(), Retry_After="0"), status(500), cut, status(200, b"{")]
    server.script, server.delay = [*troubles, status(400, f"Bearer {KEY}".encode())], 0.02
    server.say = lambda body: f"第{len(heard(body)[0])}个，{KEY}"
    done = run(request(server, tmp_path, tiny, key_variable="SOME_KEY", price_in=2.0, price_out=8.0))
    assert server.most_at_once == 4
    assert set(server.keys) == {f"Bearer {KEY}"}
    assert done.record.status == "partial"
    assert done.record.n_failed == 1
    expected = [row.utterance.id for row in load_corpus("jsonl", tiny).examples("test", find_task("caption-overall"))]
    assert [row["id"] for row in rows(done.folder.predictions)] == expected
    facts = done.record.facts
    assert facts["requests"] == len(server.bodies) == len(expected) + len(troubles)
    assert (facts["retries"], facts["tokens_in"], facts["tokens_out"]) == (4, 2700, 270)
    assert facts["cost"] == pytest.approx((2700 * 2 + 270 * 8) / 1e6)
    assert facts["prompts"] == OpenaiServer().fingerprint()["prompts"]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_a_run_goes_on_without_paying_twice(server: Log, tiny: Path, tmp_path: Path) -> None:
    server.script = [*[status(200, completion("语气高兴。"))] * 10, status(401)]
    asked = request(server, tmp_path, tiny, concurrency=1)
    with pytest.raises(UsageError, match="OPENAI_API_KEY is not set"):
        run(asked)
    assert len(server.bodies) == 11
    more = request(
        server, tmp_path, tiny, concurrency=3, retries=0, price_in=1.0
    )  # the same run: nothing it says differs
    done = run(more)
    assert done.record.status == "complete"
    assert len(server.bodies) == 11 + 28 - 10
    assert done.record.facts["tokens_in"] == 2800
    assert done.record.facts["cost"] == pytest.approx(1800 / 1e6)
    assert run(asked).reused
    assert run(request(server, tmp_path, tiny, language="en")).folder.path != done.folder.path


def test_answers_under_way_are_kept_when_the_rest_is_hopeless(server: Log) -> None:
    said = [Utterance(str(number), transcript="好") for number in range(20)]
    server.script = [slow(0.3), slow(0.3), slow(0.3), status(401)]
    model = OpenaiServer(OpenaiServer.Config(base_url=server.url, model="m", concurrency=4))
    answers: list[Prediction] = []

    def collect() -> None:
        for one in model.caption(said, Context(find_task("emotion-text"))):
            answers.append(one)  # noqa: PERF402 - kept also when the next one is an error

    with pytest.raises(UsageError, match="OPENAI_API_KEY is not set"):
        collect()
    paid = [one for one in answers if one.usage and one.usage.get("tokens_in")]
    assert len(paid) == 3
    assert len(server.bodies) == 4


def test_what_the_server_hears_and_reads(server: Log, tiny: Path) -> None:
    task = find_task("caption-overall")
    row = load_corpus("jsonl", tiny).examples("test", task)[0].utterance
    model = OpenaiServer(OpenaiServer.Config(base_url=server.url, model="the-model", max_tokens=7, temperature=0.5))
    assert next(iter(model.caption([row], Context(task)))).caption == "语气平静。"
    body = server.bodies[0]
    assert body["path"] == "/v1/chat/completions"
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("the-model", 7, 0.5)
    samples, rate = heard(body)
    assert rate == 16_000
    assert samples.shape == read_audio(row.audio).shape
    assert np.abs(samples / 32768 - read_audio(row.audio)).max() < 1e-4
    assert words(body) == [model.prompts.tasks["caption-overall"].text]
    assert row.transcript not in json.dumps(body, ensure_ascii=False)


def test_text_tasks_send_no_audio_and_labels_are_read(server: Log) -> None:
    server.say = lambda body: "高兴" if "好" in words(body)[0].split("：")[-1] else "说不清"
    model = OpenaiServer(OpenaiServer.Config(base_url=server.url, model="m"))
    said = [Utterance("a", transcript="好呀"), Utterance("b", transcript="哦"), Utterance("c")]
    found = {one.id: one for one in model.caption(said, Context(find_task("emotion-text-4")))}
    assert found["a"].label == "happy"
    assert found["b"].error == "the answer names no class: 说不清"
    assert found["b"].usage["tokens_in"] == 100
    assert "no transcript" in found["c"].error
    assert len(server.bodies) == 2
    assert all(part["type"] == "text" for body in server.bodies for part in body["messages"][0]["content"])


def test_a_captioner_gets_audio_alone(server: Log, tiny: Path) -> None:
    task = find_task("caption-overall")
    row = load_corpus("jsonl", tiny).examples("test", task)[0].utterance
    model = OpenaiServer(OpenaiServer.Config(base_url=server.url, model="m", prompted=False))
    assert model.fingerprint() == {}
    assert [one.error for one in model.caption([row, Utterance("deaf")], Context(task))].count(None) == 1
    assert words(server.bodies[0]) == []
    with pytest.raises(UsageError, match="Without a prompt"):
        list(model.caption([row], Context(find_task("emotion-audio"))))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (completion(""), "the model said nothing"),
        (completion(None), "the server answers without words"),
        (completion("语气", finish_reason="length"), None),
        ({"choices": [{"message": {"content": "语气"}}]}, None),
    ],
)
def test_odd_answers(content: Any, expected: str | None, server: Log) -> None:
    server.script = [status(200, content)]
    model = OpenaiServer(OpenaiServer.Config(base_url=server.url, model="m"))
    task = find_task("emotion-text")
    words_said = Utterance("a", transcript="好")
    found = next(iter(model.caption([words_said], Context(task))))
    assert (found.error or "").startswith(expected or "the answer names no class")
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"concurrency": 0}, "concurrency .* at least 1"),
        ({"retries": -1}, "retries .* at least 0"),
        ({"price_in": float("nan")}, "price_in"),
        ({"timeout": 0.0}, "timeout"),
        ({"key_variable": "sk-secretpw"}, "not the key itself"),
        ({"prompt_version": "9"}, "It has: 1 in en"),
        ({"base_url": "http://8.8.8.8/v1"}, "plain_http=true"),
    ],
)
def test_settings_outside_their_ranges(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as found:
        OpenaiServer(OpenaiServer.Config(**settings))
    assert "secretpw" not in str(found.value)


def test_a_key_that_is_none(server: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secretpw 密钥")
    model = OpenaiServer(OpenaiServer.Config(base_url=server.url, model="m"))
    with pytest.raises(UsageError, match="OPENAI_API_KEY holds no key") as found:
        list(model.caption([Utterance("a")], Context(find_task("caption-overall"))))
    assert "secretpw" not in str(found.value)


def test_the_command_line(server: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "--model", "openai_server", "--limit", "12", "--runs", str(tmp_path / "runs"), "--json"]
    chosen = ["--set", f"base_url={server.url}", "--set", "model=m"]
    with pytest.raises(SystemExit) as ended:
        main([*command, *chosen])
    assert ended.value.code == 0
    assert "openai_server-minitalk-caption-overall" in capsys.readouterr().out
    assert len(server.bodies) == 12
    with pytest.raises(SystemExit) as ended:
        main([*command, "--set", "modle=m"])
    assert ended.value.code == 2
    assert "Did you mean model?" in capsys.readouterr().err


def test_usage_is_no_part_of_a_line_of_predictions(tmp_path: Path) -> None:
    from secbench.runs import prediction_row

    assert prediction_row(Prediction("a", "b", usage={"cost": 1.0})) == {"id": "a", "caption": "b"}


def test_interruption_is_quick(server: Log) -> None:
    model = OpenaiServer(OpenaiServer.Config(base_url=server.url, model="m", concurrency=2))
    said = [Utterance(str(number), transcript="好") for number in range(9)]
    server.script = [status(200, completion("高兴")), *[status(429, Retry_After="50")] * 4]
    begun = time.monotonic()
    answers = model.caption(said, Context(find_task("emotion-text")))
    next(answers)
    answers.close()
    assert time.monotonic() - begun < 5
    assert len(server.bodies) <= 4
