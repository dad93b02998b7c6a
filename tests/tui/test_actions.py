"""One table says what the keyboard can do, without a contradiction."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual.screen import Screen

from workbench.tui import actions, command_line
from workbench.tui.actions import ACTIONS, MODES, Action

TMUX_CANNOT = ("ctrl+enter", "shift+enter", "ctrl+shift", "super+", "alt+")


def screen_with(**attributes: Any) -> Screen[Any]:
    return cast("Screen[Any]", SimpleNamespace(**attributes))


def test_a_name_and_a_key_mean_one_thing_within_a_scope() -> None:
    names = Counter((action.scope, action.name) for action in ACTIONS)
    keys = Counter((action.scope, key) for action in ACTIONS for key in action.key.split(",") if key)
    assert [entry for entry, count in names.items() if count > 1] == []
    assert [entry for entry, count in keys.items() if count > 1] == []


def test_no_screen_takes_a_key_of_the_app_away() -> None:
    everywhere = {action.key for action in actions.in_scope("app")}
    taken = [
        (mode, action.key) for mode in MODES for action in actions.in_scope(mode) if action.key in everywhere
    ]
    assert taken == []


def test_no_screen_takes_a_key_of_a_list_away() -> None:
    movement = {key for action in actions.in_scope("table") for key in action.key.split(",")} - {
        "enter",
        "space",
    }
    taken = [
        (mode, action.key) for mode in MODES for action in actions.in_scope(mode) if action.key in movement
    ]
    assert taken == []


def test_every_key_is_one_that_tmux_can_carry() -> None:
    assert [action for action in ACTIONS if action.key.startswith(TMUX_CANNOT)] == []


def test_every_action_explains_itself() -> None:
    for action in ACTIONS:
        assert action.help
        assert action.help[0].isupper() or action.help[0].isdigit()
        assert not action.help.endswith(".")
        assert "_" not in action.label or action.label == action.name


def test_the_eight_screens_are_on_the_digits() -> None:
    assert [actions.find("app", mode).key for mode in MODES] == [str(number) for number in range(1, 9)]


def test_a_rule_of_the_table_comes_before_the_screens_own_word() -> None:
    action = Action("cancel", "x", "cancel", "Cancel", "runs", actions.needs_live_run)
    assert actions.reason(action, screen_with(selected=None, scope="runs")) == "no run is selected"
    done = screen_with(selected=SimpleNamespace(status="completed"), scope="runs")
    assert actions.reason(action, done) == "this run is completed"
    busy = screen_with(
        selected=SimpleNamespace(status="running"), scope="runs", why_not=lambda name: f"{name}: busy"
    )
    assert actions.reason(action, busy) == "cancel: busy"
    elsewhere = screen_with(
        selected=SimpleNamespace(status="running"), scope="models", why_not=lambda name: name
    )
    assert actions.reason(action, elsewhere) is None


def test_an_unknown_action_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"runs\.fly"):
        actions.find("runs", "fly")


def test_keys_are_written_as_a_user_would_write_them() -> None:
    assert actions.key_text(actions.find("app", "help")) == "?"
    assert actions.key_text(actions.find("app", "palette")) == "^p"
    assert actions.key_text(actions.find("table", "cursor_down"), all_keys=True) == "j ↓"


def test_the_command_line_finds_the_very_name_first() -> None:
    offered = [Action(name, "", name, "Help", "app") for name in ("recompare", "compare_all", "compare")]
    assert [action.name for action in command_line.matches("compare", offered)] == [
        "compare",
        "compare_all",
        "recompare",
    ]
    assert [action.name for action in command_line.matches("compare all", offered)] == ["compare_all"]
    assert command_line.matches("zzz", offered) == []
