"""When a run is in trouble: told once, soon enough, and never of a run that is well."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

import pytest

from workbench.runs.alerts import KINDS, Machine, Watch

GB = 1024**3


def told(losses: Iterable[float], total: int = 1_000_000) -> list[tuple[int, str]]:
    """The step and the kind of everything that a series of losses is told of."""
    watch = Watch(total)
    found = []
    for step, value in enumerate(losses, 1):
        found += [(step, each.kind) for each in watch.loss(step, value)]
    return found


def falling(count: int, start: float = 4.0, end: float = 1.0) -> list[float]:
    return [end + (start - end) * math.exp(-5 * step / count) for step in range(count)]


def test_a_loss_that_is_no_number_is_told_once_and_again_after_a_while() -> None:
    """Ten in a row are one trouble; after twenty finite ones the next is another."""
    series = [1.0] * 5 + [math.nan] * 10 + [1.0] * 19 + [math.inf] + [1.0] * 20 + [-math.inf] * 3
    assert told(series) == [(6, "nan"), (56, "nan")]


def test_a_loss_that_leaves_its_best_for_good_is_told_within_a_window() -> None:
    """Once while it lasts; when it has come down and leaves again, again."""
    series = falling(100) + [5.0] * 200 + [1.0] * 100 + [6.0] * 100
    found = told(series)
    assert [kind for _, kind in found] == ["divergence", "divergence"]
    assert 100 < found[0][0] <= 120 and 400 < found[1][0] <= 420


def test_a_run_that_diverges_in_its_first_steps_is_told() -> None:
    """A step size far too large: a few falling losses, then a wall."""
    assert told([2.4, 2.3, 2.2, 2.2, 2.1, 2.1, 2.0, 2.0, 2.0, 1.9, 1.9] + [9.0] * 30)[0][1] == "divergence"


def test_spikes_and_small_rises_are_no_divergence() -> None:
    """Every tenth loss ten times as high; a loss near zero that doubles; an epoch's small step up."""
    assert told([40.0 if step % 10 == 0 else value for step, value in enumerate(falling(400), 1)]) == []
    assert told([0.05] * 50 + [0.1] * 100) == []
    assert told([2.0] * 50 + [2.3] * 100) == []


@pytest.mark.parametrize(
    "draw",
    [
        lambda source: source.gauss(2, 0.5),
        lambda source: max(0.0, source.gauss(1, 1)),
        lambda source: source.lognormvariate(0, 1),
        lambda source: source.choice([0.2, 3.0]) + source.gauss(0, 0.1),
    ],
    ids=["calm", "wild", "skewed", "two tasks"],
)
def test_noise_alone_is_no_divergence(draw: Callable[[random.Random], float]) -> None:
    """Ten runs of four thousand steps that go nowhere."""
    alarms = 0
    for seed in range(10):
        source = random.Random(seed)
        alarms += any(kind == "divergence" for _, kind in told(draw(source) for _ in range(4_000)))
    assert alarms == 0


def test_a_plateau_is_told_once() -> None:
    """A third of the run without one per cent, and never before two hundred losses."""
    found = told(falling(300) + [1.0] * 2000, total=2300)
    assert [kind for _, kind in found] == ["plateau"]
    assert 300 + 2300 / 3 - 150 < found[0][0] < 300 + 2300 / 3 + 100
    assert told([1.0] * 240, total=240) == []


def test_a_loss_that_still_falls_has_no_plateau() -> None:
    """One per cent in a third of the run is enough."""
    assert told(falling(3000, 4.0, 1.0), total=3000) == []


def test_full_memory_is_told_once_per_device_until_it_was_free() -> None:
    """Above 95 %, then again only after less than 90 %."""
    watch = Watch(10)

    def at(host: float, gpu: float) -> list[str]:
        now = Machine((("host", int(host * GB), GB), ("GPU", int(gpu * GB), GB)), 100 * GB, GB)
        return [each.message.split(" is in use")[0] for each in watch.machine(now)]

    assert at(0.94, 0.5) == []
    assert at(0.96, 0.5) == ["96% of the host memory"]
    assert at(0.97, 0.99) == ["99% of the GPU memory"]
    assert at(0.92, 0.97) == at(0.96, 0.97) == []
    assert at(0.89, 0.97) == []
    assert at(0.96, 0.97) == ["96% of the host memory"]


def test_a_disk_too_full_for_the_next_checkpoint_is_told() -> None:
    """Its own size counts, and a gigabyte at least."""
    watch = Watch(10)

    def at(free: float, needed: float) -> list[str]:
        return [each.message for each in watch.machine(Machine((), int(free * GB), int(needed * GB)))]

    assert at(30, 0.01) == []
    assert at(0.9, 0.01)[0].startswith("922 MB are free")
    assert at(1.1, 0.01) == at(0.9, 0.01) == []  # neither over nor new
    assert at(1.3, 0.01) == []
    assert "the next checkpoint needs 20 GB" in at(19, 20)[0]


def test_every_message_says_what_to_do() -> None:
    """What is wrong, a colon, a remedy; of no control character, whatever the numbers are."""
    watch = Watch(300)
    seen = [each for step in range(1, 12) for each in watch.loss(step, 2.0)]
    seen += [each for step in range(12, 300) for each in watch.loss(step, 9.0)]
    seen += watch.loss(300, math.nan)
    seen += watch.machine(Machine((("host", GB, GB),), 0, 0))
    assert {each.kind for each in seen} == set(KINDS)
    assert all(": " in each.message and each.message.isprintable() for each in seen)
