"""Ollama's Modelfile of an export: where the weights are, how a prompt is written, and where an answer ends.

Ollama's templates are Go's. A chat template is not translated: it is rendered around marks, and what stands
around the marks is what Ollama is told to write.
"""

from __future__ import annotations

import dataclasses

from store.errors import BadInput
from store.templates import Template
from workbench.composing.chat import ChatTemplate
from workbench.composing.codec import Codec
from workbench.composing.conversation import Turn
from workbench.composing.program import read
from workbench.composing.template import Example, render

_PROMPT, _SYSTEM, _ANSWER = "QzPROMPTzQ", "QzSYSTEMzQ", "QzANSWERzQ"
"""Words that no template writes by itself."""


def modelfile(codec: Codec, template: Template | None, sources: list[str], *, adds_bos: bool = False) -> str:
    """Write a Modelfile.

    Args:
        codec: The base's tokenizer.
        template: What the adapter was trained with; where its first phrasing reads one column, that column's
            text is what Ollama's user types. Otherwise the user types whole prompts.
        sources: The lines `FROM` and `ADAPTER`.
        adds_bos: Whether Ollama sets the token that opens a text, as it does where tokenizer_config.json has
            `add_bos_token`. Otherwise the template writes it, if the model was taught with one.

    Raises:
        BadInput: Some text cannot stand in a Modelfile.
    """
    example = _around_one_column(template) if template is not None else None
    bos = codec.decode([codec.bos]) if codec.decode is not None and codec.bos is not None else ""
    shape = _chat_shape(codec.chat, example, bos) if codec.chat else _plain_shape(example)
    if not adds_bos:
        shape = _literal(bos) + shape
    lines = ["# ollama create NAME -f Modelfile", *sources, f"TEMPLATE {_quoted(shape)}"]
    if example is not None and example.system:
        lines.append(f"SYSTEM {_quoted(example.system)}")
    if codec.decode is not None:
        stops = dict.fromkeys(codec.decode([token]) for token in sorted(codec.stops))
        lines += [f"PARAMETER stop {_quoted(stop)}" for stop in stops if stop]
    return "\n".join(lines) + "\n"


def _around_one_column(template: Template) -> Example | None:
    """The template's first phrasing, with a mark for the one column it reads; None where it reads more."""
    variant = next((each for each in template.variants if not each.shots and not each.messages), None)
    if variant is None or isinstance(template.choices, str):
        return None
    names = read("the prompt", variant.prompt).columns - {"choices"}
    if len(names) != 1:
        return None
    asked = dataclasses.replace(variant, completion="{{ choices[0] }}" if template.choices else "x")
    try:
        # What is written around a text must not depend on it.
        one, other = (
            render(
                asked,
                dict.fromkeys(names, text),
                system=template.system,
                choices=template.choices,
                separator=template.separator,
            )
            for text in (_PROMPT, _PROMPT * 40)
        )
    except BadInput:
        return None
    same = one.prompt.replace(_PROMPT, _PROMPT * 40) == other.prompt and one.system == other.system
    return one if same and one.prompt.count(_PROMPT) == 1 else None


def _plain_shape(example: Example | None) -> str:
    before, after = ("", "\n") if example is None else _split(example.prompt + example.separator)
    return (
        "{{ if .System }}{{ .System }}\n\n{{ end }}"
        f"{_literal(before)}{{{{ .Prompt }}}}{_literal(after)}{{{{ .Response }}}}"
    )


def _chat_shape(chat: ChatTemplate, example: Example | None, bos: str) -> str:
    """What the chat template writes, but for what opens every text."""
    asked = Turn("user", _PROMPT if example is None else example.prompt)
    before, after = _split(chat.render([asked], asks=True))
    answered = chat.render([asked, Turn("assistant", _ANSWER)])
    end = answered.partition(_ANSWER)[2]
    with_system = chat.render([Turn("system", _SYSTEM), asked], asks=True)
    opening, found, rest = with_system.partition(_SYSTEM)
    middle, _, same = rest.partition(_PROMPT)
    begin = _literal(before.removeprefix(bos))
    if found and same == after:
        told = f"{_literal(opening.removeprefix(bos))}{{{{ .System }}}}{_literal(middle)}"
        begin = f"{{{{ if .System }}}}{told}{{{{ else }}}}{begin}{{{{ end }}}}"
    return f"{begin}{{{{ .Prompt }}}}{_literal(after)}{{{{ .Response }}}}{_literal(end)}"


def _split(text: str) -> tuple[str, str]:
    if text.count(_PROMPT) != 1:
        raise BadInput(
            "the model's chat template changes or repeats what a user says, which Ollama's cannot",
            "export it merged, and write a Modelfile for it",
        )
    before, _, after = text.partition(_PROMPT)
    return before, after


def _literal(text: str) -> str:
    """Text in a template of Go's, where two braces begin an action."""
    return text.replace("{{", '{{ "{{" }}')


def _quoted(text: str) -> str:
    if '"""' in text or text.endswith('"'):
        raise BadInput(
            "a text of the template has quotes that a Modelfile cannot hold",
            "export it merged, and write a Modelfile for it",
        )
    return f'"""{text}"""' if '"' in text or "\n" in text else f'"{text}"'
