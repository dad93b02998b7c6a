"""A chart shows what it is given at any size, and changes only where the series grew."""

from __future__ import annotations

import math
from typing import Any

import pytest
from textual.geometry import Region

from workbench.tui.widgets.line_chart import LineChart


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
        chart.focus_series("b")
        styles = {style for row in chart.draw(40, 12)[1:-2] for cell, style in row if cell >= "\u2800"}
        assert styles == {"$series-2"}


async def test_an_axis_of_bytes_starts_at_zero_and_has_round_labels(host: Any) -> None:
    chart = LineChart(unit="bytes", x_unit="seconds")
    async with host(chart).run_test(size=(60, 16)) as pilot:
        chart.set_series("process", [(second, 800 * 1024**2) for second in range(120)])
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
