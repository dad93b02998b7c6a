"""What a dataset's columns hold, seen from some of its rows, and from what lies within them.

A row's parts are not always columns: an answer may stand at `answers.text[0]`, the options in columns A to D.
Such parts are found here and named as a column would be; what they mean together is the business of `shapes`.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.composing.renaming import Expression, literal, reference

MAX_DEPTH = 2
MOST_LABELS = 40
LABEL_CHARACTERS = 60
LETTERS = "ABCDEFGHIJ"

_WAY = "\0"
_MOSTLY = 0.9
_FEW_ROWS = 8
_ENDINGS = ("abcde", "01234", "12345")
_KINDS_OF_TURNS = (("role", "content"), ("from", "value"))
_SPEAKER = re.compile(r"^[^\W\d][\w .'-]{0,30}:\s", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """A column, or something within one.

    Attributes:
        name: The column's name; for a part within one, the names on the way to it too.
        source: The column's name, or the Jinja2 that reads the part.
        values: What it holds in the rows that were looked at, without missing values.
        depth: How far within a column it lies.
        pick: For a list of options with labels of their own: Jinja2 that finds the one with label {0}.
        sparse: Whether it is missing in more than half of the rows.
    """

    name: str
    source: str
    values: tuple[Any, ...]
    depth: int = 0
    pick: str = ""
    sparse: bool = False

    @property
    def keys(self) -> set[str]:
        """What it may be known by, in small letters and digits alone: `questionstem` and `stem`."""
        *above, last = self.name.split(_WAY)
        if above and last in {"text", "value"}:
            return {plain(self.name), plain(above[-1])}
        return {plain(self.name), plain(last)}

    @property
    def read(self) -> str:
        """How Jinja2 reads it."""
        return self.source if isinstance(self.source, Expression) else reference(self.source)


def plain(name: str) -> str:
    """A name without what people write it differently by: case, underscores, spaces."""
    return "".join(filter(str.isalnum, name.casefold()))


def parts(columns: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    """Find what the columns hold, and what lies within them.

    Args:
        columns: The names of the columns.
        rows: Some rows.
    """
    tops = [_top(name, rows) for name in columns]
    return [*tops, *itertools.chain.from_iterable(map(_within, tops)), *_gathered(tops)]


def is_text(part: Part) -> bool:
    """Mostly texts, and not all of them empty."""
    return _mostly(isinstance(value, str) for value in part.values) and any(part.values)


def is_prose(part: Part) -> bool:
    """Texts, and not single words that come back: those are labels."""
    return is_text(part) and not (is_label(part) and all(len(str(v).split()) < 2 for v in part.values))


def is_scalar(part: Part) -> bool:
    """Mostly texts and numbers."""
    return _mostly(isinstance(value, str | int | float) for value in part.values)


def is_label(part: Part) -> bool:
    """Few different short values: what a classification answers."""
    return is_scalar(part) and 0 < len(labels(part)) <= MOST_LABELS and _repeats(part)


def is_texts(part: Part) -> bool:
    """Lists of two texts or more."""
    return _mostly(_all_are(value, str) and len(value) > 1 for value in part.values)


def is_data(part: Part) -> bool:
    """What can be told in words: a text, a list of texts, or a mapping."""
    return is_text(part) or _mostly(
        isinstance(value, Mapping) or _all_are(value, str) for value in part.values
    )


def is_flag(part: Part) -> bool:
    """Two different values at most, as of yes and no."""
    return is_label(part) and len(labels(part)) <= 2


def is_conversation(part: Part) -> bool:
    """Lists of turns, in OpenAI's or ShareGPT's form."""
    return turns_of(part) is not None


def turns_of(part: Part) -> tuple[str, str] | None:
    """The keys of speaker and text in a list of turns; None when it is no such list."""
    for keys in _KINDS_OF_TURNS:
        if _mostly(
            isinstance(value, list)
            and bool(value)
            and all(isinstance(turn, Mapping) and set(keys) <= set(turn) for turn in value)
            for value in part.values
        ):
            return keys
    return None


def is_dialogue(part: Part) -> bool:
    """Texts in which speakers take turns, a line each."""
    return is_text(part) and _mostly((len(_SPEAKER.findall(value)) > 1 for value in part.values), 0.6)


def is_letters(part: Part) -> bool:
    """The letters of options, A to J."""
    return bool(part.values) and all(isinstance(v, str) and v and v in LETTERS for v in part.values)


def is_number_in_text(part: Part) -> bool:
    """Numbers written as texts, as CSV has them."""
    return bool(part.values) and all(isinstance(v, str) and v.lstrip("-").isdigit() for v in part.values)


def is_number(part: Part) -> bool:
    """Whole numbers or truth values."""
    return bool(part.values) and all(isinstance(value, int) for value in part.values)


def labels(part: Part) -> list[Any]:
    """The different values, sorted."""
    found = {v for v in part.values if isinstance(v, str | int | float) and v != ""}
    return sorted(found, key=lambda value: (isinstance(value, str), value))


def length(part: Part) -> float:
    """The mean length of its texts."""
    return sum(len(str(value)) for value in part.values) / max(len(part.values), 1)


def without_header(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[Part] | None:
    """Find the parts of a table whose first row was taken for its header; None when it has one.

    A header shows no label of its own column. The parts are called what they probably are: `text` and
    `label`, or `question`, `options` and `answer`.
    """
    tops = [_top(name, rows) for name in columns]
    if len(tops) < 2 or not rows or not all(map(is_text, tops)):
        return None
    last, others = tops[-1], tops[:-1]
    if not is_label(last) or last.name not in {
        *map(str, labels(last)),
        *(LETTERS if is_letters(last) else ""),
    }:
        return None
    if len(tops) == 2:
        return [Part("text", tops[0].source, tops[0].values), Part("label", last.source, last.values)]
    if is_letters(last) and len(others) > 2:
        question, *options = others
        return [
            Part("question", question.source, question.values),
            _gather(options),
            Part("answer", last.source, last.values),
        ]
    return None


def tab_separated(part: Part) -> list[Part] | None:
    """Find text and label in lines that a tab divides; None when it does not."""
    if not is_text(part):
        return None
    lines = [value.rsplit("\t", 1) for value in part.values if value]
    label = Part("label", Expression(f'{part.read}.split("\\t")[-1]'), tuple(line[-1] for line in lines))
    if not all(len(line) == 2 for line in lines) or not is_label(label):
        return None
    text = Part("text", Expression(f'{part.read}.rsplit("\\t", 1)[0]'), tuple(line[0] for line in lines))
    return [text, label]


def _top(name: str, rows: Sequence[Mapping[str, Any]]) -> Part:
    values = _there(row.get(name) for row in rows)
    return Part(name, name, values, sparse=2 * len(values) < len(rows))


def _there(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(value for value in values if value is not None)


def _mostly(facts: Iterable[bool], share: float = _MOSTLY) -> bool:
    found = list(facts)
    return bool(found) and sum(found) >= share * len(found)


def _repeats(part: Part) -> bool:
    """Whether values come back, so that they are labels; in few rows, whether they are at least short."""
    if any(len(str(value)) > LABEL_CHARACTERS for value in part.values):
        return False
    numbers = [value for value in part.values if isinstance(value, float)]
    few = len(part.values) < _FEW_ROWS
    return not numbers and (few or len(labels(part)) <= max(2, len(part.values) // 2))


def _within(part: Part) -> list[Part]:
    """What lies within a column of objects, or of lists."""
    if part.depth >= MAX_DEPTH or turns_of(part):
        return []
    if _mostly(isinstance(value, Mapping) for value in part.values):
        part = replace(part, values=tuple(value for value in part.values if isinstance(value, Mapping)))
        if special := _scores(part) or _labelled(part):
            return special
        found = [_member(part, key) for key in _keys(part.values)]
        return [*found, *itertools.chain.from_iterable(map(_within, found)), *_gathered(found)]
    if _mostly(_all_are(value, Mapping) and bool(value) for value in part.values):
        lists = tuple(value for value in part.values if _all_are(value, Mapping) and value)
        if _mostly(len(value) == 1 for value in lists):
            firsts = tuple(value[0] for value in lists)
            return _within(replace(part, source=Expression(f"{part.read}[0]"), values=firsts))
        return _list_of_objects(replace(part, values=lists))
    if _mostly(_all_are(value, str) for value in part.values):
        firsts = tuple(value[0] for value in part.values if _all_are(value, str) and value)
        empty = "" if len(firsts) == len(part.values) else f' if {part.read} else "unanswerable"'
        first = Expression(f"{part.read}[0]{empty}")
        return [replace(part, source=first, values=firsts, depth=part.depth + 1)]
    return []


def _all_are(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) for each in value)


def _member(part: Part, key: str) -> Part:
    by_name = key.isidentifier() and not hasattr(dict, key)
    way = f"{part.read}.{key}" if by_name else f"{part.read}[{literal(key)}]"
    values = _there(value.get(key) for value in part.values)
    return Part(f"{part.name}{_WAY}{key}", Expression(way), values, part.depth + 1)


def _keys(objects: Sequence[Mapping[Any, Any]]) -> list[str]:
    """The keys that most of the objects have."""
    counts = Counter(key for each in objects for key in each if isinstance(key, str))
    return [key for key, count in counts.items() if count >= _MOSTLY * len(objects)]


def _scores(part: Part) -> list[Part] | None:
    """BIG-bench's `target_scores`: the options are the keys, and the answer is the one that scores."""
    for scores in part.values:
        points = list(scores.values())
        if len(points) < 2 or not all(isinstance(p, int) and 0 <= p <= 1 for p in points) or not any(points):
            return None
    options = Expression(f"{part.read} | list")
    answer = Expression(f'({part.read} | dictsort(false, "value") | last)[0]')
    return [
        Part("options", options, tuple(list(value) for value in part.values), part.depth + 1),
        Part("right", answer, tuple(max(v, key=v.__getitem__) for v in part.values), part.depth + 1),
    ]


def _labelled(part: Part) -> list[Part] | None:
    """Options written as `{"label": ["A", ...], "text": [...]}`."""
    if not {"label", "text"} <= set(_keys(part.values)):
        return None
    text, label = _member(part, "text"), _member(part, "label")
    pick = f"{text.read}[{label.read}.index({{0}})]"
    return [replace(text, name=part.name, pick=pick)] if is_texts(text) and is_texts(label) else None


def _list_of_objects(part: Part) -> list[Part]:
    """Options written as `[{"label": "A", "text": ...}, ...]`."""
    keys = _keys([each for value in part.values for each in value])
    values = tuple([each.get("text") for each in value] for value in part.values)
    if "text" not in keys:
        return []
    texts = Expression(f'{part.read} | map(attribute="text") | list')
    pick = f'({part.read} | selectattr("label", "equalto", {{0}}) | first).text' if "label" in keys else ""
    return [replace(part, source=texts, values=values, depth=part.depth + 1, pick=pick)]


def _gathered(found: Sequence[Part]) -> list[Part]:
    """Options that stand in columns of their own: A to D, choice1 and choice2."""
    by_key = {key: part for part in found if is_scalar(part) for key in part.keys}
    groups = []
    for stem, endings in itertools.product(sorted({key[:-1] for key in by_key}), _ENDINGS):
        run = list(itertools.takewhile(by_key.__contains__, (stem + ending for ending in endings)))
        if len(run) > 1:
            groups.append([by_key[key] for key in run])
    return [_gather(group) for group in sorted(groups, key=len, reverse=True)[:1]]


def _gather(options: Sequence[Part]) -> Part:
    values = tuple(list(each) for each in zip(*(option.values for option in options), strict=False))
    return Part("options", Expression(f"[{', '.join(option.read for option in options)}]"), values)
