"""Memory is shown per GPU where there is one, else for the run's process and the host."""

from __future__ import annotations

from typing import Any

from workbench.telemetry import GpuReading, HostReading
from workbench.tui.glyphs import UNICODE
from workbench.tui.live import Telemetry
from workbench.tui.widgets.gpu_pane import GpuPane, device_row
from workbench.tui.widgets.line_chart import LineChart

GB = 1024**3
HOST = HostReading(4 * GB, 16 * GB, 37.0, 1, 2)


def gpu(index: int, used: int) -> GpuReading:
    return GpuReading(index, "NVIDIA H200", used, 139 * GB, 87, 61, 350.4, ())


async def test_each_gpu_has_a_bar_and_a_line(host: Any) -> None:
    pane = GpuPane()
    async with host(pane).run_test(size=(80, 16)) as pilot:
        for second in range(5):
            pane.show(Telemetry((gpu(0, 34 * GB), gpu(1, 2 * GB)), HOST, {}, 100.0 + second))
        await pilot.pause()
        drawn = "\n".join(pilot.app.drawn())
        assert "0 H200" in drawn
        assert "34 GB of 139 GB" in drawn
        assert "87%  61°C  350 W" in drawn
        assert pane.query_one(LineChart).series_names == ("GPU 0", "GPU 1")


async def test_without_a_gpu_the_runs_process_is_drawn(host: Any) -> None:
    pane = GpuPane()
    async with host(pane).run_test(size=(80, 16)) as pilot:
        pane.show(Telemetry((), HOST, {"r1": GB}, 100.0))
        await pilot.pause()
        assert pane.query_one(LineChart).series_names == ("host",)
        pane.run = "r1"
        pane.show(Telemetry((), HOST, {"r1": GB}, 101.0))
        await pilot.pause()
        drawn = "\n".join(pilot.app.drawn())
        assert "run r1" in drawn
        assert "1 GB of 16 GB" in drawn
        assert "CPU 37%" in drawn
        assert pane.query_one(LineChart).series_names == ("process",)


def test_a_narrow_row_keeps_the_figure_that_matters() -> None:
    for width in range(1, 90):
        row = device_row(("0 H200", 34 * GB, 139 * GB, "87%"), width, UNICODE)
        assert len(row) == width
    assert "34 GB" in "".join(cell for cell, _ in device_row(("0 H200", 34 * GB, 139 * GB, ""), 16, UNICODE))
