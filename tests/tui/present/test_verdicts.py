"""How answers differ is found word by word, and what does nothing is told apart from what hides."""

from __future__ import annotations

from workbench.link import TokenDetail
from workbench.tui.present import verdicts
from workbench.tui.present.compare import Answer
from workbench.tui.present.verdicts import Sameness, Verdict, verdict


def said(*words: tuple[str, float]) -> Answer:
    details = tuple(TokenDetail(len(text), text, chance, ()) for text, chance in words)
    return Answer("mine", "".join(text for text, _ in words), details)


def parts(text: str, found: Verdict) -> list[str]:
    return [text[start:end] for start, end in found.changed]


def test_words_that_the_other_lacks_are_marked_and_those_that_are_missing_too() -> None:
    text = "Ben brings two red apples."
    found = verdict(text, "Today Ben brings apples. Yes.")
    assert parts(text, found) == ["two", "red"]
    assert found.gaps == (0,)
    assert (found.told, found.brief) == ("2 of 5 words new, 2 missing", "2 new, 2 missing")
    assert not found.same


def test_a_word_in_the_place_of_another_is_one_mark_and_no_gap() -> None:
    text = "Ben brings bread now."
    found = verdict(text, "Ben brings apples now.")
    assert (parts(text, found), found.gaps) == (["bread"], ())


def test_the_marked_and_the_shared_words_are_all_words() -> None:
    for text, other in (("a b a c", "b a"), ("", "x y"), ("x y", ""), ("a\n\n b", "b\ta")):
        found = verdict(text, other)
        shared = len(text.split()) - len(found.changed)
        assert 0 <= shared <= len(other.split())
    assert verdict("a  b\n", "a b").same


def test_repeated_words_of_a_long_answer_are_compared_in_no_time() -> None:
    text = "the " * 4_000
    assert not verdict(text + "end", text).same
    assert verdict("the " * 6_000, text).told == "not the same words"


def test_the_same_words_with_the_same_chances_are_no_effect_and_with_others_they_are_one() -> None:
    base = said(("Ben", 0.5), (" brings", 0.9))
    equal = verdicts.against(said(("Ben", 0.5), (" brings", 0.90001)), base, ("Ben brings", "Ben brings"))
    assert (equal.told, equal.same) == ("no effect", True)
    moved = verdicts.against(said(("Ben", 0.75), (" brings", 0.9)), base, ("Ben brings", "Ben brings"))
    assert (moved.told, moved.shift) == ("the same words, chances differ by 25.0%", 0.25)
    unknown = verdicts.against(Answer("mine", "Ben brings"), base, ("Ben brings", "Ben brings"))
    assert (unknown.told, unknown.shift) == ("the same words", None)


def test_an_adapter_is_suspected_until_it_once_differs() -> None:
    same, other = Verdict(True, (), (), "", shift=0.0), Verdict(False, (), (), "")
    known = Sameness().after(same).after(same)
    told = verdicts.suspicion("mine", known, ["Its run made only 3 steps."])
    assert told == (
        "mine has no effect: words and probabilities are the base's on all 2 prompts. "
        "Its run made only 3 steps."
    )
    assert verdicts.suspicion("mine", known.after(other), []) is None
    assert verdicts.suspicion("mine", Sameness(), []) is None


def test_an_adapter_that_learned_what_greedy_answers_hide_is_told_so() -> None:
    known = Sameness().after(Verdict(True, (), (), "", shift=0.123))
    told = verdicts.suspicion("mine", known, [])
    assert told is not None and "differ by up to 12.3 %" in told
    plain = verdicts.suspicion("mine", Sameness().after(Verdict(True, (), (), "")), ["Why."])
    assert plain == "mine answers like the base. Why."
