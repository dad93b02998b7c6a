"""Recognise what a dataset is for by its columns and some of its rows, and draft a template for it.

The shapes that are known stand in `known_shapes`; a dataset of none of them gets a guess that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.composing import columns as see
from workbench.composing.answers import Answer, of_class, of_options
from workbench.composing.columns import Part
from workbench.composing.known_shapes import SHAPES, Shape
from workbench.composing.languages import LANGUAGES
from workbench.composing.library import entry
from workbench.composing.renaming import Expression, literal, quoted, renamed

SEEN_ROWS = 200
LONGEST_NAME = 60

_GUESS = 0.1
_NAME_COST, _DEPTH_COST = 0.015, 0.01
_ANSWERED = ("label", "answer")
_ANSWER = '{{{{ {0} if {0} in choices else choices[{0} | int] if {0} | int(-1) >= 0 else "" }}}}'
_LETTER = '{{{{ {0} if {0} is string else "ABCDEFGHIJ"[{0}] }}}}'
_END = re.compile(r"(<\|[\w ]+\|>|</s>|<eos>|\[EOS\]|<end_of_turn>)\s*$")
_OF_LIBRARY = re.compile(r"# Columns it reads:|#   ")
_SETTING = re.compile(r"(name|choices) = ")
_SHOTS = re.compile(r"^shots = (\d+)$", re.MULTILINE)
_IDENTIFYING = re.compile(r"(.*id|idx|index|hash|key|url|file|path)\Z")


@dataclass(frozen=True)
class Suggestion:
    """What a dataset may be for, and the template of the library that fits.

    Attributes:
        shape: The shape that was recognised, in words.
        task: The task of the template.
        template: Its name in the library.
        mapping: Column of the template -> column of the dataset, or an `Expression` over several.
        why: What speaks for it, in a sentence.
        score: From 0 (a guess) to 1.
        choices: The answers that were found in the rows, for a classification.
        answer: How a row tells the right answer, in Jinja2; empty leaves it to the template.
        notes: What to check before it is used.
        rows: How many rows were looked at.
    """

    shape: str
    task: str
    template: str
    mapping: dict[str, str]
    why: str
    score: float
    choices: tuple[str, ...] = ()
    answer: str = ""
    notes: tuple[str, ...] = ()
    rows: int = 0


def recognise(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[Suggestion]:
    """Tell what a dataset may be for, best first; the last is a guess. Nothing, if there is no text in it.

    Args:
        columns: The names of its columns.
        rows: Some of its rows; no more than 200 are looked at.
    """
    seen = list(rows[:SEEN_ROWS])
    found = see.parts(columns, seen)
    notes: tuple[str, ...] = ()
    if bare := see.without_header(columns, seen):
        found = bare
        notes = ("the file seems to have no header: its first row has become the names of the columns",)
    elif len(columns) == 1 and (divided := see.tab_separated(found[0])):
        found = [*divided, *found]
    known = [suggestion for shape in SHAPES if (suggestion := _match(shape, found))]
    known += [*_conversations(found), *_translations(found), *_plain_texts(found)]
    known.sort(key=lambda suggestion: -suggestion.score)
    return [replace(each, notes=(*notes, *each.notes), rows=len(seen)) for each in (*known, *_guesses(found))]


def draft(suggestion: Suggestion, name: str) -> str:
    """Write the template that a suggestion stands for.

    Args:
        suggestion: One of `recognise`.
        name: The new template's name.

    Returns:
        The text of its TOML file, complete and valid, with comments on what was found and what to check.
        Few-shot variants are left out where so few rows were seen that they would lack examples.
    """
    text, mapping = entry(suggestion.template)[0], dict(suggestion.mapping)
    for column in _ANSWERED if suggestion.answer else ():
        for form in (_ANSWER, _LETTER):
            text = text.replace(f"'{form.format(column)}'", f'"{{{{ {column} }}}}"')
        mapping[column] = Expression(suggestion.answer)
    head, *variants = renamed(text, mapping).split("\n[[variants]]\n")
    settings = {"name": quoted(name, tall=False)}
    if suggestion.choices:
        settings["choices"] = f"[{', '.join(quoted(each, tall=False) for each in suggestion.choices)}]"
    lines = [
        f"{key[1]} = {settings[key[1]]}" if (key := _SETTING.match(line)) and key[1] in settings else line
        for line in head.split("\n")
        if not _OF_LIBRARY.match(line)
    ]
    about = [f"drafted for {suggestion.shape}", suggestion.why, *suggestion.notes]
    kept = [each for each in variants if _shots(each) < max(suggestion.rows, 1)]
    return "\n[[variants]]\n".join(["\n".join([*map(_comment, about), "#", *lines]), *kept])


def _match(shape: Shape, found: Sequence[Part]) -> Suggestion | None:
    taken: dict[str, Part] = {}
    cost = 0.0
    for name, slot in shape.slots.items():
        fitting = [
            (rank, part.depth, place)
            for place, part in enumerate(found)
            for rank, known in enumerate(slot.names)
            if known in part.keys
            and part not in taken.values()
            and (slot.optional or not part.sparse)
            and slot.holds(part)
        ]
        if fitting:
            rank, depth, place = min(fitting)
            taken[name] = found[place]
            cost += _NAME_COST * rank + _DEPTH_COST * depth
        elif not slot.optional:
            return None
    if not shape.fits(taken):
        return None
    answer = _answer(shape, taken)
    if answer is None:
        return None
    return Suggestion(
        shape=shape.name,
        task=entry(shape.template)[1].task,
        template=shape.template,
        mapping=_mapping(shape, taken),
        why=_why(taken.values()),
        score=round(max(shape.score - cost, 2 * _GUESS), 3),
        choices=answer.choices,
        answer=answer.read,
        notes=(*answer.notes, *_notes(taken)),
    )


def _answer(shape: Shape, taken: Mapping[str, Part]) -> Answer | None:
    if shape.classes is not None:
        return of_class(taken["label"], shape.classes)
    if "options" in taken:
        by_letter = shape.template == "multiple-choice-letters"
        return Answer(taken["answer"].read) if by_letter else of_options(taken["options"], taken["answer"])
    return Answer("")


def _mapping(shape: Shape, taken: Mapping[str, Part]) -> dict[str, str]:
    mapping = {name: _source(part) for name, part in taken.items()}
    for name, slot in shape.slots.items():
        if slot.before and name in taken:
            second = taken[slot.before]
            mapping[slot.before] = Expression(f'{taken[name].read} ~ "\\n" ~ {second.read}')
            del mapping[name]
    return mapping


def _source(part: Part) -> str:
    """Where a part is read; without the end-of-text mark that its texts may carry."""
    mark = _end_mark(part)
    return Expression(f"{part.read}.removesuffix({literal(mark)})") if mark else part.source


def _end_mark(part: Part) -> str:
    texts = [value for value in part.values if isinstance(value, str) and value]
    marks = {found[0] if (found := _END.search(value)) else "" for value in texts}
    return marks.pop() if len(marks) == 1 else ""


def _notes(taken: Mapping[str, Part]) -> tuple[str, ...]:
    return tuple(
        f"{_told(part)} always ends in {mark.strip()}, which is taken off: the model's own end is added"
        for part in taken.values()
        if (mark := _end_mark(part))
    )


def _why(parts: Iterable[Part]) -> str:
    names = [_told(part) for part in parts]
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{listed} {'is' if len(names) == 1 else 'are'} named and filled as in such a dataset"


def _conversations(found: Iterable[Part]) -> list[Suggestion]:
    suggestions = []
    for part in found:
        keys = see.turns_of(part)
        if keys and not isinstance(part.source, Expression):
            kind = "OpenAI messages" if keys == ("role", "content") else "ShareGPT"
            mapping = {"messages": part.source}
            why = f"{_told(part)} holds lists of turns with {keys[0]} and {keys[1]}"
            suggestions.append(
                Suggestion(f"conversations ({kind})", "conversation", "conversation", mapping, why, 0.99)
            )
    return suggestions


def _translations(found: Iterable[Part]) -> list[Suggestion]:
    """Columns, or the keys of one column, that are named after languages."""
    named: dict[str, Part] = {}
    for part in found:
        languages = [LANGUAGES[key] for key in part.keys if key in LANGUAGES and (part.depth or key != "id")]
        if languages and see.is_text(part):
            named.setdefault(languages[0], part)
    if len(named) < 2:
        return []
    (first, source), (second, target) = list(named.items())[:2]
    mapping = {
        "source": source.source,
        "target": target.source,
        "source_language": Expression(literal(first)),
        "target_language": Expression(literal(second)),
    }
    why = f"{_told(source)} and {_told(target)} are named after languages"
    shape = f"texts in {first} and {second}"
    return [Suggestion(shape, "translation", "translation", mapping, why, 0.97)]


def _plain_texts(found: Sequence[Part]) -> list[Suggestion]:
    texts = [part for part in found if see.is_text(part) and not isinstance(part.source, Expression)]
    named = [part for part in texts if part.keys & {"text", "content", "document"}]
    if not named:
        return []
    mapping = {"text": named[0].source}
    score = 0.6 if len(texts) == 1 else 0.3
    why = f"{_told(named[0])} is " + ("the only text" if len(texts) == 1 else "one of the texts")
    return [
        Suggestion("plain texts", entry(name)[1].task, name, mapping, why, score * share)
        for name, share in (("plain-text", 1.0), ("text-completion", 0.5))
    ]


def _guesses(found: Sequence[Part]) -> list[Suggestion]:
    """The longest text as prompt, and the last of the others as completion."""
    texts = [
        part
        for part in found
        if see.is_scalar(part) and not part.sparse and not any(map(_IDENTIFYING.match, part.keys))
    ]
    long = [part for part in texts if see.is_text(part)]
    if not long:
        return []
    prompt = max(long, key=see.length)
    others = [part for part in texts if part is not prompt]
    note = "this is a guess: look at a few rows, and put the columns where they belong"
    if not others:
        mapping, template = {"text": prompt.source}, "plain-text"
        why = f"{_told(prompt)} is the only text"
    else:
        mapping, template = {"prompt": prompt.source, "completion": _source(others[-1])}, "prompt-completion"
        why = f"{_told(prompt)} has the longest texts, {_told(others[-1])} comes last"
    task = entry(template)[1].task
    return [Suggestion("columns that are not known", task, template, mapping, why, _GUESS, notes=(note,))]


def _shots(variant: str) -> int:
    found = _SHOTS.search(variant)
    return int(found[1]) if found else 0


def _told(part: Part) -> str:
    """What a part is called in a sentence."""
    return f"`{part.read if len(part.read) <= LONGEST_NAME else part.read[:LONGEST_NAME] + '…'}`"


def _comment(sentence: str) -> str:
    told = " ".join("".join(c if c.isprintable() else " " for c in sentence).split())
    return f"# {told[:1].upper()}{told[1:]}."
