"""A person's own keys: checked before the screens open, told everywhere, and the ones that work."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import Store
from store.errors import BadInput
from workbench.settings import Settings
from workbench.tui import actions, keymap
from workbench.tui.app import WorkbenchApp
from workbench.tui.command_line import CommandLine
from workbench.tui.overlays import HelpOverlay
from workbench.tui.widgets.chrome import Footer

FILE = Path("/home/somebody/.workbench.toml")
DIALOGS = {"samples", "dialog", "letter", "chooser", "launch", "confirm", "help", "line", "filter", "draft"}

Until = Callable[..., Any]
Drawn = Callable[..., str]


def read(**keys: str | list[str]) -> dict[str, str]:
    """Check keys as the settings have them; `__` stands for the dot."""
    chosen = {
        name.replace("__", "."): (each,) if isinstance(each, str) else tuple(each)
        for name, each in keys.items()
    }
    return keymap.read(Settings(keys=chosen, file=FILE))


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("X", "X"),
        ("?", "question_mark"),
        ("question_mark", "question_mark"),
        ("^d", "ctrl+d"),
        ("ctrl+D", "ctrl+d"),
        ("esc", "escape"),
        ("PgDn", "pagedown"),
        ("F2", "f2"),
        ("ö", "ö"),
        ("-", "minus"),
        (" ", "space"),
        (",", "comma"),
    ],
)
def test_a_key_may_be_written_as_the_screens_write_it(written: str, key: str) -> None:
    """As a character, by its name, or short."""
    assert keymap._key(written) == key


def test_actions_get_the_keys_that_were_chosen_and_others_keep_theirs() -> None:
    """One key or several."""
    made = read(runs__cancel="X", app__palette=["ctrl+p", "f2"])
    assert made == {"runs.cancel": "X", "app.palette": "ctrl+p,f2"}
    table = {action.id: action.key for action in actions.with_keys(made)}
    assert (table["runs.cancel"], table["runs.pause"]) == ("X", "p")


def test_two_actions_may_change_places() -> None:
    """A key that its owner has given up is free."""
    assert read(runs__cancel="p", runs__pause="x") == {"runs.cancel": "p", "runs.pause": "x"}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"runs__cancle": "X"}, "unknown action 'runs.cancle', did you mean 'runs.cancel'?"),
        ({"qwertz": "X"}, "unknown action 'qwertz', `workbench help keys` lists them"),
        ({"runs__cancel": "p"}, "runs.cancel and runs.pause are both on 'p'"),
        ({"runs__cancel": "q"}, "app.quit and runs.cancel are both on 'q'"),
        ({"runs__cancel": "j"}, "runs.cancel and table.cursor_down are both on 'j'"),
        ({"runs__cancel": "h"}, "runs.cancel and chart.left are both on 'h'"),
        ({"grid__left": "q"}, "app.quit and grid.left are both on 'q'"),
        ({"runs__cancel": "tab"}, "runs.cancel = 'tab': that key goes to the next pane"),
        ({"runs__cancel": "^c"}, "is the terminal's way to interrupt"),
        ({"runs__cancel": "ctrl+i"}, "a terminal sends tab for it"),
        ({"runs__cancel": "ctrl+enter"}, "'ctrl+enter' is no key that every terminal and tmux carry"),
        ({"runs__cancel": "alt+x"}, "'alt+x' is no key"),
        ({"runs__cancel": "ctrl+shift+x"}, "'ctrl+shift+x' is no key"),
        ({"runs__cancel": ""}, "'' is no key"),
    ],
)
def test_a_mistake_is_told_with_the_file_and_what_to_do(keys: dict[str, str], told: str) -> None:
    """Each in words that lead on."""
    with pytest.raises(BadInput, match=re.escape(told)) as error:
        read(**keys)
    assert error.value.what.startswith(f"{FILE}: [keys] ")


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody mends a file line by line."""
    with pytest.raises(BadInput) as error:
        read(runs__cancle="X", models__add="alt+a", runs__pause="x")
    for told in ("'runs.cancle'", "'alt+a'", "both on 'x'"):
        assert told in error.value.what


def test_the_same_key_may_mean_two_things_in_two_places() -> None:
    """On another screen, or in a dialog."""
    assert read(models__remove="h")
    assert read(confirm__leave="q")


def test_the_key_of_a_chosen_action_may_be_the_one_it_came_with() -> None:
    """To write the table down is no mistake, whatever it puts on one key."""
    everything = {action.id: tuple(action.key.split(",")) for action in actions.ACTIONS if action.key}
    assert keymap.read(Settings(keys=everything, file=FILE)).keys() == everything.keys()


def test_every_scope_has_its_place() -> None:
    """A new widget's keys are checked against what lies around it."""
    assert {*actions.scopes_of(actions.ACTIONS)} | {"benchmarks"} == {"app", *keymap.ABOVE, *DIALOGS}


async def test_the_chosen_key_works_and_footer_help_and_command_line_show_it(
    store: Store, until: Until, drawn: Drawn
) -> None:
    """The one it came with does nothing any more."""
    keys = {"app.help": "H", "runs.new_run": "A", "app.adapters": "O"}
    app = WorkbenchApp(store.root, keys=keys)
    async with app.run_test(size=(100, 90)) as pilot:
        footer = "".join(cell for cell, _ in app.screen.query_one(Footer).draw(100, 1)[0])
        assert "A new run" in footer
        assert "H help" in footer
        assert "4 Compose O Adapters 6 Compare" in drawn(app).splitlines()[0]
        await pilot.press("question_mark")
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, HelpOverlay))
        await until(pilot, lambda: "A            Start a training run" in drawn(app))
        await pilot.press("escape", "colon")
        await until(pilot, lambda: isinstance(app.screen, CommandLine))
        await pilot.press(*"new_r")
        await until(pilot, lambda: re.search(r"new_run +A +Start", drawn(app)) is not None)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, CommandLine))
        await pilot.press("O")
        await until(pilot, lambda: app.current_mode == "adapters")


async def test_two_keys_that_changed_places_do_each_others_work(store: Store, until: Until) -> None:
    """Textual applies both at once."""
    app = WorkbenchApp(store.root, keys={"app.models": "3", "app.datasets": "2"})
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: app.current_mode == "datasets")
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "models")


def test_a_mistake_keeps_the_screens_from_opening(tmp_path: Path, store: Store) -> None:
    """The command line says what to mend, and where, before anything is drawn."""
    (tmp_path / ".workbench.toml").write_text('[keys]\nruns.cancle = "X"\n', encoding="utf-8")
    words = [sys.executable, "-m", "workbench", "--store", str(store.root)]
    asked = pty.openpty()
    done = subprocess.run(words, cwd=tmp_path, stdin=asked[1], stdout=subprocess.PIPE, stderr=asked[1])
    told = os.read(asked[0], 10_000).decode()
    assert done.returncode == 1
    assert "did you mean 'runs.cancel'?" in told
    assert "\x1b[?1049h" not in told
