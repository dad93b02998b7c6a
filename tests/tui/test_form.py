"""A form made from described fields says what is wrong as it is typed, and hands back what was changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from textual.widgets import Input

from store.errors import BadInput
from workbench.runs.fields import describe, setting
from workbench.tui.widgets.form import Form
from workbench.tui.widgets.form_row import Choice


@dataclass(frozen=True)
class Oven:
    """Settings made up for these tests."""

    degrees: int = setting(180, "heat", "How hot it gets", unit="°C", low=0, high=300)
    minutes: float = setting(12.5, "time", "How long it bakes", unit="minutes", above=0)
    program: str = setting("fan", "heat", "What warms", choices=("fan", "grill", "base"))
    preheat: bool = setting(True, "heat", "Whether to warm up first")


def form(**options: Any) -> Form:
    return Form(describe(Oven), **options)


def edit(form: Form, name: str) -> Input:
    editor = form._row(name).editor
    assert isinstance(editor, Input)
    return editor


async def test_untouched_it_has_the_defaults_and_no_change(host: Any) -> None:
    shown = form()
    async with host(shown).run_test(size=(80, 24)):
        assert shown.values() == {"degrees": 180, "minutes": 12.5, "program": "fan", "preheat": True}
        assert shown.changed() == {}


async def test_typed_values_come_back_with_their_type(host: Any) -> None:
    shown = form()
    app = host(shown)
    async with app.run_test(size=(80, 24)) as pilot:
        shown.focus_field("degrees")
        await pilot.pause()
        await pilot.press("ctrl+u", "2", "0", "0")
        await pilot.pause()
        assert shown.changed() == {"degrees": 200}
        assert {message.name for message in app.seen} == {"degrees"}


async def test_a_wrong_value_is_told_while_typing_and_refused_at_the_end(host: Any) -> None:
    shown = form()
    app = host(shown)
    async with app.run_test(size=(80, 24)) as pilot:
        shown.focus_field("degrees")
        await pilot.pause()
        await pilot.press("end", "9", "9")
        await pilot.pause()
        assert list(shown.problems()) == ["degrees"]
        assert "18099 is out of range" in "\n".join(app.drawn())
        with pytest.raises(BadInput, match="degrees = 18099"):
            shown.changed()
        shown.focus_field("minutes")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert not any(isinstance(message, Form.Submitted) for message in app.seen)
        assert app.focused is edit(shown, "degrees")


async def test_what_is_typed_into_a_field_takes_the_place_of_its_value(host: Any) -> None:
    shown = form()
    async with host(shown).run_test(size=(80, 24)) as pilot:
        shown.focus_field("degrees")
        await pilot.pause()
        await pilot.press("9", "9")
        await pilot.pause()
        assert shown.text("degrees") == "99"


async def test_it_is_begun_afresh_and_what_was_typed_comes_back(
    host: Any,
) -> None:
    shown = form(values={"minutes": 20.0})
    app = host(shown)
    async with app.run_test(size=(80, 24)) as pilot:
        shown.focus_field("degrees")
        await pilot.pause()
        await pilot.press("end", "9", "9")
        await pilot.pause()
        await pilot.press("ctrl+r")
        await pilot.pause()
        assert shown.changed() == {"minutes": 20.0}  # as it was opened
        assert "How hot it gets" in "\n".join(app.drawn())
        await pilot.press("ctrl+r")
        await pilot.pause()
        assert list(shown.problems()) == ["degrees"]
        assert "18099 is out of range" in "\n".join(app.drawn())
        shown.offer_choices("program", ("base",))
        assert shown.text("program") == "fan"
        assert [message.name for message in app.seen] == ["degrees", "degrees"]


async def test_a_long_choice_has_the_room_that_there_is(host: Any) -> None:
    long = "grill-with-a-name-of-many-words"
    shown = form(choices={"program": ("fan", long)})
    app = host(shown)
    async with app.run_test(size=(80, 24)) as pilot:
        shown.focus_field("program")
        await pilot.press("l")
        await pilot.pause()
        assert f"‹ {long} ›  2/2" in "\n".join(app.drawn())


async def test_what_the_chosen_value_means_is_told_in_the_place_of_the_fields_help(host: Any) -> None:
    shown = form(explained={"program": {"grill": "Heat from above"}})
    app = host(shown)
    async with app.run_test(size=(80, 24)) as pilot:
        shown.focus_field("program")
        await pilot.pause()
        assert "What warms" in "\n".join(app.drawn())
        await pilot.press("l")
        await pilot.pause()
        assert "Heat from above" in "\n".join(app.drawn())


async def test_choices_are_gone_through_with_left_and_right(host: Any) -> None:
    shown = form()
    async with host(shown).run_test(size=(80, 24)) as pilot:
        shown.focus_field("program")
        await pilot.press("l", "l")
        await pilot.pause()
        assert shown.changed() == {"program": "base"}
        await pilot.press("right")
        await pilot.pause()
        assert shown.changed() == {}
        shown.focus_field("preheat")
        await pilot.press("space")
        await pilot.pause()
        assert shown.changed() == {"preheat": False}


async def test_choices_can_be_given_later_and_keep_a_value_that_is_among_them(host: Any) -> None:
    shown = form(choices={"program": ["grill", "base"]})
    async with host(shown).run_test(size=(80, 24)) as pilot:
        shown.set_value("program", "base")
        shown.set_choices("program", ["base", "fan"])
        await pilot.pause()
        assert shown.changed() == {"program": "base"}
        shown.set_choices("program", ["fan"])
        await pilot.pause()
        assert shown.changed() == {}


async def test_the_field_in_focus_is_explained(host: Any) -> None:
    shown = form()
    async with host(shown).run_test(size=(80, 24)) as pilot:
        shown.focus_field("minutes")
        await pilot.pause()
        drawn = "\n".join(pilot.app.drawn())
        assert "How long it bakes" in drawn
        assert "default 12.5" in drawn
        assert "°C" in drawn


async def test_arrows_go_through_the_fields_and_enter_on_the_last_submits(host: Any) -> None:
    shown = form()
    app = host(shown)
    async with app.run_test(size=(80, 24)) as pilot:
        shown.focus_field("degrees")
        await pilot.press("down")
        assert app.focused is edit(shown, "minutes")
        await pilot.press("down", "down")
        assert isinstance(app.focused, Choice)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(app.seen[-1], Form.Submitted)


async def test_a_pasted_file_is_cut(host: Any) -> None:
    from textual.events import Paste

    shown = form()
    async with host(shown).run_test(size=(80, 24)) as pilot:
        shown.focus_field("degrees")
        await pilot.pause()
        edit(shown, "degrees").post_message(Paste("1\x1b]52;c;AA\x07" * 500_000))
        await pilot.pause()
        assert len(edit(shown, "degrees").value) <= 4000
