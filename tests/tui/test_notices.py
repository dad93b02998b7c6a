"""Bells and notifications: they reach the terminal, through tmux too, and carry nothing from outside."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from store import Store
from store.alerts import Alert
from store.runs import Run
from workbench.processes import HeldLock
from workbench.runs import queue
from workbench.runs.alerts import KINDS, OF_CHECKPOINTS
from workbench.settings import PROJECT_FILE
from workbench.tui.notices import TROUBLES, Notices, newly_ended, sequence

HOSTILE = "x\x1b]52;c;ZXZpbA==\x07\x1b\\\x9d0;t\x9c\x07;;\u202eda\r\n\x1bPtmux;日本"


def test_every_kind_has_words() -> None:
    assert set(TROUBLES) == {*KINDS, *OF_CHECKPOINTS}


def test_a_terminal_that_cannot_be_told_gets_both_kinds_and_a_known_one_its_own() -> None:
    both = "\x1b]9;workbench: run a is over\a\x1b]777;notify;workbench;run a is over\a"
    assert sequence("run a is over", {"TERM": "xterm-256color"}) == both
    for known in ({"TERM": "foot"}, {"VTE_VERSION": "7600"}):
        assert sequence("t", known) == "\x1b]777;notify;workbench;t\a"
    for known in ({"TERM": "xterm-kitty"}, {"TERM_PROGRAM": "WezTerm"}):
        assert sequence("t", known) == "\x1b]9;workbench: t\a"


def test_tmux_gets_an_envelope_that_it_hands_on() -> None:
    """Every escape inside is doubled, as tmux wants it; taken out again, it is what a terminal alone gets."""
    sent = sequence("run a is over", {"TMUX": "/run/tmux-0/default,1,0", "TERM": "tmux-256color"})
    assert sent.startswith("\x1bPtmux;") and sent.endswith("\x1b\\")
    inside = sent.removeprefix("\x1bPtmux;").removesuffix("\x1b\\")
    assert not re.search("(?<!\x1b)(\x1b\x1b)*\x1b(?!\x1b)", inside)
    assert inside.replace("\x1b\x1b", "\x1b") == sequence("run a is over", {"TERM": "xterm"})


@pytest.mark.parametrize("environment", [{}, {"TMUX": "1"}, {"TERM": "foot"}], ids=str)
def test_a_hostile_name_can_neither_end_a_sequence_nor_begin_one(environment: dict[str, str]) -> None:
    """As many control characters as a harmless name has, all of them ours, and only ASCII between them."""
    plain, hostile = sequence("x", environment), sequence(HOSTILE, environment)
    controls = "[\x00-\x1f\x7f-\x9f]"
    assert re.findall(controls, hostile) == re.findall(controls, plain)
    assert hostile.isascii() and hostile.count(";") == plain.count(";")


def test_the_settings_switch_bell_and_notification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself, read anew each time; a broken file rings as ever."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TMUX", raising=False)
    written: list[str] = []
    notices = Notices(written.append, tmp_path)

    def sent(text: str) -> str:
        (tmp_path / PROJECT_FILE).write_text(text)
        written.clear()
        notices.alerts([Alert(1, "r1", 3, "nan", "message", 0.0)], {"r1": HOSTILE})
        return "".join(written)

    everything = sent("")
    assert everything.endswith("\a") and "]9;workbench: run x" in everything
    assert "message" not in everything
    assert everything.count("\x1b") == 2
    assert sent("[alerts]\nosc = false\n") == "\a"
    assert sent("[alerts]\nbell = false\n") == everything[:-1]
    assert sent("[alerts]\nbell = false\nosc = false\n") == ""
    assert sent("[alerts\n") == everything


def test_several_at_once_are_all_told_with_one_bell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.delenv("TMUX", raising=False)
    written: list[str] = []
    alerts = [Alert(at, f"r{at}", 3, "nan", "message", 0.0) for at in (1, 2)]
    Notices(written.append, tmp_path).alerts(alerts, {"r1": "first"})
    assert len(written) == 1
    assert written[0].count("]9;") == 2 and written[0].endswith("\a\a") and written[0].count("\a") == 3
    assert "run first: " in written[0] and "run r2: " in written[0]
    Notices(written.append, tmp_path).ends([])
    assert len(written) == 1


def test_only_runs_that_were_at_work_and_ended_by_themselves_are_told() -> None:
    def run(id: str, status: str) -> Run:
        return cast(Run, SimpleNamespace(id=id, status=status, live=status in ("starting", "running")))

    before = [run("r1", "running"), run("r2", "running"), run("r3", "starting"), run("r4", "queued")]
    now = [run("r1", "completed"), run("r2", "cancelled"), run("r3", "failed"), run("r4", "completed")]
    assert [each.id for each in newly_ended(before, [*now, run("r5", "failed")])] == ["r1", "r3"]
    assert newly_ended([], now) == []


def test_an_alert_and_an_end_reach_a_real_terminal(
    terminal: Callable[..., Any], store: Store, tmp_path: Path
) -> None:
    """The bytes on the line: the notification in tmux's envelope, the bell; the toast for who looks."""
    run = store.runs.create(
        name="first", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    )
    store.runs.claim(run.id, "n")
    store.runs.begin(run.id, 10)
    environment = {"TMUX": "/run/tmux,1,0", "HOME": str(tmp_path)}
    # Whoever holds the queue's lock is the dispatcher: none is started that would miss the trainer.
    lock = HeldLock.take(store.root / queue.LOCK)
    assert lock is not None
    with lock:
        _told(terminal(store.root, environment=environment), store, run.id)


def _told(opened: Any, store: Store, run_id: str) -> None:
    opened.wait_for("running")
    opened.read_for(1.0)
    assert b"\x1bPtmux;" not in opened.output
    store.alerts.append(run_id, 3, "nan", "the loss of step 3 is nan: lower learning_rate")
    opened.wait_for("the loss is no number")
    inside = b"\x1b\x1b]9;workbench: run first: the loss is no number\a"
    assert b"\x1bPtmux;" + inside in opened.output and b"\x1b\\\a" in opened.output
    opened.output.clear()
    store.runs.complete(run_id, "made")
    opened.wait_for("completed")
    opened.read_for(0.5)
    assert b"\x1b\x1b]777;notify;workbench;run first is completed\a" in opened.output
