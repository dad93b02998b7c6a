"""Keys as a person writes them, and how a sentence names one that the user may have changed.

A sentence holds the action in place of its key: `Press {key:models.add}` becomes `Press a`. `{arrow:…}` takes
an arrow where the action has one: `{arrow:chart.left}{arrow:chart.right} read` becomes `←→ read`. An action
without a key is written as on the `:` line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

KEY_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "semicolon": ";",
    "quotation_mark": '"',
    "apostrophe": "'",
    "escape": "esc",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "full_stop": ".",
    "comma": ",",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "exclamation_mark": "!",
    "number_sign": "#",
    "dollar_sign": "$",
    "percent_sign": "%",
    "ampersand": "&",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "asterisk": "*",
    "at": "@",
    "backslash": "\\",
    "circumflex_accent": "^",
    "underscore": "_",
    "grave_accent": "`",
    "left_curly_bracket": "{",
    "vertical_line": "|",
    "right_curly_bracket": "}",
    "tilde": "~",
    "shift+tab": "⇧tab",
}
ARROWS = frozenset({"left", "right", "up", "down"})
MARKERS = re.compile(r"(?:\{(?:key|arrow):[a-z]+\.[a-z_]+\})+")
"""Markers that stand side by side are one text: a space comes between keys that are words."""
MARKER = re.compile(r"\{(key|arrow):([a-z]+\.[a-z_]+)\}")


def written(key: str) -> str:
    """A key as a person writes it."""
    letter = key.removeprefix("ctrl+")
    return f"^{letter}" if letter != key and len(letter) == 1 else KEY_NAMES.get(key, key)


def fill(text: str, keys: Mapping[str, str]) -> str:
    """A sentence with keys for its markers; one that names no action stays as it is.

    Args:
        text: The sentence.
        keys: Keys by the actions' ids, several separated by commas, as Textual names them.
    """
    return MARKERS.sub(lambda found: _side_by_side(found[0], keys), text)


def _side_by_side(markers: str, keys: Mapping[str, str]) -> str:
    named = [_named(kind, id, keys) for kind, id in MARKER.findall(markers)]
    return ("" if all(len(each) == 1 for each in named) else " ").join(named)


def _named(kind: str, id: str, keys: Mapping[str, str]) -> str:
    if id not in keys:
        return f"{{{kind}:{id}}}"
    several = [key for key in keys[id].split(",") if key]
    arrows = [key for key in several if key in ARROWS and kind == "arrow"]
    first = next(iter([*arrows, *several]), "")
    return written(first) if first else f":{id.partition('.')[2]}"
