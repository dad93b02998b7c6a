"""From the engine's events to OpenAI's documents: stop texts, chances, and what each ended with."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from workbench.link import Sampling
from workbench.worker.http_replies import Choice, Delta, Writer
from workbench.worker.http_requests import Asked

ASKED = Asked(
    chat=False,
    model="tiny",
    adapter=None,
    prompts=((1, 2, 3),),
    samplings=(Sampling(max_new_tokens=4, alternatives=1),),
    stops=(),
    alternatives=None,
    stream=False,
    streams_usage=False,
)


def text(said: str, *tokens: str, chance: float = 0.5) -> dict[str, Any]:
    details = [{"id": 5, "text": each, "chance": chance, "top": [[5, each, chance]]} for each in tokens]
    return {"event": "text", "row": 0, "text": said, "tokens": details}


def heard(stops: tuple[str, ...], *pieces: str) -> list[str]:
    choice = Choice(0, replace(ASKED, stops=stops))
    deltas = [choice.hear(text(piece, piece)) for piece in pieces]
    deltas.append(choice.hear({"event": "end", "row": 0, "tokens": len(pieces), "cut": False}))
    return [delta.text for delta in deltas if delta is not None]


@pytest.mark.parametrize(
    ("stops", "pieces", "shown"),
    [
        ((), ("ab", "cd"), "abcd"),
        (("cd",), ("ab", "cd", "ef"), "ab"),
        (("bc",), ("ab", "cd"), "a"),
        (("abc", "b"), ("ab", "cd"), "a"),
        (("aab",), ("a", "a", "a", "b", "c"), "a"),
        (("xyz",), ("wx", "y"), "wxy"),
        (("xyz",), ("xy", "xy", "zzz"), "xy"),
        (("a",), ("a", "b"), ""),
    ],
)
def test_a_stop_text_is_found_across_pieces_and_nothing_of_it_is_shown(
    stops: tuple[str, ...], pieces: tuple[str, ...], shown: str
) -> None:
    assert "".join(heard(stops, *pieces)) == shown


def test_an_answer_says_whether_it_ended_or_was_cut_off() -> None:
    """As the engine knows it: the most tokens that were asked for are not all that cuts an answer off."""
    for tokens, cut, finish in (
        (3, False, "stop"),
        (4, True, "length"),
        (2, True, "length"),
        (4, False, "stop"),
    ):
        delta = Choice(0, ASKED).hear({"event": "end", "row": 0, "tokens": tokens, "cut": cut})
        assert delta is not None and delta.finish == finish


def test_stopped_answers_are_counted_by_their_tokens() -> None:
    choice = Choice(0, replace(ASKED, stops=("c",)))
    for event in (text("a", "a"), text("b", "b"), text("c", "c"), text("d", "d")):
        choice.hear(event)
    assert choice.ended and choice.tokens == 3


def test_chances_are_told_in_the_form_of_each_route() -> None:
    def document(**changes: Any) -> dict[str, Any]:
        asked = replace(ASKED, alternatives=1, **changes)
        choice = Choice(0, asked)
        deltas = [choice.hear(text("ab", "a", "b")), choice.hear(text("", "\u00e9", chance=0.0))]
        writer = Writer(asked)
        whole = writer.whole([delta for delta in deltas if delta is not None], 3)
        assert json.loads(json.dumps(whole, allow_nan=False)) == whole
        return dict(whole["choices"][0]["logprobs"])

    half = math.log(0.5)
    assert document() == {
        "tokens": ["a", "b", "\u00e9"],
        "token_logprobs": [half, half, -9999.0],
        "top_logprobs": [{"a": half}, {"b": half}, {"\u00e9": -9999.0}],
        "text_offset": [0, 1, 2],
    }
    told = document(chat=True)["content"]
    assert told[0] == {
        "token": "a",
        "logprob": half,
        "bytes": [97],
        "top_logprobs": [{"token": "a", "logprob": half, "bytes": [97]}],
    }
    assert told[2]["bytes"] == [0xC3, 0xA9]


def test_figures_count_every_prompt_and_answer() -> None:
    asked = replace(ASKED, prompts=((1, 2, 3), (4,)))
    usage = Writer(asked).whole([Delta(0, "a", (), "stop"), Delta(1, "b", (), "stop")], 5)["usage"]
    assert usage == {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}
