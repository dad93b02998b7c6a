"""No byte from outside steers the terminal, whatever widget it is shown in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile import assert_harmless

from workbench.tui.widgets.chrome import Hint

PAYLOADS = {
    "osc52": "\x1b]52;c;RVZJTA==\x07",
    "osc0": "\x1b]0;EVIL\x1b\\",
    "osc8": "\x1b]8;;http://evil\x07link\x1b]8;;\x07",
    "osc9": "\x1b]9;EVIL\x07",
    "dcs": "\x1bPtmux;EVIL\x1b\\",
    "apc": "\x1b_GEVIL\x1b\\",
    "status": "\x1b[6n\x1b[c\x1b[21t",
    "erase": "\x1b[2J\x1b[H\x1bc",
    "modes": "\x1b[?9999h",
    "unterminated": "\x1b]0;EVIL",
    "c1": "\x9b6n\x9d52;c;EVIL\x9c\x90EVIL",
    "c0": "\x00\x07\x08\x0b\x0c\x0e\x0f\x7f",
    "bidi": "\u202eEVIL\u2066\u200b\U000e0041",
    "surrogate": "\ud800EVIL",
    "markup": "[@click=app.quit]EVIL[/] [/oops] [bold red]",
    "zalgo": "e" + "\u0301" * 400,
}
"""Sequences of reliability reports on terminal programs, and what breaks a layout."""

SHOW = """
import json, sys
from pathlib import Path
from workbench.tui.start import prepare_environment
prepare_environment()
sys.path.insert(0, sys.argv[2])
from conftest import Host
from workbench.tui.widgets.chrome import Hint
from workbench.tui.widgets.gpu_pane import GpuPane
from workbench.tui.widgets.line_chart import LineChart
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.log_view import LogView
from workbench.tui.widgets.modal import Confirm, Notice, Prompt
from workbench.tui.widgets.token_flow import ViewToken
from workbench.tui.widgets.token_view import TokenView
from workbench.tui.live import Telemetry
from workbench.telemetry import GpuReading, HostReading
from textual.widgets import Static, Input, Label

payloads = json.loads(Path(sys.argv[1]).read_text())
log = Path(sys.argv[1]).with_name("log.txt")

class Hostile(Host):
    CSS = "* { height: 6; } Screen { height: 100%; overflow: auto; }"
    def on_ready(self):
        table = self.query_one(LiveTable)
        table.set_rows((str(n), [p]) for n, p in enumerate(payloads))
        self.query_one(TokenView).set_tokens([ViewToken(p) for p in payloads])
        chart = self.query_one("#chart", LineChart)
        for p in payloads:
            chart.set_series(p, [(1, 1.0), (2, 2.0)])
        self.query_one(GpuPane).show(Telemetry(
            tuple(GpuReading(n, p, 1, 2, 3, 4, 5.0, ()) for n, p in enumerate(payloads)),
            HostReading(1, 2, 3.0, 4, 5), {}, 1.0))
        for p in payloads:
            # Not our way, but the net has to hold what a widget lets through.
            self.notify(p, title=p, markup=False)
            self.query_one(Input).value += p
        text = " ".join(payloads)
        self.set_timer(0.8, lambda: self.push_screen(Notice(text, text)))
        self.set_timer(1.4, lambda: self.push_screen(Prompt(text, text, text, help=text)))
        self.set_timer(2.0, lambda: self.push_screen(Confirm(text, text, text, text)))
        self.set_timer(2.6, lambda: self.exit(message="THE END"))

Hostile(
    LiveTable([Column("a", "a")], title=payloads[0]), LogView(log), TokenView(legend=True), Input(),
    LineChart(id="chart"), Hint(" ".join(payloads)), GpuPane(), Static(" ".join(payloads), markup=False),
).run()
"""


def test_hostile_text_reaches_the_terminal_as_text_only(terminal: Callable[..., Any], tmp_path: Path) -> None:
    payloads = tmp_path / "payloads.json"
    payloads.write_text(json.dumps(list(PAYLOADS.values())))
    (tmp_path / "log.txt").write_bytes(
        b"".join(text.encode("utf-8", "surrogatepass") + b"\n" for text in PAYLOADS.values())
    )
    opened = terminal(payloads, str(Path(__file__).parent), program=SHOW, size=(120, 60))
    assert opened.ends_within(60) == 0
    seen = bytes(opened.output)
    assert b"THE END" in seen
    assert b"EVIL" in seen
    seen.decode("utf-8")  # nothing is cut in two
    assert_harmless(seen)


async def test_markup_in_names_is_shown_and_clicked_text_does_nothing(host: Any) -> None:
    app = host(Hint("[@click=app.quit]press here[/]"))
    async with app.run_test(size=(60, 10)) as pilot:
        assert "[@click=app.quit]press here[/]" in "\n".join(app.drawn())
        await pilot.click(Hint, offset=(22, 0))
        await pilot.pause()
        assert app.is_running
