"""The shapes that published datasets come in: what their columns are called, and what they hold.

It is a table. Names are compared without case, underscores and spaces; the first one listed fits best.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workbench.composing import columns as see
from workbench.composing.answers import Known
from workbench.composing.columns import Part

Parts = Mapping[str, Part]


@dataclass(frozen=True)
class Slot:
    """A column of a template of the library, and what the columns are called that can take its place.

    Attributes:
        names: What such a column is called, in small letters and digits, the best first.
        holds: Whether a column holds what is needed.
        optional: Whether the shape is recognised without it.
        before: The slot whose text it is put before, where the template has no column of this name.
    """

    names: tuple[str, ...]
    holds: Callable[[Part], bool] = see.is_text
    optional: bool = False
    before: str = ""


@dataclass(frozen=True)
class Shape:
    """One kind of dataset.

    Attributes:
        name: In words.
        template: The name of the library's template for it.
        score: How sure one can be when all columns have the best names.
        slots: The template's columns.
        classes: For a classification, what its classes are usually called.
        fits: Whether what the columns hold speaks for it.
    """

    name: str
    template: str
    score: float
    slots: Mapping[str, Slot]
    classes: Known | None = None
    fits: Callable[[Parts], bool] = field(default=lambda _: True)


def _slot(names: str, holds: Callable[[Part], bool] = see.is_text, **more: object) -> Slot:
    return Slot(tuple(names.split()), holds, **more)  # type: ignore[arg-type]


def _says(*words: str) -> Callable[[Parts], bool]:
    """Whether all labels are among these words."""
    return lambda parts: {str(v).strip().casefold() for v in see.labels(parts["label"])} <= set(words)


def _is_entailment(parts: Parts) -> bool:
    found = [str(value).casefold() for value in see.labels(parts["label"])]
    return any("entail" in each or "contradict" in each for each in found)


def _is_called(*names: str) -> Callable[[Parts], bool]:
    return lambda parts: bool(parts["label"].keys & set(names))


def _is_worked_out(parts: Parts) -> bool:
    """Answers of several steps that end in a number, as GSM8K's do."""
    answers = [str(value) for value in parts["answer"].values]
    return sum(bool(re.search(r"#### *-?[\d.,]+\s*$|=.*\d", each)) for each in answers) > 0.6 * len(answers)


def _is_dialogue(parts: Parts) -> bool:
    named = parts["dialogue"].keys & {"dialogue", "dialog", "conversation", "transcript"}
    return bool(named) or see.is_dialogue(parts["dialogue"])


_YES_NO: Known = {2: ("no", "yes")}
_FEELINGS: Known = {
    2: ("negative", "positive"),
    3: ("negative", "neutral", "positive"),
    5: ("very negative", "negative", "neutral", "positive", "very positive"),
}
_FEELING_WORDS = ("negative", "positive", "neutral", "very negative", "very positive", "mixed", "neg", "pos")
_RELATIONS: Known = {3: ("entailment", "neutral", "contradiction"), 2: ("entailment", "not_entailment")}

_TEXT = "text sentence content review article document body comment tweet passage note description"
_ANSWER = "answer answers response output target"
_RIGHT = "answer answerkey label correctanswer correct right answeridx correctoption cop gold target"

SHAPES: tuple[Shape, ...] = (
    Shape(
        "instructions with input and output (Alpaca)",
        "instruction",
        0.95,
        {
            "instruction": _slot("instruction instructions"),
            "input": _slot("input context inputs", optional=True),
            "output": _slot("output response answer completion target"),
        },
    ),
    Shape(
        "prompts and completions",
        "prompt-completion",
        0.94,
        {
            "prompt": _slot("prompt query inputs input source src question"),
            "completion": _slot(
                "completion response chosen output outputs targets target tgt answer", see.is_scalar
            ),
        },
    ),
    Shape(
        "what happened, and two causes or effects (COPA)",
        "commonsense",
        0.98,
        {
            "premise": _slot("premise"),
            "question": _slot("question asksfor"),
            "choice1": _slot("choice1 alternative1"),
            "choice2": _slot("choice2 alternative2"),
            "label": _slot("label", see.is_flag),
        },
    ),
    Shape(
        "sentences with a gap, and two words for it (Winogrande)",
        "fill-the-gap",
        0.98,
        {
            "sentence": _slot("sentence"),
            "option1": _slot("option1"),
            "option2": _slot("option2"),
            "answer": _slot("answer", see.is_flag),
        },
        fits=lambda parts: all("_" in value for value in parts["sentence"].values),
    ),
    Shape(
        "premise, hypothesis and label",
        "inference",
        0.96,
        {
            "premise": _slot("premise"),
            "hypothesis": _slot("hypothesis"),
            "label": _slot("label goldlabel relation", see.is_label),
        },
        _RELATIONS,
    ),
    Shape(
        "pairs of sentences, and whether one follows from the other",
        "inference",
        0.95,
        {
            "premise": _slot("sentence1 text1 question premise"),
            "hypothesis": _slot("sentence2 text2 sentence hypothesis"),
            "label": _slot("label goldlabel", see.is_label),
        },
        _RELATIONS,
        _is_entailment,
    ),
    Shape(
        "pairs of sentences, and whether they mean the same",
        "paraphrase-detection",
        0.88,
        {
            "sentence1": _slot("sentence1 question1 text1"),
            "sentence2": _slot("sentence2 question2 text2"),
            "label": _slot("label isduplicate isparaphrase quality", see.is_flag),
        },
        _YES_NO,
        lambda parts: not _is_entailment(parts),
    ),
    Shape(
        "sentences and their paraphrases",
        "paraphrase",
        0.92,
        {
            "text": _slot("text sentence original source input"),
            "paraphrase": _slot("paraphrase paraphrases paraphrased rephrased rewritten"),
        },
    ),
    Shape(
        "questions with a list of options",
        "multiple-choice",
        0.96,
        {
            "context": _slot("context passage article story fact1", optional=True, before="question"),
            "question": _slot("question stem questionstem query problem goal prompt ctx input", see.is_prose),
            "options": _slot("options choices endings candidates alternatives answers", see.is_texts),
            "answer": _slot(_RIGHT, see.is_scalar),
        },
    ),
    Shape(
        "questions with a list of options, answered by letter",
        "multiple-choice-letters",
        0.93,
        {
            "context": _slot("context passage article story fact1", optional=True, before="question"),
            "question": _slot("question stem questionstem query problem goal prompt ctx input", see.is_prose),
            "options": _slot("options choices endings candidates alternatives answers", see.is_texts),
            "answer": _slot(_RIGHT, see.is_letters),
        },
    ),
    Shape(
        "beginnings with several endings (HellaSwag)",
        "continuation",
        0.97,
        {
            "context": _slot("ctx context startphrase beginning"),
            "options": _slot("endings options", see.is_texts),
            "answer": _slot("label answer gold", see.is_scalar),
        },
    ),
    Shape(
        "a passage and a question of yes or no",
        "yes-no-question",
        0.95,
        {
            "passage": _slot("passage context paragraph text"),
            "question": _slot("question query"),
            "label": _slot("label answer", see.is_flag),
        },
        _YES_NO,
        _says("yes", "no", "true", "false", "0", "1"),
    ),
    Shape(
        "a text, a question about it and the answer",
        "question-answering",
        0.94,
        {
            "context": _slot("context passage paragraph story document article text dialogue note"),
            "question": _slot("question query"),
            "answer": _slot(_ANSWER, see.is_scalar),
        },
    ),
    Shape(
        "problems of arithmetic, worked out",
        "word-problem",
        0.92,
        {"question": _slot("question problem query"), "answer": _slot("answer solution rationale")},
        fits=_is_worked_out,
    ),
    Shape(
        "questions and answers",
        "open-question",
        0.9,
        {"question": _slot("question query"), "answer": _slot(_ANSWER, see.is_scalar)},
    ),
    Shape(
        "dialogues and what came of them",
        "dialogue-summarisation",
        0.95,
        {
            "dialogue": _slot("dialogue dialog conversation transcript meeting text"),
            "summary": _slot("summary sectiontext summarytext notes note abstract"),
        },
        fits=_is_dialogue,
    ),
    Shape(
        "texts and their summaries",
        "summarisation",
        0.93,
        {
            "text": _slot("text article document content body report dialogue source maintext note"),
            "summary": _slot("summary highlights abstract tldr summarytext gist"),
        },
        fits=lambda parts: not see.is_dialogue(parts["text"]),
    ),
    Shape(
        "texts and their titles",
        "headline",
        0.85,
        {"text": _slot(_TEXT), "title": _slot("title headline")},
    ),
    Shape(
        "texts and their keywords",
        "keywords",
        0.86,
        {"text": _slot(_TEXT + " title"), "keywords": _slot("keywords keyphrases tags", see.is_data)},
    ),
    Shape(
        "opinions and their sentiment",
        "sentiment",
        0.93,
        {
            "text": _slot("text sentence review content comment tweet note reviewtext reviewbody phrase"),
            "label": _slot("sentiment feeling polarity label rating stars", see.is_label),
        },
        _FEELINGS,
        lambda parts: _is_called("sentiment", "feeling", "polarity")(parts) or _says(*_FEELING_WORDS)(parts),
    ),
    Shape(
        "texts with one of two labels, perhaps opinions",
        "sentiment",
        0.82,
        {
            "text": _slot("text sentence review content comment tweet note"),
            "label": _slot("label", see.is_flag),
        },
        _FEELINGS,
        _says("0", "1"),
    ),
    Shape(
        "sentences and whether they are good grammar",
        "acceptability",
        0.93,
        {"sentence": _slot("sentence text"), "label": _slot("label acceptable", see.is_flag)},
        {2: ("unacceptable", "acceptable")},
        lambda parts: _says("acceptable", "unacceptable")(parts) or _is_called("acceptable")(parts),
    ),
    Shape(
        "texts and their labels",
        "topic",
        0.8,
        {
            "text": _slot(_TEXT + " question title dialogue utterance query", see.is_prose),
            "label": _slot(
                "topic label category class intent labels sectionheader coarselabel", see.is_label
            ),
        },
        {4: ("world", "sports", "business", "science")},
    ),
    Shape(
        "texts with mistakes, and without",
        "grammar-correction",
        0.9,
        {
            "text": _slot("incorrect ungrammatical original text sentence input source"),
            "correction": _slot("correction corrected corrections correct grammatical"),
        },
    ),
    Shape(
        "texts that are hard to read, and the same in plain words",
        "simplification",
        0.9,
        {
            "text": _slot("complex normal original text source sentence"),
            "simple": _slot("simple simplified simplification"),
        },
    ),
    Shape(
        "facts and what they say",
        "data-to-text",
        0.9,
        {
            "data": _slot("data facts concepts meaningrepresentation mr triples table", see.is_data),
            "text": _slot("text target humanreference reference sentence description"),
        },
    ),
    Shape(
        "code and what it does",
        "code-comment",
        0.95,
        {
            "code": _slot("code funccodestring function func snippet method wholefuncstring"),
            "comment": _slot("comment docstring funcdocumentationstring summary description nl"),
        },
    ),
)
