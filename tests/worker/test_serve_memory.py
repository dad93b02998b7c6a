"""A model server that runs out of memory: one answer is given up, and two in a row are the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from workbench.link import Sampling
from workbench.worker import serve
from workbench.worker.generate import Decoder
from workbench.worker.reception import LineReply, Reception, Request

House = Any  # of conftest.py
PROMPT = "Anna: Do you bring bread?"
FINE, LARGE = Sampling(max_new_tokens=8), Sampling(max_new_tokens=200)
ERRORS = (
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
)


@pytest.fixture(params=ERRORS, ids=["device", "python", "host"])
def cramped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no room for a hundredth position."""
    step: Callable[..., None] = Decoder._step

    def narrow(decoder: Decoder, voice: Any, state: Any, tokens: Any) -> None:
        if state.ids.shape[1] > 99:
            raise request.param
        step(decoder, voice, state, tokens)

    monkeypatch.setattr(Decoder, "_step", narrow)


def asked(reception: Reception, *samplings: Sampling) -> list[LineReply]:
    """The answers to requests of base and adapter that stand in line."""
    replies = [LineReply() for _ in samplings]
    for sampling, reply in zip(samplings, replies, strict=True):
        reception.submit(Request((PROMPT,), (None, "chat"), sampling), reply).told.set()
    return replies


def heard(reply: LineReply) -> list[dict[str, Any]]:
    events = []
    while not reply.events.empty():
        events.append(reply.events.get())
    return events


@pytest.mark.usefixtures("cramped")
def test_one_answer_without_room_is_refused_alone_and_two_in_a_row_end_the_server(causal: House) -> None:
    causal.add("chat", causal.lora())
    reception = Reception(causal.record, 600)
    replies = asked(reception, FINE, LARGE, FINE, LARGE, FINE, LARGE, LARGE, FINE)
    assert serve._compute(reception, causal.store) == 1
    answers = [heard(reply) for reply in replies]
    texts = [[event["text"] for event in events if event["event"] == "end"] for events in answers]
    assert texts[0] == texts[2] == texts[4] and len(set(texts[0])) == 2
    for place, told in ((1, "had no room"), (3, "had no room"), (5, "had no room"), (6, "server has ended")):
        *before, last = answers[place]
        assert (last["event"], last["kind"]) == ("error", "Unavailable")
        assert "the device is out of memory" in last["what"] and told in last["what"]
        assert any(event["event"] == "text" for event in before)
    assert [event["event"] for event in answers[7]] == ["error"], "whoever waits is told too"
