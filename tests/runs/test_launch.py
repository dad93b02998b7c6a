"""Launching: what cannot work is refused before anything starts, and what starts is recorded whole."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stocking

from store import Store
from store.errors import BadInput, NotFound
from workbench.runs import launch, plan
from workbench.runs.options import RunOptions, from_toml, make_options
from workbench.runs.training import TrainingSettings

OPTIONS = RunOptions("tiny", "dialogues", "summarise")


@pytest.fixture
def filled(store: Store, tiny_causal: Path, dialogue_file: Path) -> Iterator[Store]:
    """A store with a model, a dataset and a template, whose queue is held so that no trainer starts."""
    store.models.add(str(tiny_causal), name="tiny")
    store.datasets.add(str(dialogue_file), name="dialogues")
    stocking.add_template(store, "summarise", "{{ dialogue }}\nSummary: ", "{{ summary }}")
    with stocking.held_queue(store):
        yield store


def test_a_submitted_run_is_queued_with_its_whole_lineage(filled: Store) -> None:
    """Fingerprints, hash, seed, versions, and settings in which nothing is left open."""
    run = launch.submit(filled, RunOptions("tiny", "dialogues", "summarise", "dora", name="first"))
    assert (run.name, run.status, run.method) == ("first", "queued", "dora")
    assert run.lineage["base"]["fingerprint"] == filled.models.get("tiny").fingerprint
    assert run.lineage["dataset"]["fingerprint"] == filled.datasets.get("dialogues").fingerprint
    assert run.lineage["template"]["hash"] == filled.templates.get("summarise").hash
    assert run.lineage["seed"] == run.settings["seed"] == 42
    assert run.lineage["versions"]["peft"]
    assert run.settings["learning_rate"] > 0
    assert run.settings["max_length"] == 256  # the model's own limit


def test_a_runs_own_file_starts_it_again(filled: Store, dialogue_file: Path) -> None:
    """Model, data with its split, template, method, name and every setting as it was resolved."""
    filled.datasets.add(str(dialogue_file), name="dialogues", split="test")
    settings = TrainingSettings(target_modules=("q_proj",), batch_size=3)
    asked = RunOptions("tiny", "dialogues", "summarise", "rslora", "again", "test", settings)
    first = launch.submit(filled, asked)
    options = make_options(from_toml(filled.runs.folder(first) / "run.toml"))
    assert (options.method, options.name, options.split) == ("rslora", "again", "test")
    second = launch.submit(filled, options)
    assert (second.settings, second.lineage) == (first.settings, first.lineage)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (RunOptions("tny", "dialogues", "summarise"), "did you mean 'tiny'"),
        (RunOptions("tiny", "dialogs", "summarise"), "did you mean 'dialogues'"),
        (RunOptions("tiny", "dialogues", "sumarise"), "did you mean 'summarise'"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(filled: Store, options: RunOptions, says: str) -> None:
    """And nothing is queued."""
    with pytest.raises(NotFound, match=says):
        launch.submit(filled, options)
    assert filled.runs.list() == []


def test_a_wrong_split_lists_those_there_are(filled: Store) -> None:
    """By name."""
    with pytest.raises(BadInput, match="no split 'training'; choose one of train"):
        launch.submit(filled, RunOptions("tiny", "dialogues", "summarise", split="training"))


def test_a_template_that_does_not_fit_is_refused_before_launch(filled: Store) -> None:
    """A column that is not there, and a completion that is empty for a row."""
    stocking.add_template(filled, "wrong", "{{ dialog }}", "{{ summary }}")
    with pytest.raises(BadInput, match="dialog"):
        launch.submit(filled, RunOptions("tiny", "dialogues", "wrong"))
    stocking.add_template(filled, "empty", "{{ dialogue }}", "{{ '' if 'map' in dialogue else summary }}")
    with pytest.raises(BadInput, match="row 2 of 'train'"):
        launch.submit(filled, RunOptions("tiny", "dialogues", "empty"))
    assert filled.runs.list() == []


def test_what_training_can_live_with_is_told_with_its_remedy(filled: Store) -> None:
    """How many rows, the first of them, and what to do; the run is queued all the same."""
    told: list[str] = []
    settings = TrainingSettings(max_length=40)
    run = launch.submit(filled, RunOptions("tiny", "dialogues", "summarise", settings=settings), told.append)
    assert run.status == "queued"
    (warning,) = told
    assert warning.startswith("13 of 24 rows looked at, first row 2 of 'train': the prompt's first ")
    assert "set max_length to" in warning
    launch.submit(filled, RunOptions("tiny", "dialogues", "summarise"), told.append)
    assert len(told) == 1


def test_virtual_tokens_that_leave_no_room_are_refused(filled: Store) -> None:
    """The message holds both numbers."""
    settings = TrainingSettings(num_virtual_tokens=250)
    with pytest.raises(BadInput, match="num_virtual_tokens = 250 leaves no room in the 256 tokens"):
        launch.submit(
            filled, RunOptions("tiny", "dialogues", "summarise", "prompt-tuning", settings=settings)
        )


def test_a_half_precision_that_overflows_is_refused(filled: Store, tiny_seq2seq: Path) -> None:
    """float16 and T5 do not go together."""
    filled.models.add(str(tiny_seq2seq), name="t5")
    with pytest.raises(BadInput, match="float16 overflows"):
        launch.submit(
            filled, RunOptions("t5", "dialogues", "summarise", settings=TrainingSettings(dtype="float16"))
        )


def test_the_validation_split_is_found_by_its_usual_names(filled: Store, dialogue_file: Path) -> None:
    """And is never the one that is trained on."""
    filled.datasets.add(str(dialogue_file), name="dialogues", split="validation")
    dataset = filled.datasets.get("dialogues")
    assert launch.validation_split(dataset, "train") == "validation"
    assert launch.validation_split(dataset, "validation") is None


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        (TrainingSettings(), 3 * 3),  # 24 rows, batches of 8
        (TrainingSettings(batch_size=5, num_train_epochs=1), 5),
        (TrainingSettings(batch_size=5, gradient_accumulation_steps=2, num_train_epochs=1), 3),
        (TrainingSettings(num_train_epochs=0.5), math.ceil(1.5)),
        (TrainingSettings(max_steps=7), 7),
    ],
)
def test_the_plan_counts_steps(filled: Store, settings: TrainingSettings, steps: int) -> None:
    """The last batch and the last accumulation may be smaller."""
    planned = plan.plan(filled, RunOptions("tiny", "dialogues", "summarise", settings=settings))
    assert (planned.rows, planned.steps) == (24, steps)
    assert planned.row_length == 256


def test_the_default_step_size_falls_with_the_models_width(filled: Store) -> None:
    """The method's own at 4096, more for a narrow model, what was asked for when something was."""
    assert plan.plan(filled, OPTIONS).learning_rate == pytest.approx(2e-4 * (4096 / 32) ** 0.775, rel=0.05)
    asked = RunOptions("tiny", "dialogues", "summarise", settings=TrainingSettings(learning_rate=0.5))
    assert plan.plan(filled, asked).learning_rate == 0.5


def test_many_starters_at_once_get_one_dispatcher(store: Store) -> None:
    """Six processes that all need a queue: one lives, and each of them saw it live."""
    code = (
        "import sys; from pathlib import Path; from workbench.runs.launch import ensure_queue;"
        "ensure_queue(Path(sys.argv[1])); print('ok')"
    )
    starters = [
        subprocess.Popen([sys.executable, "-c", code, str(store.root)], stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    assert [starter.communicate(timeout=60)[0] for starter in starters] == [b"ok\n"] * 6
    time.sleep(1)  # the dispatchers that found the lock taken give up within half a second
    assert len(dispatchers(store.root)) == 1
    assert "Traceback" not in (store.root / "queue.log").read_text()
    deadline = time.monotonic() + 20
    while dispatchers(store.root):
        assert time.monotonic() < deadline, "an idle dispatcher does not end"
        time.sleep(0.1)


def dispatchers(root: Path) -> list[int]:
    """The processes that dispatch for this store."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"workbench.runs.queue" in arguments and str(root).encode() in arguments:
                found.append(int(entry.name))
    return found


def test_rows_that_teach_nothing_are_skipped_where_that_is_asked_for(filled: Store) -> None:
    """They are refused with that way out, and told when it is taken."""
    stocking.add_template(filled, "empty", "{{ dialogue }}", "{{ '' if 'map' in dialogue else summary }}")
    with pytest.raises(BadInput, match="bad_rows=skip"):
        launch.submit(filled, RunOptions("tiny", "dialogues", "empty"))
    told: list[str] = []
    settings = TrainingSettings(bad_rows="skip")
    assert launch.submit(filled, RunOptions("tiny", "dialogues", "empty", settings=settings), told.append)
    assert "6 of 24 rows looked at, first row 2 of 'train': variant 'v0'" in told[0]
