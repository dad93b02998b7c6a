"""BLEU of a sentence and of a corpus, equal to `sacrebleu` to the last bit, from counts per row.

K. Papineni and others, "BLEU: a method for automatic evaluation of machine translation", 2002. The words are
cut and the formula is worked out by sacrebleu itself; not here: what each token earned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from store.errors import BadInput, near

TOKENIZERS = ("13a", "intl", "zh", "char", "none")
"""Those of sacrebleu's tokenizers that need no download and no further package."""

MAX_ORDER = 4


@dataclass(frozen=True, slots=True)
class Counts:
    """What a row adds to a corpus: lengths in tokens, and n-grams matched and in all per order 1..4."""

    predicted: int
    expected: int
    matched: tuple[int, ...]
    total: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BleuScore:
    """A corpus score from 0 to 100 with its parts and the signature that names every choice behind it."""

    score: float
    precisions: tuple[float, ...]
    bp: float
    sys_len: int
    ref_len: int
    signature: str


def sentence(
    prediction: str, references: Sequence[str], *, tokenize: str = "13a", lowercase: bool = False
) -> float:
    """BLEU of one prediction, 0 to 100, as `sacrebleu.sentence_bleu`: exponential smoothing, effective order.

    Raises:
        BadInput: There is no reference, or no such tokenizer.
    """
    return sentence_of(counts(prediction, references, tokenize=tokenize, lowercase=lowercase))


def sentence_of(row: Counts) -> float:
    """BLEU of one row from its counts."""
    return float(_formula(row, effective_order=True).score)


def counts(
    prediction: str, references: Sequence[str], *, tokenize: str = "13a", lowercase: bool = False
) -> Counts:
    """Count one row.

    A reference n-gram counts as often as in the reference that has it most often; the reference nearest in
    length gives the expected length, the shorter one of two that are equally near.

    Raises:
        BadInput: There is no reference, or no such tokenizer.
    """
    if not references:
        raise BadInput("a prediction has no reference", "give at least one reference per row")
    said = words(prediction, tokenize=tokenize, lowercase=lowercase)
    wanted = [words(reference, tokenize=tokenize, lowercase=lowercase) for reference in references]
    allowed = _most(wanted)
    found = _ngrams(said)
    matched = [0] * MAX_ORDER
    for gram in found.keys() & allowed.keys():
        matched[len(gram) - 1] += min(found[gram], allowed[gram])
    total = [max(len(said) - order, 0) for order in range(MAX_ORDER)]
    expected = min((abs(len(said) - len(reference)), len(reference)) for reference in wanted)[1]
    return Counts(len(said), expected, tuple(matched), tuple(total))


def words(text: str, *, tokenize: str = "13a", lowercase: bool = False) -> list[str]:
    """The tokens that sacrebleu compares.

    Raises:
        BadInput: No such tokenizer.
    """
    cut = _tokenizer(check_tokenizer(tokenize))
    return cut((text.lower() if lowercase else text).rstrip()).split()


def check_tokenizer(name: str) -> str:
    """Return the name of a tokenizer, refused when it is not among `TOKENIZERS`.

    Raises:
        BadInput: No such tokenizer.
    """
    if name in TOKENIZERS:
        return name
    meant = near(name, TOKENIZERS)
    hint = f"did you mean {meant!r}? " if meant else ""
    raise BadInput(f"no BLEU tokenizer named {name!r}", f"{hint}choose one of {', '.join(TOKENIZERS)}")


class Corpus:
    """Sums the counts of rows, one after another, into a corpus score."""

    def __init__(self, *, tokenize: str = "13a", lowercase: bool = False) -> None:
        self.tokenize = check_tokenizer(tokenize)
        self.lowercase = lowercase
        self._sums = [0] * (2 + 2 * MAX_ORDER)
        self._reference_counts: set[int] = set()

    def add(self, prediction: str, references: Sequence[str]) -> Counts:
        """Add a row and return its own counts."""
        row = counts(prediction, references, tokenize=self.tokenize, lowercase=self.lowercase)
        flat = (row.predicted, row.expected, *row.matched, *row.total)
        self._sums = [a + b for a, b in zip(self._sums, flat, strict=True)]
        self._reference_counts.add(len(references))
        return row

    def score(self) -> BleuScore:
        """The score of all rows so far, as `sacrebleu.corpus_bleu`: exponential smoothing, all four orders.

        Raises:
            BadInput: There are no rows.
        """
        if not self._reference_counts:
            raise BadInput("there are no rows to score", "give at least one row")
        predicted, expected, *grams = self._sums
        sums = Counts(predicted, expected, tuple(grams[:MAX_ORDER]), tuple(grams[MAX_ORDER:]))
        result = _formula(sums, effective_order=False)
        return BleuScore(
            score=float(result.score),
            precisions=tuple(result.precisions),
            bp=float(result.bp),
            sys_len=predicted,
            ref_len=expected,
            signature=self._signature(),
        )

    def _signature(self) -> str:
        metric = _bleu()(tokenize=self.tokenize, lowercase=self.lowercase)
        varies = len(self._reference_counts) > 1
        # sacrebleu writes -1 as `nrefs:var`.
        metric.num_refs = -1 if varies else next(iter(self._reference_counts))
        return str(metric.get_signature())


def _most(references: Sequence[Sequence[str]]) -> Counter[tuple[str, ...]]:
    allowed = _ngrams(references[0])
    for reference in references[1:]:
        allowed |= _ngrams(reference)
    return allowed


def _ngrams(tokens: Sequence[str]) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for order in range(1, MAX_ORDER + 1):
        found.update(zip(*(tokens[start:] for start in range(order)), strict=False))
    return found


def _formula(row: Counts, *, effective_order: bool) -> Any:
    # Lists of its own: sacrebleu changes what it is handed.
    return _bleu().compute_bleu(
        list(row.matched),
        list(row.total),
        row.predicted,
        row.expected,
        smooth_method="exp",
        effective_order=effective_order,
    )


@lru_cache(maxsize=len(TOKENIZERS))
def _tokenizer(name: str) -> Callable[[str], str]:
    cut: Callable[[str], str] = _bleu()(tokenize=name).tokenizer
    return cut


def _bleu() -> Any:
    # A fifth of a second to import: only those who score pay it.
    from sacrebleu.metrics.bleu import BLEU

    return BLEU
