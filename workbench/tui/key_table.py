"""The table of actions as plain rows, for the handbook: no screen is opened for it."""

from __future__ import annotations

from workbench.tui import actions
from workbench.tui.overlays import SCOPE_TITLES

KeyRow = tuple[str, str, str]


def key_groups() -> list[tuple[str, list[KeyRow]]]:
    """Every action by where it works.

    Returns:
        Titles, each with rows: keys (empty where there is none), the name for the `:` line, the meaning.
    """
    scopes = dict.fromkeys(action.scope for action in actions.ACTIONS)
    return [(SCOPE_TITLES.get(scope, scope), _rows(scope)) for scope in scopes]


def _rows(scope: str) -> list[KeyRow]:
    return [
        (actions.key_text(action, all_keys=True), action.name, action.help)
        for action in actions.in_scope(scope)
    ]
