"""Header and footer fit every width and say where one is and what can be done."""

from __future__ import annotations

import pytest
from textual.widgets import TextArea

from store import Store
from workbench.tui import actions
from workbench.tui.actions import MODES, Action
from workbench.tui.app import WorkbenchApp
from workbench.tui.widgets.chrome import Footer, chosen, tab_labels, tabs_width


def test_all_eight_tabs_fit_into_80_columns() -> None:
    labels = tab_labels(80)
    assert all(labels.values())
    assert tabs_width(labels) <= 80


def test_wide_headers_write_the_tabs_out_and_narrow_ones_keep_the_digits() -> None:
    assert tab_labels(120)["benchmarks"] == "Benchmarks"
    assert set(tab_labels(40).values()) == {""}
    assert tabs_width(tab_labels(40)) <= 40


@pytest.mark.parametrize("mode", MODES)
def test_the_first_actions_of_every_screen_are_in_the_footer_at_80_columns(mode: str) -> None:
    own = [action for action in actions.in_scope(mode) if action.footer and action.key]
    common = [action for action in actions.in_scope("app") if action.footer]
    shown = chosen(own, common, 80)
    assert shown[-len(common) :] == common
    assert shown[: min(len(own), 3)] == own[:3]


def test_a_footer_never_loses_the_way_to_the_help() -> None:
    own = [Action(f"act{number}", "x", "a very long label", "Help", "runs") for number in range(9)]
    common = [action for action in actions.in_scope("app") if action.footer]
    assert chosen(own, common, 20) == common


async def test_keys_that_would_be_typed_are_dim_while_a_text_is_typed(store: Store) -> None:
    async with WorkbenchApp(store.root).run_test(size=(120, 40)) as pilot:
        await pilot.press("6")
        await pilot.pause()
        screen = pilot.app.screen

        def styles() -> list[str]:
            row = screen.query_one(Footer).draw(120, 1)[0]
            last = "".join(cell for cell, _ in row).rstrip()
            return [row[last.rindex(key)][1] for key in ("? help", "q quit")]

        screen.query_one(TextArea).focus()
        await pilot.pause()
        assert styles() == ["$faint", "$faint"]
        screen.set_focus(None)
        await pilot.pause()
        assert "$faint" not in styles()
