"""Sentences name the keys that the user has: no text of the screens names one by itself."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from string import punctuation
from typing import Any

import pytest
from textual.content import Content

import workbench.tui
from store import Store
from store.errors import Unavailable
from workbench.tui import actions, keymap
from workbench.tui.app import WorkbenchApp
from workbench.tui.key_names import MARKER, MARKERS, fill, written
from workbench.tui.screens.editor import EditorPane
from workbench.tui.sentences import keyed
from workbench.tui.widgets.folding import Folding
from workbench.tui.widgets.modal import Dialog

HERE = Path(workbench.tui.__file__).parent
KEY = re.compile(
    r"""
      \b(?:esc|escape|space\ bar|backspace|PgUp|PgDn)\b | \bctrl\+ | \^[a-z]\b | [←→↑↓]{2}
    | \b(?:[Pp]ress|then|key|with|on|or|and|screen)\ (?:the\ )?(?:[b-zB-HJ-Z0-9]|[/?:;<>\[\]])(?=[ ,.;:)]|$)
    | \b(?:[Pp]ress|then)\ a\b(?!\ [a-z]+\ (?:of|and)) | \bwith\ space\b | \b(?:what|which)\ / | \(\d\)
    | (?:^|[;:,.\n(]\ *|\ \ )(?:[b-zB-HJ-Z0-9]|[/?<>\[\]]|enter|space)\ (?=[a-z])
    | (?<![\w'’])[b-zB-HJ-Z]\ [a-z]*[a-rt-z]s\b | (?:^|[;:,.]\ *)a\ [a-z]*[a-rt-z]s\b
    """,
    re.VERBOSE,
)
"""A key in a sentence: by its name, after a word like `press`, or before what it does."""
MEANT = {
    # What stands in a field is changed and entered by the keys of fields, which nobody can change.
    "backspace, and what there is stands here",
    "enter accept  KEYS leave",
    "KEYS move  space mark  enter draw  KEYS leave",
    "Draw the metric too, or no longer; the space bar does the same",
    # The number.
    "0 takes the likeliest token; more is freer",
    " gets; 0 makes no such split",
    "0 is greedy; more is drawn by chance",
}

Until = Callable[..., Any]
Drawn = Callable[..., str]


def texts(path: Path) -> Iterator[str]:
    """The texts of a module that are no docstrings: those with a space, without style sheets."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            text = node.value
            if (" " in text or "^" in text) and not re.search(r"\{ [\w-]+: ", text):
                yield text


def sources() -> Iterator[Path]:
    """The modules that hold sentences: not the two that hold the names of keys."""
    return (path for path in HERE.rglob("*.py") if path.name not in ("key_names.py", "keymap.py"))


def test_no_text_names_a_key_by_itself() -> None:
    """It would be false as soon as somebody takes another key."""
    found = {MARKERS.sub("KEYS", text) for path in sources() for text in texts(path)}
    assert {text for text in found if KEY.search(text)} - MEANT == set()
    assert found >= MEANT


@pytest.mark.parametrize(
    "text",
    [
        "Press a to let it answer.",
        "press 2, then a",
        "esc close",
        "3 days, u takes it back",
        "List all values, in which / searches",
        "^s save",
        "(3)",
    ],
)
def test_a_text_that_names_a_key_is_seen(text: str) -> None:
    """The test above would see it."""
    assert KEY.search(text)


def test_every_key_that_a_text_names_is_that_of_an_action() -> None:
    """A slip would stand on the screen as it is."""
    known = {action.id for action in actions.ACTIONS if action.key}
    named = {id for path in sources() for _, id in MARKER.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 50
    assert named - known == set()


def test_a_sentence_gets_the_first_key_or_the_arrow() -> None:
    """As the footer shows it; an action without a key is written as on the `:` line."""
    keys = {"table.down": "j,down", "table.up": "k,up", "runs.cancel": "", "app.help": "question_mark"}
    assert fill("{key:table.down} goes on", keys) == "j goes on"
    assert fill("{arrow:table.up}{arrow:table.down} move", keys) == "↑↓ move"
    assert fill("{key:app.help} or {key:runs.cancel}", keys) == "? or :cancel"
    assert fill("{key:no.such}, {{ key }}", keys) == "{key:no.such}, {{ key }}"


def test_keys_that_are_words_do_not_run_into_each_other() -> None:
    """Signs stand side by side, words with a space between."""
    keys = {"chart.left": "ctrl+b", "chart.right": "f2"}
    assert fill("{arrow:chart.left}{arrow:chart.right} read", keys) == "^b f2 read"


def test_punctuation_is_written_as_itself() -> None:
    """`asterisk` is Textual's word."""
    assert {written(keymap._key(sign)) for sign in punctuation} == set(punctuation)


async def test_a_sentence_with_styles_keeps_them(store: Store) -> None:
    """The key has the style of what stood for it."""
    app = WorkbenchApp(store.root, keys={"runs.samples": "asterisk"})
    async with app.run_test():
        told = Content.assemble("samples  ", ("{key:runs.samples} shows them", "bold"))
        shown = keyed(app.screen, told)
        assert shown.plain == "samples  * shows them"
        assert {shown.plain[span.start : span.end] for span in shown.spans} == {"*", " shows them"}


def notes(app: WorkbenchApp) -> list[str]:
    """What the toasts say."""
    return [note.message for note in app._notifications]


async def test_whoever_has_other_keys_reads_them_in_every_sentence(
    store: Store, until: Until, drawn: Drawn
) -> None:
    """An empty list, a reason, the foot of a dialog, a note, the help: what they say works."""
    keys = {
        "app.models": "9",
        "runs.new_run": "A",
        "models.add": "ctrl+o",
        "dialog.leave": "f4",
        "help.leave": "f4",
        "app.undo": "f5",
        "app.quit": "f9",
        "compare.ask": "f6",
        "compare.prompt": "f7",
        "app.filter": "f3",
        "app.back": "f8",
    }
    app = WorkbenchApp(store.root, keys=keys)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Press A to start one" in drawn(app))
        assert "Leave with f9 and" in drawn(app)
        await pilot.press("A")
        await until(pilot, lambda: "press 9, then ^o, to add a model" in " ".join(notes(app)))
        await pilot.press("9")
        await until(pilot, lambda: "Press ^o and give a folder" in drawn(app))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, Dialog))
        await until(pilot, lambda: "enter accept  f4 leave" in drawn(app))
        await pilot.press("f4")
        await until(pilot, lambda: not isinstance(app.screen, Dialog))
        await pilot.press("6")
        await until(pilot, lambda: "No model yet: press 9, then ^o," in drawn(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: "f8 leaves the field" in drawn(app))
        assert "f4 close" in drawn(app)


async def test_what_comes_from_outside_is_no_sentence_of_ours(
    store: Store, until: Until, drawn: Drawn, tmp_path: Path
) -> None:
    """What stands for a key stays as it is in notes, errors, a run's error, a source, columns."""
    odd = "{key:app.quit}"
    source = tmp_path / odd / "odd.jsonl"
    source.parent.mkdir()
    row = {f"c{at}{odd}": "x" for at in range(40)}
    source.write_text(json.dumps(row) + "\n", encoding="utf-8")
    store.datasets.add(str(source))
    run = store.runs.create(
        name="odd", model="m", dataset="odd", template="t", method="lora", settings={}, lineage={}
    )
    store.runs.claim(run.id, "test")
    store.runs.begin(run.id, 1)
    store.runs.fail(run.id, f"no column {odd}", "")
    app = WorkbenchApp(store.root)
    async with app.run_test(size=(200, 50)) as pilot:
        app.say(f"{odd} is queued")
        app.tell(Unavailable("no such file", f"look for {odd}"))
        await until(pilot, lambda: {f"{odd} is queued", f"look for {odd}"} <= set(notes(app)))
        await until(pilot, lambda: f"no column {odd}" in drawn(app))
        assert "let it go on with p" in drawn(app)
        await pilot.press("3")
        await until(pilot, lambda: "fingerprint" in drawn(app))
        told = "".join(str(app.screen.query_one("#about", Folding).content).split())  # values are folded
        assert f"/{odd}/odd.jsonl" in told
        assert f"c0{odd},c1{odd}," in told
        assert re.search("and[0-9]+more;ftellsofall", told)


async def test_an_editor_tells_a_fault_as_it_is(host: Any, until: Until, drawn: Drawn) -> None:
    """It quotes the template, and the columns that there are."""
    editor = EditorPane()
    async with host(editor).run_test(size=(100, 10)) as pilot:
        editor.display = True
        editor.show_fault(None, Unavailable("no column {key:app.quit}", "columns: {key:app.help}"))
        await until(pilot, lambda: "no column {key:app.quit}: columns: {key:app.help}" in drawn(pilot.app))
