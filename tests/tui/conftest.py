"""What the tests of the screens stand on: a host app for one widget, and a real terminal for the whole.

The terminal is a pty with the app in a process of its own; its bytes are counted, and drawn by pyte.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pyte
import pytest
from pytest_textual_snapshot import SVGImageExtension, normalize_svg
from syrupy.assertion import SnapshotAssertion
from syrupy.exceptions import SnapshotDoesNotExist
from textual.app import App, ComposeResult
from textual.filter import LineFilter
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input

from workbench.tui import app as app_module
from workbench.tui.clean import line_filters
from workbench.tui.glyphs import ASCII, UNICODE
from workbench.tui.theme import NIGHT

TCSS = Path(app_module.__file__).with_name("workbench.tcss")
START = "import sys; from pathlib import Path; from workbench.tui.start import run_app; "
RUN = START + "from workbench.settings import UiSection; "
RUN += "sys.exit(run_app(Path(sys.argv[1]), UiSection(ascii='--ascii' in sys.argv)))"


@pytest.fixture(autouse=True)
def all_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the terminal of the tests can show: screens in this process are drawn in all colours."""
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "truecolor")


@pytest.fixture
def snap_compare(snap_compare: Callable[..., bool], snapshot: SnapshotAssertion) -> Callable[..., bool]:
    """Compares a screen with its picture once it looks like it, or has had time enough to.

    The machine may be busy: no pause is long enough for all that a screen reads, and a picture says what it
    will look like in the end. A picture that is taken anew is of a screen that has not changed for a second.
    """
    try:
        wanted = SVGImageExtension().read_snapshot(
            test_location=snapshot.test_location, index=0, session_id=""
        )
    except SnapshotDoesNotExist:
        wanted = None
    if snapshot.update_snapshots:
        wanted = None

    async def come_to_rest(pilot: Pilot[Any]) -> None:
        seen, since, end = "", time.monotonic(), time.monotonic() + 15
        while time.monotonic() < end:
            for field in pilot.app.screen.query(Input):
                field.cursor_blink = False
            await pilot.pause(0.05)
            now = normalize_svg(pilot.app.export_screenshot(title=pilot.app.title, simplify=True))
            if now == wanted or (wanted is None and now == seen and time.monotonic() - since > 1):
                return
            if now != seen:
                seen, since = now, time.monotonic()

    def compare(app: App[Any], *, terminal_size: tuple[int, int], run_before: Any = None) -> bool:
        async def lead(pilot: Pilot[Any]) -> None:
            if run_before is not None:
                await run_before(pilot)
            await come_to_rest(pilot)

        return snap_compare(app, terminal_size=terminal_size, run_before=lead)

    return compare


class Terminal:
    """The screens of a store on a pty of their own."""

    def __init__(
        self,
        root: Path,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        environment: dict[str, str] | None = None,
        before: Callable[[], None] | None = None,
        program: str = RUN,
    ) -> None:
        columns, rows = size
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.output = bytearray()
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        plain = {
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
        }

        def own_session() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if before is not None:
                before()

        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(root), *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**plain, **(environment or {})},
            preexec_fn=own_session,
        )
        os.close(slave)

    def read(self, seconds: float) -> bytes:
        """What is written to the terminal within a time."""
        seen = bytearray()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                break
            try:
                chunk = os.read(self.master, 65536)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
            self.output += chunk
            self._stream.feed(chunk)
        return bytes(seen)

    def wait_for_bytes(self, until: float) -> None:
        """Wait, until a moment of `time.perf_counter`, for something to be written to the terminal."""
        select.select([self.master], [], [], max(until - time.perf_counter(), 0))

    def take(self) -> bytes:
        """What has been written to the terminal and not been read yet."""
        return self.read(0.002)

    def read_for(self, seconds: float) -> bytes:
        """What is written to the terminal within a time, pauses included."""
        seen = bytearray()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            seen += self.read(min(left, 0.05))
        return bytes(seen)

    def drain(self, seconds: float) -> int:
        """Read without drawing, which pyte takes long for; how much was written within a time."""
        written, end = 0, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                written += len(os.read(self.master, 1 << 20))
        return written

    def resize(self, columns: int, rows: int, *, draw: bool = True) -> None:
        """Give the terminal another size; without drawing where what is written is drained."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if draw:
            self._screen.resize(rows, columns)

    @property
    def screen(self) -> pyte.Screen:
        """What a user sees, with its colours."""
        return self._screen

    @property
    def lines(self) -> list[str]:
        """What a user sees."""
        return list(self._screen.display)

    def wait_for(self, text: str, seconds: float = 40.0) -> float:
        """Read until a text is on the screen; the seconds since the start."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if any(text in line for line in self.lines):
                return time.monotonic() - self.started
            self.read(0.05)
        raise AssertionError(f"{text!r} is not on the screen:\n" + "\n".join(self.lines))

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def hang_up(self) -> None:
        """Take the terminal away."""
        os.close(self.master)
        self.master = -1

    def ends_within(self, seconds: float) -> int | None:
        """The exit code, None when the process is still there after this time; what it writes is read."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if self.master >= 0:
                self.read(0.02)
            else:
                time.sleep(0.02)
        if self.process.poll() is not None and self.master >= 0:
            # The last words of a process may still wait in the terminal when it is gone.
            self.read(1.0)
        return self.process.poll()

    def close(self) -> None:
        """End whatever is left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self.master >= 0:
            with contextlib.suppress(OSError):
                os.close(self.master)


OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def terminal() -> Iterator[OpenTerminal]:
    """Opens terminals, and ends them after the test."""
    opened: list[Terminal] = []

    def open_terminal(
        root: Path,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        environment: dict[str, str] | None = None,
        before: Callable[[], None] | None = None,
        program: str = RUN,
    ) -> Terminal:
        opened.append(
            Terminal(root, *arguments, size=size, environment=environment, before=before, program=program)
        )
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


class Host(App[None]):
    """An app around a few widgets, with the product's theme and styles."""

    CSS_PATH = TCSS

    def __init__(self, *widgets: Widget, ascii: bool = False) -> None:
        super().__init__()
        self.widgets = widgets
        self.glyphs = ASCII if ascii else UNICODE
        self.seen: list[Message] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(NIGHT.variables)

    def get_line_filters(self) -> list[LineFilter]:
        ascii = self.glyphs is ASCII
        return [*super().get_line_filters(), *line_filters(ascii=ascii, colourless=self.no_color)]

    def compose(self) -> ComposeResult:
        yield from self.widgets

    def on_mount(self) -> None:
        self.register_theme(NIGHT)
        self.theme = NIGHT.name

    def on_live_table_highlighted(self, message: Message) -> None:
        self.seen.append(message)

    on_live_table_selected = on_live_table_highlighted
    on_live_table_marked = on_live_table_highlighted
    on_paged_table_needed = on_live_table_highlighted
    on_token_view_moved = on_live_table_highlighted
    on_form_changed = on_live_table_highlighted
    on_form_submitted = on_live_table_highlighted
    on_answer_view_scrolled = on_live_table_highlighted
    on_answer_view_turned = on_live_table_highlighted

    def drawn(self) -> list[str]:
        """What a user sees, line by line."""
        width, height = self.size
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).ljust(width) for strip in strips[:height]]


HostOf = Callable[..., Host]


@pytest.fixture
def host() -> HostOf:
    """Makes a host app of widgets."""
    return Host


Until = Callable[..., Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Waits for what a user would wait for."""

    async def wait(pilot: Pilot[Any], true: Callable[[], bool], what: str = "it") -> None:
        for _ in range(800):
            await pilot.pause()
            if true():
                return
            await pilot.pause(0.03)
        raise AssertionError(f"{what} does not happen")

    return wait


@pytest.fixture
def drawn() -> Callable[[App[Any]], str]:
    """Says what a user sees."""

    def seen(app: App[Any]) -> str:
        strips = app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    return seen


@pytest.fixture
def settle() -> Callable[[Pilot[None]], Awaitable[None]]:
    """Lets everything that was posted be handled and drawn."""

    async def wait(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await pilot.pause(0.05)

    return wait
