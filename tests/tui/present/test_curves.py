"""How lines are named, coloured and marked: by what tells them apart, and stable while runs come and go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from store.runs import Run
from workbench.tui.glyphs import ASCII, UNICODE
from workbench.tui.present import curves, metrics
from workbench.tui.present.curves import Choice, Slots
from workbench.tui.widgets.plot import Series

Make = Callable[..., Run]


def test_a_colour_stays_with_its_run_while_others_come_and_go() -> None:
    slots = Slots()
    assert dict(slots.assign(["r3", "r1"])) == {"r3": 0, "r1": 1}
    assert dict(slots.assign(["r4", "r3", "r1"])) == {"r3": 0, "r1": 1, "r4": 2}
    assert dict(slots.assign(["r4", "r1"])) == {"r1": 1, "r4": 2}
    assert dict(slots.assign(["r4", "r2", "r1"])) == {"r1": 1, "r4": 2, "r2": 0}


@pytest.mark.parametrize(
    ("runs", "number", "expected"), [(1, 2, "validation"), (2, 1, "r1 first"), (2, 2, "r1 validation")]
)
def test_a_line_is_named_by_what_tells_it_apart(
    make_run: Make, runs: int, number: int, expected: str
) -> None:
    assert curves.label(make_run(), "eval_loss", runs=runs, metrics=number) == expected


def test_of_several_runs_the_colour_tells_the_run_and_the_dashes_the_metric(make_run: Make) -> None:
    choice, slots = Choice(), {"r1": 0, "r2": 1}
    made = [
        curves.line(make_run(id=run), metric, choice, slots, (Series(), None))
        for run in slots
        for metric in choice.metrics
    ]
    assert [line.colour for line in made] == [0, 0, 1, 1]
    assert [line.dash for line in made] == [0, 1, 0, 1]
    assert len({line.mark for line in made}) == 4
    alone = curves.line(make_run(), "eval_loss", choice, {"r1": 0}, (Series(), None))
    assert (alone.colour, alone.dash) == (1, 0)


def test_a_smoothed_line_has_its_raw_one_beneath(make_run: Make) -> None:
    raw, smooth = Series(), Series()
    made = curves.line(make_run(), "loss", Choice(), {"r1": 0}, (raw, smooth))
    assert made.series is smooth
    assert made.raw is raw


def test_metrics_of_one_kind_share_a_scale() -> None:
    assert curves.scale("loss") == curves.scale("eval_loss")
    assert curves.scale("memory_bytes") == curves.scale("gpu_memory_bytes") == "bytes"
    assert curves.scale("rouge1") == curves.scale("rougeL")
    assert curves.scale("learning_rate") != curves.scale("grad_norm")


def test_the_title_tells_what_is_not_as_usual() -> None:
    assert curves.title(Choice()) == "loss, validation"
    changed = Choice(("loss", "grad_norm"), 0.9, True, "tokens")
    assert (
        curves.title(changed) == "loss, grad_norm · over tokens · smoothed 0.9 · log · each on its own scale"
    )
    assert curves.title(Choice(("a", "b", "c", "d", "e"))).startswith("a, b, c +2")


def test_smoothing_ends_at_both_ends_and_the_axes_go_round() -> None:
    choice = Choice()
    assert choice.smoother(-1).smoothing == 0
    assert choice.smoother(1).smoothing == 0.5
    assert choice.smoother(99).smoothing == 0.99
    axes = [choice.axis]
    for _ in range(3):
        choice = choice.over_next_axis()
        axes.append(choice.axis)
    assert axes == ["step", "tokens", "time", "step"]


def test_marks_are_told_apart_with_and_without_colour() -> None:
    slots = {"r1": 0, "r2": 1, "r3": 2}
    coloured = curves.gutter_marks(slots, Choice(), UNICODE)
    assert len({style for _, style in coloured.values()}) == 3
    for signs, colourless in ((ASCII, False), (UNICODE, True)):
        marks = curves.gutter_marks(slots, Choice(("loss",)), signs, colourless=colourless)
        assert len({character for character, _ in marks.values()}) == 3
    assert all(character.isascii() for character, _ in curves.gutter_marks(slots, Choice(), ASCII).values())


def test_runs_that_have_counted_no_tokens_are_named() -> None:
    assert curves.note([]) == ""
    assert curves.note(["r1"]) == "r1 has no token counts"
    assert curves.note(["r1", "r2", "r3", "r4"]) == "r1, r2, r3 … have no token counts"


def test_metrics_are_listed_with_losses_first_and_the_runs_that_have_them() -> None:
    known = metrics.known({"r2": {"tokens": 5e6, "loss": 1.5}, "r1": {"eval_loss": 2.0, "loss": 1.0}})
    assert [each.name for each in known] == ["loss", "eval_loss", "tokens"]
    shown = [[getattr(cell, "plain", cell) for cell in cells] for _, cells in metrics.rows(known)]
    assert shown == [["loss", "1.5", "r2, r1"], ["eval_loss", "2", "r1"], ["tokens", "5M", "r2"]]
