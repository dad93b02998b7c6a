"""Rows rendered and splits looked through in processes of their own; of what is asked, the newest wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from textual.message import Message

from store.errors import StoreError
from workbench.composing.limited import Limited, SurveyProcess
from workbench.composing.shown import Preview, PreviewRequest, SurveyRequest
from workbench.tui.live import Newest
from workbench.tui.present.compose import Subject
from workbench.tui.present.figures import BATCH_SIZE, Document

if TYPE_CHECKING:
    from store import Store

SEED = 42
"""The default seed of a run, which deals the variants out."""
Ask = Callable[..., None]


@dataclass(frozen=True)
class Wanted:
    """A row to show, with the template's unsaved text where it is being edited."""

    subject: Subject
    text: str | None = None


@dataclass(frozen=True)
class Made:
    """What became of it: the text that was rendered, and the row, or what is wrong."""

    wanted: Wanted
    text: str = ""
    shown: Preview | None = None
    trouble: StoreError | None = None


class Previewer:
    """Shows rows, one at a time.

    While one is rendered only the newest of what is asked meanwhile is kept.

    Args:
        root: The store's folder.
        ask: Runs work on a lane, as `WorkbenchScreen.ask` does.
        show: Takes what was made, on the loop.
    """

    def __init__(self, root: Path, ask: Ask, show: Callable[[Made], None]) -> None:
        self._limited = Limited(root)
        self._ask = ask
        self._show = show
        self._wanted: Wanted | None = None
        self._busy = False

    def show(self, wanted: Wanted) -> None:
        """Render a row."""
        self._wanted = wanted
        if not self._busy:
            self._next()

    def close(self) -> None:
        """End the process."""
        self._limited.close()

    def _next(self) -> None:
        wanted, self._wanted = self._wanted, None
        self._busy = wanted is not None
        if wanted is not None:
            self._ask(lambda store: self._make(store, wanted), self._made, lane="preview", failed=self._lost)

    def _make(self, store: Store, wanted: Wanted) -> Made:
        on, text = wanted.subject, wanted.text
        try:
            text = store.templates.text(on.template) if text is None else text
            if not on.dataset:
                return Made(wanted, text)
            return Made(wanted, text, self._limited.preview(preview_request(on, text)))
        except StoreError as error:
            return Made(wanted, text or "", trouble=error)

    def _made(self, made: Made) -> None:
        self._next()
        self._show(made)

    def _lost(self, error: StoreError) -> None:
        """What is no fault of the user's: it is told, and the next row is still shown."""
        wanted = self._wanted or Wanted(Subject())
        self._next()
        self._show(Made(wanted, trouble=error))


class Search:
    """Looks for rows with problems, in a process of its own: the preview goes on meanwhile.

    Args:
        root: The store's folder.
        ask: Runs work on a lane.
    """

    def __init__(self, root: Path, ask: Ask) -> None:
        self._root = root
        self._limited = Limited(root)
        self._ask = ask

    def find(
        self,
        on: Subject,
        text: str,
        step: int,
        then: Callable[[int | None], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        """Find the next row with a problem, or the one before with a step of -1; ends the search before."""
        self._limited.close()
        self._limited = limited = Limited(self._root)
        asked = preview_request(on, text)

        def lost(error: StoreError) -> None:
            if limited is self._limited:
                failed(error)

        self._ask(lambda _: limited.next_problem(asked, on.row, step), then, lane="search", failed=lost)

    def close(self) -> None:
        """End the process."""
        self._limited.close()


def preview_request(on: Subject, text: str) -> PreviewRequest:
    """What is asked of the process to show a row."""
    return PreviewRequest(
        on.dataset, on.split, on.row, on.model or None, on.max_length, SEED, text, on.variant, on.batch
    )


def survey_request(on: Subject, text: str) -> SurveyRequest | None:
    """What is asked of the process to look through a split; None where there is no split or no model."""
    if not on.dataset or not on.model:
        return None
    return SurveyRequest(on.dataset, on.split, on.model, on.max_length, SEED, text, BATCH_SIZE)


@dataclass
class Figures(Newest, bubble=False):
    """The figures of a split so far, or why there are none."""

    request: SurveyRequest
    document: Document | None
    trouble: StoreError | None = None


class Surveyor:
    """Looks through one split at a time; a new one ends the one before.

    Args:
        root: The store's folder.
        post: Takes messages from any thread.
    """

    def __init__(self, root: Path, post: Callable[[Message], object]) -> None:
        self._root = root
        self._post = post
        self._job: _Job | None = None

    def start(self, request: SurveyRequest) -> None:
        """Begin to look through a split."""
        self.stop()
        self._job = job = _Job(request)
        Thread(target=self._run, args=(job,), name="survey", daemon=True).start()

    def stop(self) -> None:
        """End what goes on."""
        if self._job is not None:
            self._job.stop()
            self._job = None

    def _run(self, job: _Job) -> None:
        try:
            for document in job.documents(self._root):
                if not job.stopped:
                    self._post(Figures(job.request, document))
        except StoreError as error:
            if not job.stopped:
                self._post(Figures(job.request, None, error))


class _Job:
    def __init__(self, request: SurveyRequest) -> None:
        self.request = request
        self.stopped = False
        self._process: SurveyProcess | None = None

    def documents(self, root: Path) -> Any:
        self._process = SurveyProcess(root, self.request)
        if self.stopped:
            self._process.stop()
        return self._process

    def stop(self) -> None:
        self.stopped = True
        if self._process is not None:
            self._process.stop()
