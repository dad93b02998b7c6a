"""What a model says is text only: as it is spoken, with chances, in a note or an error, and as a prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hostile import PAYLOADS, assert_harmless
from stocking import held_queue

from store import Store

SAID = " ".join(PAYLOADS)


def test_hostile_answers_do_not_steer_the_terminal_on_compare(
    worked: Store, terminal: Callable[..., Any], fake_server: Callable[..., Any]
) -> None:
    answers = {None: SAID, "first-try": SAID[::-1]}
    fake_server(worked, answers, chances=dict.fromkeys(answers, (0.9, 0.01)), notes=PAYLOADS[:6])
    with held_queue(worked):
        opened = terminal(worked.root, size=(120, 40))
        opened.wait_for("second-try", 30)
        opened.press("6")
        opened.wait_for("reference:", 30)
        opened.press("a")
        opened.wait_for("EVIL", 30)
        for key in "d\t\tllljGod":
            opened.press(key)
            opened.read_for(0.3)
        opened.read_for(1)  # to the end of a frame
        assert opened.process.poll() is None
    assert_harmless(bytes(opened.output))


def test_a_hostile_error_of_a_server_does_not_steer_the_terminal(
    worked: Store, terminal: Callable[..., Any], fake_server: Callable[..., Any]
) -> None:
    error = {"kind": SAID, "what": SAID, "remedy": SAID}
    fake_server(worked, {None: "", "first-try": ""}, error=error)
    with held_queue(worked):
        opened = terminal(worked.root, size=(120, 40))
        opened.wait_for("second-try", 30)
        opened.press("6")
        opened.wait_for("reference:", 30)
        opened.press("a")
        opened.wait_for("EVIL", 30)
        opened.read_for(1)  # to the end of a frame
    assert_harmless(bytes(opened.output))
