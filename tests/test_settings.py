"""Settings: found from the folder upwards, every key explained, every mistake named."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from store.errors import BadInput
from workbench.settings import (
    KEYS_HELP,
    PROJECT_FILE,
    Settings,
    load_settings,
    read_settings,
    sections,
    store_path,
)

SHIPPED = Path(__file__).parents[1] / PROJECT_FILE


@pytest.fixture
def lonely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with no settings above it, none at home, and no variable set."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("WORKBENCH_STORE", raising=False)
    folder = tmp_path / "project" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_the_shipped_file_is_the_defaults() -> None:
    """`.workbench.toml` of the repository changes nothing."""
    assert Settings() == replace(read_settings(SHIPPED), file=None)


def test_every_key_stands_in_the_shipped_file_under_its_own_help() -> None:
    """A key's comment is its help text, word for word."""
    text = SHIPPED.read_text(encoding="utf-8")
    words = " ".join(line.removeprefix("# ") for line in text.splitlines())
    for section in sections().values():
        for each in fields(section):
            assert f"{each.metadata['help']} {each.name} = " in words
    assert f"[keys] {KEYS_HELP} runs.cancel = " in words


def test_without_a_file_the_defaults_hold(lonely: Path) -> None:
    """No file anywhere is no error."""
    assert Settings() == load_settings(lonely)


def test_the_nearest_file_upwards_wins(lonely: Path) -> None:
    """A file in a parent holds for the folders below, until one of them has its own."""
    (lonely.parent / PROJECT_FILE).write_text("[ui]\nascii = true\n", encoding="utf-8")
    assert load_settings(lonely).ui.ascii
    (lonely / PROJECT_FILE).write_text("[serve]\nidle_seconds = 5\n", encoding="utf-8")
    assert (load_settings(lonely).serve.idle_seconds, load_settings(lonely).ui.ascii) == (5, False)


def test_the_personal_file_comes_last(lonely: Path) -> None:
    """`~/.config/workbench/workbench.toml` holds where no project says otherwise."""
    personal = lonely.parents[1] / "config" / "workbench" / "workbench.toml"
    personal.parent.mkdir(parents=True)
    personal.write_text('[ui]\ncolor = "never"\n', encoding="utf-8")
    assert load_settings(lonely).ui.color == "never"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[ui]\nasci = true\n", "unknown key [ui] 'asci', did you mean 'ascii'?"),
        ("[stor]\n", "unknown key 'stor', did you mean 'store'?"),
        ("[ui]\nascii = 1\n", "[ui] ascii = 1 must be true or false"),
        ('[ui]\ncolor = "always"\n', "[ui] color = 'always' must be one of auto, never"),
        ("[serve]\nidle_seconds = 0\n", "[serve] idle_seconds = 0 must be at least 1"),
        ("[queue]\nslots = 0\n", '[queue] slots = 0 must be "auto" or a whole number of at least 1'),
        ('[queue]\nslots = "two"\n', "[queue] slots = 'two' must be \"auto\" or a whole number"),
        ("[queue]\nslots = true\n", "[queue] slots = True must be"),
        ("keys = 3\n", "keys = 3 is not a section"),
        ("[keys]\nruns.cancel = 3\n", "[keys] runs.cancel = 3 must be a key such as"),
        ("[keys]\nruns.cancel = []\n", "[keys] runs.cancel = [] must be a key such as"),
        ("ui = 3\n", "ui = 3 is not a section"),
        ("[ui\n", "is not a TOML file"),
    ],
)
def test_every_mistake_is_named_with_its_value(lonely: Path, text: str, told: str) -> None:
    """One line says where, what, and what would have been right."""
    (lonely / PROJECT_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as error:
        load_settings(lonely)
    assert told in error.value.what
    assert str(lonely / PROJECT_FILE) in error.value.what


@pytest.mark.parametrize(("written", "slots"), [('"auto"', "auto"), ("3", 3)])
def test_slots_are_a_word_or_a_number(lonely: Path, written: str, slots: str | int) -> None:
    """Both as TOML has them."""
    (lonely / PROJECT_FILE).write_text(f"[queue]\nslots = {written}\n", encoding="utf-8")
    assert load_settings(lonely).queue.slots == slots


def test_all_mistakes_are_told_at_once(lonely: Path) -> None:
    """Nobody mends a file line by line."""
    (lonely / PROJECT_FILE).write_text("[ui]\nasci = true\n[serve]\nidle_seconds = -1\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"idle_seconds.*asci"):
        load_settings(lonely)


def test_the_option_beats_the_variable_and_the_variable_the_file(
    lonely: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--store`, `WORKBENCH_STORE`, `[store] path`, in this order."""
    assert store_path(None) is None
    (lonely.parent / PROJECT_FILE).write_text('[store]\npath = "here"\n', encoding="utf-8")
    assert store_path(None) == lonely.parent / "here"
    monkeypatch.setenv("WORKBENCH_STORE", str(lonely / "variable"))
    assert store_path(None) == lonely / "variable"
    assert store_path("option") == lonely / "option"


def test_keys_are_read_by_the_ids_of_actions(lonely: Path) -> None:
    """With quotes around the id or without them, one key or a list."""
    text = '[keys]\nruns.cancel = "X"\n"app.palette" = ["ctrl+p", "f2"]\n'
    (lonely / PROJECT_FILE).write_text(text, encoding="utf-8")
    assert load_settings(lonely).keys == {"runs.cancel": ("X",), "app.palette": ("ctrl+p", "f2")}
