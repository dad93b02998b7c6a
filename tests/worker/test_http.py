"""OpenAI's HTTP API of the model server, asked by the official client; and what hostile clients get."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from peft import LoraConfig, PromptTuningConfig
from safetensors.torch import load_file, save_file

from store import open_store
from workbench import client, link
from workbench.client import Sampling, generate
from workbench.serving import TOKEN_VARIABLE, health

PROMPT = "Anna: Do you bring bread?"
TOKEN = secrets.token_urlsafe(24)
CHAT = "{% for message in messages %}<s>{{ message.role }}: {{ message.content }}</s>{% endfor %}assistant:"
Make = Callable[[Path, Path, Any, int], Path]


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory, tiny_causal: Path, tiny_seq2seq: Path, make_adapter: Make
) -> Path:
    """A store with a base of each family, one of them a chat model, and an adapter."""
    place = tmp_path_factory.mktemp("http")
    with open_store(place / "store") as store:
        store.models.add(str(tiny_causal), name="tiny")
        store.models.add(str(tiny_seq2seq), name="asks")
        talks = place / "talks"
        talks.mkdir()
        for file in tiny_causal.iterdir():
            (talks / file.name).symlink_to(file)
        (talks / "chat_template.jinja").write_text(CHAT)
        store.models.add(str(talks), name="talks")
        config = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "v_proj"])
        store.adapters.add(make_adapter(tiny_causal, place / "lora", config, 1), name="lora", model="tiny")
    return place / "store"


@contextlib.contextmanager
def served(root: Path, model: str, *words: str) -> Iterator[dict[str, Any]]:
    """Run `workbench serve` and give its document."""
    command = [sys.executable, "-m", "workbench", "--store", str(root), "serve", "--model", model, "--json"]
    process = subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {TOKEN_VARIABLE: TOKEN},
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line) | {"process": process}
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def server(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with served(
        root, "tiny", "--port", "0", "--socket", str(tmp_path_factory.mktemp("s") / "socket")
    ) as told:
        yield told


@pytest.fixture(params=["port", "socket"])
def api(request: pytest.FixtureRequest, server: dict[str, Any]) -> Iterator[openai.OpenAI]:
    """The official client, over TCP with the token and over the Unix socket without."""
    if request.param == "port":
        made = openai.OpenAI(base_url=server["url"], api_key=TOKEN, max_retries=0)
    else:
        transport = httpx2.HTTPTransport(uds=server["socket"])
        made = openai.OpenAI(
            base_url="http://localhost/v1",
            api_key="none",
            max_retries=0,
            http_client=httpx2.Client(transport=transport),
        )
    with made:
        yield made


def expected(root: Path, adapter: str | None, tokens: int = 12) -> str:
    return generate(root, "tiny", [adapter], PROMPT, Sampling(max_new_tokens=tokens))[0].text


def test_the_official_client_lists_base_and_adapters(api: openai.OpenAI) -> None:
    assert [model.id for model in api.models.list()] == ["tiny", "lora"]
    assert api.models.retrieve("lora").owned_by == "workbench"
    with pytest.raises(openai.NotFoundError, match="'nobody' does not exist"):
        api.models.retrieve("nobody")


@pytest.mark.parametrize("name", ["tiny", "lora"])
def test_the_official_client_completes_and_streams_as_the_screens_do(
    api: openai.OpenAI, root: Path, name: str
) -> None:
    text = expected(root, None if name == "tiny" else name)
    asked: dict[str, Any] = {"model": name, "prompt": PROMPT, "max_tokens": 12, "temperature": 0}
    whole = api.completions.create(**asked)
    assert (whole.choices[0].text, whole.model, whole.object) == (text, name, "text_completion")
    assert whole.usage is not None and whole.usage.completion_tokens == 12
    assert whole.choices[0].finish_reason == "length"
    pieces = list(api.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert len(pieces) > 6
    assert "".join(piece.choices[0].text for piece in pieces[:-1]) == text
    assert pieces[-2].choices[0].finish_reason == "length"
    assert pieces[-1].usage == whole.usage


def test_each_answer_has_its_own_seed_and_can_be_had_again(api: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "tiny", "max_tokens": 8, "temperature": 1.0, "seed": 7}
    several = api.completions.create(prompt=[PROMPT, "Ben:"], n=2, **asked).choices
    assert [choice.index for choice in several] == [0, 1, 2, 3]
    assert several[0].text != several[1].text
    again = api.completions.create(prompt="Ben:", n=2, **asked).choices
    assert [choice.text for choice in again] == [choice.text for choice in several[2:]]
    ids = api.completions.create(prompt=[5, 6, 7], **asked)
    assert ids.usage is not None and ids.usage.prompt_tokens == 3


def test_a_stop_text_ends_the_answer_and_is_not_shown(api: openai.OpenAI, root: Path) -> None:
    text = expected(root, "lora", 24)
    stop = text[len(text) // 2 : len(text) // 2 + 3]
    asked: dict[str, Any] = {"model": "lora", "prompt": PROMPT, "max_tokens": 24, "temperature": 0}
    whole = api.completions.create(stop=["never", stop], **asked)
    assert whole.choices[0].text == text[: text.index(stop)]
    assert whole.choices[0].finish_reason == "stop"
    pieces = api.completions.create(stop=stop, stream=True, **asked)
    assert "".join(piece.choices[0].text for piece in pieces) == whole.choices[0].text


def test_chances_are_told_for_every_token(api: openai.OpenAI, root: Path) -> None:
    """They are the engine's own, which the screens colour by; a greedy token is the likeliest one."""
    asked: dict[str, Any] = {"model": "lora", "prompt": PROMPT, "max_tokens": 6, "temperature": 0}
    told = api.completions.create(logprobs=3, **asked).choices[0].logprobs
    assert told is not None and told.tokens and told.token_logprobs and told.top_logprobs
    heard: list[client.Event] = []
    sampling = Sampling(max_new_tokens=6, alternatives=3)
    generate(root, "tiny", ["lora"], PROMPT, sampling, heard.append)
    details = [each for event in heard if isinstance(event, client.Token) for each in event.details]
    assert [each.text for each in details] == told.tokens
    assert told.token_logprobs == pytest.approx([math.log(each.chance) for each in details], rel=1e-6)
    for chance, top, detail in zip(told.token_logprobs, told.top_logprobs, details, strict=True):
        assert len(detail.top) == 3
        assert top.keys() == {text for _, text, _ in detail.top}, "tokens of one text are told as one"
        assert max(top.values()) == pytest.approx(chance)
    pieces = list(api.completions.create(logprobs=3, stream=True, **asked))
    streamed = [
        each for piece in pieces if piece.choices[0].logprobs for each in piece.choices[0].logprobs.tokens
    ]
    assert streamed == told.tokens


def test_a_server_of_ours_can_be_an_engine_elsewhere(
    root: Path, server: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adapters it has itself are not loaded again: it knows them by name, and their content is compared."""
    here = generate(root, "tiny", [None, "lora"], PROMPT, Sampling(max_new_tokens=12))
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    with open_store(root) as store:
        store.engines.put("tiny", server["url"], token_variable=TOKEN_VARIABLE)
        heard: list[client.Event] = []
        there = generate(root, "tiny", [None, "lora"], PROMPT, Sampling(max_new_tokens=12), heard.append)
        store.engines.remove("tiny")
    assert [(each.adapter, each.text, each.tokens) for each in there] == [
        (each.adapter, each.text, each.tokens) for each in here
    ]
    assert {each.row for each in heard if isinstance(each, client.Token)} == {0, 1}


def test_a_conversation_needs_a_chat_template(api: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="no chat template; send a prompt to /v1/completions"):
        api.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hello"}])


def test_an_answer_that_the_models_places_cut_off_says_so(
    api: openai.OpenAI, root: Path, tiny_causal: Path, tmp_path: Path, make_adapter: Make
) -> None:
    """A soft prompt takes some of them."""
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=8)
    made = make_adapter(tiny_causal, tmp_path / "soft", config, 1)
    with open_store(root) as store:
        store.adapters.add(made, name="soft", model="tiny")
        try:
            asked: dict[str, Any] = {"model": "soft", "prompt": [5] * 240, "temperature": 0}
            for most, spoken in ((100, 8), (8, 8), (3, 3)):
                answer = api.completions.create(max_tokens=most, **asked)
                assert answer.usage is not None and answer.usage.completion_tokens == spoken
                assert answer.choices[0].finish_reason == "length"
        finally:
            store.adapters.remove("soft")


def test_an_answer_whose_scores_are_no_numbers_is_an_error(
    api: openai.OpenAI, root: Path, tiny_causal: Path, tmp_path: Path, make_adapter: Make
) -> None:
    """Nobody takes what was said until then for an answer; here one token alone is spoiled."""
    config = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["embed_tokens"])
    made = make_adapter(tiny_causal, tmp_path / "odd", config, 1)
    weights = load_file(made / "adapter_model.safetensors")
    for name, weight in weights.items():
        if "lora_embedding" in name:
            weight.fill_(1e30)
        if "lora_embedding_A" in name:
            weight[:, :383] = 0
    save_file(weights, made / "adapter_model.safetensors")
    with open_store(root) as store:
        store.adapters.add(made, name="odd", model="tiny")
        try:
            asked: dict[str, Any] = {"model": "odd", "max_tokens": 4, "temperature": 0}
            assert len(api.completions.create(prompt=[[5, 6], [5, 7]], **asked).choices) == 2
            for prompt in ([[5, 383]], [[5, 6], [5, 383]]):
                with pytest.raises(openai.BadRequestError, match="adapter 'odd': its scores are not numbers"):
                    api.completions.create(prompt=prompt, **asked)
        finally:
            store.adapters.remove("odd")


def test_an_adapter_that_is_not_there_is_a_404_before_anything_is_streamed(api: openai.OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(openai.NotFoundError, match="no adapter named 'lara'; did you mean 'lora'"):
            api.completions.create(model="lara", prompt=PROMPT, stream=stream)


@pytest.fixture(scope="module")
def chatting(root: Path) -> Iterator[dict[str, Any]]:
    with served(root, "talks", "--port", "0") as told:
        yield told


def test_a_conversation_is_answered_as_the_screens_answer_it(root: Path, chatting: dict[str, Any]) -> None:
    with openai.OpenAI(base_url=chatting["url"], api_key=TOKEN, max_retries=0) as api:
        asked: dict[str, Any] = {"model": "talks", "max_completion_tokens": 12, "temperature": 0}
        asked["messages"] = [{"role": "user", "content": PROMPT}]
        (output,) = generate(root, "talks", [None], PROMPT, Sampling(max_new_tokens=12))
        whole = api.chat.completions.create(**asked)
        assert (whole.choices[0].message.role, whole.choices[0].message.content) == ("assistant", output.text)
        pieces = list(api.chat.completions.create(**asked, stream=True))
        assert pieces[0].choices[0].delta.role == "assistant"
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == output.text
        assert pieces[-1].choices[0].finish_reason == whole.choices[0].finish_reason


def exchange(connection: socket.socket, raw: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; the status and the body of what comes back, 0 where that is nothing."""
    with connection:
        with contextlib.suppress(OSError):  # it may hang up before it has read all
            connection.sendall(raw)
        heard = http.client.HTTPResponse(connection)
        try:
            heard.begin()
            return heard.status, heard.read()
        except (OSError, http.client.HTTPException):
            return 0, b""


def posted(path: str, body: bytes, *headers: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*head, *headers, "", ""]).encode() + body


def by_socket(root: Path, model: str = "tiny") -> socket.socket:
    connection = link.dial(link.http_path(root, model), 30)
    assert connection is not None
    return connection


def test_an_encoder_decoder_completes_too(root: Path) -> None:
    """On the socket that every server has, whoever started it."""
    (output,) = generate(root, "asks", [None], PROMPT, Sampling(max_new_tokens=8))
    body = {"model": "asks", "prompt": PROMPT, "max_tokens": 8, "temperature": 0}
    status, answer = exchange(by_socket(root, "asks"), posted("/v1/completions", json.dumps(body).encode()))
    assert (status, json.loads(answer)["choices"][0]["text"]) == (200, output.text)
    assert client.stop_server(root, "asks")
    assert not link.http_path(root, "asks").exists()


def test_only_the_owner_can_reach_the_sockets_and_only_who_knows_the_token_the_port(
    root: Path, server: dict[str, Any]
) -> None:
    assert stat.S_IMODE(link.http_path(root, "tiny").stat().st_mode) == 0o600
    for key in ("wrong", "", TOKEN[:-1], TOKEN + "x", "\u00e9"):
        answer = asked_by_port(server["port"], {"Authorization": f"Bearer {key}".encode()})
        assert answer[0] == 401, key
        assert json.loads(answer[1])["error"]["type"] == "invalid_api_key"
    assert asked_by_port(server["port"], {})[0] == 401
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=server["url"], api_key="wrong", max_retries=0).models.list()
    right = {"Authorization": f"Bearer {TOKEN}".encode()}
    assert asked_by_port(server["port"], right)[0] == 200
    assert asked_by_port(server["port"], right | {"Host": b"localhost"})[0] == 200


def test_a_web_page_gets_no_answer(server: dict[str, Any]) -> None:
    """Neither by a name of its own that points to loopback, nor by asking across origins."""
    right = {"Authorization": f"Bearer {TOKEN}".encode()}
    for headers in ({"Host": b"evil.example"}, {"Host": b"localhost.evil.example"}, {"Origin": b"null"}):
        status, body = asked_by_port(server["port"], right | headers)
        assert status == 403
        assert b"not from a web page" in body


def asked_by_port(port: int, headers: dict[str, bytes]) -> tuple[int, bytes]:
    lines = {"Host": f"127.0.0.1:{port}".encode(), "Connection": b"close"} | headers
    head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in lines.items())
    connection = socket.create_connection(("127.0.0.1", port), 30)
    return exchange(connection, b"GET /v1/models HTTP/1.1\r\n" + head + b"\r\n")


def test_the_port_is_on_loopback_alone_and_the_token_in_no_argument(server: dict[str, Any]) -> None:
    lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()]
    wanted = f"{server['port']:04X}"
    local = [fields[1] for fields in lines if fields[1].endswith(f":{wanted}") and fields[3] == "0A"]
    assert local == [f"0100007F:{wanted}"]
    for pid in (server["pid"], server["process"].pid):
        assert TOKEN.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_health_is_a_token_that_was_really_spoken(root: Path, server: dict[str, Any]) -> None:
    assert 0 <= health(root, "tiny") < 10
    status, body = exchange(by_socket(root), b"GET /health HTTP/1.0\r\n\r\n")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    os.kill(server["pid"], signal.SIGSTOP)
    stopped = threading.Timer(1.0, os.kill, (server["pid"], signal.SIGCONT))
    stopped.start()
    assert health(root, "tiny") >= 0
    stopped.join()


COMPLETIONS, CHATS = "/v1/completions", "/v1/chat/completions"
FINE = {"model": "tiny", "prompt": "a", "max_tokens": 1}
SAID = {"model": "tiny", "messages": [{"role": "user", "content": "a"}]}
BODIES: list[bytes] = [
    *(b"", b"{", b"null", b"[]", b'"text"', b"17", b"{}x", b"\xff\xfe", b"\0" * 100, b"[" * 100_000),
    *(b'{"a":' * 50_000, b'{"prompt": ' + b"9" * 100_000 + b"}", b"\x1f\x8b\x08\x00"),
    *(
        json.dumps(FINE | change).encode()
        for change in (
            *(
                {"prompt": value}
                for value in (None, "", [], [[]], [""], {}, 5, [1, "a"], [True], [-1], [10**9])
            ),
            *({"prompt": value} for value in ([1.5], [[1], 5], "a " * 2000, ["a"] * 33, [[384]], [[10**30]])),
            *({"max_tokens": value} for value in (0, -1, 10**9, 1.5, "many", True)),
            *({"temperature": value} for value in (-1, 11, "hot", True, float("nan"), float("inf"))),
            *({"top_p": value} for value in (0, 1.5, -1, "all")),
            *({"n": value} for value in (0, -1, 33, 1.5, "two", True)),
            *({"stop": value} for value in (5, [""], [5], ["a"] * 17, {"a": 1})),
            *({"logprobs": value} for value in (-1, 21, "all", True)),
            *({"model": value} for value in (5, ["tiny"], {"a": 1})),
            *({"stream": value} for value in ("yes", 1)),
            *({"stream_options": value} for value in ("yes", {"include_usage": "yes"})),
            *({name: value} for name, value in (("best_of", 2), ("echo", True), ("suffix", "x"))),
            *({name: value} for name, value in (("logit_bias", {"5": 9}), ("frequency_penalty", 0.5))),
            *({name: 1} for name in ("tempurature", "beams", "__class__", "\ud800", "x" * 10_000)),
            {"seed": "lucky"},
        )
    ),
]
NAMES = (
    "\ud800",
    "",
    "../tiny",
    "lora@\ud800",
    "a@b@c",
    "notes@" + "9" * 5000,
    "notes@" + "9" * 128,
    "x" * 10_000,
)
NOBODY = [json.dumps(FINE | {"model": name}).encode() for name in NAMES]
COLD = [json.dumps(FINE | {"temperature": value}).encode() for value in (0, 1e-45, 1e-38, 1e-6, 1e-3, 10)]
CONVERSATIONS: list[bytes] = [
    json.dumps(SAID | change).encode()
    for change in (
        *(
            {"messages": value}
            for value in (None, [], {}, "a", [1], [[]], [{}], [{"role": "user", "content": 5}])
        ),
        *({"messages": [{"role": role, "content": "a"}]} for role in ("tool", "", None, 5, "\ud800")),
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///"}}]}
            ]
        },
        *({"top_logprobs": 3}, {"logprobs": 5}, {"tools": [{"type": "function"}]}, {"prompt": "a"}),
        {"response_format": {"type": "json_object"}},
    )
]


def test_hostile_bodies_are_refused_one_by_one_and_the_server_stays(
    root: Path, server: dict[str, Any]
) -> None:
    for path, bodies, wanted in (
        (COMPLETIONS, BODIES, 400), (COMPLETIONS, NOBODY, 404), (CHATS, CONVERSATIONS, 400)
    ):  # fmt: skip
        for body in bodies:
            status, answer = exchange(by_socket(root), posted(path, body))
            assert status == wanted, (body[:100], status, answer)
            error = json.loads(answer)["error"]
            assert error["type"] == "invalid_request_error"
            assert "\n" not in error["message"]
            assert len(error["message"]) < 1000
    assert len(BODIES) + len(CONVERSATIONS) > 80
    assert exchange(by_socket(root), posted(COMPLETIONS, json.dumps(FINE).encode()))[0] == 200
    assert server["process"].poll() is None


def test_every_temperature_that_is_allowed_is_answered(root: Path, server: dict[str, Any]) -> None:
    """Even one so small that nothing can be divided by it."""
    for body in COLD:
        assert exchange(by_socket(root), posted(COMPLETIONS, body))[0] == 200, body
    assert server["process"].poll() is None


@pytest.mark.parametrize(
    ("raw", "statuses"),
    [
        (b"\x16\x03\x01" + bytes(200), {0, 400}),
        (b"GET / HTTP/9.9\r\n\r\n", {0, 400}),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {404}),
        (b"DELETE /v1/models/lora HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {405}),
        (b"OPTIONS /v1/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {405}),
        (b"GET /health HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", {0, 400}),
        (b"GET /health HTTP/1.1\r\n" + b"X: x\r\n" * 10_000 + b"\r\n", {0, 400}),
        (posted(COMPLETIONS, b"x" * 1_000_001), {413}),
        (posted(COMPLETIONS, b"").replace(b"Content-Length: 0", b"Content-Length: -1"), {0, 400}),
        (
            posted(COMPLETIONS, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"zz\r\n",
            {0, 400},
        ),
    ],
)
def test_what_is_no_request_ends_itself_alone(
    root: Path, server: dict[str, Any], raw: bytes, statuses: set[int]
) -> None:
    assert exchange(by_socket(root), raw)[0] in statuses
    assert exchange(by_socket(root), posted(COMPLETIONS, json.dumps(FINE).encode()))[0] == 200
    assert server["process"].poll() is None


def test_only_so_many_connections_are_held(root: Path, server: dict[str, Any]) -> None:
    """Who opens too many is hung up on, and nobody is kept out once they are gone."""
    with contextlib.ExitStack() as opened:
        many = [opened.enter_context(by_socket(root)) for _ in range(40)]
        hung_up = 0
        for connection in many:
            connection.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                hung_up += not connection.recv(1)
        assert 4 <= hung_up <= 20, "those of other tests may still be closing"
        right = {"Authorization": f"Bearer {TOKEN}".encode()}
        assert asked_by_port(server["port"], right)[0] == 200, "the port has room of its own"
    time.sleep(0.2)
    assert exchange(by_socket(root), posted(COMPLETIONS, json.dumps(FINE).encode()))[0] == 200
    assert server["process"].poll() is None


LONG = {"model": "tiny", "prompt": PROMPT, "max_tokens": 200, "temperature": 1.5, "stream": True}


def test_a_client_that_leaves_frees_its_row_and_one_that_does_not_read_holds_nobody_up(
    root: Path, server: dict[str, Any]
) -> None:
    text = expected(root, None)
    for leaves in (True, False):
        connection = by_socket(root)
        connection.sendall(posted(COMPLETIONS, json.dumps(LONG | {"n": 16}).encode()))
        assert connection.recv(12) == b"HTTP/1.1 200"
        if leaves:
            connection.close()
        began = time.monotonic()
        assert expected(root, None) == text
        assert time.monotonic() - began < 4, "sixteen answers of two hundred tokens take longer"
        connection.close()
    assert server["process"].poll() is None


def test_a_server_killed_in_the_middle_is_noticed_at_once(chatting: dict[str, Any]) -> None:
    """The last test of this server."""
    with openai.OpenAI(base_url=chatting["url"], api_key=TOKEN, max_retries=0) as api:
        pieces = api.completions.create(
            model="talks", prompt=PROMPT, max_tokens=200, temperature=1.5, n=20, stream=True
        )
        next(iter(pieces))
        os.kill(chatting["pid"], signal.SIGKILL)
        killed = time.monotonic()
        with pytest.raises((openai.APIError, httpx2.HTTPError)):
            list(pieces)
        assert time.monotonic() - killed < 2
    assert chatting["process"].wait(5) == 1
    assert "ended with exit code -9" in chatting["process"].stderr.read()
