"""A chart shows what it is given at any size, and changes only where the series grew."""

from __future__ import annotations

import math
from typing import Any

import pytest
from textual.geometry import Region

from workbench.tui.widgets import chart_ink, chart_lines
from workbench.tui.widgets.chart_lines import Line
from workbench.tui.widgets.line_chart import LineChart
from workbench.tui.widgets.plot import Series, View


def falling(count: int) -> list[tuple[float, float]]:
    return [(step, 3 * math.exp(-step / 100) + 0.5) for step in range(1, count + 1)]


async def test_the_legend_names_each_series_with_its_last_value(host: Any) -> None:
    chart = LineChart("loss")
    async with host(chart).run_test(size=(80, 20)) as pilot:
        chart.set_series("loss", falling(50))
        chart.set_series("eval_loss", [(10, 2.5), (20, 2.25)])
        await pilot.pause()
        legend = pilot.app.drawn()[0]
        assert "loss 2.32" in legend
        assert "eval_loss 2.25" in legend


async def test_a_nan_is_named_in_the_legend_and_marked_in_the_plot(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)) as pilot:
        chart.set_series("loss", [(1, 1.0), (2, math.nan)])
        await pilot.pause()
        assert "loss NaN" in pilot.app.drawn()[0]
        assert "×" in "".join(pilot.app.drawn())
        chart.extend("loss", [(3, 1.5)])
        await pilot.pause()
        assert "×1 NaN" in pilot.app.drawn()[0]


async def test_the_axis_shows_round_values_and_the_runs_length(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)) as pilot:
        chart.x_limit = 600
        chart.set_series("loss", falling(100))
        await pilot.pause()
        drawn = pilot.app.drawn()
        assert "600" in drawn[-1]
        assert any(line.lstrip().startswith("3.5 ┤") for line in drawn)


@pytest.mark.parametrize("rows", range(4, 14))
@pytest.mark.parametrize("highest", [0.7, 1.9, 4.4, 6.9, 9.9])
def test_the_axis_of_values_tells_its_scale_at_any_height(rows: int, highest: float) -> None:
    drawn = chart_lines.views([line("loss", [(1, highest), (9, highest / 3)])], (0, 10), rows, log=False)
    labels = chart_lines.y_labels(drawn[""], rows, "")
    assert len(labels) >= 2
    assert drawn[""].y_low <= highest / 3 and highest <= drawn[""].y_high
    assert (highest - highest / 3) / (drawn[""].y_high - drawn[""].y_low) >= 0.5


async def test_ten_thousand_points_growing_by_one_change_a_few_cells(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(120, 40)) as pilot:
        chart.x_limit = 20_000
        chart.set_series("loss", falling(10_000))
        await pilot.pause()
        refreshed: list[Region] = []
        original = chart.refresh
        chart.refresh = lambda *regions, **options: (
            refreshed.extend(regions),
            original(*regions, **options),
        )[1]
        for step in range(10_001, 10_051):
            chart.extend("loss", [(step, 0.5)])
        assert sum(region.height for region in refreshed) / 50 <= 2


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (20, 3), (30, 5), (300, 1), (500, 200)])
async def test_any_size_is_drawn(host: Any, size: tuple[int, int]) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=size) as pilot:
        chart.set_series("loss", [*falling(300), (301, math.inf), (302, 1.0)])
        await pilot.pause()
        rows = chart.draw(*size)
        assert len(rows) == size[1]
        assert all(len(row) == size[0] for row in rows)


async def test_an_ascii_chart_is_ascii(host: Any) -> None:
    chart = LineChart()
    async with host(chart, ascii=True).run_test(size=(60, 15)):
        chart.set_series("loss", falling(300))
        plotted = "".join(cell for row in chart.draw(60, 15)[1:12] for cell, _ in row[6:])
        assert plotted.isascii()
        assert plotted.strip()


async def test_the_series_in_front_is_drawn_over_the_others(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(40, 12)):
        chart.set_series("a", [(1, 1.0), (9, 1.0)])
        chart.set_series("b", [(1, 1.0), (9, 1.0)])
        styles = {style for row in chart.draw(40, 12)[1:-2] for cell, style in row if cell >= "\u2800"}
        assert styles == {"$series-1"}
        chart.show_lines([line(name, [(1, 1.0), (9, 1.0)], at) for at, name in enumerate("ab")], "b")
        styles = {style for row in chart.draw(40, 12)[1:-2] for cell, style in row if cell >= "\u2800"}
        assert styles == {"$series-2"}


async def test_an_axis_of_bytes_starts_at_zero_and_has_round_labels(host: Any) -> None:
    chart = LineChart(unit="bytes", x_unit="seconds")
    async with host(chart).run_test(size=(60, 16)) as pilot:
        chart.set_series("process", [(second, 850 * 1024**2) for second in range(120)])
        await pilot.pause()
        drawn = "\n".join(pilot.app.drawn())
        assert "0 B ┤" in drawn
        assert "1000 MB ┤" in drawn
        assert "2m 00s" in drawn


async def test_a_log_chart_of_values_near_zero_stays_finite(host: Any) -> None:
    chart = LineChart(log=True)
    async with host(chart).run_test(size=(60, 16)) as pilot:
        chart.set_series("loss", [(1, 100.0), (2, 1.0), (3, 0.01)])
        await pilot.pause()
        assert "0.01 ┤" in "\n".join(pilot.app.drawn())
        chart.extend("loss", [(4, 0.0)])
        await pilot.pause()


async def test_an_empty_chart_says_so(host: Any) -> None:
    async with host(LineChart()).run_test(size=(60, 16)) as pilot:
        assert "no points yet" in "\n".join(pilot.app.drawn())


def line(name: str, points: list[tuple[float, float]], number: int = 0, **options: Any) -> Line:
    series = Series()
    series.extend(points)
    return Line(name, series, colour=number, mark=number, **options)


async def test_the_cursor_reads_the_very_values_that_were_measured(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)) as pilot:
        chart.set_series("loss", [(step, 1 / step) for step in range(1, 301)])
        chart.set_series("eval_loss", [(100, 0.5), (200, 0.25)])
        chart.focus()
        await pilot.press("home")
        assert "step 1 " in pilot.app.drawn()[0]
        assert "loss 1 " in pilot.app.drawn()[0]
        await pilot.press("right")
        steps = [step for step in range(1, 301) if f"step {step} " in pilot.app.drawn()[0]]
        assert steps, pilot.app.drawn()[0]
        assert f"loss {1 / steps[0]:.4g} " in pilot.app.drawn()[0]
        assert "eval_loss 0.5 @step 100" in pilot.app.drawn()[0]
        await pilot.press("end")
        assert "step 300" in pilot.app.drawn()[0]
        assert chart.copy_text() == f"loss\t{1 / 300}\neval_loss\t0.25"
        await pilot.press("escape")
        assert "step 300" not in pilot.app.drawn()[0]


async def test_few_points_are_gone_through_one_by_one(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)) as pilot:
        chart.set_series("loss", [(step, step) for step in (1, 40, 60, 100)])
        chart.focus()
        seen = []
        for key in ("right", "right", "right", "right", "right", "left"):
            await pilot.press(key)
            seen.append(chart._cursor)
        assert seen == [1, 40, 60, 100, 100, 60]


async def test_zooming_shows_a_part_of_the_axis_and_scales_the_values_to_it(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)) as pilot:
        chart.set_series("loss", [(step, 1000 / step) for step in range(1, 1001)])
        chart.focus()
        await pilot.press("end", "up", "up", "up")
        low, high = chart._x_view()
        assert 800 < low < high <= 1000
        assert "1000 ┤" not in "\n".join(pilot.app.drawn())
        await pilot.press("left_square_bracket")
        assert chart._x_view()[1] < high
        await pilot.press("0")
        assert chart._x_view() == (0, 1000)
        assert "1000 ┤" in "\n".join(pilot.app.drawn())


async def test_a_cleared_chart_looks_at_all_of_what_it_is_given_next(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)) as pilot:
        chart.set_series("loss", [(step, 1.0) for step in range(1, 1001)])
        chart.focus()
        await pilot.press("end", "up", "up")
        assert chart._x_view() != (0, 1000)
        chart.clear()
        chart.set_series("loss", [(step, 1.0) for step in range(1, 11)])
        assert chart._x_view() == (0, 10)
        assert "step" not in "".join(cell for cell, _ in chart.draw(80, 20)[0])


async def test_a_zoomed_chart_goes_on_with_a_run_that_goes_on(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)) as pilot:
        chart.set_series("loss", [(step, 1.0) for step in range(1, 101)])
        chart.focus()
        await pilot.press("end", "up", "up")
        span = chart._x_view()[1] - chart._x_view()[0]
        chart.extend("loss", [(step, 1.0) for step in range(101, 201)])
        low, high = chart._x_view()
        assert low < 200 <= high
        assert high - low == pytest.approx(span)


async def test_a_smoothed_line_lies_over_its_raw_one_and_both_values_are_told(host: Any) -> None:
    chart = LineChart()
    raw = [(float(step), 1.0 + (step == 50) * 8) for step in range(1, 101)]
    async with host(chart).run_test(size=(80, 20)):
        smooth = line("loss", [(x, 1.0) for x, _ in raw], raw=line("", raw).series)
        chart.show_lines([smooth])
        rows = chart.draw(80, 20)
        faint = [style for row in rows[2:-2] for cell, style in row if cell > "\u2800"]
        assert "$series-1 45%" in faint  # the spike is there
        assert "$series-1" in faint
        assert "loss 1 ≈1" in "".join(cell for cell, _ in rows[0])


async def test_each_scale_has_the_whole_height(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)):
        large = line("process", [(1, 1e9), (100, 2e9)], 1, scale="bytes", unit="bytes")
        chart.show_lines([line("loss", [(1, 4.0), (100, 1.0)], scale="loss"), large])
        rows = chart.draw(80, 20)
        heights = {
            style: [y for y, row in enumerate(rows[2:-2]) if any(each == (cell, style) for each in row)]
            for row in rows[2:-2]
            for cell, style in row
            if cell > "\u2800"
        }
        assert len(heights) == 2
        assert "process 1.86 GB" in "".join(cell for cell, _ in rows[0])


async def test_without_colour_lines_differ_by_their_dashes(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)):
        flat = [line(f"r{number}", [(1, number), (100, number)], number) for number in range(4)]
        chart.show_lines(flat)
        drawn = ["".join(cell for cell, _ in row[6:]).strip() for row in chart.draw(80, 20)[1:-2]]
        assert len({text for text in drawn if set(text) & set(map(chr, range(0x2801, 0x2900)))}) == 4


async def test_in_ascii_lines_differ_by_their_marks(host: Any) -> None:
    chart = LineChart()
    async with host(chart, ascii=True).run_test(size=(80, 20)):
        chart.show_lines([line(f"r{number}", [(1, number), (100, number)], number) for number in range(3)])
        drawn = "".join(cell for row in chart.draw(80, 20)[1:-2] for cell, _ in row[8:])
        assert {"*", "o", "+"} <= set(drawn)


def test_a_spike_is_drawn_where_a_dashed_line_pauses() -> None:
    view = View(0, 100, 0, 10)
    for x in range(100):
        points = Series()
        points.extend((step, 9.0 if step == x else 1.0) for step in range(100))
        traced = chart_ink.trace(points, view, 50, 10, dash=2)
        assert min(y for y, _ in traced.masks) <= 1


async def test_only_lines_that_grew_are_worked_out_again(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(80, 20)):
        chart.x_limit = 1000
        for name in ("a", "b", "c"):
            chart.set_series(name, falling(100))
        traced: list[Series] = []
        trace = chart_ink.trace
        monkeypatch.setattr(
            chart_ink,
            "trace",
            lambda series, *rest, **options: (traced.append(series), trace(series, *rest, **options))[1],
        )
        chart.extend("b", [(101, 2.0)])
        assert traced == [chart.points("b")]


async def test_what_does_not_fit_into_the_legend_is_counted(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(60, 10)):
        chart.show_lines([line(f"run-{number}", [(1, 1.0)], number) for number in range(9)])
        assert "".join(cell for cell, _ in chart.draw(60, 10)[0]).rstrip().endswith("+5")


def test_where_bright_lines_meet_both_are_seen_and_a_faint_one_gives_way() -> None:
    taken: set[tuple[int, int]] = set()
    row = [(" ", "")]
    for style, mask, faint in (("raw", 0x40, True), ("first", 0x01, False), ("second", 0x08, False)):
        traced = chart_ink.Trace({(0, 0): mask}, frozenset())
        chart_ink.stamp([row], traced, 0, chart_ink.Ink(style, faint=faint), taken)
    assert row == [(chr(0x2800 | 0x01 | 0x08), "second")]


async def test_the_gap_of_one_line_hides_no_other(host: Any) -> None:
    chart = LineChart()
    async with host(chart).run_test(size=(60, 12)):
        chart.show_lines(
            [
                line("b", [(1, 5.0), (50, math.nan), (100, 5.0)], 1),
                line("a", [(step, 1.0) for step in range(1, 101)]),
            ]
        )
        rows = chart.draw(60, 12)[1:-2]
        column = next(x for x, (cell, _) in enumerate(rows[1]) if cell == "╎")
        assert any(row[column][0] > "\u2800" for row in rows)
