"""What is typed into a long form is not lost: it is there when the form opens again, until it is started."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import BadInput, Store
from workbench.runs import launch, probing
from workbench.runs.options import make_options
from workbench.tui import drafts
from workbench.tui import state as states
from workbench.tui.screens import draft_keeping, evaluating
from workbench.tui.screens import launch as launch_screen
from workbench.tui.screens.draft_keeping import DRAFT_SECONDS

TO_NAME = ("tab",) * 5
"""From the model, with which the form of a new run begins."""
TABS = "\t" * len(TO_NAME)
THERE = "This is the draft of"
OFFERED = "There is a draft of"
AFRESH = "Begun afresh"
BACK = "What was typed is back"

RUN = {"model": "tiny", "dataset": "dialogues", "template": "summarise", "split": "train", "method": "lora"}

UserOf = Callable[..., Any]


@pytest.fixture
def ready(answer: dict[str, Any]) -> Callable[[Store], Path]:
    """Lets it be known what the runs of a story take, so that no probe is started; returns the folder."""

    def make_known(store: Store) -> Path:
        for run in (RUN, RUN | {"settings": {"max_steps": 40, "seed": 1}}):
            probing.keep(store, make_options(run), answer)
        return store.root

    return make_known


def kept(store: Store) -> list[dict[str, str]]:
    """What the drafts of forms hold, the latest first."""
    return [json.loads(draft.text) for draft in drafts.free(store.root, drafts.FORM)]


async def names(she: Any, name: str) -> None:
    """Open the form of a new run, and give the run a name."""
    await she.presses("n")
    await she.sees("9 steps: 3 passes")
    await she.presses(*TO_NAME, "ctrl+u")
    await she.pastes(name)
    await she.sees(name)


async def test_a_form_that_was_left_comes_back_with_what_was_typed_and_can_be_begun_afresh(
    stocked: Store, user: UserOf, ready: Any
) -> None:
    async with user(ready(stocked), size=(80, 24)) as she:
        await names(she, "mine")
        await she.presses("escape", "n")  # at once: nothing has to be waited for
        await she.sees(THERE, "^r begins afresh", "mine")
        await she.presses("ctrl+r")
        await she.sees(AFRESH)
        await she.sees_not("mine")
        await she.presses("ctrl+r")
        await she.sees(BACK, "mine")
        await she.presses("ctrl+r")
        await she.sees(AFRESH)
        await she.presses("escape", "n")
        await she.sees("9 steps")
        await she.sees_not("draft", "mine")
    assert kept(stocked) == []


async def test_a_run_that_is_started_takes_its_draft_with_it(
    stocked: Store, user: UserOf, ready: Any
) -> None:
    async with user(ready(stocked)) as she:
        await names(she, "mine")
        await she.presses("escape", "n")
        await she.sees(THERE)
        assert [fields["name"] for fields in kept(stocked)] == ["mine"]
        await she.presses("ctrl+s")
        await she.sees("r1 mine is queued")
        await she.presses("n")
        await she.sees("9 steps")
        await she.sees_not("draft")
    assert kept(stocked) == []


async def test_of_a_form_in_which_nothing_was_changed_nothing_is_kept(
    stocked: Store, user: UserOf, ready: Any
) -> None:
    async with user(ready(stocked)) as she:
        await names(she, "auto")  # as it was
        await she.pilot.pause(DRAFT_SECONDS + 0.2)
        await she.presses("escape")
    assert kept(stocked) == []


async def test_a_form_like_a_run_shows_the_run_and_offers_the_draft(
    worked: Store, user: UserOf, ready: Any
) -> None:
    """`f` is pressed to have the run again: no draft takes its place unasked, and none is lost by it."""
    async with user(ready(worked)) as she:
        await she.sees("second-try")
        await names(she, "mine")
        await she.presses("escape", "f")
        await she.sees(OFFERED, "^r takes it up", "40 steps")
        await she.sees_not("mine")
        await she.presses("ctrl+r")
        await she.sees(BACK, "mine", "9 steps")
        await she.presses("ctrl+r")
        await she.sees(AFRESH, "40 steps")
        await she.presses(*TO_NAME, "ctrl+u")
        await she.pastes("changed")
        await she.presses("escape", "n")
        await she.sees(THERE, "changed", "40 steps")  # what was typed last
        await she.presses("ctrl+s")
        await she.sees("changed is queued")
        await she.presses("f")
        await she.sees(OFFERED)  # what was typed before it is there: to look at it has not used it up
        await she.presses("ctrl+r")
        await she.sees(BACK, "mine", "9 steps")
        await she.presses("ctrl+s")
        await she.sees("mine is queued")
        await she.presses("n")
        await she.sees("9 steps")
        await she.sees_not("draft")
    assert kept(worked) == []


async def test_an_offered_draft_stays_within_reach_after_something_was_typed(
    worked: Store, user: UserOf, ready: Any
) -> None:
    async with user(ready(worked)) as she:
        await she.sees("second-try")
        await names(she, "mine")
        await she.presses("escape", "f")
        await she.sees(OFFERED, "^r takes it up", "40 steps")
        await she.presses(*TO_NAME, "x")
        await she.sees("^r begins afresh, and again takes up the draft of")
        await she.presses("ctrl+r")
        await she.sees(AFRESH, "^r takes up the draft of")
        await she.presses("ctrl+r")
        await she.sees(BACK, "mine", "9 steps")
        await she.presses("ctrl+s")
        await she.sees("mine is queued")
    assert kept(worked) == []


async def test_what_is_typed_as_the_app_ends_is_kept(
    stocked: Store, user: UserOf, ready: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_keeping, "DRAFT_SECONDS", 60.0)
    async with user(ready(stocked)) as she:
        await names(she, "mine")
    assert [fields["name"] for fields in kept(stocked)] == ["mine"]


async def test_a_run_that_is_refused_after_its_form_was_left_is_told_of_and_is_asked_for_once(
    stocked: Store, user: UserOf, ready: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = threading.Event()
    asked: list[Any] = []

    def refuse(_: Store, options: Any, __: Any) -> None:
        asked.append(options)
        checked.wait(20)
        raise BadInput("row 7 is empty", "mend it")

    monkeypatch.setattr(launch, "submit", refuse)
    async with user(ready(stocked)) as she:
        await names(she, "mine")
        await she.presses("ctrl+s")
        await she.sees("checking the first rows")
        await she.presses("ctrl+s")
        checked.set()
        await she.sees("row 7 is empty")
        await she.pilot.pause(0.2)
        assert len(asked) == 1
        checked.clear()
        await she.presses("ctrl+s")
        await she.sees("checking the first rows")
        await she.presses("escape")
        await she.sees_not("checking the first rows")
        checked.set()
        await she.sees("row 7 is empty")
    assert len(asked) == 2
    assert [fields["name"] for fields in kept(stocked)] == ["mine"]


async def test_nothing_but_drafts_is_read_on_the_lane_that_is_waited_for(
    worked: Store, user: UserOf, ready: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes: list[str] = []

    def noted(read: Callable[[Store], Any]) -> Callable[[Store], Any]:
        def note(store: Store) -> Any:
            lanes.append(threading.current_thread().name)
            return read(store)

        return note

    monkeypatch.setattr(launch_screen, "read_stock", noted(launch_screen.read_stock))
    monkeypatch.setattr(evaluating, "read_offer", noted(evaluating.read_offer))
    async with user(ready(worked)) as she:
        await she.presses("n")
        await she.sees("9 steps")
        await she.presses("escape")
        await she.opens("inspect")
        await she.sees("4 rows, ROUGE-1")
        await she.presses("e")
        await she.sees("tab next field")
    assert lanes == ["lane-store", "lane-store"]


async def test_what_is_gone_meanwhile_is_shown_as_wrong_and_nothing_else_is_started(
    stocked: Store, user: UserOf, tiny_causal: Path, ready: Any
) -> None:
    stocked.models.add(str(tiny_causal), name="another")
    async with user(ready(stocked)) as she:
        await names(she, "mine")
        await she.presses("escape")
        await she.pilot.pause(0.2)
        stocked.models.remove("another")  # the first one, which stood in the form
        stocked.db.execute("update datasets set name = 'renamed'")
        await she.presses("n")
        await she.sees(THERE, "another", "mine", "model = another is not one of tiny")
        form = she.pilot.app.screen.query_one("Form")
        assert set(form.problems()) == {"model", "dataset"}
        assert {row.field.name for row in form.query(".field.-wrong")} == {"model", "dataset"}
        await she.presses("ctrl+s")
        await she.sees("is not one of")
    assert stocked.runs.list() == []


async def test_a_damaged_draft_is_passed_over(stocked: Store, user: UserOf, ready: Any) -> None:
    texts = ["", "[]", "{}", '{"name": 3}', "[" * 100_000, '{"name": "a\\nb"}']
    for text in texts:
        drafts.keep(drafts.new_place(stocked.root, "new-run", drafts.FORM), text)
    async with user(ready(stocked)) as she:
        await she.presses("n")
        await she.sees("9 steps")
        await she.sees_not("draft")
    log = (stocked.root / "tui.log").read_text()
    assert log.count("is passed over: it holds no field of a form") == len(texts)


async def test_the_form_of_an_evaluation_is_kept_too_and_apart(
    worked: Store, user: UserOf, ready: Any
) -> None:
    async with user(ready(worked)) as she:
        await she.opens("inspect")
        await she.sees("4 rows, ROUGE-1")
        await she.presses("e")
        await she.sees("tab next field")
        await she.presses(*("tab",) * 5, "ctrl+u", "7", "escape", "e")
        await she.sees(THERE)
        assert she.pilot.app.screen.query_one("Form").changed() == {"limit": 7}
        await she.presses("escape")
        await she.opens("runs")
        await she.presses("n")
        await she.sees("9 steps")
        await she.sees_not("draft")


def test_two_sessions_keep_what_is_typed_apart_and_no_end_of_theirs_loses_it(
    terminal: Callable[..., Any], stocked: Store, ready: Any
) -> None:
    """Three terminals: two that live side by side and end badly, and the next one, which is left with `q`."""
    root, sessions = ready(stocked), []
    for name in ("first-one", "second-one"):
        sessions.append(terminal(root, size=(100, 40)))
        sessions[-1].wait_for("No runs yet")
        sessions[-1].press("n")
        sessions[-1].wait_for("9 steps")
        shown = "\n".join(sessions[-1].lines)
        assert "draft" not in shown and "first-one" not in shown
        sessions[-1].press(f"{TABS}\x15{name}")
        sessions[-1].wait_for(name)
        sessions[-1].read_for(0.9)
    assert drafts.left(root, drafts.FORM) == []  # both live
    sessions[0].hang_up()
    sessions[1].process.send_signal(signal.SIGKILL)
    assert all(session.ends_within(10) is not None for session in sessions)
    again = terminal(root, size=(100, 40))
    again.wait_for("No runs yet")
    again.press("n")
    again.wait_for(THERE)
    again.wait_for("second-one")
    again.press("\x13")
    again.wait_for("second-one is queued")
    again.press("n")
    again.wait_for(THERE)
    again.wait_for("first-one")
    again.press(f"{TABS}\x05-changed")
    again.wait_for("first-one-changed")
    again.press("\x1b")
    again.read_for(0.3)  # else the two keys are one
    again.press("q")
    assert again.ends_within(10) == 0
    (draft,) = drafts.left(root, drafts.FORM)
    assert json.loads(draft.text)["name"] == "first-one-changed"
    assert states.load(root)[1] == ""
