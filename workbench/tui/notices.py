"""Telling a person who looks elsewhere: a bell, and a notification of the terminal that passes tmux.

What is sent is a sentence of ours with the run's name in it, in plain ASCII: nothing from outside can end
the sequence that it stands in, or begin another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from store.alerts import Alert
from store.errors import BadInput
from store.runs import Run
from workbench.settings import AlertsSection, load_settings
from workbench.tui.clean import clean

NAME_LIMIT = 60
TITLE = "workbench"
TOLD_ENDS = ("completed", "failed", "interrupted")
"""A run that was cancelled or paused did what somebody asked for."""
TROUBLES: Mapping[str, str] = {
    "nan": "the loss is no number",
    "divergence": "the loss diverges",
    "plateau": "the loss has stopped falling",
    "memory": "memory is nearly full",
    "disk": "the disk is nearly full",
    "checkpoint": "a checkpoint is missing or damaged",
    "pause": "it could not be paused",
}
BELL = "\a"


def trouble(kind: str) -> str:
    """An alert's kind in words."""
    return TROUBLES.get(kind, "it is in trouble")


def sequence(text: str, environment: Mapping[str, str]) -> str:
    """What makes a terminal show a notification.

    Terminals know OSC 9 (iTerm2, kitty, WezTerm, Ghostty, Windows Terminal) or OSC 777 (VTE, foot, urxvt) and
    ignore the other; one whose kind cannot be told gets both.

    Args:
        text: One line; anything that is not printable ASCII becomes a question mark.
        environment: Of this process; tells the terminal and whether tmux lies between.
    """
    plain = "".join(each if " " <= each <= "~" else "?" for each in text).replace(";", ",")
    nine, seven = f"\x1b]9;{TITLE}: {plain}\a", f"\x1b]777;notify;{TITLE};{plain}\a"
    sent = {"9": nine, "777": seven}.get(_dialect(environment), nine + seven)
    if environment.get("TMUX"):
        # tmux hands on what stands in this envelope, if its allow-passthrough is on.
        return "\x1bPtmux;" + sent.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sent


def newly_ended(before: Iterable[Run], now: Iterable[Run]) -> list[Run]:
    """The runs that were at work and have come to an end worth telling."""
    worked = {run.id for run in before if run.live}
    return [run for run in now if run.id in worked and run.status in TOLD_ENDS]


class Notices:
    """Rings and notifies, as the settings want it.

    Args:
        write: Writes to the terminal.
        folder: Where the settings are searched from.
    """

    def __init__(self, write: Callable[[str], object], folder: Path) -> None:
        self._write = write
        self._folder = folder

    def alerts(self, alerts: Iterable[Alert], names: Mapping[str, str]) -> None:
        """Tell of trouble with runs, whose names are given by id."""
        self._send([f"run {_name(names.get(each.run, each.run))}: {trouble(each.kind)}" for each in alerts])

    def ends(self, runs: Iterable[Run]) -> None:
        """Tell that runs are over."""
        self._send([f"run {_name(run.name)} is {run.status}" for run in runs])

    def _send(self, texts: Sequence[str]) -> None:
        """Notify of each, and ring once for all of them."""
        if not texts:
            return
        wanted = self._settings()
        sent = "".join(sequence(text, os.environ) for text in texts) if wanted.osc else ""
        if wanted.bell:
            sent += BELL
        if sent:
            self._write(sent)

    def _settings(self) -> AlertsSection:
        # Read anew for each batch: alerts are rare, and a change holds at once.
        try:
            return load_settings(self._folder).alerts
        except BadInput:
            return AlertsSection()  # the commands say what is wrong with the file


def _name(name: str) -> str:
    return clean(name, NAME_LIMIT)


def _dialect(environment: Mapping[str, str]) -> str:
    terminal, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("VTE_VERSION") or terminal.startswith(("foot", "rxvt")):
        return "777"
    if program in ("iTerm.app", "WezTerm", "ghostty") or terminal in ("xterm-kitty", "xterm-ghostty"):
        return "9"
    return ""
