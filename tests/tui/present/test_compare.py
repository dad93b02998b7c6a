"""What is said about answers side by side."""

from __future__ import annotations

from workbench.client import Output
from workbench.link import Sampling
from workbench.tui.present import compare
from workbench.tui.present.compare import Answer


def test_pieces_go_to_their_columns_in_order() -> None:
    answers = compare.columns([None, "mine"])
    grown = compare.spoken(compare.spoken(answers, [(0, "a"), (1, "x")]), [(0, "b"), (0, "c")])
    assert [answer.text for answer in grown] == ["abc", "x"]


def test_a_column_is_headed_by_its_adapter_or_its_base() -> None:
    assert compare.title(None, "tiny") == "base tiny"
    assert compare.title("mine", "tiny") == "mine"


def test_a_whole_answer_tells_score_length_and_pace() -> None:
    answer = Answer("mine", "hello", Output("mine", "hello", 10, 0.5), 0.25)
    assert compare.figures(answer) == "ROUGE-1 0.250 · 10 tok · 20 tok/s"
    assert compare.figures(Answer("mine", "hel")) == ""


def test_an_empty_answer_is_told_apart_from_none_yet() -> None:
    assert compare.body(Answer(None, " ", Output(None, " ", 1, 0.1))).plain == "an empty answer"
    assert compare.body(Answer(None), "press a").plain == "press a"


def test_markup_and_escapes_in_an_answer_stay_text() -> None:
    assert compare.body(Answer(None, "[b]x[/] \x1b[2J\nz")).plain == "[b]x[/] ␛[2J\nz"


def test_waiting_says_whether_the_model_is_loaded_or_answering() -> None:
    silent, speaking = [Answer(None)], [Answer(None, "a")]
    assert compare.waiting(0.2, silent, "tiny") == "asking"
    assert compare.waiting(5, silent, "tiny") == "loading tiny into its server, once: 5s"
    assert compare.waiting(5, speaking, "tiny") == "answering: 5s"


def test_the_form_of_sampling_has_the_defaults_of_sampling() -> None:
    fields = {field.name: field.default for field in compare.sampling_fields()}
    assert Sampling(**fields) == Sampling()


def test_sampling_is_told_in_a_line() -> None:
    assert compare.sampling(Sampling()).plain == "at most 64 tokens, greedy"
    warm = compare.sampling(Sampling(9, 0.5, 7)).plain
    assert warm == "at most 9 tokens, temperature 0.5, seed 7"


def test_a_reference_names_its_row() -> None:
    assert (
        compare.reference(("Yes.\nNo.",), "row 1 of d test").plain == "row 1 of d test  reference: Yes.↵No."
    )
    assert compare.reference((), "").plain == ""
