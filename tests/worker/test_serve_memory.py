"""A model server whose answers fail: each is given up alone, and only an engine that is silent is the end."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch

from workbench.link import Sampling
from workbench.worker import engine, room, serve
from workbench.worker.generate import Decoder, Voice
from workbench.worker.openings import NOTHING
from workbench.worker.reading import byte_count
from workbench.worker.reception import LineReply, Reception, Request

House = Any  # of conftest.py
PROMPT = "Anna: Do you bring bread?"
ROOM = 99  # tokens; of a prompt and its answer
FINE, LARGE = Sampling(max_new_tokens=8), Sampling(max_new_tokens=200)
ERRORS = {
    "device": torch.OutOfMemoryError("CUDA out of memory"),
    "driver": RuntimeError("CUDA error: out of memory"),
    "python": MemoryError(),
    "host": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
}


@pytest.fixture(params=ERRORS.values(), ids=ERRORS)
def cramped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no room for so many positions."""
    step: Callable[..., None] = Decoder._step

    def narrow(decoder: Decoder, voice: Any, state: Any, tokens: Any) -> None:
        if state.ids.shape[1] > ROOM:
            raise type(request.param)(
                *request.param.args
            )  # afresh: one that is kept holds what it was raised in
        step(decoder, voice, state, tokens)

    monkeypatch.setattr(Decoder, "_step", narrow)


class Weighed(LineReply):
    """An answer that looks what tensors there are when it ends."""

    bytes_at_end = -1

    def put(self, event: dict[str, Any]) -> None:
        """Take one event."""
        super().put(event)
        if event["event"] in ("done", "error"):
            alive = (each for each in gc.get_objects() if type(each) is torch.Tensor)
            self.bytes_at_end = byte_count(alive)


def asked(reception: Reception, *samplings: Sampling, prompt: str = PROMPT) -> list[Weighed]:
    """The answers to requests of base and adapter that stand in line."""
    replies = [Weighed() for _ in samplings]
    for sampling, reply in zip(samplings, replies, strict=True):
        reception.submit(Request((prompt,), (None, "chat"), sampling), reply).told.set()
    return replies


def heard(reply: LineReply) -> list[dict[str, Any]]:
    events = []
    while not reply.events.empty():
        events.append(reply.events.get())
    return events


@pytest.mark.usefixtures("cramped")
def test_answers_without_room_are_refused_one_by_one_and_the_server_lives_on(causal: House) -> None:
    """However many there are in a row; the others say what they always say, and nothing stays behind."""
    causal.add("chat", causal.lora())
    reception = Reception(causal.record, idle_seconds=0)
    replies = asked(reception, FINE, LARGE, FINE, LARGE, LARGE, LARGE, FINE)
    assert serve._compute(reception, causal.store) == 0
    answers = [heard(reply) for reply in replies]
    texts = [[event["text"] for event in events if event["event"] == "end"] for events in answers]
    assert texts[0] == texts[2] == texts[6] and len(set(texts[0])) == 2
    for place in (1, 3, 4, 5):
        *before, last = answers[place]
        assert (last["event"], last["kind"]) == ("error", "Unavailable")
        assert last["what"] == "the device is out of memory: this answer had no room"
        assert any(event["event"] == "text" for event in before)
    assert replies[5].bytes_at_end <= replies[2].bytes_at_end, "all that it took was given back"


def broken_by(monkeypatch: pytest.MonkeyPatch, error: Exception, tokens: int) -> None:
    """From the first prompt of more tokens on, nothing is said any more."""
    prefill: Callable[..., Any] = Decoder._prefill
    broken = False

    def failing(decoder: Decoder, voice: Any, prompts: Any, openings: Any) -> Any:
        nonlocal broken
        broken = broken or len(prompts[0]) > tokens
        if broken:
            raise error
        return prefill(decoder, voice, prompts, openings)

    monkeypatch.setattr(Decoder, "_prefill", failing)


def test_an_engine_that_says_nothing_any_more_is_the_end(
    causal: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the whole server where memory is short: whoever waits is told too."""
    causal.add("chat", causal.lora())
    broken_by(monkeypatch, ERRORS["device"], len(causal.ids()))
    reception = Reception(causal.record, idle_seconds=0)
    replies = (
        asked(reception, FINE, FINE) + asked(reception, FINE, prompt=PROMPT * 2) + asked(reception, FINE)
    )
    assert serve._compute(reception, causal.store) == 1
    *fine, failed, waiting = [heard(reply)[-1] for reply in replies]
    assert [event["event"] for event in fine] == ["done", "done"]
    assert failed == waiting and failed["what"] == "the device is out of memory: the server has ended"


def test_an_answer_that_fails_in_any_other_way_is_told_in_a_line(
    causal: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the engine that fails with it is the end; those who wait find a fresh server by themselves."""
    causal.add("chat", causal.lora())
    step: Callable[..., None] = Decoder._step

    def failing(decoder: Decoder, voice: Any, state: Any, tokens: Any) -> None:
        if state.ids.shape[1] > ROOM:
            raise RuntimeError("shapes cannot\nbe multiplied")
        step(decoder, voice, state, tokens)

    monkeypatch.setattr(Decoder, "_step", failing)
    reception = Reception(causal.record, idle_seconds=0)
    replies = asked(reception, LARGE, LARGE, FINE)
    assert serve._compute(reception, causal.store) == 0
    *failed, fine = [heard(reply)[-1] for reply in replies]
    assert fine["event"] == "done"
    told = "model 'tiny' could not give this answer (RuntimeError: shapes cannot be multiplied)"
    assert [event["what"] for event in failed] == [told, told]
    broken_by(monkeypatch, RuntimeError("illegal memory access"), len(causal.ids()))
    replies = asked(reception, FINE, prompt=PROMPT * 2) + asked(reception, FINE)
    assert serve._compute(reception, causal.store) == 1
    assert "the server of model 'tiny' has ended" in heard(replies[0])[-1]["what"]
    assert heard(replies[1]) == []


def test_a_device_that_gives_no_memory_back_is_the_end_and_told(
    causal: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an illegal access: whatever is asked of it fails again."""

    def failing() -> None:
        raise RuntimeError("illegal memory access")

    causal.add("chat", causal.lora())
    broken_by(monkeypatch, RuntimeError("illegal memory access"), len(causal.ids()))
    monkeypatch.setattr(engine, "_release", failing)
    reception = Reception(causal.record, idle_seconds=0)
    (reply,) = asked(reception, FINE, prompt=PROMPT * 2)
    assert serve._compute(reception, causal.store) == 1
    assert "the server of model 'tiny' has ended" in heard(reply)[-1]["what"]


def test_a_prompt_for_which_there_is_no_room_is_refused_before_a_word(
    causal: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With figures; where there is room for some rows of several, those are decoded first."""
    causal.add("chat", causal.lora())
    reception = Reception(causal.record, idle_seconds=0)
    (reply,) = asked(reception, FINE)
    assert serve._compute(reception, causal.store) == 0
    together = [event for event in heard(reply) if event["event"] in ("text", "end")]
    assert {event["row"] for event in together[:2]} == {0, 1}
    monkeypatch.setattr(room, "ALWAYS_BYTES", 0)
    tokens = len(causal.ids())
    # Two layers keep keys and values of 32 float32 each; 64 more pass through.
    least = tokens * 4 * (2 * 2 * 32 + 64)
    monkeypatch.setattr(room, "free_bytes", lambda _: 2 * least - 1)
    (reply,) = asked(reception, FINE)
    assert serve._compute(reception, causal.store) == 0
    apart = [event for event in heard(reply) if event["event"] in ("text", "end")]
    assert [event["row"] for event in apart] == sorted(event["row"] for event in apart)
    ends = [[event["text"] for event in each if event["event"] == "end"] for each in (together, apart)]
    assert sorted(ends[0]) == sorted(ends[1])
    monkeypatch.setattr(room, "free_bytes", lambda _: least - 1)
    (reply,) = asked(reception, FINE)
    assert serve._compute(reception, causal.store) == 0
    (told,) = heard(reply)
    assert (told["event"], told["kind"]) == ("error", "BadInput")
    assert told["what"].startswith(f"a prompt of {tokens} tokens takes at least ")
    assert told["what"].endswith("B are free")


@pytest.mark.parametrize("name", ["causal", "windowed", "seq2seq"])
def test_what_is_reckoned_is_what_a_prompt_leaves_in_the_cache(
    request: pytest.FixtureRequest, build: Callable[..., House], name: str
) -> None:
    """Keys and values to the byte, and what enters a layer and leaves it."""
    house = (
        build(request.getfixturevalue("tiny_seq2seq")) if name == "seq2seq" else request.getfixturevalue(name)
    )
    ids = house.ids(PROMPT * 2)
    with torch.inference_mode():
        cache = house.decoder._prefill(Voice(house.model), [ids], [NOTHING]).cache
    layers = cache.layers if house.causal else cache.cross_attention_cache.layers
    kept = sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)
    passing = 2 * 4 * 32
    assert room.Room(house.model, all_scores=False).row_bytes(len(ids)) == kept + passing * len(ids)
