"""What is said about answers side by side."""

from __future__ import annotations

from workbench.client import Output, Restart
from workbench.link import Sampling, TokenDetail
from workbench.tui.present import answer_page, compare
from workbench.tui.present.answer_page import Look
from workbench.tui.present.compare import Answer, DataPrompt, Piece
from workbench.tui.present.verdicts import Verdict, verdict


def piece(column: int, text: str, seconds: float = 1.0) -> Piece:
    return Piece(column, text, (), seconds)


def test_pieces_go_to_their_columns_in_order() -> None:
    answers = compare.columns([None, "mine"])
    grown = compare.spoken(answers, [piece(0, "a"), piece(1, "x")])
    grown = compare.spoken(grown, [piece(0, "b"), piece(0, "c", 2.5)])
    assert [(answer.text, answer.tokens, answer.seconds) for answer in grown] == [
        ("abc", 3, 2.5),
        ("x", 1, 1.0),
    ]


def test_tokens_are_counted_where_the_server_tells_them() -> None:
    two = (TokenDetail(1, "a", 0.5, ()), TokenDetail(2, "b", 0.5, ()))
    (answer,) = compare.spoken(compare.columns([None]), [Piece(0, "ab", two, 1.0)])
    assert (answer.tokens, answer.details) == (2, two)


def test_a_column_is_headed_by_its_adapter_or_its_base() -> None:
    assert compare.title(None, "tiny") == "base tiny"
    assert compare.title("mine", "tiny") == "mine"


def told(answer: Answer, look: Look | None = None) -> list[list[str]]:
    return [[form.plain for form in forms] for forms in answer_page.foot_of(answer, look or Look())]


def test_a_whole_answer_tells_scores_length_and_pace() -> None:
    answer = compare.whole("mine", Output("mine", "Ben brings bread.", 10, 0.5), ["Ben brings apples."])
    scores, length = told(answer)
    assert scores[0] == "ROUGE-1 0.667 · ROUGE-L 0.667 · BLEU 35.4"
    assert scores[-1] == "RL 0.667"
    assert length == ["10 tok · 20 tok/s", "10 tok 20/s"]
    assert told(compare.whole("mine", Output("mine", "hello", 3, 0.0), [])) == [["3 tok"]]


def test_an_answer_under_way_tells_its_length_so_far() -> None:
    assert told(Answer("mine", "hel", tokens=30, seconds=2.0)) == [["30 tok · 15 tok/s", "30 tok 15/s"]]
    assert told(Answer("mine")) == []


def test_a_blind_answer_tells_nothing_of_whose_it_is() -> None:
    answer = compare.whole("mine", Output("mine", "hello", 10, 0.5), ["hello"])
    assert told(answer, Look(blind=True, verdict=Verdict(True, (), (), "no effect"))) == [["whole"]]


def test_the_best_scores_are_told_apart_where_they_differ() -> None:
    answers = [
        compare.whole(None, Output(None, text, 1, 1.0), ["a b c"]) for text in ("a b c", "a x y", "a b c")
    ]
    every = frozenset({"rouge1", "rougeL", "bleu"})
    assert answer_page.best(answers) == [every, frozenset(), every]
    assert answer_page.best(answers[:1]) == [frozenset()]


def test_an_empty_answer_is_told_apart_from_none_yet() -> None:
    assert (
        answer_page.page(compare.whole(None, Output(None, " ", 1, 0.1), []), Look()).text == "an empty answer"
    )
    assert answer_page.page(Answer(None), Look("press a")).text == "press a"


def test_words_that_differ_are_marked_and_so_is_the_space_where_some_are_missing() -> None:
    found = verdict("Ben brings bread.", "Ben gladly brings apples.")
    page = answer_page.page(Answer("mine", "Ben brings bread.", tokens=3), Look(verdict=found))
    assert [(mark.start, mark.end) for mark in page.marks] == [(3, 4), (11, 17)]


def test_markup_and_escapes_in_an_answer_stay_text() -> None:
    assert answer_page.page(Answer(None, "[b]x[/] \x1b[2J\nz"), Look()).text == "[b]x[/] ␛[2J\nz"


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
    given = DataPrompt("asked", ("Yes.\nNo.",), "row 1 of d test")
    assert compare.reference(given).plain == "row 1 of d test  reference: Yes.↵No."
    assert compare.reference(DataPrompt("typed")).plain == ""


def test_a_restart_says_what_the_server_said_last() -> None:
    told = compare.restarted(Restart(1, "Killed \x1b[2J"), 3).plain
    assert told == "the model server ended; it is started again (1 of 3)  Killed ␛[2J"
