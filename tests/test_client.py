"""The client: mistakes that need no process, servers that do not answer as they should,"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store import Store
from store.errors import BadInput, NotFound, Unavailable
from workbench import client, link
from workbench.client import Event, Note, Output, Restart, Sampling, Token, TokenDetail, generate
from workbench.processes import held

Talk = Callable[[Any], None]


@pytest.fixture
def root(store: Store, tiny_causal: Path) -> Path:
    store.models.add(str(tiny_causal), name="tiny")
    return store.root


@contextlib.contextmanager
def answering(root: Path, fingerprint: str, *talks: Talk) -> Iterator[None]:
    """Something that listens where a server would: it greets, reads a line and talks, once per talk."""
    listener = socket.socket(socket.AF_UNIX)
    link.serving_folder(root)
    before = Path.cwd()
    os.chdir(link.serving_folder(root))
    listener.bind("tiny.sock")
    os.chdir(before)
    listener.listen()

    def serve() -> None:
        for talk in talks:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as line:
                hello = {
                    "event": "hello",
                    "protocol": 1,
                    "model": "tiny",
                    "fingerprint": fingerprint,
                    "pid": 1,
                }
                say(line, **hello)
                line.readline()
                talk(line)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield
    thread.join(10)
    listener.close()


def say(line: Any, **event: Any) -> None:
    line.write(json.dumps(event).encode() + b"\n")
    line.flush()


def test_what_does_not_exist_is_told_without_any_process(root: Path) -> None:
    with pytest.raises(NotFound, match="did you mean 'tiny'"):
        generate(root, "tiny1", [None], "Hello")
    with pytest.raises(NotFound, match="no adapter named 'chat'"):
        generate(root, "tiny", ["chat"], "Hello")
    with pytest.raises(BadInput, match="0 adapters"):
        generate(root, "tiny", [], "Hello")
    with pytest.raises(BadInput, match="33 adapters"):
        generate(root, "tiny", [None] * 33, "Hello")
    assert client.server_status(root) == []
    assert not client.stop_server(root, "tiny")
    assert not list(link.serving_folder(root).iterdir())


def test_a_server_that_dies_at_its_start_is_explained_by_its_last_words(root: Path) -> None:
    link.socket_path(root, "tiny").mkdir()
    (link.socket_path(root, "tiny") / "in-the-way").touch()
    with pytest.raises(Unavailable, match=r"did not start \(IsADirectoryError") as told:
        generate(root, "tiny", [None], "Hello")
    assert str(link.log_path(root, "tiny")) in told.value.remedy
    assert not held(link.lock_path(root, "tiny"))


def test_events_become_tokens_and_outputs(root: Path, store: Store) -> None:
    def talk(line: Any) -> None:
        say(line, event="alive")
        say(line, event="text", row=1, text="b")
        say(line, event="note", text="'old' has left")
        tokens = [{"id": 7, "text": "a", "chance": 0.5, "top": [[7, "a", 0.5], [8, "b", 0.25]]}]
        say(line, event="text", row=0, text="a", tokens=tokens)
        say(line, event="end", row=1, text="b", tokens=1, seconds=0.5)
        say(line, event="end", row=0, text="a", tokens=2, seconds=0.6)
        say(line, event="done")

    heard: list[Event] = []
    with answering(root, store.models.get("tiny").fingerprint, talk):
        outputs = generate(root, "tiny", [None, None], "Hello", Sampling(), heard.append)
    detail = TokenDetail(7, "a", 0.5, ((7, "a", 0.5), (8, "b", 0.25)))
    assert heard == [Token(1, None, "b"), Note("'old' has left"), Token(0, None, "a", (detail,))]
    assert outputs == [Output(None, "a", 2, 0.6), Output(None, "b", 1, 0.5)]


def test_a_servers_refusal_keeps_its_kind(root: Path, store: Store) -> None:
    def talk(line: Any) -> None:
        say(line, event="error", kind="BadInput", what="the prompt is empty", remedy="write one")

    with (
        answering(root, store.models.get("tiny").fingerprint, talk),
        pytest.raises(BadInput, match="the prompt is empty; write one"),
    ):
        generate(root, "tiny", [None], "Hello")


def test_a_server_that_was_just_ending_is_asked_once_more(root: Path, store: Store) -> None:
    """It greeted, and ended before it said anything: nobody has to know."""

    def talk(line: Any) -> None:
        say(line, event="end", row=0, text="a", tokens=1, seconds=0.1)
        say(line, event="done")

    with answering(root, store.models.get("tiny").fingerprint, lambda _: None, talk):
        assert generate(root, "tiny", [None], "Hello")[0].text == "a"


def test_a_server_that_ends_as_it_is_asked_how_it_is_counts_as_gone(root: Path, store: Store) -> None:
    """Of several servers, those that stay are listed all the same."""
    with answering(root, store.models.get("tiny").fingerprint, lambda _: None):
        assert client.server_status(root) == []


def cut_off(line: Any) -> None:
    say(line, event="text", row=0, text="a")


def test_a_server_that_ends_in_the_middle_is_told_and_asked_anew(root: Path, store: Store) -> None:
    def talk(line: Any) -> None:
        say(line, event="text", row=0, text="b")
        say(line, event="end", row=0, text="b", tokens=1, seconds=0.1)
        say(line, event="done")

    link.serving_folder(root)
    link.log_path(root, "tiny").write_text("something\nits last words\n")
    heard: list[Event] = []
    with answering(root, store.models.get("tiny").fingerprint, cut_off, talk):
        (output,) = generate(root, "tiny", [None], "Hello", on_event=heard.append)
    assert heard == [Token(0, None, "a"), Restart(1, "its last words"), Token(0, None, "b")]
    assert output.text == "b"


def test_a_server_that_ends_again_and_again_is_given_up_with_its_last_words(root: Path, store: Store) -> None:
    link.serving_folder(root)
    link.log_path(root, "tiny").write_text("something\nits last words\n")
    heard: list[Event] = []
    fingerprint = store.models.get("tiny").fingerprint
    with (
        answering(root, fingerprint, cut_off, cut_off, cut_off),
        pytest.raises(Unavailable, match=r"ended while it was asked, 3 times in 60 s \(its last words\)"),
    ):
        generate(root, "tiny", [None], "Hello", on_event=heard.append, restarts=2)
    assert [event.count for event in heard if isinstance(event, Restart)] == [1, 2]


def test_a_request_too_long_is_refused_here(root: Path, store: Store) -> None:
    with (
        answering(root, store.models.get("tiny").fingerprint, lambda _: None),
        pytest.raises(BadInput, match="more than 1,000,000"),
    ):
        generate(root, "tiny", [None], "x" * 1_000_001)


def test_a_client_waits_where_others_wait_already(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(0)
        full = False
        while not full:
            other = opened.enter_context(socket.socket(socket.AF_UNIX))
            other.setblocking(False)
            full = other.connect_ex(str(path)) != 0
        with pytest.raises(Unavailable, match="too many clients; ask again"):
            link.dial(path, 0.05)
        threading.Timer(0.1, listener.accept).start()
        connection = link.dial(path, 10)
        assert connection is not None
        connection.close()
