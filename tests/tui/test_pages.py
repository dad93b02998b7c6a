"""A window over a long list holds what is near, and says what is to be read next."""

from __future__ import annotations

from workbench.tui.pages import CHUNK_ROWS, Cell, Line, Window


def lines(wanted: range) -> list[Line]:
    return [Line(number, (Cell(str(number)),)) for number in wanted]


def fill(window: Window, first: int, stop: int, count: int) -> int:
    """Read all that is wanted; returns how many reads that took."""
    reads = 0
    while (wanted := window.missing(first, stop, count)) is not None:
        assert len(wanted) <= CHUNK_ROWS
        window.put(wanted.start, lines(wanted))
        reads += 1
    return reads


def test_what_is_in_sight_is_read_before_what_is_near_it() -> None:
    window = Window(2)
    assert window.missing(1000, 1020, 5_000_000) == range(1000, 1064)
    window.put(1000, lines(range(1000, 1064)))
    assert window.missing(1000, 1020, 5_000_000) == range(1064, 1128)
    window.put(1064, lines(range(1064, 1128)))
    assert window.missing(1000, 1020, 5_000_000) == range(936, 1000)
    window.put(936, lines(range(936, 1000)))
    assert window.missing(1000, 1020, 5_000_000) is None


def test_the_ends_of_a_list_are_read_and_nothing_beyond_them() -> None:
    window = Window(2)
    fill(window, 0, 20, 30)
    assert [position for position in range(-5, 40) if window.get(position)] == list(range(30))
    fill(window, 25, 30, 30)
    assert window.missing(0, 0, 0) is None


def test_a_jump_needs_few_reads_and_known_lines_are_not_read_again() -> None:
    window = Window(2)
    assert fill(window, 0, 40, 1_000_000) == 2
    assert fill(window, 999_960, 1_000_000, 1_000_000) == 2
    assert fill(window, 10, 50, 1_000_000) <= 1


def test_only_so_much_is_held_however_far_one_goes() -> None:
    for columns in (1, 5, 400, 2000):
        window = Window(columns)
        for first in range(0, 300_000, 1000):
            fill(window, first, first + 40, 1_000_000)
            assert window.get(first) is not None
        assert len(window) <= max(40_000 // columns, 100) + 40 + CHUNK_ROWS
