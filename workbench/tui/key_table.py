"""The table of actions as plain rows, for the handbook: no screen is opened for it."""

from __future__ import annotations

from workbench.settings import Settings
from workbench.tui import actions, keymap
from workbench.tui.overlays import SCOPE_TITLES

KeyRow = tuple[str, str, str]


def key_groups(settings: Settings) -> list[tuple[str, list[KeyRow]]]:
    """Every action by where it works, with the keys that the settings give it.

    Returns:
        Titles, each with rows: keys (empty where there is none), the name for the `:` line, the meaning.

    Raises:
        BadInput: The settings name keys or actions that there are not, or the same key twice.
    """
    table = actions.with_keys(keymap.read(settings))
    return [(_title(scope), _rows(actions.in_scope(scope, table))) for scope in actions.scopes_of(table)]


def _title(scope: str) -> str:
    """The title, its last word the first half of the actions' ids."""
    title = SCOPE_TITLES.get(scope, scope)
    return title if title == scope else f"{title}: {scope}"


def _rows(table: tuple[actions.Action, ...]) -> list[KeyRow]:
    return [(actions.key_text(action, all_keys=True), action.name, action.help) for action in table]
