"""How long until a user sees the first screen, against a Textual app of one text in the same minute."""

from __future__ import annotations

import statistics
from pathlib import Path
from types import ModuleType

import pytest
from stocking import held_queue

from store import Store, open_store

ROUNDS = 9
LIMIT = 3.0
HELLO = """
from textual.app import App
from textual.widgets import Static

class Hello(App):
    def compose(self):
        yield Static("hello world")

Hello().run()
"""
WORKBENCH = "import sys; sys.argv.insert(1, '--store'); from workbench.cli import main; main()"


def paint_seconds(terminals: ModuleType, root: Path, program: str, text: str) -> float:
    """Start a program on a terminal of its own; the seconds until its text is on the screen."""
    opened = terminals.Terminal(root, program=program)
    try:
        seconds: float = opened.wait_for(text, 60)
    finally:
        opened.close()
    return seconds


def ratio_of_first_paints(terminals: ModuleType, root: Path, what: str) -> float:
    """Start both in turns, so that what else the machine does meets both; compare the medians."""
    hellos, paints = [], []
    for _ in range(ROUNDS):
        hellos.append(paint_seconds(terminals, root, HELLO, "hello world"))
        paints.append(paint_seconds(terminals, root, WORKBENCH, "1 Runs"))
    hello, paint = statistics.median(hellos), statistics.median(paints)
    print(f"hello world {hello:.3f} s, first paint of {what} {paint:.3f} s, ratio {paint / hello:.2f}")
    return paint / hello


@pytest.mark.benchmark
def test_the_first_paint_of_a_fresh_store_takes_at_most_three_times_a_hello_world(
    store: Store, terminals: ModuleType
) -> None:
    with held_queue(store):
        assert ratio_of_first_paints(terminals, store.root, "a fresh store") <= LIMIT


@pytest.mark.benchmark
def test_the_first_paint_of_a_big_store_takes_at_most_three_times_a_hello_world(
    big_root: Path, terminals: ModuleType
) -> None:
    with open_store(big_root) as store, held_queue(store):
        assert ratio_of_first_paints(terminals, big_root, "a big store") <= LIMIT
