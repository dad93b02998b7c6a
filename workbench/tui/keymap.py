"""The keys that a person gave to actions in the settings, checked against the action table."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from textual.keys import KEY_NAME_REPLACEMENTS

from store.errors import BadInput, near
from workbench.settings import Settings
from workbench.tui.actions import ACTIONS, MODES, Action, with_keys
from workbench.tui.key_names import KEY_NAMES, written

NAMED = frozenset({"enter", "escape", "space", "backspace", "delete", "insert"}) | frozenset(
    {"home", "end", "pageup", "pagedown", "up", "down", "left", "right"}
)
FUNCTION_KEYS = frozenset(f"f{number}" for number in range(1, 13))
SAME_AS = {"ctrl+h": "backspace", "ctrl+i": "tab", "ctrl+j": "enter", "ctrl+m": "enter"}
"""What terminals make of these."""
RESERVED = {
    "tab": "goes to the next pane",
    "shift+tab": "goes to the pane before",
    "ctrl+c": "is the terminal's way to interrupt",
    "ctrl+q": "leaves the workbench from everywhere",
}
ABOVE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(MODES, ("app",)),
    "table": MODES,
    "grid": ("datasets", "inspect"),
    "reader": ("datasets",),
    "chart": ("runs",),
    "log": ("runs",),
    "tokens": ("compose", "inspect"),
    "answer": ("compare",),
    "editor": ("compose",),
    "form": ("launch", "dialog"),
    "choice": ("form",),
    "choose": ("dialog",),
}
"""In what each scope lies: a key that a widget does not take goes on to its screen, and on to the app."""
WRITTEN = {name: key for key, name in KEY_NAMES.items()}


def read(settings: Settings) -> dict[str, str]:
    """Check the keys of the settings.

    Returns:
        Keys by the actions' ids, several separated by commas, as Textual names them.

    Raises:
        BadInput: There is no such action or key, or a key would mean two things; all of it is named.
    """
    chosen = {name: [_key(each) for each in keys] for name, keys in settings.keys.items()}
    faults = [*_unknown(chosen), *_uncarried(chosen)]
    known = {action.id for action in ACTIONS}
    made = {name: ",".join(dict.fromkeys(keys)) for name, keys in chosen.items() if name in known}
    faults += _clashes(with_keys(made), made.keys())
    if faults:
        raise BadInput(f"{settings.file}: [keys] " + "; ".join(faults), "mend or delete these lines")
    return made


def _key(text: str) -> str:
    """A key as Textual names it: `?` and `question_mark`, `^d` and `ctrl+d` are the same."""
    if text in WRITTEN:
        return WRITTEN[text]
    if len(text) == 2 and text[0] == "^":
        return f"ctrl+{text[1].lower()}"
    if len(text) != 1:
        return text.lower()
    if text == " ":
        return "space"
    if text.isalnum():
        return text
    name = unicodedata.name(text, text).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


PUNCTUATION = frozenset(_key(each) for each in map(chr, range(0x21, 0x7F)) if not each.isalnum())


def _is_carried(key: str) -> bool:
    """Whether any terminal and tmux hand a key on as itself."""
    if len(key) == 1 or key in NAMED | FUNCTION_KEYS | PUNCTUATION:
        return True
    letter = key.removeprefix("ctrl+")
    return key.startswith("ctrl+") and len(letter) == 1 and letter.isascii() and letter.isalpha()


def _unknown(chosen: Iterable[str]) -> Iterator[str]:
    known = [action.id for action in ACTIONS]
    for name in (each for each in chosen if each not in known):
        nearest = near(name, known)
        meant = f"did you mean {nearest!r}?" if nearest else "`workbench help keys` lists them"
        yield f"unknown action {name!r}, {meant}"


def _uncarried(chosen: Mapping[str, Iterable[str]]) -> Iterator[str]:
    before = {action.id: action.key.split(",") for action in ACTIONS}
    for name, keys in chosen.items():
        for key in keys:
            if key in before.get(name, ()):
                continue  # what the table itself gives it is never wrong
            if key in RESERVED:
                yield f"{name} = {written(key)!r}: that key {RESERVED[key]}, choose another"
            elif key in SAME_AS:
                yield f"{name} = {written(key)!r}: a terminal sends {SAME_AS[key]} for it, choose another"
            elif not _is_carried(key):
                told = "is no key that every terminal and tmux carry"
                yield f"{name} = {key!r} {told}; take a character, ctrl+ and a letter, or f1 to f12"


def _clashes(table: Iterable[Action], chosen: Iterable[str]) -> Iterator[str]:
    """What a new key is already there for; what the table itself puts on one key is meant so."""
    names = set(chosen)
    before = {action.id: set(action.key.split(",")) for action in ACTIONS}
    users: dict[str, list[Action]] = {}
    for action in table:
        for key in action.key.split(",") if action.key else ():
            users.setdefault(key, []).append(action)
    for key, sharing in users.items():
        for one, other in combinations(sharing, 2):
            is_new = names & {one.id, other.id} and key not in before[one.id] & before[other.id]
            if is_new and _meet(one.scope, other.scope):
                yield f"{one.id} and {other.id} are both on {written(key)!r}, give one of them another key"


def _meet(one: str, other: str) -> bool:
    """Whether a key could mean both: the scopes are the same, or one lies in the other."""
    return one == other or one in _all_above(other) or other in _all_above(one)


def _all_above(scope: str) -> set[str]:
    above = set(ABOVE.get(scope, ()))
    return above.union(*(_all_above(each) for each in above)) if above else above
