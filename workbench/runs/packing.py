"""Which rows share a sequence when they are packed: best fit, the longest first; no tokens are known here."""

from __future__ import annotations

import random
from collections.abc import Sequence

WINDOW = 2048
"""Rows that are packed among themselves: enough to fill sequences, few enough to keep the order random."""

Length = tuple[int, int]
"""Tokens of a row's source and of its target; the target of a causal model stands under its source: 0."""


def pack(lengths: Sequence[Length], capacity: int) -> list[list[int]]:
    """Put rows together so that few tokens of a sequence stay empty.

    Best-fit-decreasing (Johnson 1973): the longest row first, each into the fullest sequence that has room.

    Args:
        lengths: Of each row, none above the capacity.
        capacity: Tokens of a sequence, at its source and at its target alike.

    Returns:
        The rows of each sequence, by their place in `lengths`; a row is in one sequence, whole.
    """
    order = sorted(range(len(lengths)), key=lambda row: (*lengths[row], row), reverse=True)
    packs: list[list[int]] = []
    target_room: list[int] = []
    by_room: dict[int, list[int]] = {}
    rooms = 0  # bit n stands when by_room[n] holds a sequence
    for row in order:
        source, target = lengths[row]
        left = rooms >> source << source
        while left:
            room = (left & -left).bit_length() - 1
            chosen = next((each for each in reversed(by_room[room]) if target_room[each] >= target), None)
            if chosen is not None:
                by_room[room].remove(chosen)
                rooms ^= 0 if by_room[room] else 1 << room
                break
            left &= left - 1
        else:
            room, chosen = capacity, len(packs)
            packs.append([])
            target_room.append(capacity)
        packs[chosen].append(row)
        target_room[chosen] -= target
        by_room.setdefault(room - source, []).append(chosen)
        rooms |= 1 << room - source
    return packs


def pack_epoch(rows: Sequence[int], lengths: Sequence[Length], capacity: int, key: str) -> list[list[int]]:
    """Pack one pass over the rows, window by window, in an order that the key alone decides.

    Args:
        rows: Their numbers, in the pass's order.
        lengths: Of each of them.
        capacity: Tokens of a sequence.
        key: Such as seed and epoch.

    Returns:
        The rows' numbers, sequence by sequence.
    """
    # S311: an order is to be repeatable, not secret.
    chance = random.Random(key)  # noqa: S311
    made: list[list[int]] = []
    for start in range(0, len(rows), WINDOW):
        packs = pack(lengths[start : start + WINDOW], capacity)
        chance.shuffle(packs)
        made += [[rows[start + row] for row in sorted(each)] for each in packs]
    return made
