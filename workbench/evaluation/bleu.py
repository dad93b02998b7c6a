"""BLEU of a sentence and of a corpus, equal to `sacrebleu` to the last bit, from counts per row.

K. Papineni and others, "BLEU: a method for automatic evaluation of machine translation", 2002; smoothing as
in B. Chen and C. Cherry, "A systematic comparison of smoothing techniques for sentence-level BLEU", 2014. It
is worked out here and not by sacrebleu since `bleu_breakdown` asks for the score without each word in turn.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Literal, get_args

from store.errors import BadInput
from workbench.evaluation.names import unknown
from workbench.evaluation.overlap import matches
from workbench.evaluation.tokenizers import TOKENIZERS as TOKENIZERS
from workbench.evaluation.tokenizers import tokenizer

MAX_ORDER = 4
LOG_OF_NOTHING = -9999999999.0
"""What sacrebleu takes for the logarithm of a precision of 0."""

Smoothing = Literal["exp", "floor", "add-k", "none"]
EffectiveOrder = Literal["rows", "always", "never"]
SMOOTHINGS: tuple[Smoothing, ...] = get_args(Smoothing)
EFFECTIVE_ORDERS: tuple[EffectiveOrder, ...] = get_args(EffectiveOrder)
DEFAULT_VALUES: dict[Smoothing, float] = {"floor": 0.1, "add-k": 1}


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that a BLEU depends on beside the texts.

    `smooth_value` belongs to the smoothings `floor` (0.1 where None) and `add-k` (1). `effective_order` says
    where orders that a text is too short for are left out: in the scores of rows, as sacrebleu has it, in the
    corpus's as well, or nowhere.
    """

    tokenize: str = "13a"
    lowercase: bool = False
    smooth: Smoothing = "exp"
    smooth_value: float | None = None
    effective_order: EffectiveOrder = "rows"

    def __post_init__(self) -> None:
        """Raises: BadInput: No such tokenizer or smoothing, or a value for a smoothing that takes none."""
        tokenizer(self.tokenize)
        if self.smooth not in SMOOTHINGS:
            raise unknown("no BLEU smoothing named", SMOOTHINGS, self.smooth)
        if self.smooth_value is not None and self.smooth not in DEFAULT_VALUES:
            raise BadInput(f"the smoothing {self.smooth!r} takes no value", "leave it out, or choose floor")

    @property
    def value(self) -> float:
        """What `floor` and `add-k` add; 0 for the others."""
        return DEFAULT_VALUES.get(self.smooth, 0) if self.smooth_value is None else self.smooth_value


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class Counts:
    """What a row adds to a corpus: lengths in tokens, and n-grams matched and in all per order 1..4."""

    predicted: int
    expected: int
    matched: tuple[int, ...]
    total: tuple[int, ...]

    @classmethod
    def of(cls, flat: Sequence[int]) -> Counts:
        """Counts from the numbers that `flat` gives, or from their sums."""
        predicted, expected, *grams = flat
        return cls(predicted, expected, tuple(grams[:MAX_ORDER]), tuple(grams[MAX_ORDER:]))

    @property
    def flat(self) -> tuple[int, ...]:
        """All numbers in a row, for adding up."""
        return (self.predicted, self.expected, *self.matched, *self.total)


@dataclass(frozen=True, slots=True)
class Parts:
    """A score from 0 to 100, the smoothed precision of each order, and how many orders make it."""

    score: float
    precisions: tuple[float, ...]
    bp: float
    orders: int


@dataclass(frozen=True, slots=True)
class BleuScore:
    """A corpus score from 0 to 100 with its parts and the signature that names every choice behind it."""

    score: float
    precisions: tuple[float, ...]
    bp: float
    sys_len: int
    ref_len: int
    signature: str
    matched: tuple[int, ...]
    total: tuple[int, ...]


def sentence(prediction: str, references: Sequence[str], options: Options = DEFAULTS) -> float:
    """BLEU of one prediction, 0 to 100, as `sacrebleu.sentence_bleu`.

    Raises:
        BadInput: There is no reference.
    """
    return sentence_of(counts(prediction, references, options), options)


def sentence_of(row: Counts, options: Options = DEFAULTS) -> float:
    """BLEU of one row from its counts."""
    return parts(row, options, effective=options.effective_order != "never").score


def counts(prediction: str, references: Sequence[str], options: Options = DEFAULTS) -> Counts:
    """Count one row.

    A reference n-gram counts as often as in the reference that has it most often; the reference nearest in
    length gives the expected length, the shorter one of two that are equally near.

    Raises:
        BadInput: There is no reference.
    """
    if not references:
        raise BadInput("a prediction has no reference", "give at least one reference per row")
    said = words(prediction, options)
    wanted = [words(reference, options) for reference in references]
    matched = [0] * MAX_ORDER
    for order in range(1, MAX_ORDER + 1):
        matched[order - 1] = _matched(said, wanted, order)
        # A longer run that matches would have matched with its first tokens alone.
        if not matched[order - 1]:
            break
    return counted(len(said), [len(each) for each in wanted], matched)


def _matched(said: Sequence[str], wanted: Sequence[Sequence[str]], order: int) -> int:
    """How many runs of `order` tokens match."""
    if len(wanted) == 1:
        return matches(_runs(said, order), _runs(wanted[0], order))
    found, allowed = ngram_counts(said, order), most_counts(wanted, order)
    return sum([min(found[gram], allowed[gram]) for gram in found.keys() & allowed.keys()])


def counted(predicted: int, reference_lengths: Sequence[int], matched: Sequence[int]) -> Counts:
    """The counts of a row of known lengths in tokens with so many n-grams matched per order."""
    total = tuple([max(predicted - order, 0) for order in range(MAX_ORDER)])
    return Counts(predicted, nearest_length(predicted, reference_lengths), tuple(matched), total)


def nearest_length(predicted: int, reference_lengths: Sequence[int]) -> int:
    """The length nearest to the prediction's; the shorter one of two that are equally near."""
    return min([(abs(predicted - length), length) for length in reference_lengths])[1]


def words(text: str, options: Options = DEFAULTS) -> list[str]:
    """The tokens that sacrebleu compares."""
    return tokenizer(options.tokenize)((text.lower() if options.lowercase else text).rstrip())


def ngram_counts(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """How often each run of `order` tokens stands in a text."""
    return Counter(_runs(tokens, order))


def _runs(tokens: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return list(zip(*[tokens[start:] for start in range(order)], strict=False))


def most_counts(references: Sequence[Sequence[str]], order: int) -> Counter[tuple[str, ...]]:
    """How often each run stands in the reference that has it most often."""
    allowed = ngram_counts(references[0], order)
    for reference in references[1:]:
        allowed |= ngram_counts(reference, order)
    return allowed


def parts(row: Counts, options: Options = DEFAULTS, *, effective: bool) -> Parts:
    """BLEU's formula, in sacrebleu's order of operations.

    Args:
        row: Counts of a row, or summed.
        options: Which smoothing.
        effective: Leave out the orders that the text is too short for.
    """
    bp = 1.0
    if row.predicted < row.expected:
        bp = math.exp(1 - row.expected / row.predicted) if row.predicted else 0.0
    if not any(row.matched):
        return Parts(0.0, (0.0,) * MAX_ORDER, bp, MAX_ORDER)
    precisions = [0.0] * MAX_ORDER
    orders, halved = MAX_ORDER, 1.0
    for at in range(MAX_ORDER):
        added = options.value if options.smooth == "add-k" and at else 0
        matched, total = row.matched[at] + added, row.total[at] + added
        if total == 0:
            break
        if effective:
            orders = at + 1
        if matched:
            precisions[at] = 100.0 * matched / total
        elif options.smooth == "exp":
            halved *= 2
            precisions[at] = 100.0 / (halved * total)
        elif options.smooth == "floor":
            precisions[at] = 100.0 * options.value / total
    logarithms = [math.log(each) if each else LOG_OF_NOTHING for each in precisions[:orders]]
    return Parts(bp * math.exp(sum(logarithms) / orders), tuple(precisions), bp, orders)


class Corpus:
    """Sums the counts of rows, one after another, into a corpus score."""

    def __init__(self, options: Options = DEFAULTS) -> None:
        self.options = options
        self._sums = [0] * (2 + 2 * MAX_ORDER)
        self._reference_counts: set[int] = set()

    def add(self, prediction: str, references: Sequence[str]) -> Counts:
        """Add a row and return its own counts."""
        row = counts(prediction, references, self.options)
        self._sums = [a + b for a, b in zip(self._sums, row.flat, strict=True)]
        self._reference_counts.add(len(references))
        return row

    @property
    def counts(self) -> Counts:
        """The sums of all rows so far."""
        return Counts.of(self._sums)

    def score(self) -> BleuScore:
        """The score of all rows so far, as `sacrebleu.corpus_bleu`.

        Raises:
            BadInput: There are no rows.
        """
        if not self._reference_counts:
            raise BadInput("there are no rows to score", "give at least one row")
        sums, effective = self.counts, self.options.effective_order == "always"
        found = parts(sums, self.options, effective=effective)
        written = self.signature(effective=effective)
        lengths = sums.predicted, sums.expected
        return BleuScore(found.score, found.precisions, found.bp, *lengths, written, sums.matched, sums.total)

    def signature(self, *, effective: bool) -> str:
        """What sacrebleu writes beside a score, so that another can repeat it."""
        options = self.options
        value = f"[{options.value:.2f}]" if options.smooth in DEFAULT_VALUES else ""
        choices = (
            f"nrefs:{reference_counts(self._reference_counts)}",
            f"case:{'lc' if options.lowercase else 'mixed'}",
            f"eff:{'yes' if effective else 'no'}",
            f"tok:{options.tokenize}",
            f"smooth:{options.smooth}{value}",
            f"version:{sacrebleu_version()}",
        )
        return "|".join(choices)


def reference_counts(seen: set[int]) -> str:
    """How many references the rows have, as sacrebleu writes it."""
    return str(next(iter(seen))) if len(seen) == 1 else "var"


@lru_cache(maxsize=1)
def sacrebleu_version() -> str:
    """The version of the package that these scores equal."""
    return version("sacrebleu")
