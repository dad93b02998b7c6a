"""The longest common subsequence of two sequences of tokens, many columns of its table at a time.

The table's row is one integer: H. Hyyrö, "Bit-parallel LCS-length computation revisited", AWOCA 2004. Of
several longest subsequences the one that the `rouge-score` package reads out is taken, since ROUGE-Lsum
depends on it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence


def length(reference: Sequence[Hashable], prediction: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence, in tokens."""
    last = (1 << len(prediction)) - 1
    for row in _rows(reference, prediction):
        last = row
    return len(prediction) - last.bit_count()


def rows(reference: Sequence[Hashable], prediction: Sequence[Hashable]) -> list[int]:
    """The table, one integer per row and one before them: of the row of i tokens of the reference, the zeros
    in the low j bits count the common subsequence with j tokens of the prediction.
    """
    return [(1 << len(prediction)) - 1, *_rows(reference, prediction)]


def pairs(reference: Sequence[Hashable], prediction: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The canonical longest common subsequence.

    Returns:
        Pairs (index in `reference`, index in `prediction`), both ascending.
    """
    table = rows(reference, prediction)
    found: list[tuple[int, int]] = []
    i, j = len(reference), len(prediction)
    while i > 0 and j > 0:
        if reference[i - 1] == prediction[j - 1]:
            i, j = i - 1, j - 1
            found.append((i, j))
        elif _prefers_left(table[i], table[i - 1], j):
            j -= 1
        else:
            i -= 1
    found.reverse()
    return found


def _rows(reference: Sequence[Hashable], prediction: Sequence[Hashable]) -> Iterator[int]:
    """One integer per reference token: its zeros in the low j bits count the table's entry of column j."""
    places: dict[Hashable, int] = {}
    for j, token in enumerate(prediction):
        places[token] = places.get(token, 0) | 1 << j
    mask = (1 << len(prediction)) - 1
    row = mask
    for token in reference:
        shared = row & places.get(token, 0)
        if shared:
            row = ((row + shared) | (row - shared)) & mask
        yield row


def _prefers_left(row: int, row_above: int, j: int) -> bool:
    """Is the entry left of (i, j) greater than the one above it? Only then does `rouge-score` go left."""
    if not row >> (j - 1) & 1:
        return False
    low = (1 << j) - 1
    return (row & low).bit_count() < (row_above & low).bit_count()
