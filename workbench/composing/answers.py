"""How the rows of a dataset tell which answer is right: by its text, its number, its letter.

It finds the Jinja2 that turns that into the answer's text, for classes and for options that each row lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.composing import columns as see
from workbench.composing.columns import LETTERS, MOST_LABELS, Part
from workbench.composing.renaming import Expression, enclosed

_ENOUGH_ROWS = 8
"""In so many rows a label 0 would have shown, if there were one."""

Known = Mapping[int, tuple[str, ...]]
"""By the number of classes, what they are usually called, in the usual order."""


@dataclass(frozen=True)
class Answer:
    """The answers that there are (none, where each row lists its own), and Jinja2 for the right one."""

    read: str
    choices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def of_class(label: Part, known: Known) -> Answer | None:
    """Tell the answers of a classification; None when the column holds no labels."""
    if see.is_number(label) or see.is_number_in_text(label):
        return _of_numbers(label, known)
    texts = [value.strip() for value in see.labels(label) if isinstance(value, str) and value.strip()]
    if not texts or len(texts) != len(see.labels(label)):
        return None
    usual = next((names for names in known.values() if set(texts) <= set(names)), None)
    if usual:
        return Answer(label.read, usual)
    note = (
        f"the answers are those of the first {len(label.values)} rows: add to `choices` any that is missing"
    )
    return Answer(label.read, tuple(dict.fromkeys(texts)), (note,))


def _of_numbers(label: Part, known: Known) -> Answer | None:
    truth = all(isinstance(value, bool) for value in label.values)
    numbers = [int(value) for value in see.labels(label)]
    first = 1 if min(numbers) == 1 and len(label.values) >= _ENOUGH_ROWS else 0
    count = max(max(numbers) - first + 1, 2)
    if count > MOST_LABELS:
        return None
    choices = known.get(count) or tuple(f"class {number + first}" for number in range(count))
    shown = ("false", "true") if truth else tuple(str(number + first) for number in range(count))
    meanings = ", ".join(f"{number} for {name!r}" for number, name in zip(shown, choices, strict=True))
    kind = "a truth value" if truth else "a number"
    note = f"`{label.read}` is {kind}: {meanings}; compare that with the dataset's own description"
    read = f"choices[{label.read}]" if truth else _by_number("choices", label, first)
    return Answer(read, choices, (note,))


def of_options(options: Part, answer: Part) -> Answer | None:
    """Tell how a row's options and its answer belong together; None when they do not."""
    listed = enclosed(options.source, "[") if isinstance(options.source, Expression) else "choices"
    known = {text for each in options.values for text in each}
    if answer.values and sum(value in known for value in answer.values) >= 0.9 * len(answer.values):
        return Answer(answer.read)
    if options.pick and all(isinstance(value, str) and len(value) < 3 for value in answer.values):
        return Answer(options.pick.format(answer.read))
    if see.is_letters(answer):
        letters = LETTERS if answer.values[0].isupper() else LETTERS.lower()
        return Answer(f'{listed}["{letters}".index({answer.read})]')
    if see.is_number(answer) or see.is_number_in_text(answer):
        numbers = [int(value) for value in see.labels(answer)]
        longest = max(map(len, options.values), default=0)
        from_one = min(numbers) == 1 and len(answer.values) >= _ENOUGH_ROWS
        first = 1 if from_one or max(numbers) == longest else 0
        if max(numbers) - first < longest:
            return Answer(_by_number(listed, answer, first))
    return None


def _by_number(listed: str, number: Part, first: int) -> str:
    """The one that a number points at; -1, as sets without answers have it, points at none."""
    if see.is_number(number):
        index, there = number.read + (" - 1" if first else ""), f"{number.read} >= {first}"
    else:
        index = f"({number.read} | int) - 1" if first else f"{number.read} | int"
        there = f"{number.read} | int(-1) >= {first}"
    return f'{listed}[{index}] if {there} else ""'
