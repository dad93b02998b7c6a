"""Sentences that name keys: each names an action, and where it is shown stands the key that the user gave it.

How they are written is told in `key_names`; a marker that no action has stays as it is.
"""

from __future__ import annotations

from typing import TypeVar

from textual.content import Content, Span
from textual.dom import DOMNode

from workbench.tui import actions
from workbench.tui.key_names import MARKERS, fill

Text = TypeVar("Text", str, Content)


def keyed(node: DOMNode, text: Text) -> Text:
    """A sentence with the keys that the user of this node's app has."""
    if "{" not in (text if isinstance(text, str) else text.plain):
        return text
    keys = actions.keys_of(actions.table(node))
    if isinstance(text, Content):
        return _filled(text, keys)
    return fill(text, keys)


def _filled(content: Content, keys: dict[str, str]) -> Content:
    """Content with keys for markers, each in the style that its marker has."""
    parts, end = [], 0
    for found in MARKERS.finditer(content.plain):
        marker = content[found.start() : found.end()]
        key = fill(marker.plain, keys)
        spans = [Span(0, len(key), span.style) for span in marker.spans]
        parts += [content[end : found.start()], Content(key, spans)]
        end = found.end()
    return Content("").join([*parts, content[end:]]) if parts else content
