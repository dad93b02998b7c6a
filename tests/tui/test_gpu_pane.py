"""Memory is shown per GPU where there is one, else for the run's process and the host."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from workbench import telemetry
from workbench.telemetry import GpuReading, HostReading
from workbench.tui.glyphs import UNICODE
from workbench.tui.live import Telemetry, gpu_owners
from workbench.tui.widgets.gpu_pane import GpuPane, course, device_row
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


async def test_each_process_on_a_gpu_has_its_owner_and_its_memory_over_time(host: Any) -> None:
    """Other people's processes too: they are why a run does not fit."""
    pane = GpuPane()
    owners = {7: "r3 dialogue-lora", 8: "alice python", 9: "\x1b[31mroot nvtop"}
    async with host(pane).run_test(size=(90, 20)) as pilot:
        for second in range(8):
            on_gpu = ((7, (second + 1) * 4 * GB), (8, 20 * GB), (9, GB))
            pane.show(
                Telemetry((replace(gpu(0, 60 * GB), processes=on_gpu),), HOST, {}, float(second), owners)
            )
        await pilot.pause()
        lines = pilot.app.drawn()
        ours, theirs = (next(line for line in lines if who in line) for who in ("r3 dialogue", "alice"))
        assert lines.index(ours) < lines.index(theirs)
        assert "32 GB on 0" in ours
        assert "▁▃" in ours.replace(" ", "") or "▂▃" in ours
        assert "20 GB on 0" in theirs
        assert not any("\x1b" in line for line in lines)
        pane.show(Telemetry((replace(gpu(0, GB), processes=((8, GB),)),), HOST, {}, 9.0, owners))
        await pilot.pause()
        assert not any("r3" in line for line in pilot.app.drawn())


async def test_the_load_of_a_gpu_is_drawn_over_time(host: Any) -> None:
    pane = GpuPane()
    async with host(pane).run_test(size=(120, 16)) as pilot:
        for second in range(6):
            pane.show(Telemetry((replace(gpu(0, GB), utilization=second * 20),), HOST, {}, float(second)))
        await pilot.pause()
        line = next(line for line in pilot.app.drawn() if "H200" in line)
        assert "100%" in line
        assert course([0, 20, 40, 60, 80, 100], 100, UNICODE) in line


def test_a_process_belongs_to_the_run_whose_session_it_is_in() -> None:
    # A session of its own, as a trainer has: the one of the tests may be led from outside the container.
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as trainer:
        try:
            mine = telemetry.process_owner(trainer.pid)
            assert mine is not None
            assert mine.user == pwd.getpwuid(os.getuid()).pw_name
            run = SimpleNamespace(pid=trainer.pid, id="r3", name="lora")
            gone = 2**22 + 1
            on_gpu = (replace(gpu(0, GB), processes=((trainer.pid, GB), (gone, GB))),)
            assert gpu_owners(on_gpu, [cast("Any", run)]) == {trainer.pid: "r3 lora", gone: f"process {gone}"}
            assert gpu_owners(on_gpu, [])[trainer.pid] == f"{mine.user} {mine.command}"
        finally:
            trainer.kill()
