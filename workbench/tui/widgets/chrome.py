"""The frame of a screen: header with tabs, footer made from the action table, and the hint line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from workbench.tui import actions
from workbench.tui.actions import MODES, Action
from workbench.tui.clean import clean
from workbench.tui.widgets.fields import takes_text
from workbench.tui.widgets.surface import Row, Surface, blank, put

BRAND = " workbench "
ROOMY = 100
SHORT_LABELS = {"datasets": "Data", "benchmarks": "Bench"}
KEY_STYLE = "bold $accent"
ACTIVE_STYLE = "bold $accent on $panel"


@dataclass(frozen=True)
class Spot:
    """A part of a one-line bar that a click on it acts on."""

    start: int
    end: int
    action: str


class Bar(Surface):
    """A line whose parts can be clicked."""

    def __init__(self) -> None:
        super().__init__()
        self._spots: tuple[Spot, ...] = ()

    async def on_click(self, event: events.Click) -> None:
        """Do what the part under the mouse says."""
        for spot in self._spots:
            if spot.start <= event.x < spot.end:
                await self.app.run_action(spot.action)


class Header(Bar):
    """One line: the eight screens, the one in sight marked, how many runs are at work, and their alerts.

    Args:
        mode: The screen that this header stands on.
    """

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode
        self._live = self._alerts = 0

    def show_live(self, count: int, alerts: int = 0) -> None:
        """Say how many runs are at work, and how many alerts they have."""
        self._live, self._alerts = count, alerts
        self.redraw()

    def draw(self, width: int, height: int) -> list[Row]:
        """Tabs in the longest form that fits, the runs at work on the right."""
        row = blank(width)
        status, alerts = self._status(width), self._alert_text(width)
        taken = len(status) + len(alerts)
        keys = {action.name: actions.key_text(action) for action in actions.table(self)[: len(MODES)]}
        taken += sum(map(len, keys.values())) - len(MODES)
        labels = tab_labels(width - taken)
        room = width - tabs_width(labels) - taken
        x = put(row, 0, BRAND, "bold $foreground") if room >= len(BRAND) else 0
        air = 1 if room - x >= len(MODES) else 0
        spots = []
        for mode in MODES:
            active = mode == self.mode
            start = x
            x = put(row, x, f" {keys[mode]}", ACTIVE_STYLE if active else "$accent")
            label = labels[mode] or (mode.capitalize() if active else "")
            x = put(row, x, f" {label}" if label else "", ACTIVE_STYLE if active else "$muted")
            if active:
                put(row, x, " ", ACTIVE_STYLE)
            spots.append(Spot(start, x, f"go('{mode}')"))
            x += air
        self._spots = tuple(spots)
        x = put(row, max(width - len(alerts) - len(status), x + 1), alerts, "bold $warning")
        put(row, x, status, "$accent")
        return [row][:height]

    def _status(self, width: int) -> str:
        if not self._live:
            return ""
        return f" {self.signs.statuses['running']} {self._live}{' running' if width >= ROOMY else ''} "

    def _alert_text(self, width: int) -> str:
        if not self._alerts:
            return ""
        word = "" if width < ROOMY else " alert" if self._alerts == 1 else " alerts"
        return f" ! {self._alerts}{word} "


def tab_labels(width: int) -> dict[str, str]:
    """The labels of the eight tabs in a header of this width: full, short, or none but the active one's."""
    full = {mode: mode.capitalize() for mode in MODES}
    if tabs_width(full) <= width:
        return full
    short = {mode: SHORT_LABELS.get(mode, mode.capitalize()) for mode in MODES}
    return short if tabs_width(short) <= width else dict.fromkeys(MODES, "")


def tabs_width(labels: dict[str, str]) -> int:
    """How many cells the tabs take: a space, the digit, a space and the label each, a space at the end."""
    return sum(len(label) + 3 for label in labels.values()) + 1


class Footer(Bar):
    """One line: what can be done here, from the action table; what cannot be done now is dim."""

    def update_actions(self) -> None:
        """Draw again where what can be done has changed."""
        self.redraw()

    def draw(self, width: int, height: int) -> list[Row]:
        """As many actions of this screen as fit, always with the way to the rest."""
        screen, table = self.screen, actions.table(self)
        own = [
            action
            for action in actions.in_scope(getattr(screen, "scope", ""), table)
            if action.footer and action.key
        ]
        common = [action for action in actions.in_scope("app", table) if action.footer]
        row = blank(width)
        spots = []
        number = getattr(screen.focused, "count_text", "")
        x = put(row, 1, f"{number}  " if number else "", KEY_STYLE)
        for action in chosen(own, common, width - x + 1):
            start = x
            dim = _is_typed(action, screen) or actions.reason(action, screen) is not None
            x = put(row, x, actions.key_text(action), "$faint" if dim else KEY_STYLE)
            x = put(row, x, f" {action.label}", "$faint" if dim else "$muted") + 2
            spots.append(Spot(start, x - 2, f"perform('{action.scope}', '{action.name}')"))
        self._spots = tuple(spots)
        return [row][:height]


def _is_typed(action: Action, screen: Screen[Any]) -> bool:
    """Whether its key is a letter of the text that is being typed."""
    return takes_text(screen.focused) and len(actions.key_text(action)) == 1


def chosen(own: Sequence[Action], common: Sequence[Action], width: int) -> list[Action]:
    """The actions that fit into a footer of this width: common ones always, own ones from the first on."""
    room = width - 1 - sum(_cells(action) for action in common)
    kept = []
    for action in own:
        room -= _cells(action)
        if room < 0:
            break
        kept.append(action)
    return [*kept, *common]


def _cells(action: Action) -> int:
    return len(actions.key_text(action)) + len(action.label) + 3


class Hint(Static):
    """One dim line that says what a screen shows."""

    def __init__(self, text: str, *, id: str | None = None) -> None:
        super().__init__(Content(clean(text)), id=id)
