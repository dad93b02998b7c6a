"""Memory and load of the devices with their recent past; without a GPU, of the run's process and the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.tui.clean import clean, safe
from workbench.tui.glyphs import Glyphs, bytes_text, progress_bar
from workbench.tui.widgets.line_chart import LineChart
from workbench.tui.widgets.surface import Row, Surface, blank, cells, put, put_cells

if TYPE_CHECKING:
    from workbench.telemetry import GpuReading
    from workbench.tui.live import Telemetry

NAME_WIDTH = 12
BAR_WIDTH = 24
SHORTEST_BAR = 4


class DeviceBars(Surface):
    """One line per device: name, bar, figures."""

    def __init__(self) -> None:
        super().__init__()
        self._devices: tuple[tuple[str, int, int, str], ...] = ()

    def show(self, devices: Sequence[tuple[str, int, int, str]]) -> None:
        """Show devices, each `(name, used bytes, total bytes, further figures)`."""
        if len(devices) != len(self._devices):
            self.styles.height = max(len(devices), 1)
        self._devices = tuple(devices)
        self.redraw()

    def draw(self, width: int, height: int) -> list[Row]:
        """One row per device."""
        return [device_row(device, width, self.signs) for device in self._devices[:height]]


def device_row(device: tuple[str, int, int, str], width: int, signs: Glyphs) -> Row:
    """Name, bar, used of total, then what else there is room for."""
    name, used, total, figures = device
    row = blank(width)
    name_width = min(NAME_WIDTH, max(width // 4, 4))
    put(row, 0, clean(name, 40), "$muted", width=name_width)
    text = f"{bytes_text(used)} of {bytes_text(total)}"
    if name_width + SHORTEST_BAR + len(text) + 2 > width:
        text = bytes_text(used)
    bar_width = min(BAR_WIDTH, width - name_width - len(text) - 2)
    x = name_width + 1
    if bar_width >= SHORTEST_BAR:
        put_cells(row, x, cells(progress_bar(used, total, bar_width, signs)))
        x += bar_width + 1
    x = put(row, x, text) + 2
    if x + len(figures) <= width:
        put(row, x, figures, "$muted")
    return row


class GpuPane(Vertical):
    """Bars of what is used now, and a chart of what was used since the pane is open."""

    def __init__(self, *, title: str = "memory", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = safe(title) if title else None
        self._run: str | None = None
        self._start: float | None = None

    def compose(self) -> ComposeResult:
        """Bars over a chart."""
        yield DeviceBars()
        chart = LineChart(unit="bytes", x_unit="seconds")
        chart.can_focus = False
        yield chart

    @property
    def run(self) -> str | None:
        """The run whose process is drawn where there is no GPU."""
        return self._run

    @run.setter
    def run(self, run: str | None) -> None:
        if run != self._run:
            self._run = run
            self.query_one(LineChart).clear("process")

    def show(self, message: Telemetry) -> None:
        """Take a new reading."""
        self._start = message.seconds if self._start is None else self._start
        elapsed = message.seconds - self._start
        process = message.processes.get(self._run or "")
        chart = self.query_one(LineChart)
        if message.gpus:
            self.query_one(DeviceBars).show([_gpu(gpu) for gpu in message.gpus])
            for gpu in message.gpus:
                chart.extend(f"GPU {gpu.index}", [(elapsed, gpu.used_bytes)])
            return
        devices = [("host", message.host.memory_used_bytes, message.host.memory_total_bytes, _load(message))]
        if process is not None:
            devices.insert(0, (f"run {self._run}", process, message.host.memory_total_bytes, "resident"))
        self.query_one(DeviceBars).show(devices)
        if process is not None:
            chart.clear("host")
            chart.extend("process", [(elapsed, process)])
        elif "process" not in chart.series_names:
            chart.extend("host", [(elapsed, message.host.memory_used_bytes)])


def _gpu(gpu: GpuReading) -> tuple[str, int, int, str]:
    figures = [
        f"{gpu.utilization}%" if gpu.utilization is not None else "",
        f"{gpu.temperature_c}°C" if gpu.temperature_c is not None else "",
        f"{gpu.power_w:.0f} W" if gpu.power_w is not None else "",
    ]
    name = f"{gpu.index} {gpu.name.removeprefix('NVIDIA ')}"
    return name, gpu.used_bytes, gpu.total_bytes, "  ".join(figure for figure in figures if figure)


def _load(message: Telemetry) -> str:
    return f"CPU {message.host.cpu_percent:.0f}%"
