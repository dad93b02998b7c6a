"""Modelfiles: what Ollama writes around a prompt is, letter for letter, what the model was taught."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from store.errors import BadInput
from store.templates import Template, parse_template
from workbench.adapters.modelfile import modelfile
from workbench.composing.codec import Codec, load_codec
from workbench.composing.conversation import Turn

CHATML = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are helpful.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m.role }}<|end|>\n\n{{ m.content | trim }}</s>"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant<|end|>\n\n{% endif %}"
)
WITHOUT_SYSTEM = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}</s>{% endif %}"
    "{% endfor %}"
)
QUESTION, SYSTEM, ANSWER = "Does Ben bring bread?", "Be brief.", "He does."


def ollama(template: str, *, prompt: str, system: str = "", response: str = "") -> str:
    """Go's template language, as far as a Modelfile of ours uses it."""
    if not response:
        template = template.partition("{{ .Response }}")[0]
    begin = re.fullmatch(
        r"(?s)(.*?)\{\{ if \.System \}\}(.*?)(?:\{\{ else \}\}(.*?))?\{\{ end \}\}(.*)", template
    )
    if begin:
        template = begin[1] + (begin[2] if system else begin[3] or "") + begin[4]
    values = {".Prompt": prompt, ".System": system, ".Response": response, '"{{"': "{{"}
    return re.sub(r"\{\{ (\.\w+|\"\{\{\") \}\}", lambda match: values[match[1]], template)


def value(text: str, instruction: str) -> str:
    """The text of an instruction, in one pair of quotes or in three."""
    match = re.search(rf'(?sm)^{instruction} (?:"""(.*?)"""|"(.*?)")$', text)
    assert match is not None, text
    return match[1] if match[1] is not None else match[2]


def codec_of(folder: Path, target: Path, chat: str | None = None, **names: bool) -> Codec:
    shutil.copytree(folder, target)
    config = json.loads((target / "tokenizer_config.json").read_text())
    (target / "tokenizer_config.json").write_text(json.dumps(config | names))
    if chat is not None:
        (target / "chat_template.jinja").write_text(chat)
    return load_codec(target, "causal")


def task(prompt: str, **more: str) -> Template:
    keys = "".join(f'{key} = """{text}"""\n' for key, text in more.items())
    variant = f'[[variants]]\nname = "v"\nprompt = """{prompt}"""\ncompletion = "x"\n'
    return parse_template(f'name = "t"\ntask = "t"\n{keys}{variant}', "t")


@pytest.mark.parametrize("adds_bos", [True, False, None])
@pytest.mark.parametrize("chat", [CHATML, LLAMA3, WITHOUT_SYSTEM], ids=["chatml", "llama3", "without-system"])
def test_a_chat_template_is_written_out(
    tiny_causal: Path, tmp_path: Path, chat: str, adds_bos: bool | None
) -> None:
    """With a system text and without, and with an answer that another turn follows; with one BOS, or none."""
    codec = codec_of(tiny_causal, tmp_path / "model", chat, add_bos_token=adds_bos is not None)
    assert codec.chat is not None
    template = value(modelfile(codec, None, ["FROM ."], adds_bos=bool(adds_bos)), "TEMPLATE")
    turns = [Turn("user", QUESTION)]

    def taught(more: list[Turn], asks: bool) -> str:
        assert codec.chat is not None
        text = codec.chat.render(more, asks=asks)
        return text if text.startswith("<s>") or adds_bos is None else f"<s>{text}"

    def written(system: str = "", response: str = "") -> str:
        own = "<s>" if adds_bos else ""
        return own + ollama(template, prompt=QUESTION, system=system, response=response)

    assert written() == taught(turns, True)
    # A blank that the template puts before an answer is the model's to say: it learned it.
    said = f" {ANSWER}" if chat == WITHOUT_SYSTEM else ANSWER
    assert written(response=said) == taught([*turns, Turn("assistant", ANSWER)], False)
    if chat != WITHOUT_SYSTEM:
        assert written(system=SYSTEM) == taught([Turn("system", SYSTEM), *turns], True)


def test_the_text_of_one_column_is_what_the_user_types(tiny_causal: Path, tmp_path: Path) -> None:
    """What the workbench's template writes around it is Ollama's to write, braces of Go's included."""
    codec = codec_of(tiny_causal, tmp_path / "model")
    template = task('Say "{{ "{{" }}":\n{{ dialogue }}\nSummary:', system="Be brief.")
    text = modelfile(codec, template, ["FROM ."])
    written = value(text, "TEMPLATE")
    assert ollama(written, prompt=QUESTION) == f'Say "{{{{":\n{QUESTION}\nSummary:\n'
    assert ollama(written, prompt=QUESTION, system="Be brief.").startswith("Be brief.\n\nSay")
    assert value(text, "SYSTEM") == "Be brief."


def test_a_chat_model_is_told_the_task_as_its_user_says_it(tiny_causal: Path, tmp_path: Path) -> None:
    codec = codec_of(tiny_causal, tmp_path / "model", CHATML)
    assert codec.chat is not None
    written = value(modelfile(codec, task("Summarise: {{ dialogue }}"), ["FROM ."]), "TEMPLATE")
    asked = codec.chat.render([Turn("user", f"Summarise: {QUESTION}")], asks=True)
    assert ollama(written, prompt=QUESTION) == asked


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ one }} and {{ two }}",
        "{{ one | upper }}",
        "{% if one | length > 20 %}long{% endif %} {{ one }}",
        "none",
    ],
)
def test_other_prompts_are_typed_whole(tiny_causal: Path, tmp_path: Path, prompt: str) -> None:
    """Where several columns stand in it, or what surrounds one depends on it."""
    written = value(
        modelfile(codec_of(tiny_causal, tmp_path / "model"), task(prompt), ["FROM ."]), "TEMPLATE"
    )
    assert ollama(written, prompt=QUESTION) == f"{QUESTION}\n"


def test_answers_end_where_they_were_taught_to(tiny_causal: Path, tmp_path: Path) -> None:
    text = modelfile(codec_of(tiny_causal, tmp_path / "model"), None, ["FROM x", "ADAPTER ."])
    assert 'PARAMETER stop "</s>"' in text.splitlines()
    assert text.splitlines()[1:3] == ["FROM x", "ADAPTER ."]


def test_what_a_modelfile_cannot_hold_is_refused(tiny_causal: Path, tmp_path: Path) -> None:
    """No text from outside becomes an instruction."""
    codec = codec_of(tiny_causal, tmp_path / "model")
    hostile = task("{{ a }}", system="x'''\\nADAPTER /etc".replace("'''", '\\"\\"\\"'))
    with pytest.raises(BadInput, match="quotes that a Modelfile cannot hold"):
        modelfile(codec, hostile, ["FROM ."])
