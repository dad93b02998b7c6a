"""On a real terminal: what is written, what is not, and that nothing outlives the terminal."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import Store

GROWING_CHART = """
import math, sys
from workbench.tui.start import prepare_environment
prepare_environment()
sys.path.insert(0, sys.argv[2])
from conftest import Host
from workbench.tui.widgets.line_chart import LineChart

class Growing(Host):
    def on_ready(self):
        chart = self.query_one(LineChart)
        chart.set_series("loss", [(step, 3 * math.exp(-step / 2000) + 0.5) for step in range(1, 10_001)])
        self.step = 10_001
        self.set_interval(0.3, self.grow)

    def grow(self):
        self.query_one(LineChart).extend("loss", [(self.step, 0.5 + self.step % 7 / 100)])
        self.step += 1

Growing(LineChart("loss", classes="pane")).run()
"""
ESCAPES = re.compile(rb"\x1b(\[[0-9;:?<>=]*[ -/]*[@-~]|[()][AB0]|[=>78])")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def add_run(store: Store, name: str = "dialogue-lora") -> str:
    return store.runs.create(
        name=name, model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    ).id


def finished_run(store: Store, name: str) -> str:
    run = add_run(store, name)
    store.runs.request(run, "cancel")
    return run


def test_the_first_screen_is_painted_and_q_leaves_with_the_terminal_restored(
    terminal: Callable[..., Any], store: Store
) -> None:
    finished_run(store, "dialogue-lora")
    opened = terminal(store.root)
    opened.wait_for("dialogue-lora")
    assert "1 Runs" in opened.lines[0]
    assert "? help" in opened.lines[-1]
    opened.press("q")
    assert opened.ends_within(5) == 0
    assert b"\x1b[?1049l" in opened.output
    assert b"\x1b[?25h" in opened.output


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_it_within_two_seconds(terminal: Callable[..., Any], store: Store, number: int) -> None:
    opened = terminal(store.root)
    opened.wait_for("1 Runs")
    opened.process.send_signal(number)
    assert opened.ends_within(2) == 129
    assert b"\x1b[?1049l" in opened.output


def test_a_closed_terminal_ends_it_within_two_seconds(terminal: Callable[..., Any], store: Store) -> None:
    opened = terminal(store.root)
    opened.wait_for("1 Runs")
    opened.hang_up()
    assert opened.ends_within(2) is not None


def test_a_closed_terminal_ends_it_even_where_hang_ups_are_ignored(
    terminal: Callable[..., Any], store: Store
) -> None:
    opened = terminal(store.root, before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    opened.wait_for("1 Runs")
    opened.hang_up()
    assert opened.ends_within(2) is not None


def give_terminal_up() -> None:
    """Leave the controlling terminal, which goes on as input and output; the kernel tells it by a SIGHUP."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fcntl.ioctl(0, termios.TIOCNOTTY)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_a_terminal_that_goes_without_a_word_is_noticed_and_nothing_spins(
    terminal: Callable[..., Any], store: Store
) -> None:
    """No SIGHUP comes to a process whose controlling terminal it is not."""
    opened = terminal(store.root, before=give_terminal_up)
    opened.wait_for("1 Runs")
    before = cpu_seconds(opened.process.pid)
    opened.hang_up()
    end = time.monotonic() + 3
    spent = 0.0
    while opened.process.poll() is None and time.monotonic() < end:
        spent = cpu_seconds(opened.process.pid) - before
        time.sleep(0.05)
    assert time.monotonic() < end
    assert spent < 2


def test_a_terminal_that_is_not_read_holds_up_nothing_when_it_is_told_to_leave(
    terminal: Callable[..., Any], store: Store
) -> None:
    opened = terminal(store.root, size=(200, 60))
    opened.wait_for("1 Runs")
    for _ in range(200):
        opened.press("?")
        opened.press("\x1b")
        time.sleep(0.01)
    opened.process.send_signal(signal.SIGHUP)
    opened.process.wait(3)


@pytest.mark.parametrize(
    "environment",
    [{"NO_COLOR": "1"}, {"TERM": "xterm"}, {"TERM": "linux", "COLORTERM": ""}, {"TERM": "dumb"}],
    ids=str,
)
def test_it_starts_on_terminals_with_less(
    terminal: Callable[..., Any], store: Store, environment: dict[str, str]
) -> None:
    finished_run(store, "dialogue-lora")
    opened = terminal(store.root, environment=environment)
    opened.wait_for("dialogue-lora")
    opened.press("?")
    opened.wait_for("Start a training run")
    if "NO_COLOR" in environment:
        assert not re.search(rb"\x1b\[[0-9;]*[34]8;[25];", bytes(opened.output))


SUPPORTS_SYNC = "\x1b[?2026;2$y"
SYNC_START = b"\x1b[?2026h"


@pytest.mark.parametrize(("environment", "bracketed"), [({}, True), ({"TMUX": "/run/tmux,1,0"}, False)])
def test_frames_are_bracketed_where_the_terminal_knows_how_but_not_in_tmux(
    terminal: Callable[..., Any], store: Store, environment: dict[str, str], bracketed: bool
) -> None:
    finished_run(store, "dialogue-lora")
    opened = terminal(store.root, environment=environment)
    opened.wait_for("dialogue-lora")
    opened.press(SUPPORTS_SYNC)
    opened.read_for(0.5)
    opened.press("?")
    opened.wait_for("Start a training run")
    assert (SYNC_START in opened.output) is bracketed


@pytest.mark.parametrize(("words", "asked"), [([], True), (["--no-mouse", "--no-sync"], False)])
def test_mouse_and_whole_frames_can_be_switched_off_on_the_command_line(
    terminal: Callable[..., Any], store: Store, words: list[str], asked: bool
) -> None:
    program = "import sys; from workbench.cli import main; main(['--store', *sys.argv[1:]])"
    opened = terminal(store.root, *words, program=program)
    opened.wait_for("1 Runs")
    opened.press(SUPPORTS_SYNC)
    opened.read_for(0.5)
    opened.press("?")
    opened.wait_for("Start a training run")
    assert (b"\x1b[?1003h" in opened.output) is asked
    assert (SYNC_START in opened.output) is asked


@pytest.mark.parametrize(("color", "code"), [("truecolor", b"[34]8;2;"), ("256", b"[34]8;5;")])
def test_a_chosen_number_of_colours_is_what_is_written(
    terminal: Callable[..., Any], store: Store, color: str, code: bytes
) -> None:
    program = "import sys; from workbench.cli import main; main(['--store', *sys.argv[1:]])"
    opened = terminal(store.root, "--color", color, program=program)
    opened.wait_for("1 Runs")
    written = set(re.findall(rb"[34]8;[25];", bytes(opened.output)))
    assert written and all(re.fullmatch(code, each) for each in written)


def test_the_terminals_theme_writes_no_colour_but_the_terminals_own(
    terminal: Callable[..., Any], store: Store
) -> None:
    finished_run(store, "dialogue-lora")
    program = "import sys; from workbench.cli import main; main(['--store', *sys.argv[1:]])"
    opened = terminal(store.root, "--theme", "terminal", program=program)
    opened.wait_for("dialogue-lora")
    opened.press("?")
    opened.wait_for("Start a training run")
    assert re.search(rb"\x1b\[[0-9;]*3[1-6]", bytes(opened.output))
    assert not re.search(rb"[34]8;[25];", bytes(opened.output))


def test_ascii_writes_ascii(terminal: Callable[..., Any], store: Store) -> None:
    finished_run(store, "dialogue-lora")
    opened = terminal(store.root, "--ascii")
    opened.wait_for("dialogue-lora")
    assert ESCAPES.sub(b"", bytes(opened.output)).isascii()


def test_without_a_terminal_it_says_so(store: Store) -> None:
    program = "import sys; from pathlib import Path; from workbench.tui.start import run_app; "
    program += "run_app(Path(sys.argv[1]))"
    ended = subprocess.run(
        [sys.executable, "-c", program, str(store.root)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "this is no terminal" in ended.stderr


def test_an_idle_screen_writes_next_to_nothing(terminal: Callable[..., Any], store: Store) -> None:
    finished_run(store, "dialogue-lora")
    opened = terminal(store.root, size=(120, 40))
    opened.wait_for("dialogue-lora")
    opened.press("2")
    opened.read_for(2)
    assert len(opened.read_for(3)) == 0


def test_a_chart_of_10_000_points_writes_less_than_a_kilobyte_per_new_point(
    terminal: Callable[..., Any], store: Store
) -> None:
    opened = terminal(store.root, str(Path(__file__).parent), size=(120, 40), program=GROWING_CHART)
    opened.wait_for("loss 0.5")
    opened.read_for(1)
    seconds = 2.0
    written = len(opened.read_for(seconds))
    assert 0 < written / (seconds / 0.3) < 1000


def test_any_size_is_survived(terminal: Callable[..., Any], store: Store) -> None:
    finished_run(store, "dialogue-lora")
    opened = terminal(store.root)
    opened.wait_for("dialogue-lora")
    for size in [(1, 1), (300, 1), (39, 9), (500, 200), (80, 24)]:
        opened.resize(*size)
        opened.read_for(0.4)
    opened.wait_for("dialogue-lora")
    opened.resize(30, 8)
    opened.wait_for("too small")
    opened.press("q")
    assert opened.ends_within(5) == 0
