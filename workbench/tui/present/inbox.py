"""What is said of the inbox: one quiet line, and everything about it on demand. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.tui.clean import clean
from workbench.tui.present.cells import GOOD, STRONG, WARNING, lines, number_of, quiet

if TYPE_CHECKING:
    from store.inbox import Taken
    from workbench.tui.inbox import InboxState

NAME_CELLS = 60


def line(state: InboxState, key: str, *, news: bool) -> Content | None:
    """The newest about the inbox in a line; None when there is nothing to say.

    Args:
        state: The inbox.
        key: What is pressed to be told more.
        news: Whether what came in lately is still news.
    """
    newest = _newest(state, news=news)
    if newest is None:
        return None
    # The key comes first: what does not fit is cut at the end.
    return Content.assemble(("inbox ", "$text-muted"), (key, "bold $accent"), "  ", newest)


def _newest(state: InboxState, *, news: bool) -> tuple[str, str] | None:
    if state.reading:
        return f"reading {clean(state.reading)}", "$accent"
    if state.waiting:
        others = f" and {len(state.waiting) - 1} more" if len(state.waiting) > 1 else ""
        return f"waiting until {clean(state.waiting[0], NAME_CELLS)}{others} is written", "$accent"
    if state.refused:
        count = f"{len(state.refused)} not taken, the last: " if len(state.refused) > 1 else "not taken: "
        return count + clean(state.refused[-1].told), WARNING
    if state.came and news:
        taken = state.came[-1]
        return f"{clean(taken.entry, NAME_CELLS)} came in as the {_named(taken)}", GOOD
    return None


def _named(taken: Taken) -> str:
    return f"{taken.noun} {clean(taken.name or '', NAME_CELLS)}"


def detail(state: InboxState, folder: Path) -> Content:
    """Everything about the inbox."""
    parts: list[Content | str] = [
        "Put a data file, a folder of a dataset or an adapter, or a template here, and it is registered:",
        Content.styled(clean(str(folder)), STRONG),
    ]
    if state.waiting:
        parts += ["", Content.styled("still being written", STRONG), *map(clean, state.waiting)]
    if state.refused:
        parts += ["", Content.styled("not taken", STRONG)]
        parts += [Content.styled(clean(each.told), WARNING) for each in state.refused]
        parts.append(quiet("Delete the note beside a file, or change the file, to try again."))
    if state.came:
        parts += ["", Content.styled(f"came in: {number_of(len(state.came), 'entry')}", STRONG)]
        parts += [f"{clean(taken.entry, 200)}  as the {_named(taken)}" for taken in reversed(state.came)]
    if not (state.waiting or state.refused or state.came):
        parts += ["", quiet("Nothing lies in it now.")]
    return lines(parts)
