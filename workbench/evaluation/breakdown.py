"""What each token of a prediction and of its reference earned in a ROUGE score, and which belong together.

An n-gram that both sides have several times could be paired in several ways. One is chosen, always the same:
first the pairs on the longest common subsequence, then those that share most context, then the leftmost.
The labels are choices in that sense; the counts and the score are not.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from store.errors import BadInput, near
from workbench.evaluation import subsequence
from workbench.evaluation.rouge import TOKEN, from_counts, ngrams, normal

METRICS = ("rouge1", "rouge2", "rougeL")

Label = Literal["matched", "clipped", "novel", "recalled", "missed"]
Pairs = list[tuple[int, int]]

CONTEXT = 4
"""Two equal tokens are compared by the common run around them, up to this many tokens."""


@dataclass(frozen=True, slots=True)
class TokenLabel:
    """One token of the raw text: `text` is the text from `start` to `end`, counted in characters.

    `partners` are the indices of the tokens on the other side that it is paired with; with ROUGE-2 a token
    is part of two pairs of words, so there can be two.
    """

    text: str
    start: int
    end: int
    label: Label
    partners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A ROUGE score down to the token.

    In the prediction a token is `matched`; `clipped`, when the reference has it and it earned nothing here
    (one repeat too many, or out of order for ROUGE-L); or `novel`, when the reference does not have it. In
    the reference a token is `recalled` or `missed`. With ROUGE-2 a token takes the best label of its two word
    pairs. The four counts are of words, with ROUGE-2 of word pairs: matched + clipped + novel is the
    prediction's length, matched + missed the reference's.
    """

    metric: str
    prediction: tuple[TokenLabel, ...]
    reference: tuple[TokenLabel, ...]
    precision: float
    recall: float
    fmeasure: float
    matched: int
    clipped: int
    novel: int
    missed: int
    sentence: str


class _Word(NamedTuple):
    normal: str
    start: int
    end: int


def rouge(prediction: str, reference: str, *, metric: str = "rouge1", stemmer: bool = False) -> Breakdown:
    """Break one ROUGE score down to the tokens of both texts.

    Args:
        prediction: What the model wrote.
        reference: The one text it is compared with.
        metric: One of `METRICS`.
        stemmer: Compare stems in place of words.

    Raises:
        BadInput: There is no such metric here.
    """
    if metric not in METRICS:
        meant = near(metric, METRICS)
        hint = f"did you mean {meant!r}? " if meant else ""
        raise BadInput(f"no breakdown of {metric!r}", f"{hint}choose one of {', '.join(METRICS)}")
    order = 2 if metric == "rouge2" else 1
    said, wanted = _words(prediction, stemmer), _words(reference, stemmer)
    said_grams = ngrams([word.normal for word in said], order)
    wanted_grams = ngrams([word.normal for word in wanted], order)
    pairs = subsequence.pairs(wanted_grams, said_grams)
    if metric != "rougeL":
        pairs = pairs + _rest_of_pairs(wanted_grams, said_grams, pairs)
    return _breakdown(
        metric, order, (prediction, reference), (said, wanted), (said_grams, wanted_grams), pairs
    )


def _words(text: str, stemmer: bool) -> list[_Word]:
    """ROUGE's words with their places in the raw text."""
    lowered = text.lower()
    if len(lowered) == len(text):
        found = [(match[0], match.start(), match.end()) for match in TOKEN.finditer(lowered)]
    else:
        found = _words_where_lowering_lengthens(text)
    return [_Word(normal(word) if stemmer else word, start, end) for word, start, end in found]


def _words_where_lowering_lengthens(text: str) -> list[tuple[str, int, int]]:
    """As above where a character becomes two in lower case: U+0130 does, and alone of all characters."""
    origin = [place for place, character in enumerate(text) for _ in character.lower()]
    lowered = "".join(character.lower() for character in text)
    return [
        (match[0], origin[match.start()], origin[match.end() - 1] + 1) for match in TOKEN.finditer(lowered)
    ]


def _rest_of_pairs(wanted: Sequence[Hashable], said: Sequence[Hashable], taken: Pairs) -> Pairs:
    """Pair what the subsequence left over: most context first, then leftmost with leftmost."""
    left_wanted = _left_over(wanted, {i for i, _ in taken})
    left_said = _left_over(said, {j for _, j in taken})
    both = {wanted[i] for i in left_wanted} & {said[j] for j in left_said}
    left_wanted = [i for i in left_wanted if wanted[i] in both]
    left_said = [j for j in left_said if said[j] in both]
    used: set[int] = set()
    found: Pairs = []
    for run in range(CONTEXT, 0, -1):
        places: dict[Hashable, deque[int]] = defaultdict(deque)
        for i in left_wanted:
            if i not in used:
                for window in _windows(wanted, i, run):
                    places[window].append(i)
        still_left = []
        for j in left_said:
            free = _free(places, _windows(said, j, run), used)
            if free:
                found.append((min(free), j))
                used.add(min(free))
            else:
                still_left.append(j)
        left_said = still_left
    return found


def _left_over(grams: Sequence[Hashable], taken: set[int]) -> list[int]:
    return [place for place in range(len(grams)) if place not in taken]


def _windows(grams: Sequence[Hashable], place: int, run: int) -> list[Hashable]:
    """Every run of that length through one place, with how far into the run the place is."""
    starts = range(max(place - run + 1, 0), min(place, len(grams) - run) + 1)
    return [(place - start, *grams[start : start + run]) for start in starts]


def _free(places: dict[Hashable, deque[int]], windows: list[Hashable], used: set[int]) -> list[int]:
    """Per window the leftmost place that is still free. Used places in front are dropped for good."""
    found = []
    for window in windows:
        queue = places.get(window)
        while queue and queue[0] in used:
            queue.popleft()
        if queue:
            found.append(queue[0])
    return found


def _breakdown(
    metric: str,
    order: int,
    texts: tuple[str, str],
    words: tuple[list[_Word], list[_Word]],
    grams: tuple[list[tuple[str, ...]], list[tuple[str, ...]]],
    pairs: Pairs,
) -> Breakdown:
    (prediction, reference), (said, wanted), (said_grams, wanted_grams) = texts, words, grams
    partner_of_said, partner_of_wanted = {j: i for i, j in pairs}, dict(pairs)
    known = set(wanted_grams)
    said_labels: list[Label] = [
        "matched" if j in partner_of_said else "clipped" if gram in known else "novel"
        for j, gram in enumerate(said_grams)
    ]
    wanted_labels: list[Label] = [
        "recalled" if i in partner_of_wanted else "missed" for i in range(len(wanted_grams))
    ]
    counts = Counter(said_labels) + Counter(wanted_labels)
    score = from_counts(len(pairs), len(said_grams), len(wanted_grams))
    return Breakdown(
        metric=metric,
        prediction=_token_labels(prediction, said, said_labels, partner_of_said, order, "novel"),
        reference=_token_labels(reference, wanted, wanted_labels, partner_of_wanted, order, "missed"),
        precision=score.precision,
        recall=score.recall,
        fmeasure=score.fmeasure,
        matched=counts["matched"],
        clipped=counts["clipped"],
        novel=counts["novel"],
        missed=counts["missed"],
        sentence=_sentence(metric, counts, len(said_grams), len(wanted_grams)),
    )


_RANK: dict[Label, int] = {"matched": 0, "recalled": 0, "clipped": 1, "novel": 2, "missed": 2}


def _token_labels(
    text: str, words: list[_Word], labels: list[Label], partners: dict[int, int], order: int, worst: Label
) -> tuple[TokenLabel, ...]:
    """From n-grams back to tokens: a token's label is the best, its partners all, of the n-grams it is in."""
    found: list[Label] = [worst] * len(words)  # it stays where a text is too short for one n-gram
    linked: list[tuple[int, ...]] = [()] * len(words)
    for start, label in enumerate(labels):
        partner = partners.get(start)
        for within in range(order):
            place = start + within
            if _RANK[label] < _RANK[found[place]]:
                found[place] = label
            if partner is not None and partner + within not in linked[place]:
                linked[place] += (partner + within,)
    return tuple(
        TokenLabel(text[start:end], start, end, label, partners_of_it)
        for (_, start, end), label, partners_of_it in zip(words, found, linked, strict=True)
    )


def _sentence(metric: str, counts: Counter[Label], predicted: int, expected: int) -> str:
    """One plain sentence on why the score is what it is."""
    unit = "word pair" if metric == "rouge2" else "word"
    if not predicted or not expected:
        side = "reference" if predicted else "prediction"
        return f"The {side} has no {unit} to compare, so the score is 0."
    where = " in the reference's order" if metric == "rougeL" else ""
    parts = [f"{counts['matched']} of the prediction's {_number(predicted, unit)} matched{where}"]
    if counts["clipped"]:
        reason = "out of its order or repeated" if metric == "rougeL" else "beyond the reference's count"
        parts.append(f"{counts['clipped']} clipped ({reason})")
    if counts["novel"]:
        parts.append(f"{counts['novel']} not in the reference")
    return f"{', '.join(parts)}; {counts['missed']} of the reference's {_number(expected, unit)} missed."


def _number(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
