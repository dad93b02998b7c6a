"""The longest common subsequence of two sequences of tokens, many columns of its table at a time.

The table's row is one integer: H. Hyyrö, "Bit-parallel LCS-length computation revisited", AWOCA 2004. Of
several longest subsequences the one that the `rouge-score` package reads out is taken, since ROUGE-Lsum
depends on it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def length(reference: Sequence[Hashable], prediction: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence, in tokens."""
    return len(prediction) - rows(reference, prediction)[-1].bit_count()


def rows(reference: Sequence[Hashable], prediction: Sequence[Hashable]) -> list[int]:
    """The table, one integer per row and one before them: of the row of i tokens of the reference, the zeros
    in the low j bits count the common subsequence with j tokens of the prediction.
    """
    places: dict[Hashable, int] = {}
    bit = 1
    for token in prediction:
        places[token] = places.get(token, 0) | bit
        bit <<= 1
    row = mask = bit - 1
    table = [row]
    for token in reference:
        if token in places:
            shared = row & places[token]
            row = ((row + shared) | (row - shared)) & mask
        table.append(row)
    return table


def pairs(reference: Sequence[Hashable], prediction: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The canonical longest common subsequence.

    Returns:
        Pairs (index in `reference`, index in `prediction`), both ascending.
    """
    return drawn(rows(reference, prediction), reference, prediction)


def drawn(
    table: Sequence[int], reference: Sequence[Hashable], prediction: Sequence[Hashable]
) -> list[tuple[int, int]]:
    """The canonical longest common subsequence, as `pairs`, from the table that `rows` makes."""
    found: list[tuple[int, int]] = []
    i, j = len(reference), len(prediction)
    while i and j:
        if reference[i - 1] == prediction[j - 1]:
            i, j = i - 1, j - 1
            found.append((i, j))
            continue
        row, above, low = table[i], table[i - 1], (1 << j) - 1
        # Only where the entry left of (i, j) is greater than the one above it does `rouge-score` go left.
        to_the_left = row != above and row >> (j - 1) & 1
        if to_the_left and (row & low).bit_count() < (above & low).bit_count():
            j -= 1
        else:
            i -= 1
    found.reverse()
    return found
