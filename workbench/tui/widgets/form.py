"""A form made from described fields; it checks what is typed as it is typed and knows nothing of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from store.errors import BadInput
from workbench.tui import actions
from workbench.tui.sentences import keyed
from workbench.tui.widgets.form_row import Choice, FieldRow

if TYPE_CHECKING:
    from workbench.runs.fields import FieldInfo


class Form(Vertical):
    """One line per field under the name of its group; help for the field in focus at the foot.

    Args:
        fields: What to ask for; `parse`, `show` and `problem` of each field do the checking.
        values: What stands in the fields at first; the field's default where there is none.
        choices: Values to choose from by field name, for fields whose choices are only known now.
        explained: What single values mean, by field name and value; told in the place of the field's help.
    """

    scope: ClassVar[str] = "form"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("form")

    @dataclass
    class Changed(Message):
        """A field has another value."""

        form: Form
        name: str

        @property
        def control(self) -> Form:
            """The form, for `@on` with a selector."""
            return self.form

    @dataclass
    class Replaced(Message):
        """All that was typed was put aside, or brought back."""

        form: Form
        afresh: bool
        """Whether the form stands as it was opened."""

        @property
        def control(self) -> Form:
            """The form, for `@on` with a selector."""
            return self.form

    @dataclass
    class Submitted(Message):
        """The user accepted the form."""

        form: Form

        @property
        def control(self) -> Form:
            """The form, for `@on` with a selector."""
            return self.form

    def __init__(
        self,
        fields: Sequence[FieldInfo],
        *,
        values: Mapping[str, Any] | None = None,
        choices: Mapping[str, Sequence[str]] | None = None,
        explained: Mapping[str, Mapping[str, str]] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        given = values or {}
        self.fields = {field.name: field for field in fields}
        self._texts = {
            name: field.show(given.get(name, field.default)) for name, field in self.fields.items()
        }
        self._choices = {name: _choices(field, choices or {}) for name, field in self.fields.items()}
        self._explained = explained or {}
        self.opened: Mapping[str, str] = {}
        """The texts that the form was opened with, by field name."""
        self._aside: Mapping[str, str] | None = None

    def on_mount(self) -> None:
        """Remember how it was opened."""
        self.mark_opened()

    def compose(self) -> ComposeResult:
        """The fields by group, and the help line."""
        with VerticalScroll(id="form-fields", can_focus=False):
            group = None
            for name, field in self.fields.items():
                if field.group and field.group != group:
                    group = field.group
                    yield Static(Content(group), classes="field-group")
                yield FieldRow(field, self._texts[name], self._choices[name])
        yield Static(id="form-help", markup=False)

    # Values

    def values(self) -> dict[str, Any]:
        """All values, by field name.

        Raises:
            BadInput: listing every field whose text is no value.
        """
        problems = self.problems()
        if problems:
            raise BadInput("; ".join(problems.values()), "correct the fields marked")
        return {name: field.parse(self._texts[name]) for name, field in self.fields.items()}

    def changed(self) -> dict[str, Any]:
        """The values that differ from the field's default; raises as `values` does."""
        return {name: value for name, value in self.values().items() if value != self.fields[name].default}

    def problems(self) -> dict[str, str]:
        """What is wrong, by field name."""
        found = {name: _problem(field, self._texts[name]) for name, field in self.fields.items()}
        return {name: problem for name, problem in found.items() if problem is not None}

    def text(self, name: str) -> str:
        """What stands in a field, whether it is a value or not."""
        return self._texts[name]

    def shown(self) -> dict[str, str]:
        """What stands in all fields, whether they are values or not, by field name."""
        return {row.field.name: row.editor.value for row in self._rows}

    def set_value(self, name: str, value: Any) -> None:
        """Put a value into a field."""
        self._row(name).editor.value = self.fields[name].show(value)

    def set_choices(self, name: str, choices: Sequence[str]) -> None:
        """Give a field another list to choose from; a value that is not in it becomes the first."""
        editor = self._row(name).editor
        if isinstance(editor, Choice) and choices:
            editor.options = tuple(choices)
            editor.value = editor.value if editor.value in choices else choices[0]

    def offer_choices(self, name: str, choices: Sequence[str]) -> None:
        """Give a field another list to choose from, if that holds any; its value stays."""
        editor = self._row(name).editor
        if isinstance(editor, Choice) and choices:
            editor.offer(choices)

    # All at once

    def mark_opened(self) -> None:
        """Let what stands in the fields now be what the form was opened with."""
        self.opened = self.shown()

    def put_aside(self, texts: Mapping[str, str]) -> None:
        """Let texts be those that are brought back to a form that stands as it was opened."""
        self._aside = texts

    def take(self, texts: Mapping[str, str]) -> None:
        """Put texts into their fields, values or not; nothing is told of it as a change."""
        for row in self._rows:
            name = row.field.name
            if name in texts:
                self._texts[name] = row.editor.value = texts[name]
                if isinstance(row.editor, Input):
                    row.editor.cursor_position = len(texts[name])
        problems = self.problems()
        for row in self._rows:
            name = row.field.name
            row.judge(wrong=name in problems, changed=not _is_default(row.field, self._texts[name]))
            if row.editor.has_focus:
                self._show_help(row.field)

    def action_afresh(self) -> None:
        """Let the form stand as it was opened; again, bring back what was typed."""
        now = self.shown()
        afresh = now != self.opened
        texts = self.opened if afresh else self._aside
        if texts is None:
            self.app.bell()
            return
        if afresh:
            self._aside = now
        self.take(texts)
        self.post_message(self.Replaced(self, afresh))

    def focus_field(self, name: str) -> None:
        """Move the focus to a field."""
        self._row(name).editor.focus()

    def _row(self, name: str) -> FieldRow:
        return next(row for row in self._rows if row.field.name == name)

    @property
    def _rows(self) -> Iterable[FieldRow]:
        return self.query(FieldRow)

    # Events

    @on(Input.Changed)
    @on(Choice.Changed)
    def _edited(self, event: Input.Changed | Choice.Changed) -> None:
        event.stop()
        editor = event.input if isinstance(event, Input.Changed) else event.choice
        row = next(row for row in self._rows if row.editor is editor)
        name, text = row.field.name, editor.value  # the event may tell of one that is not there any more
        if self._texts[name] == text:
            return
        self._texts[name] = text
        row.judge(wrong=name in self.problems(), changed=not _is_default(row.field, text))
        self._show_help(row.field)
        self.post_message(self.Changed(self, name))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        rows = list(self._rows)
        if rows and event.input is rows[-1].editor:
            self.action_submit()
        else:
            self.screen.focus_next()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Explain the field that is now edited."""
        for row in self._rows:
            if row.editor is event.widget:
                self._show_help(row.field)

    def _show_help(self, field: FieldInfo) -> None:
        value = self._texts[field.name]
        problem = _problem(field, value)
        help_text = self._explained.get(field.name, {}).get(value, field.help)
        default = f"  default {field.show(field.default)}"
        text = (
            Content.styled(problem, "$error")
            if problem is not None
            else Content.assemble((help_text, "$foreground"), (default, "$muted"))
        )
        self.query_one("#form-help", Static).update(keyed(self, text))

    def action_next_field(self) -> None:
        """The field below."""
        self.screen.focus_next()

    def action_previous_field(self) -> None:
        """The field above."""
        self.screen.focus_previous()

    def action_submit(self) -> None:
        """Accept the form, or go to the first field that is wrong."""
        problems = self.problems()
        if problems:
            self.focus_field(next(iter(problems)))
        else:
            self.post_message(self.Submitted(self))


def _choices(field: FieldInfo, given: Mapping[str, Sequence[str]]) -> Sequence[str] | None:
    if field.name in given:
        return tuple(given[field.name])
    if field.type is bool:
        return ("false", "true")
    return field.choices


def _problem(field: FieldInfo, text: str) -> str | None:
    try:
        field.parse(text)
    except BadInput as error:
        return error.what
    return None


def _is_default(field: FieldInfo, text: str) -> bool:
    return text == field.show(field.default)
