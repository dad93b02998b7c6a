"""One line of progress on stderr: it overwrites itself on a terminal, and comes rarely elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType

import click

from workbench.cli.output import colour_choice

REDRAW_SECONDS = 0.2
PIPED_SECONDS = 5.0  # a log file gets a line now and then, not one per step


class Line:
    """A progress line; the last text stays when it is closed."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Args: quiet: Write nothing at all."""
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._last_text = self._printed = ""
        self._last_drawn = 0.0 if self._terminal else time.monotonic()

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, text: str, *, now: bool = False) -> None:
        """Show a text of one line.

        Args:
            text: Cleaned already where it came from outside.
            now: Draw it even though the last one was drawn a moment ago.
        """
        self._last_text = text
        wait = REDRAW_SECONDS if self._terminal else PIPED_SECONDS
        if now or time.monotonic() - self._last_drawn >= wait:
            self._draw()

    def say(self, text: str) -> None:
        """Leave a line for good above the progress; cleaned already where it came from outside."""
        if self._quiet:
            return
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
        click.echo(text, err=True, color=colour_choice())
        self._last_drawn = 0.0 if self._terminal else self._last_drawn

    def close(self) -> None:
        """Draw what was still waiting and leave the line; a file that nobody watches needs no leftovers."""
        if self._last_text and self._terminal and not self._quiet:
            self._draw()
            click.echo(err=True)
        self._last_text = ""

    def _draw(self) -> None:
        if self._quiet or not self._last_text:
            return
        self._last_drawn = time.monotonic()
        if not self._terminal:
            if self._last_text != self._printed:
                click.echo(self._last_text, err=True)
            self._printed = self._last_text
            return
        width = shutil.get_terminal_size().columns - 1
        plain = click.unstyle(self._last_text)
        styled = colour_choice() is None and len(plain) <= width
        sys.stderr.write(f"\r\x1b[K{self._last_text if styled else plain[:width]}")
        sys.stderr.flush()
