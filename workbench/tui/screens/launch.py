"""The form of a new run: what it is made of, its settings, and what it comes to; it starts the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from store.errors import BadInput, StoreError
from workbench.runs import launch, plan
from workbench.runs.methods import METHODS
from workbench.tui import actions, drafts
from workbench.tui.present import launch as present
from workbench.tui.present.cells import quiet
from workbench.tui.screen import WorkbenchScreen
from workbench.tui.screens import drafted_form
from workbench.tui.screens.drafted_form import DraftedForm
from workbench.tui.screens.memory_lane import MemoryLane
from workbench.tui.screens.rendering import fits
from workbench.tui.sentences import keyed
from workbench.tui.widgets.form import Form
from workbench.tui.widgets.modal import Dialog

if TYPE_CHECKING:
    from store import Store
    from store.runs import Run
    from workbench.runs.options import RunOptions
    from workbench.tui.drafts import Draft
    from workbench.tui.screen import Workbench

LANE = "launch"
DRAFT = "new-run"
"""What drafts of the form are called."""


def open_form(app: App[Any], given: Mapping[str, Any] | None = None) -> None:
    """Open the form over the screen, or say what a run needs and the store lacks.

    Args:
        app: The app.
        given: What it is opened for, by the names of its fields: no draft takes the place of that.
    """
    workbench = cast("Workbench", app)

    def begun(run_id: str | None) -> None:
        if run_id is not None and isinstance(app.screen, WorkbenchScreen) and app.screen.scope == "runs":
            app.screen.go_to(run_id)

    def stocked(stock: present.Stock) -> None:
        lacking = present.missing(stock)
        if lacking is not None:
            workbench.say(keyed(app, lacking), "warning", "no run can be started yet")
            return
        workbench.ask(drafts.LANE, lambda store: draft_of(store, DRAFT), partial(opened, stock))

    def opened(stock: present.Stock, draft: Draft | None) -> None:
        kept, gone = present.still_there(given or {}, stock)
        app.push_screen(LaunchDialog(stock, None if given is None else kept, draft), begun)
        if gone:
            workbench.say(f"{', '.join(gone)}: choose others", "warning", "not in the store any more")

    draft_of = drafted_form.taken_up if given is None else drafted_form.newest
    workbench.ask("store", read_stock, stocked)


def read_stock(store: Store) -> present.Stock:
    """What a run can be made of, and which templates fit which data."""
    datasets, templates = store.datasets.list(), store.templates.list()
    fitting = {
        dataset.name: tuple(each.name for each in templates if fits(each, dataset.columns))
        for dataset in datasets
    }
    splits = {dataset.name: tuple(dataset.splits) for dataset in datasets}
    models = tuple(model.name for model in store.models.list())
    mixtures = tuple(mixture.name for mixture in store.mixtures.list())
    return present.Stock(models, splits, tuple(each.name for each in templates), fitting, mixtures)


class LaunchDialog(Dialog[str | None]):
    """A new run.

    Args:
        stock: What it can be made of; nothing in it is empty.
        given: What it is opened for, by the names of its fields; None where for nothing but a new run.
        draft: What was typed into the form before, and not started.
    """

    CSS = """
    LaunchDialog { align: center middle; }
    LaunchDialog .dialog { width: 92; height: 90%; padding: 0 1; }
    LaunchDialog DraftedForm, LaunchDialog Form, LaunchDialog #form-fields { height: 1fr; }
    LaunchDialog #plan { height: auto; min-height: 2; max-height: 4; padding: 0 1; }
    LaunchDialog #memory { height: auto; min-height: 1; max-height: 5; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("launch")

    def __init__(self, stock: present.Stock, given: Mapping[str, Any] | None, draft: Draft | None) -> None:
        super().__init__(
            "new run",
            "tab next field  {arrow:choice.previous}{arrow:choice.next} choose  "
            "{key:launch.take} make it fit  {key:form.submit} start  {key:dialog.leave} leave",
        )
        self._stock = stock
        self._given = given
        self._draft = draft
        self._options: RunOptions | None = None
        """The run that the form comes to now; None while it is none."""
        self._starting = False
        self._memory = MemoryLane(self, self._show_memory)

    @property
    def workbench(self) -> Workbench:
        """The app."""
        return cast("Workbench", self.app)

    def compose_body(self) -> ComposeResult:
        """The fields, and what they come to."""
        fields, choices = present.form_fields(self._stock), present.picks(self._stock)
        methods = {each.name: each.help for each in METHODS.values()}
        form = Form(fields, values=self._given, choices=choices, explained={"method": methods})
        self._drafted = DraftedForm(form, DRAFT, self._draft, filled=self._given is not None)
        yield self._drafted
        yield Static(id="plan", markup=False)
        yield Static(id="memory", markup=False)

    def on_unmount(self) -> None:
        """Let the probe go."""
        self._memory.close()

    def on_mount(self) -> None:
        """Begin with the model, and the dataset's own splits; what was typed before comes after them."""
        self.query_one(Form).focus_field("model")
        self._fit_to_dataset()
        self._drafted.begin()
        self._replaced()

    def action_leave(self) -> None:
        """Close; what was typed is kept."""
        self._drafted.settle()
        super().action_leave()

    @on(Form.Replaced)
    def _replaced(self) -> None:
        """Offer what the dataset has, and leave what was typed as it is."""
        form = self.query_one(Form)
        for name, choices in self._of_dataset(form.text("dataset")).items():
            form.offer_choices(name, choices)
        self._plan()

    @on(Form.Changed)
    def _changed(self, message: Form.Changed) -> None:
        if message.name == "dataset":
            self._fit_to_dataset()
        self._plan()

    @on(Form.Submitted)
    def _submitted(self) -> None:
        options, workbench = self._options, self.workbench
        if options is None or self._starting:  # the same run is not to be queued twice
            return
        self._starting = True
        self._tell("checking the first rows and starting …")
        warnings: list[str] = []

        def started(run: Run) -> None:
            self._started(run, warnings)

        def failed(error: StoreError) -> None:
            self._starting = False
            if self.is_attached:
                self._refuse(error)
            else:
                workbench.tell(error)

        workbench.ask(LANE, lambda store: launch.submit(store, options, warnings.append), started, failed)

    def _fit_to_dataset(self) -> None:
        """Offer the dataset's own splits, and a template that reads its columns."""
        form = self.query_one(Form)
        dataset = form.text("dataset")
        fitting = self._stock.fitting.get(dataset, ())
        for name, choices in self._of_dataset(dataset).items():
            form.set_choices(name, choices)
        if fitting and form.text("template") not in fitting:
            form.set_value("template", fitting[0])

    def _of_dataset(self, dataset: str) -> dict[str, tuple[str, ...]]:
        splits = self._stock.datasets.get(dataset, ())  # a draft may name one that is not there any more
        return {"split": splits, "template": self._stock.templates_for(dataset)}

    def _plan(self) -> None:
        try:
            options = present.options(self.query_one(Form).values())
        except BadInput as error:
            self._options = None
            self._memory.forget()
            self._refuse(error)
            return
        if options == self._options:
            return
        self._options = options
        self._memory.expect()
        self.workbench.ask(
            LANE,
            partial(self._reckon, options),
            partial(self._planned, options),
            partial(self._unplanned, options),
        )

    def _reckon(self, options: RunOptions, store: Store) -> plan.Plan | None:
        """Run on the lane's thread: the size of a run, or None where the form has gone on to another."""
        return plan.plan(store, options) if options == self._options else None

    def _planned(self, options: RunOptions, found: plan.Plan | None) -> None:
        if found is not None and options == self._options and self.is_attached:
            self.query_one("#plan", Static).update(present.plan(found))
            self._memory.follow(options, found)

    def _unplanned(self, options: RunOptions, error: StoreError) -> None:
        if options == self._options and self.is_attached:
            self._memory.forget()
            self._refuse(error)

    def _show_memory(self, text: Content) -> None:
        self.query_one("#memory", Static).update(keyed(self, text))

    def action_take(self) -> None:
        """Put the first change that makes the run fit into the form."""
        way = self._memory.way_out
        if way is None:
            self.app.bell()
            return
        form = self.query_one(Form)
        for name, value in [*way.settings.items(), *([("method", way.method)] if way.method else [])]:
            form.set_value(name, value)

    def _refuse(self, error: StoreError) -> None:
        self.query_one("#plan", Static).update(present.refusal(error.what, error.remedy))

    def _tell(self, text: str) -> None:
        self.query_one("#plan", Static).update(quiet(text))

    def _started(self, run: Run, warnings: list[str]) -> None:
        self.workbench.say(f"{run.id} {run.name} is queued")
        for warning in warnings:
            self.workbench.say(warning, "warning", "in the data")
        self._drafted.accepted()
        if self.is_attached:  # it may have been left while the first rows were checked
            self.dismiss(run.id)
