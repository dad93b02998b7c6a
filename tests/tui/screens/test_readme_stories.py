"""What README promises of the screens, each promise as a story; a docstring is the sentence that it tells.

Sentences that are not here are told where they need more room: the demo in test_demo_story, the `:` line
in test_command_line, letters and marks in test_letters, counts in test_counted, replays in test_replaying,
drafts in test_drafts and test_form_drafts, processes on a GPU in test_gpu_pane.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from inspect import getdoc, getmembers, isfunction
from pathlib import Path
from typing import Any

import pytest

from store import Store
from store.preferences import pairs
from store.samples import Answer
from workbench.tui.remembering import Memory
from workbench.tui.theme import THEME_NAMES

README = Path(__file__).parents[3] / "README.md"
FLEET = {None: "I do not know.", "first-try": "Ben brings apples.", "second": "", "third": "I do not know."}

UserOf = Callable[..., Any]


async def test_from_a_file_to_a_checked_template(
    store: Store, user: UserOf, dialogue_file: Path, tiny_causal: Path, tmp_path: Path
) -> None:
    """From a file to a checked template, on the screens: `3` `a`, the file's path, `enter`; `c` `enter`."""
    store.models.add(str(tiny_causal), name="tiny")
    later = tmp_path / "reviews.csv"
    later.write_text("review,label\nIt was lovely.,positive\nNever again.,negative\n", encoding="utf-8")
    async with user(store.root) as she:
        await she.opens("datasets")
        await she.sees("No datasets yet")
        await she.presses("a")
        await she.sees("enter accept")
        await she.pastes(dialogue_file)
        await she.presses("enter")
        await she.sees("row 0 of 24")
        await she.presses("c")
        await she.sees("dialogue summarisation", "fits")
        await she.presses("enter")
        await she.sees("Ben brings apples.", "trained", "24 rows,")  # every row was checked
        await she.opens("datasets")
        await she.presses("a")
        await she.sees("enter accept")
        await she.pastes(later)
        await she.presses("enter")
        await she.sees("row 0 of 2")
        await she.presses("c")  # for the file that just came, whatever stood in Compose before
        await she.sees("new template for reviews", "fits")
    assert store.templates.names() == ["dialogue-summarisation"]


async def test_a_row_is_looked_at_as_the_trainer_has_it(stocked: Store, user: UserOf) -> None:
    """`p` to the next one with a problem, `b` shows it in its padded batch, `i` its ids"""
    async with user(stocked.root) as she:
        await she.opens("compose")
        await she.sees("row 0/24", "6 trained")
        await she.presses("]")
        await she.sees("row 1/24", "Clara brings bread.")
        await she.presses("i")
        await she.sees("</s>‹2›")
        await she.presses("b")
        await she.sees("batch of 8 rows", "padding")
        await she.presses("b", "p")
        await she.sees("no row that way has a problem")


async def test_a_run_is_started_paused_let_go_on_and_watched(
    stocked: Store, user: UserOf, fake_worker: Callable[..., Any]
) -> None:
    """`n` starts a run, `f` one like the selected, `p` pauses or resumes"""
    async with user(stocked.root) as she:
        await she.presses("n")
        await she.sees("new run", "9 steps: 3 passes over 24 rows")
        await she.presses("ctrl+s")
        await she.sees("queued: it starts in a moment")
        await she.presses("p")
        await she.sees("paused before its first loss: p lets it go on")
        await she.presses("p")
        await she.sees("it starts in a moment")
        fake_worker(stocked.root, run="r1", steps=200, pace=0.03)
        await she.sees("running")
        await she.sees("completed", "step 200/200 loss", within=40)
        await she.presses("f")
        await she.sees("new run")
        await she.presses("ctrl+s")
        await she.sees("r2")
    first, second = stocked.runs.get("r1"), stocked.runs.get("r2")
    assert (second.status, second.settings) == ("queued", first.settings)


async def test_samples_are_gone_through_by_step_and_prompt(worked: Store, user: UserOf) -> None:
    """`s` on the Runs screen goes through them by step and prompt"""
    run = worked.runs.get("second-try")
    for step, said in ((10, "Ben brings"), (20, "Ben brings apples.")):
        answers = [Answer(f"What brings {who}?", said, "Ben brings apples.", {}) for who in ("Ben", "Clara")]
        worked.samples.append(run.id, step, answers)
    async with user(worked.root) as she:
        await she.sees("second-try")
        await she.presses("s")
        await she.sees("step 20 (2 of 2)", "prompt 1 of 2", "What brings Ben?")
        await she.presses("[")
        await she.sees("step 10 (1 of 2)")
        await she.presses("n")
        await she.sees("prompt 2 of 2", "What brings Clara?")
        await she.presses("escape")
        await she.sees_not("What brings Clara?")


async def test_a_blind_vote_is_kept_and_only_then_the_names_are_told(
    fleet: Store, user: UserOf, fake_server: Callable[..., Any]
) -> None:
    """`b` makes it blind: answers in random order without names or figures, `v` votes for the one in focus"""
    server = fake_server(fleet, FLEET)
    async with user(fleet.root) as she:
        await she.opens("compare")
        await she.sees("reference: Ben brings apples.")
        await she.presses("b")
        await she.sees("blind: shuffled and unnamed")
        await she.presses("v")
        await she.sees("b asks blindly")
        await she.presses("a")
        await she.sees("Which is better?", "─ A ─", "─ B ─")
        await she.sees_not("tok/s", "R1 ")
        await she.presses("l", "v")
        await she.sees("kept as v1", "base tiny", "better", "tok/s")
        await she.presses("n")
        await she.sees("row 1 of", "Which is better?")
        await she.presses("e")
        await she.sees("kept as v2: equal")
        await she.presses("w")
        await she.sees("Wilson", "third", "ties")
    vote = next(each for each in fleet.preferences.list() if each.winner is not None)
    systems = [candidate.system for candidate in vote.candidates]
    assert (vote.winner, vote.references) == (1, ("Ben brings apples.",))
    assert systems == server.requests[0]["adapters"] and set(systems) == {None, "third"}
    assert list(pairs(fleet.preferences.list())) == []  # both said the same


async def test_every_answer_is_read_against_its_reference_and_by_what_was_gained(
    worked: Store, user: UserOf
) -> None:
    """every answer of an evaluation against its reference, word by word"""
    async with user(worked.root) as she:
        await she.opens("inspect")
        await she.sees("4 rows, ROUGE-1, in order", "+0.750")
        await she.presses("x")
        await she.sees("most gain first")
        await she.presses("m")
        await she.sees("ROUGE-2, most gain first")
        await she.sees("+1.000", "2 of the prediction's 2 word pairs matched")
        await she.presses("v")
        await she.sees("ROUGE-2 of 4 rows")
        await she.presses("escape", "slash")
        await she.types("ticke?ts")
        await she.sees("1 row, ROUGE-2")


async def test_what_was_removed_is_taken_back(stocked: Store, user: UserOf) -> None:
    """`u` takes the last back"""
    model, dataset = stocked.models.get("tiny"), stocked.datasets.get("dialogues")
    async with user(stocked.root) as she:
        await she.opens("datasets")
        await she.sees("row 0 of 24")
        await she.presses("d")
        await she.sees("No datasets yet")
        await she.opens("models")
        await she.sees("encoder-decoder")
        await she.presses("d")
        await she.sees("No models yet", "within 7 days, u takes it back")
        await she.presses("u")
        await she.sees("the model tiny is back", "encoder-decoder")
        await she.presses("u")
        await she.sees("the dataset dialogues is back")
    assert stocked.models.list() == [model]
    assert stocked.datasets.get("dialogues") == dataset


async def test_the_screens_come_back_to_what_they_showed_unless_begun_afresh(
    worked: Store, user: UserOf
) -> None:
    """The screens come back to what they showed"""

    def memory(*, fresh: bool = False) -> Memory:
        return Memory(worked.root, "night", fresh=fresh)

    async with user(worked.root, memory=memory()) as she:
        await she.sees("too-fast")
        await she.presses("slash")
        await she.types("try$")
        await she.sees_not("too-fast")
        await she.presses("enter")
        await she.opens("datasets")
        await she.presses("enter", "j", "j", "j")
        await she.sees("row 3 of 24")
        await she.leaves()
    async with user(worked.root, memory=memory()) as she:
        await she.is_on("datasets")
        await she.sees("row 3 of 24")
        await she.opens("runs")
        await she.sees("second-try")
        await she.sees_not("too-fast")
        await she.leaves()
    async with user(worked.root, memory=memory(fresh=True)) as she:
        await she.is_on("runs")
        await she.sees("too-fast")


async def test_an_action_is_done_by_the_key_that_the_settings_give_it(worked: Store, user: UserOf) -> None:
    """`[keys]` of `.workbench.toml` gives an action other keys, such as `runs.cancel = "X"`"""
    async with user(worked.root, keys={"runs.cancel": "X"}) as she:
        await she.sees("second-try")
        await she.sees_on(-1, "X cancel")
        await she.presses("x")
        await she.presses("X")
        await she.sees("Cancel r3 second-try?")
        await she.presses("n", "colon")
        await she.types("canc")
        await she.sees("cancel  ")
    assert worked.runs.requested("r3") is None


async def test_a_list_is_narrowed_by_a_regular_expression_while_it_is_typed(
    worked: Store, user: UserOf
) -> None:
    """`/` takes a regular expression and narrows the list as it is typed"""
    async with user(worked.root) as she:
        await she.sees("too-fast", "waiting", "first-try")
        await she.presses("slash")
        await she.types("^(first|too)")
        await she.sees_not("waiting")
        await she.sees("too-fast", "first-try")
        await she.presses("escape")
        await she.sees("waiting")


async def test_a_theme_changes_the_colours_at_once(worked: Store, user: UserOf) -> None:
    """changes the colours at once"""
    async with user(worked.root) as she:
        await she.sees("second-try")
        seen = set()
        for name in THEME_NAMES:
            await she.presses("colon")
            await she.pastes(f"theme {name}")
            await she.presses("enter")
            await she.sees_not("theme ")
            app = she.pilot.app
            seen.add((app.screen.styles.background, app.theme_variables["success"]))
    assert len(seen) == len(THEME_NAMES)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=["80x24", "200x50"])
async def test_the_screens_fit_into_a_terminal_that_changes_its_size(
    worked: Store, user: UserOf, size: tuple[int, int]
) -> None:
    """80x24 is enough."""
    async with user(worked.root) as she:
        await she.at(*size)
        await she.sees("second-try", "step 26 of 40", "loss")
        await she.sees_on(-1, "n new run")
        for mode, there in (
            ("datasets", "Felix brings bread."),
            ("inspect", "+0.750"),
            ("compose", "row 0/24"),
        ):
            await she.opens(mode)
            await she.sees(there)


def test_each_story_tells_a_sentence_of_the_readme() -> None:
    """A sentence that is changed there takes its story along."""
    readme = re.sub(r"\s+", " ", README.read_text(encoding="utf-8"))
    stories = getmembers(sys.modules[__name__], isfunction)
    told = {name: getdoc(each) or "" for name, each in stories if name.startswith("test_")}
    del told["test_each_story_tells_a_sentence_of_the_readme"]
    assert {name: text for name, text in told.items() if text not in readme} == {}
    assert len(told) > 10
