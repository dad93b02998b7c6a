"""Runs are put into the trash from their screen, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from store import Store, open_store
from workbench.processes import HeldLock
from workbench.runs.queue import trainer_lock


async def test_a_run_goes_into_the_trash_and_comes_back(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    before = worked.runs.list()
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "second-try")
        pilot.app.screen.go_to("r2")
        await look.wait(pilot, "the loss is not a number")
        await pilot.press("d")
        await look.wait(pilot, "r2 is in the trash")
        await look.wait(pilot, "within 7 days, u takes it back")
        await until(pilot, lambda: "too-fast" not in look(pilot))
        assert [run.id for run in worked.runs.list()] == ["r4", "r3", "r1"]
        await pilot.press("u")
        await look.wait(pilot, "the run r2 (too-fast) is back")
        await look.wait(pilot, "failed")
        assert worked.runs.list() == before


async def test_marked_runs_go_and_come_back_as_one(
    worked: Store, opened: Any, look: Any, until: Any, enter_run: Callable[..., str]
) -> None:
    enter_run(worked, "one-more", outcome="failed")
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "one-more")
        runs = pilot.app.screen.query_one("#runs")
        runs.mark(("r1", "r2", "r5"))
        await pilot.press("d")
        await look.wait(pilot, "3 runs are in the trash")
        await until(pilot, lambda: runs.keys == ("r4", "r3"))
        assert runs.marked == frozenset()
        await pilot.press("u")
        await look.wait(pilot, "the runs r5, r2, r1 are back")
        await look.wait(pilot, "one-more")
        assert [run.id for run in worked.runs.list()] == ["r5", "r4", "r3", "r2", "r1"]


async def test_a_run_at_work_is_not_removed_and_says_why(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "second-try")
        await pilot.press("d")
        await look.wait(pilot, "remove: r3 is running: x cancels it first")
        pilot.app.screen.query_one("#runs").mark(("r1", "r4"))
        await pilot.press("d")
        await look.wait(pilot, "remove: r4 is queued: x cancels it first")
        lock = HeldLock.take(trainer_lock(worked, worked.runs.get("r2")))
        assert lock is not None
        with lock:
            pilot.app.screen.query_one("#runs").mark(())
            pilot.app.screen.go_to("r2")
            await look.wait(pilot, "the loss is not a number")
            await pilot.press("d")
            await look.wait(pilot, "the trainer of run r2 is still ending")
        assert len(worked.runs.list()) == 4


async def test_what_others_remove_and_take_back_is_seen_as_it_happens(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    """By the list of runs, and by an adapter whose run it was."""
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "first-try")
        with open_store(worked.root) as other:
            other.runs.remove("r1")
            await until(pilot, lambda: pilot.app.screen.query_one("#runs").keys == ("r4", "r3", "r2"))
            await pilot.press("5")
            await look.wait(pilot, "r1, which is gone")
            other.trash.restore()
            await look.wait(pilot, "run               r1 ")
            assert "gone" not in look(pilot)


async def test_the_last_run_can_go_and_without_a_trash_only_after_a_yes(
    stocked: Store, opened: Any, look: Any, enter_run: Callable[..., str]
) -> None:
    enter_run(stocked, "only-one", outcome="failed")
    async with opened(stocked.root) as pilot:
        pilot.app.trash_days = 0
        await look.wait(pilot, "the loss is not a number")
        await pilot.press("d")
        await look.wait(pilot, "Its metrics, checkpoints and logs are deleted for good.")
        await pilot.press("n")
        assert len(stocked.runs.list()) == 1
        await pilot.press("d", "y")
        await look.wait(pilot, "Press n to start one")
        assert stocked.runs.list() == []


async def test_a_row_that_is_no_run_is_told_and_hides_nothing(worked: Store, opened: Any, look: Any) -> None:
    with worked.db.conn:
        worked.db.execute("update runs set status = 'dreaming' where id = 4")
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "second-try")
        await look.wait(pilot, "a row of the catalog is no run")
        assert "waiting" not in look(pilot)
