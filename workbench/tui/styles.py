"""The rules of all styles, each text of them read once for the colours of now."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

KEPT = 1_000
"""More texts than all screens and dialogs have: with room for fewer, each is forgotten before its turn."""


class KeptStyles(Stylesheet):
    """Textual's stylesheet, which otherwise reads every text again when a screen or a dialog is first opened.

    Args:
        variables: The values of the variables that the texts name, such as the theme's colours.
    """

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._parse_cache = LRUCache(KEPT)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take other values; what was read with the same ones stays."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Put the rules together again; an error leaves those that are there."""
        self.parse()
