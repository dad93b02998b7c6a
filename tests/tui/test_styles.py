"""What is opened for the first time costs its own styles, and what is held for good is told once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from textual.css import stylesheet

from store import Store
from workbench.tui.app import WorkbenchApp


async def test_no_text_of_styles_is_read_twice_but_for_other_colours(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight screens, help and the command line are opened; then a theme is chosen."""
    read: Counter[tuple[str, Any, int]] = Counter()
    parse = stylesheet.parse

    def counted(scope: str, css: str, read_from: Any, **options: Any) -> Any:
        read[scope, read_from, options["tie_breaker"]] += 1
        return parse(scope, css, read_from, **options)

    monkeypatch.setattr(stylesheet, "parse", counted)
    app = WorkbenchApp(store.root)
    async with app.run_test(size=(100, 30)) as pilot:
        for key in ("2", "3", "4", "5", "6", "7", "8", "1", "question_mark", "escape", "colon", "escape"):
            await pilot.press(key)
            await pilot.pause()
        assert set(read.values()) == {1}, read.most_common(5)
        before = app.screen.styles.background
        read.clear()
        app.action_theme("light")
        await pilot.pause()
        await pilot.pause()
        assert read and app.screen.styles.background != before
