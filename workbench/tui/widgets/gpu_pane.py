"""Memory and load of the devices with their recent past; without a GPU, of the run's process and the host."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from store.sizes import bytes_text
from workbench.tui.clean import clean, safe
from workbench.tui.glyphs import Glyphs, progress_bar
from workbench.tui.widgets.line_chart import LineChart
from workbench.tui.widgets.surface import Row, Surface, blank, cells, put, put_cells

if TYPE_CHECKING:
    from workbench.telemetry import GpuReading
    from workbench.tui.live import Telemetry

Device = tuple[str, int, int, str]
"""Name, used bytes, total bytes, further figures."""
NAME_WIDTH = 12
BAR_WIDTH = 24
SHORTEST_BAR = 4
LOAD_CELLS = 12
"""Cells of a GPU's load over time."""


class DeviceBars(Surface):
    """One line per device, then one per process on them: name, bar or recent past, figures."""

    def __init__(self) -> None:
        super().__init__()
        self._devices: tuple[Device, ...] = ()
        self._processes: tuple[Process, ...] = ()

    def show(self, devices: Sequence[Device], processes: Sequence[Process] = ()) -> None:
        """Show devices, each `(name, used bytes, total bytes, further figures)`, and processes on them."""
        lines = len(devices) + len(processes)
        if lines != len(self._devices) + len(self._processes):
            self.styles.height = max(lines, 1)
        self._devices, self._processes = tuple(devices), tuple(processes)
        self.redraw()

    def draw(self, width: int, height: int) -> list[Row]:
        """One row per device and process."""
        rows = [device_row(device, width, self.signs) for device in self._devices]
        rows += [process_row(process, width, self.signs) for process in self._processes]
        return rows[:height]


@dataclass(frozen=True)
class Process:
    """A process on a GPU: whose it is, and its memory there by reading, the newest last."""

    owner: str
    gpu: int
    past: tuple[int, ...]


def process_row(process: Process, width: int, signs: Glyphs) -> Row:
    """Name, memory over time, memory now."""
    row = blank(width)
    name_width = min(NAME_WIDTH, max(width // 4, 4))
    put(row, 0, clean(process.owner, 40), width=name_width)
    now = f"{bytes_text(process.past[-1])} on {process.gpu}"
    past_width = min(BAR_WIDTH, width - name_width - len(now) - 2)
    x = name_width + 1
    if past_width >= SHORTEST_BAR:
        put(row, x, course(process.past[-past_width:], max(process.past), signs), "$muted")
        x += past_width + 1
    put(row, x, now)
    return row


def course(values: Sequence[float], top: float, signs: Glyphs) -> str:
    """Values as cells of different heights, from nothing to `top`."""
    last = len(signs.ramp) - 1
    return "".join(signs.ramp[min(round(value / (top or 1) * last), last)] for value in values)


def device_row(device: Device, width: int, signs: Glyphs) -> Row:
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
    while figures and x + len(figures) > width:
        figures = figures.rpartition("  ")[0]  # what is less needed stands last
    put(row, x, figures, "$muted")
    return row


class GpuPane(Vertical):
    """Bars of what is used now, and a chart of what was used since the pane is open."""

    def __init__(self, *, title: str = "memory", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = safe(title) if title else None
        self._run: str | None = None
        self._start: float | None = None
        self._past: dict[tuple[int, int], deque[int]] = {}
        self._load: dict[int, deque[int]] = {}

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
            self._remember(message)
            bars = self.query_one(DeviceBars)
            bars.show([self._gpu(gpu, bars.signs) for gpu in message.gpus], self._on_gpus(message))
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

    def _remember(self, message: Telemetry) -> None:
        """Keep what each process and each GPU did of late; a process that went is forgotten."""
        used = {(gpu.index, pid): used for gpu in message.gpus for pid, used in gpu.processes}
        self._past = {key: self._past.get(key, deque(maxlen=BAR_WIDTH)) for key in used}
        for key, now in used.items():
            self._past[key].append(now)
        for gpu in message.gpus:
            self._load.setdefault(gpu.index, deque(maxlen=LOAD_CELLS)).append(gpu.utilization or 0)

    def _on_gpus(self, message: Telemetry) -> list[Process]:
        """The processes on the GPUs, those that take the most first."""
        found = [
            Process(message.owners.get(pid, f"process {pid}"), index, tuple(past))
            for (index, pid), past in self._past.items()
        ]
        return sorted(found, key=lambda each: each.past[-1], reverse=True)

    def _gpu(self, gpu: GpuReading, signs: Glyphs) -> Device:
        figures = [
            f"{gpu.utilization}%" if gpu.utilization is not None else "",
            f"{gpu.temperature_c}°C" if gpu.temperature_c is not None else "",
            f"{gpu.power_w:.0f} W" if gpu.power_w is not None else "",
            course(self._load[gpu.index], 100, signs) if gpu.utilization is not None else "",
        ]
        name = f"{gpu.index} {gpu.name.removeprefix('NVIDIA ')}"
        return name, gpu.used_bytes, gpu.total_bytes, "  ".join(figure for figure in figures if figure)


def _load(message: Telemetry) -> str:
    return f"CPU {message.host.cpu_percent:.0f}%"
