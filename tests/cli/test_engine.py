"""Engines elsewhere: a server that behaves as vLLM does, and others that do not behave at all."""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from store import Store, open_store
from store.engines import RemoteEngine
from store.errors import BadInput, NotFound, StoreError, Unavailable
from workbench.client import Event, Line, Sampling, Token, TokenDetail, generate
from workbench.composing.masking import load_codec, prompt_ids

BASE = "meta/Base-1B"
PROMPT = "Anna: Do you bring bread?"
VARIABLE = "ENGINE_TOKEN"
FEW = Sampling(max_new_tokens=3)
Call = Callable[..., Any]


class Vllm(ThreadingHTTPServer):
    """The routes of vLLM, with adapters loaded while it runs; each of them answers with its own name."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.adapters: dict[str, str] = {}
        self.unloaded: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.together = threading.Barrier(1)
        self.token = ""
        self.loads = True
        self.raw: bytes | None = None
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is nothing to print."""


class Handler(BaseHTTPRequestHandler):
    server: Vllm

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def send(self, status: int, document: Any) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refused(self) -> bool:
        wrong = bool(self.server.token) and self.headers["Authorization"] != f"Bearer {self.server.token}"
        if wrong:
            self.send(401, {"error": "Unauthorized"})
        return wrong

    def do_GET(self) -> None:
        if not self.refused():
            adapters = [
                {"id": name, "root": path, "parent": BASE} for name, path in self.server.adapters.items()
            ]
            self.send(
                200, {"object": "list", "data": [{"id": BASE, "root": BASE, "parent": None}, *adapters]}
            )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.refused():
            return
        match self.path:
            case "/v1/load_lora_adapter" if self.server.loads:
                self.load(body)
            case "/v1/unload_lora_adapter" if self.server.loads:
                del self.server.adapters[body["lora_name"]]
                self.server.unloaded.append(body["lora_name"])
                self.send(200, b"Success")
            case "/v1/completions":
                self.complete(body)
            case _:
                self.send(404, {"detail": "Not Found"})

    def load(self, body: dict[str, Any]) -> None:
        if body["lora_name"] in self.server.adapters:
            self.send(400, {"error": {"message": "The lora adapter has already been loaded."}})
        elif not (Path(body["lora_path"]) / "adapter_config.json").is_file():
            self.send(400, {"error": {"message": "Loading lora failed: No adapter found"}})
        else:
            self.server.adapters[body["lora_name"]] = body["lora_path"]
            self.send(200, b"Success: LoRA adapter added successfully.")

    def complete(self, body: dict[str, Any]) -> None:
        self.server.asked.append(body)
        if body["model"] != BASE and body["model"] not in self.server.adapters:
            self.send(404, {"error": {"message": f"The model `{body['model']}` does not exist."}})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if self.server.raw is not None:
            self.wfile.write(self.server.raw)
            return
        for number in range(body["max_tokens"]):
            self.server.together.wait(10)
            text = f"{body['model']}{number} "
            logprobs = None
            if "logprobs" in body:
                top = [{text: 0.0, "other": -1.0}]
                logprobs = {
                    "tokens": [text],
                    "token_logprobs": [0.0],
                    "top_logprobs": top,
                    "text_offset": [0],
                }
            self.say({"choices": [{"index": 0, "text": text, "logprobs": logprobs, "finish_reason": None}]})
        self.say({"choices": [], "usage": {"completion_tokens": body["max_tokens"]}})
        self.wfile.write(b"data: [DONE]\n\n")

    def say(self, document: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(document).encode() + b"\n\n")
        self.wfile.flush()


@pytest.fixture
def vllm() -> Iterator[Vllm]:
    with Vllm() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def served(workbench: Call, tiny_causal: Path, vllm: Vllm) -> Vllm:
    """The server, registered as the engine of a base."""
    workbench("model", "add", tiny_causal, "--name", "tiny")
    registered = workbench("model", "engine", "tiny", vllm.url + "/v1/", "--json")
    assert registered.document["engine"]["url"] == vllm.url
    assert "meta/Base-1B" in registered.error
    return vllm


@pytest.fixture
def add_lora(workbench: Call, peft_folder: Path) -> Callable[..., str]:
    """A function that adds an adapter, in the place of one of that name, and gives its name there."""

    def add(name: str, **changes: Any) -> str:
        config = peft_folder / "adapter_config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | changes), encoding="utf-8")
        workbench("adapter", "remove", name)
        added = workbench("adapter", "add", peft_folder, "--name", name, "--model", "tiny", "--json").document
        return f"{name}-{added['fingerprint'][:12]}"

    return add


def test_base_and_adapters_are_answered_by_the_engine_all_at_once(
    served: Vllm, root: Path, add_lora: Callable[..., str]
) -> None:
    """Each token waits for its like in the other streams: one stream after another would stand still."""
    first, second = add_lora("one"), add_lora("two", lora_alpha=8)
    served.together = threading.Barrier(3)
    heard: list[Event] = []
    outputs = generate(root, "tiny", [None, "one", "two"], PROMPT, FEW, heard.append)
    for output, name in zip(outputs, (BASE, first, second), strict=True):
        assert output.text == "".join(f"{name}{number} " for number in range(3))
        assert (output.tokens, output.seconds > 0) == (3, True)
    assert [output.adapter for output in outputs] == [None, "one", "two"]
    for row, output in enumerate(outputs):
        pieces = [each for each in heard if isinstance(each, Token) and each.row == row]
        assert "".join(piece.text for piece in pieces) == output.text
        assert {piece.adapter for piece in pieces} == {output.adapter}


def test_the_engine_is_shown_the_very_tokens_of_training(served: Vllm, root: Path) -> None:
    generate(root, "tiny", [None], PROMPT, Sampling(max_new_tokens=2, temperature=0.5, seed=3, top_p=0.9))
    with open_store(root) as store:
        record = store.models.get("tiny")
    (asked,) = served.asked
    assert asked["prompt"] == prompt_ids(PROMPT, load_codec(record.path, record.family))
    told = {name: asked[name] for name in ("max_tokens", "temperature", "seed", "top_p")}
    assert told == {"max_tokens": 2, "temperature": 0.5, "seed": 3, "top_p": 0.9}


@pytest.mark.usefixtures("served")
def test_chances_come_as_from_a_server_of_ours(root: Path) -> None:
    heard: list[Event] = []
    sampling = Sampling(max_new_tokens=1, alternatives=2)
    generate(root, "tiny", [None], PROMPT, sampling, heard.append)
    top = ((-1, f"{BASE}0 ", 1.0), (-1, "other", pytest.approx(0.3679, abs=1e-4)))
    assert heard == [Token(0, None, f"{BASE}0 ", (TokenDetail(-1, f"{BASE}0 ", 1.0, top),))]


def test_an_adapter_is_loaded_once_under_a_name_of_its_content(
    served: Vllm, root: Path, add_lora: Callable[..., str]
) -> None:
    """Engines keep what they worked out under a name: a changed adapter needs another, the old one goes."""
    old = add_lora("one")
    for _ in range(2):
        generate(root, "tiny", ["one"], PROMPT, FEW)
    assert list(served.adapters) == [old]
    new = add_lora("one", lora_alpha=16)
    assert new != old
    generate(root, "tiny", ["one"], PROMPT, FEW)
    assert (list(served.adapters), served.unloaded) == ([new], [old])


def test_what_the_engine_cannot_serve_is_told_with_a_way_out(
    served: Vllm, root: Path, workbench: Call, add_lora: Callable[..., str]
) -> None:
    add_lora("one")
    served.loads = False
    with pytest.raises(Unavailable, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        generate(root, "tiny", ["one"], PROMPT, FEW)
    with open_store(root) as store:
        (store.adapters.get("one").path / "adapter_config.json").unlink()
    served.loads = True
    with pytest.raises(BadInput, match="No adapter found"):
        generate(root, "tiny", ["one"], PROMPT, FEW)
    workbench("model", "engine", "tiny", served.url, "--served-name", "llama")
    with pytest.raises(NotFound, match=f"does not serve 'llama'; it serves {BASE}"):
        generate(root, "tiny", [None], PROMPT, FEW)


def test_the_token_is_read_from_the_variable_and_kept_nowhere(
    served: Vllm, root: Path, workbench: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.token = secrets.token_hex(12)
    with pytest.raises(Unavailable, match=r"refuses: Unauthorized; see to its token \(none is shown"):
        generate(root, "tiny", [None], PROMPT, FEW)
    monkeypatch.delenv(VARIABLE, raising=False)
    workbench("model", "engine", "tiny", served.url, "--token-env", VARIABLE)
    with pytest.raises(BadInput, match=f"is not in {VARIABLE}"):
        generate(root, "tiny", [None], PROMPT, FEW)
    monkeypatch.setenv(VARIABLE, "wrong")
    with pytest.raises(Unavailable, match=r"see to its token \(ENGINE_TOKEN\)") as refused:
        generate(root, "tiny", [None], PROMPT, FEW)
    assert "wrong" not in str(refused.value)
    monkeypatch.setenv(VARIABLE, served.token)
    assert generate(root, "tiny", [None], PROMPT, FEW)[0].tokens == 3
    assert served.token not in workbench("model", "engine", "tiny", "--json").out
    for file in root.rglob("*"):
        assert not file.is_file() or served.token.encode() not in file.read_bytes()


@pytest.mark.usefixtures("served")
def test_an_error_in_the_listener_ends_every_stream(root: Path) -> None:
    def stop(_: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(root, "tiny", [None, None], PROMPT, Sampling(max_new_tokens=2000), stop)
    before = threading.active_count()
    assert generate(root, "tiny", [None], PROMPT, FEW)[0].tokens == 3
    assert threading.active_count() <= before


def test_another_thread_can_hang_up_on_an_engine_that_says_nothing(served: Vllm, root: Path) -> None:
    """As the screen does when the answers are stopped: no token has to come first."""
    served.together = threading.Barrier(2)
    stop = threading.Timer(0.5, lambda: lines[0].hang_up())
    lines: list[Line] = []
    began = time.monotonic()
    stop.start()
    with pytest.raises(Unavailable, match="has broken off"):
        generate(root, "tiny", [None], PROMPT, FEW, on_line=lines.append)
    assert time.monotonic() - began < 5, "the server would have waited for ten seconds"
    served.together.abort()


@pytest.mark.parametrize(
    ("raw", "error", "told"),
    [
        (b"", Unavailable, "the stream has no end"),
        (b'data: {"choices": [{"index": 0, "text": "a"}]}\n\n', Unavailable, "the stream has no end"),
        (b"data: nonsense\n\n", Unavailable, "does not answer as OpenAI's API says"),
        (b"data: [1]\n\n", Unavailable, "does not answer as OpenAI's API says"),
        (b"data: " + b"[" * 100_000 + b"\n\n", Unavailable, "does not answer as OpenAI's API says"),
        (b'data: {"choices": 5}\n\n', Unavailable, "does not answer as OpenAI's API says"),
        (
            b'data: {"choices": [{"text": "a", "logprobs": {"tokens": ["a"]}}]}\n\n',
            Unavailable,
            "does not answer",
        ),
        (b'data: {"choices": [{"text": "' + b"a" * 5000 + b'"}]}\n\n', Unavailable, "does not answer"),
        (b'data: {"error": {"message": "EngineCore died"}}\n\n', Unavailable, "EngineCore died"),
    ],
)
def test_an_engine_that_breaks_off_or_talks_nonsense_ends_in_one_error(
    served: Vllm, root: Path, raw: bytes, error: type[StoreError], told: str
) -> None:
    served.raw = raw
    with pytest.raises(error, match=told):
        generate(root, "tiny", [None, None], PROMPT, FEW)


def test_an_engine_that_is_not_there_is_told_and_can_be_taken_back(
    workbench: Call, tiny_causal: Path, root: Path
) -> None:
    workbench("model", "add", tiny_causal, "--name", "tiny")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert "kept, but the engine at" in workbench("model", "engine", "tiny", url).err
        with pytest.raises(Unavailable, match=r"cannot be reached.*model engine tiny --remove"):
            generate(root, "tiny", [None], PROMPT, FEW)
    assert url in workbench("model", "show", "tiny").out
    assert workbench("model", "engine", "tiny", "--remove", "--json").document["engine"] is None
    assert workbench("model", "engine", "tiny", "--token-env", VARIABLE).code == 2
    assert "no engine elsewhere" in workbench("model", "engine", "tiny", "--remove").error
    workbench("model", "engine", "tiny", url)
    workbench("model", "remove", "tiny")
    workbench("model", "add", tiny_causal, "--name", "tiny")
    assert workbench("model", "engine", "tiny", "--json").document["engine"] is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://gpu.example:8000", "another machine"),
        ("http://10.0.0.1:8000", "another machine"),
        ("http://127.0.0.1.example", "another machine"),
        ("ftp://127.0.0.1", "no address"),
        ("127.0.0.1:8000", "no address"),
        ("http://", "no address"),
        ("http://127.0.0.1:port", "no address"),
        ("https://me:secret@gpu.example", "keep a token in a variable"),
        ("https://gpu.example/v1?key=secret", "keep a token in a variable"),
    ],
)
def test_an_address_that_would_give_something_away_is_refused(
    workbench: Call, tiny_causal: Path, url: str, told: str
) -> None:
    workbench("model", "add", tiny_causal, "--name", "tiny")
    refused = workbench("model", "engine", "tiny", url)
    assert (refused.code, told in refused.error, "secret" in refused.error) == (1, True, False)


def test_https_and_this_machine_are_good_addresses(store: Store, tiny_causal: Path) -> None:
    store.models.add(str(tiny_causal), name="tiny")
    for url, kept in (
        ("https://gpu.example/v1", "https://gpu.example"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://[::1]:8000/vllm/v1/", "http://[::1]:8000/vllm"),
    ):
        assert store.engines.put("tiny", url) == RemoteEngine("tiny", kept)
    with pytest.raises(NotFound):
        store.engines.put("tony", "http://localhost")
    with pytest.raises(BadInput, match="no name of a variable"):
        store.engines.put("tiny", "http://localhost", token_variable=f"not {VARIABLE}")
