"""Rendering in a process of its own: the same answers, and no template that can stop the one who asks."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from store import Store
from store.errors import BadInput, NotFound, StoreError, Unavailable
from store.templates import Template, Variant, format_template
from workbench.composing import requests
from workbench.composing.limited import Limited, SurveyProcess
from workbench.composing.shown import PreviewRequest, SurveyRequest

TEMPLATE = Template(
    "t",
    "test",
    (
        Variant("a", "{{ dialogue }}\n", "{{ summary }}"),
        Variant("b", "Sum up {{ dialogue }}:", "{{ summary }}"),
    ),
)
TEXT = format_template(TEMPLATE)


@pytest.fixture
def stocked(store: Store, tiny_causal: Path, tiny_seq2seq: Path, dialogue_file: Path) -> Store:
    store.models.add(str(tiny_causal), name="causal")
    store.models.add(str(tiny_seq2seq), name="seq2seq")
    store.datasets.add(dialogue_file, name="d")
    return store


@pytest.fixture
def limited(stocked: Store) -> Iterator[Limited]:
    made = Limited(stocked.root)
    yield made
    made.close()


def asking(text: str = TEXT, **changes: object) -> PreviewRequest:
    return replace(PreviewRequest("d", "train", 0, "causal", None, 42, text), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["causal", "seq2seq", None])
def test_it_answers_as_the_same_functions_do_here(
    limited: Limited, stocked: Store, model: str | None
) -> None:
    for row in (0, 7, 23):
        request = asking(row=row, model=model, batch=4)
        assert limited.preview(request) == requests.make_preview(stocked, request)
    cut = asking(max_length=9)
    assert any(token.cut for token in limited.preview(cut).tokens)
    padded = limited.preview(asking(row=0, batch=24)).tokens
    assert all(not token.trained for token in padded if token.role == "padding")


def test_errors_arrive_as_they_are(limited: Limited) -> None:
    with pytest.raises(BadInput, match="line 1, column 3: unexpected 'end of template'"):
        limited.preview(asking('name="t"\ntask="t"\n[[variants]]\nname="v"\nprompt="{{ "\ncompletion="x"'))
    with pytest.raises(BadInput, match="the template: Invalid value"):
        limited.preview(asking("name = "))
    with pytest.raises(NotFound, match="no row 99"):
        limited.preview(asking(row=99))
    with pytest.raises(NotFound, match="no model named 'gone'"):
        limited.preview(asking(model="gone"))
    with pytest.raises(BadInput, match="'dialog' is not there"):
        limited.preview(asking(TEXT.replace("dialogue", "dialog")))
    assert limited.preview(asking()).variant in "ab"


def test_a_process_that_is_killed_is_replaced(limited: Limited) -> None:
    limited.preview(asking())
    child = limited._child
    assert child is not None
    os.kill(child._process.pid, signal.SIGKILL)
    child._process.wait()
    assert limited.preview(asking()).row == 0


def test_one_that_takes_too_long_is_ended_and_the_next_request_is_answered(limited: Limited) -> None:
    limited.preview(asking())
    child = limited._child
    assert child is not None
    os.kill(child._process.pid, signal.SIGSTOP)  # the worst that a template could do
    start = time.monotonic()
    with pytest.raises(BadInput, match="takes too long"):
        limited.preview(asking())
    assert time.monotonic() - start < 4
    assert limited.preview(asking()).row == 0


def test_the_next_problem_is_found_in_both_directions(limited: Limited) -> None:
    long = asking(max_length=60)
    found = [row for row in range(24) if limited.preview(replace(long, row=row)).problems]
    assert found
    assert limited.next_problem(long, -1) == found[0]
    assert limited.next_problem(long, found[0]) == (found[1] if len(found) > 1 else None)
    assert limited.next_problem(long, 24, -1) == found[-1]
    assert limited.next_problem(long, found[0], -1) is None
    assert limited.next_problem(asking(), -1) is None


def test_who_waits_can_be_let_go_at_once(limited: Limited) -> None:
    limited.preview(asking())
    child = limited._child
    assert child is not None
    os.kill(child._process.pid, signal.SIGSTOP)
    threading.Timer(0.2, limited.interrupt).start()
    start = time.monotonic()
    with pytest.raises(Unavailable, match="rendering was ended"):
        limited.next_problem(asking(), -1)
    assert time.monotonic() - start < 2


def test_what_is_closed_or_forgotten_leaves_no_process_behind(stocked: Store) -> None:
    closed = Limited(stocked.root)
    closed.preview(asking())
    child = closed._child
    assert child is not None
    closed.close()
    with pytest.raises(Unavailable, match="rendering is closed"):
        closed.preview(asking())
    forgotten = Limited(stocked.root)
    forgotten.preview(asking())
    left = forgotten._child
    assert left is not None
    processes = [child._process, left._process]
    del forgotten, left
    gc.collect()
    for process in processes:
        assert process.wait(5) == -signal.SIGKILL
    SurveyProcess(stocked.root, SurveyRequest("d", "train", "causal", 60, 42, TEXT)).stop()


def test_wrong_numbers_and_a_store_that_is_gone_are_told(limited: Limited, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no variant number 5"):
        limited.preview(asking(variant=5))
    with pytest.raises(NotFound, match="no row -1"):
        limited.preview(asking(row=-1))
    with pytest.raises(StoreError, match="gone"):
        Limited(tmp_path / "gone").preview(asking())


def test_a_survey_grows_to_its_end(stocked: Store) -> None:
    documents = list(SurveyProcess(stocked.root, SurveyRequest("d", "train", "causal", 60, 42, TEXT)))
    assert documents[0]["done"] == 0
    assert [each["finished"] for each in documents] == [False] * (len(documents) - 1) + [True]
    last = documents[-1]
    assert (last["done"], last["rows"], last["max_length"]) == (24, 24, 60)
    assert last["problems"]["prompt-cut"]["count"] == last["truncated_prompts"] > 0


def test_a_survey_is_stopped_at_once(stocked: Store, tmp_path: Path) -> None:
    many = tmp_path / "many.jsonl"
    many.write_text('{"dialogue": "a b c", "summary": "d"}\n' * 200_000)
    stocked.datasets.add(many, name="many")
    process = SurveyProcess(stocked.root, SurveyRequest("many", "train", "causal", 60, 42, TEXT))
    seen = []
    for figures in process:
        seen.append(figures["done"])
        if figures["done"]:
            start = time.monotonic()
            process.stop()
    assert time.monotonic() - start < 1
    assert 0 < seen[-1] < 200_000
