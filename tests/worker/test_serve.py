"""The model server: one process per base that streams, answers several, and is replaced when it dies."""

from __future__ import annotations

import json
import os
import shutil
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

import pytest
from peft import LoraConfig

from store import Store, open_store
from store.errors import BadInput, Conflict, NotFound, StoreError, Unavailable
from workbench import client, link
from workbench.client import Event, Output, Restart, Sampling, Token, generate
from workbench.composing.masking import load_codec, prompt_ids
from workbench.worker.loading import load_tokenizer

PROMPT = "Anna: Do you bring bread?"
FEW = Sampling(max_new_tokens=12)
MANY = Sampling(max_new_tokens=240)
Make = Callable[[Path, Path, Any, int], Path]


def lora(seed: int) -> LoraConfig:
    return LoraConfig(task_type="CAUSAL_LM", r=4 * seed, target_modules=["q_proj", "v_proj"])


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory, tiny_causal: Path, tiny_seq2seq: Path, make_adapter: Make
) -> Iterator[Path]:
    """A store whose path is far longer than a socket's may be, with two adapters; its servers end with it."""
    place = tmp_path_factory.mktemp("serving")
    folder = place / ("deep-" * 20) / "store"
    os.environ["OMP_NUM_THREADS"] = "1"
    with open_store(folder) as store:
        store.models.add(str(tiny_causal), name="tiny")
        store.models.add(str(tiny_seq2seq), name="other")
        for seed, name in enumerate(("chat", "chat-v2"), start=1):
            made = make_adapter(tiny_causal, place / name, lora(seed), seed)
            store.adapters.add(made, name=name, model="tiny")
    yield folder
    for server in client.server_status(folder):
        client.stop_server(folder, server.model)


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    with open_store(root) as opened:
        yield opened


def ask(root: Path, *adapters: str | None, sampling: Sampling = FEW) -> list[Output]:
    return generate(root, "tiny", adapters, PROMPT, sampling)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def server_pid(root: Path) -> int:
    (server,) = client.server_status(root)
    return server.pid


def test_base_and_adapters_answer_as_plain_peft_from_one_process(
    root: Path, store: Store, plain_answer: Callable[[Path, Path | None, list[int], int], list[int]]
) -> None:
    record = store.models.get("tiny")
    ids = prompt_ids(PROMPT, load_codec(record.path, record.family))
    tokenizer = load_tokenizer(record)
    outputs = ask(root, None, "chat", "chat-v2")
    for output in outputs:
        path = store.adapters.get(output.adapter).path if output.adapter else None
        expected = plain_answer(record.path, path, ids, 12)
        assert output.text == tokenizer.decode(expected, skip_special_tokens=True)
        assert output.tokens == len(expected)
        assert output.seconds > 0
    assert [output.adapter for output in outputs] == [None, "chat", "chat-v2"]
    assert len({output.text for output in outputs}) == 3
    (server,) = client.server_status(root)
    assert (server.model, server.state, server.adapters) == ("tiny", "ready", ("chat", "chat-v2"))


def test_text_streams_as_it_is_spoken(root: Path) -> None:
    """Pieces of all rows come in turns, long before the end, and add up to the answers."""
    pieces: list[tuple[float, Token]] = []
    began = time.monotonic()
    outputs = generate(
        root, "tiny", [None, "chat"], PROMPT, MANY, lambda token: pieces.append((time.monotonic(), token))
    )
    took = time.monotonic() - began
    assert pieces[0][0] - began < took / 2
    assert {token.row for _, token in pieces[: len(pieces) // 4]} == {0, 1}
    for row, output in enumerate(outputs):
        assert "".join(token.text for _, token in pieces if token.row == row) == output.text
        assert {token.adapter for _, token in pieces if token.row == row} == {output.adapter}


def test_a_sampled_answer_can_be_had_again_by_its_seed(root: Path) -> None:
    hot = Sampling(max_new_tokens=12, temperature=1.0, seed=3)
    (alone,) = ask(root, "chat", sampling=hot)
    assert ask(root, None, "chat", sampling=hot)[1].text == alone.text
    other = Sampling(max_new_tokens=12, temperature=1.0, seed=4)
    assert ask(root, "chat", sampling=other)[0].text != alone.text


def test_only_the_owner_can_reach_the_socket(root: Path) -> None:
    ask(root, None)
    folder = link.serving_folder(root)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(link.socket_path(root, "tiny").stat().st_mode) == 0o600
    for name in ("tiny.log", "tiny.lock"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert len(str(link.socket_path(root, "tiny"))) > 107


def test_the_server_listens_on_no_port(root: Path) -> None:
    ask(root, None)
    process = Path(f"/proc/{server_pid(root)}")
    lines = [line.split() for name in ("tcp", "tcp6") for line in (process / "net" / name).open()]
    ports = {f"socket:[{fields[9]}]" for fields in lines if fields[9].isdigit()}
    assert not ports & {str(each.readlink()) for each in (process / "fd").iterdir()}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_another_user_gets_no_answer(root: Path) -> None:
    """Even one whom the folder's mode would let through is hung up on."""
    ask(root, None)
    script = (
        "import os, socket, sys\n"
        "descriptor = os.open(sys.argv[1], os.O_PATH)\n"
        "os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "s.connect(f'/proc/self/fd/{descriptor}')\n"
        "print(len(s.recv(100)))\n"
    )
    path = link.socket_path(root, "tiny")
    refused = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=False
    )
    assert "PermissionError" in refused.stderr
    path.chmod(0o666)
    heard = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    path.chmod(0o600)
    assert heard.stdout.strip() == "0", heard.stderr


def test_clients_are_answered_together_each_with_its_own(root: Path) -> None:
    expected = {name: ask(root, name)[0].text for name in (None, "chat", "chat-v2")}
    heard: list[tuple[str | None, str]] = []

    def chat(name: str | None) -> None:
        heard.extend((name, ask(root, name)[0].text) for _ in range(4))

    threads = [threading.Thread(target=chat, args=(name,)) for name in expected for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(heard) == 24
    assert all(text == expected[name] for name, text in heard)


class Raw:
    """A client without manners."""

    def __init__(self, root: Path, model: str = "tiny") -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        descriptor = os.open(link.socket_path(root, model), os.O_PATH)
        self.socket.connect(f"/proc/self/fd/{descriptor}")
        os.close(descriptor)
        self.lines = self.socket.makefile("rb")
        self.hello = self.read()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> dict[str, Any]:
        line = self.lines.readline()
        return dict(json.loads(line)) if line else {}

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


def long_request(**changes: Any) -> bytes:
    request = {
        "op": "generate",
        "prompts": [PROMPT],
        "adapters": [None],
        "sampling": {"max_new_tokens": 240, "temperature": 1.5},
    }
    return json.dumps(request | changes).encode() + b"\n"


def test_a_client_that_leaves_ends_its_generation_and_no_other(root: Path) -> None:
    expected = ask(root, None)[0].text
    pid = server_pid(root)
    for manner in ("leave", "speak"):
        raw = Raw(root)
        raw.send(long_request())
        assert raw.read()["event"] == "text"
        if manner == "leave":
            raw.close()
        else:
            raw.send(b"enough\n")
        began = time.monotonic()
        assert ask(root, None)[0].text == expected
        assert time.monotonic() - began < 5
        raw.close()
    assert server_pid(root) == pid


def test_a_client_that_does_not_read_holds_nobody_up(root: Path) -> None:
    expected = ask(root, None)[0].text
    raw = Raw(root)
    raw.send(long_request(prompts=[PROMPT] * 16, sampling={"max_new_tokens": 80, "temperature": 1.5}))
    assert raw.read()["event"] == "text"
    began = time.monotonic()
    assert ask(root, None)[0].text == expected
    assert time.monotonic() - began < 4, "a client is given five seconds to read"
    raw.close()


def test_an_error_in_the_listener_ends_the_generation(root: Path) -> None:
    """How a screen cancels: it raises where it is handed the text."""
    pieces: list[Token] = []

    def stop(token: Token) -> None:
        pieces.append(token)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(root, "tiny", [None], PROMPT, MANY, stop)
    assert len(pieces) == 1
    assert ask(root, None)[0].text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"no json\n", "no JSON"),
        (b"[" * 100_000 + b"\n", "no JSON"),
        (b"[]\n", "no known op"),
        (b'{"op": "eval"}\n', "no known op"),
        (b'{"op": "generate"}\n', "no generate request"),
        (long_request(code="x"), "no generate request"),
        (long_request(prompts=[]), "no generate request"),
        (long_request(prompts=["a"] * 40), "40 answers"),
        (long_request(adapters=["../../etc"]), "cannot be a name"),
        (long_request(adapters=["run@../../etc"]), "cannot be a name"),
        (long_request(adapters=["nobody"]), "nobody"),
        (long_request(adapters=["nobody@latest"]), "no run named 'nobody'"),
        (long_request(sampling={"max_new_tokens": 10**9}), "max_new_tokens"),
        (long_request(sampling={"temperature": "hot"}), "temperature"),
        (long_request(sampling={"beams": 4}), "sampling is unknown"),
        (long_request(prompts=["bread " * 400]), "the model takes 255"),
        (b"x" * 1_000_100, "longer than 1,000,000"),
    ],
)
def test_a_wrong_request_gets_one_error_and_the_server_stays(root: Path, line: bytes, told: str) -> None:
    ask(root, None)
    pid = server_pid(root)
    raw = Raw(root)
    raw.send(line)
    answer = raw.read()
    assert (answer["event"], answer["kind"] in ("BadInput", "NotFound")) == ("error", True)
    assert told in answer["what"]
    raw.close()
    assert server_pid(root) == pid


def test_a_wrong_adapter_is_refused_with_one_clear_error(
    root: Path, store: Store, make_adapter: Make, tiny_causal: Path, tmp_path: Path
) -> None:
    """For another base before any process is asked; with weights that are not numbers by the server."""
    import torch
    from safetensors.torch import load_file, save_file

    with pytest.raises(Conflict, match="made for 'tiny'"):
        generate(root, "other", ["chat"], PROMPT, FEW)
    with pytest.raises(NotFound, match="nobody"):
        ask(root, "nobody")
    made = make_adapter(tiny_causal, tmp_path / "nan", lora(1), 5)
    weights = load_file(made / "adapter_model.safetensors")
    weights[sorted(weights)[0]][0, 0] = torch.inf
    save_file(weights, made / "adapter_model.safetensors")
    store.adapters.add(made, name="nan", model="tiny")
    before = ask(root, "chat")
    with pytest.raises(BadInput, match="'nan': it has weights that are not numbers"):
        ask(root, "chat", "nan")
    assert ask(root, "chat")[0].text == before[0].text


def test_an_adapter_replaced_under_its_name_answers_anew(
    root: Path, store: Store, make_adapter: Make, tiny_causal: Path, tmp_path: Path
) -> None:
    """By a new publication and by a file copied over it, both while the server runs."""
    texts = []
    for seed in (11, 12):
        made = make_adapter(tiny_causal, tmp_path / str(seed), lora(1), seed)
        if seed == 12:
            store.adapters.remove("turning")
        store.adapters.add(made, name="turning", model="tiny")
        texts.append(ask(root, "turning")[0].text)
    folder = store.adapters.get("turning").path
    made = make_adapter(tiny_causal, tmp_path / "13", lora(1), 13)
    shutil.copyfile(made / "adapter_model.safetensors", folder / "adapter_model.safetensors")
    texts.append(ask(root, "turning")[0].text)
    assert len(set(texts)) == 3


def test_a_second_server_of_the_model_gives_way(root: Path) -> None:
    ask(root, None)
    pid = server_pid(root)
    command = [sys.executable, "-m", "workbench.worker", "serve", "tiny", "--store", str(root)]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 1
    assert second.stderr.startswith("error: model 'tiny' has a server already")
    assert second.stderr.count("\n") == 1
    assert server_pid(root) == pid


def test_a_killed_server_is_told_in_time_and_started_anew(root: Path) -> None:
    """Killed in the middle, the client hears of it within two seconds, and has its answer from another."""
    expected = ask(root, "chat", sampling=MANY)[0].text
    killed = server_pid(root)
    heard: list[tuple[float, Event]] = []

    def kill(event: Event) -> None:
        if not heard:
            os.kill(killed, signal.SIGKILL)
        heard.append((time.monotonic(), event))

    (output,) = generate(root, "tiny", ["chat"], PROMPT, MANY, kill)
    assert output.text == expected
    (restart,) = [place for place, (_, event) in enumerate(heard) if isinstance(event, Restart)]
    assert heard[restart][0] - heard[0][0] < 2
    assert "".join(event.text for _, event in heard[restart + 1 :] if isinstance(event, Token)) == expected
    assert server_pid(root) != killed
    assert stat.S_IMODE(link.socket_path(root, "tiny").stat().st_mode) == 0o600


def test_a_killed_server_leaves_a_socket_that_nobody_takes_for_a_server(root: Path) -> None:
    ask(root, None)
    killed = server_pid(root)
    with pytest.raises(Unavailable, match="ended while it was asked"):
        generate(root, "tiny", [None], PROMPT, MANY, lambda _: os.kill(killed, signal.SIGKILL), restarts=0)
    assert link.socket_path(root, "tiny").exists()
    assert client.server_status(root) == []


def start_by_hand(root: Path, idle_seconds: float, model: str = "other") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "workbench.worker", "serve", model, "--store", str(root)]
    return subprocess.Popen([*command, "--idle-seconds", str(idle_seconds)])


def change(file: Path, **changes: Any) -> None:
    """Change some values of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_server_whose_engine_fails_says_why_and_ends_with_an_error(
    root: Path, store: Store, tiny_causal: Path, tmp_path: Path
) -> None:
    """Here by a rule of generation for a token that there is not; a prompt with such a one is but refused."""
    for file in tiny_causal.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    added = json.loads((tmp_path / "tokenizer.json").read_text())["added_tokens"]
    added.append(added[-1] | {"id": 384, "content": "<odd>"})
    change(tmp_path / "tokenizer.json", added_tokens=added)
    change(tmp_path / "generation_config.json", bad_words_ids=[[999]])
    store.models.add(str(tmp_path), name="odd")
    process = start_by_hand(root, 600, "odd")
    try:
        assert eventually(lambda: any(each.model == "odd" for each in client.server_status(root)))
        with pytest.raises(BadInput, match="the prompt has token 384, the model knows 384"):
            generate(root, "odd", [None], "<odd>", FEW, restarts=0)
        assert process.poll() is None
        with pytest.raises(
            Unavailable,
            match=r"server of model 'odd' has ended \(ValueError: The model vocabulary size is 384",
        ):
            generate(root, "odd", [None], PROMPT, FEW, restarts=0)
        assert process.wait(30) == 1
    finally:
        process.kill()
    assert not link.socket_path(root, "odd").exists()


def test_an_answer_of_special_tokens_alone_can_be_stopped(
    root: Path, store: Store, tiny_seq2seq: Path, tmp_path: Path
) -> None:
    """By a client that leaves and by whoever ends the server, though there is nothing to be told."""
    for file in tiny_seq2seq.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    silent = [token for token in range(384) if token != 1]
    change(tmp_path / "generation_config.json", suppress_tokens=silent)
    store.models.add(str(tmp_path), name="mute")
    process = start_by_hand(root, 600, "mute")
    try:
        assert eventually(lambda: any(each.model == "mute" for each in client.server_status(root)))
        assert [each.text for each in generate(root, "mute", [None], PROMPT, FEW)] == [""]
        first, second = Raw(root, "mute"), Raw(root, "mute")
        first.send(long_request(sampling={"max_new_tokens": 8192}))
        time.sleep(0.5)
        (server,) = [each for each in client.server_status(root) if each.model == "mute"]
        assert server.state == "busy"
        first.close()
        began = time.monotonic()
        second.send(long_request(sampling={"max_new_tokens": 1}))
        assert second.read()["event"] == "end"
        assert time.monotonic() - began < 5
        second.send(long_request(sampling={"max_new_tokens": 8192}))
        time.sleep(0.5)
        process.terminate()
        assert process.wait(5) == 0
    finally:
        process.kill()


def test_an_idle_server_ends_by_itself(root: Path) -> None:
    process = start_by_hand(root, 0.5)
    try:
        assert process.wait(120) == 0
    finally:
        process.kill()
    assert not link.socket_path(root, "other").exists()


def test_a_server_ends_when_told_even_while_it_loads(root: Path) -> None:
    process = start_by_hand(root, 600)
    try:
        assert eventually(lambda: any(each.model == "other" for each in client.server_status(root)))
        assert client.stop_server(root, "other")
        assert process.wait(30) == 0
    finally:
        process.kill()
    assert not link.socket_path(root, "other").exists()
    assert not client.stop_server(root, "other")


def test_a_replaced_model_is_loaded_anew_and_its_fault_told_to_who_waits(
    root: Path, store: Store, tiny_seq2seq: Path
) -> None:
    """The old model's server gives way at the first question about the new one."""
    ask(root, None)
    pid = server_pid(root)
    store.models.remove("tiny")
    weights = store.models.add(str(tiny_seq2seq), name="tiny").path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(StoreError, match="'tiny' does not load") as refused:
        ask(root, None)
    assert "\n" not in str(refused.value)
    assert eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert eventually(lambda: not link.socket_path(root, "tiny").exists())
