"""Templates: TOML in and out, every fault told, the file on disk the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import BadInput, Conflict, NotFound, Store
from store.templates import Template, Variant, format_template, parse_template

TEXT = '''# a comment that stays
name = "summarise"
task = "dialogue summarisation"

[[variants]]
name = "what-is"
prompt = """Dialogue:\\n{{ dialogue }}\\nWhat is a summary?\\n"""
completion = "{{ summary }}"

[[variants]]
name = "in-one-sentence"
prompt = """
{{ dialogue }}

In one sentence:"""
completion = "{{ summary }}"
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A template's file."""
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    return path


def test_a_template_is_read_from_toml() -> None:
    template = parse_template(TEXT, "x")
    assert (template.name, template.task, template.system) == ("summarise", "dialogue summarisation", None)
    assert [variant.name for variant in template.variants] == ["what-is", "in-one-sentence"]
    assert template.variants[0].prompt == "Dialogue:\n{{ dialogue }}\nWhat is a summary?\n"
    assert template.variants[1].prompt == "{{ dialogue }}\n\nIn one sentence:"


@pytest.mark.parametrize(
    "prompt",
    [
        "plain",
        "two\nlines\n",
        '"quotes" and \\ back',
        'three """ quotes\n',
        "tab\tÄ🍎\u2028",
        "\r\nwindows\r\n",
        "'''",
    ],
)
def test_what_is_written_is_read_again(prompt: str) -> None:
    template = Template("t", "a task", (Variant("v", prompt, "{{ y }}"),), system="be\nshort")
    assert parse_template(format_template(template), "x") == template


def test_multi_line_texts_are_written_over_several_lines() -> None:
    text = format_template(Template("t", "task", (Variant("v", "one\ntwo\n", "y"),)))
    assert 'prompt = """\none\ntwo\n"""' in text


def test_the_hash_follows_the_meaning_not_the_writing() -> None:
    one = parse_template(TEXT, "x")
    other = parse_template(
        TEXT.replace("# a comment that stays\n", "").replace('"""Dialogue', '"""\nDialogue'), "x"
    )
    assert one.hash == other.hash
    assert one.hash != parse_template(TEXT.replace("one sentence", "a sentence"), "x").hash


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('name = "summarise"', 'name = "summarise', "(at line 2, column 18)"),
        ('task = "dialogue summarisation"', "", "'task' is missing"),
        ('task = ', 'tusk = ', "unknown key 'tusk', did you mean task?"),
        ('completion = "{{', 'completions = "{{', "unknown key 'completions', did you mean completion?"),
        ('completion = "{{ summary }}"', "completion = 7", "variant 1: 'completion' must be a text, not int"),
        ('"in-one-sentence"', '"what-is"', "two variants are named 'what-is'"),
        ("[[variants]]", "[variants]", "Cannot"),
        ("[[variants]]", "[[other]]", "'variants' is missing"),
        ('name = "summarise"', 'name = "../evil"', "'../evil' cannot be a name"),
    ],
)  # fmt: skip
def test_a_fault_is_told_in_one_line(old: str, new: str, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_template(TEXT.replace(old, new), "mine.toml")
    assert what in caught.value.what
    assert "\n" not in str(caught.value) and caught.value.remedy


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        parse_template('name = "x"\nextra = 1\n[[variants]]\nprompt = 3\n', "mine.toml")
    for what in (
        "'task' is missing",
        "'extra'",
        "variant 1: 'name' is missing",
        "'completion' is missing",
        "not int",
    ):
        assert what in caught.value.what


def test_the_file_enters_as_written(store: Store, file: Path) -> None:
    template = store.templates.add(file)
    assert store.templates.get("summarise") == template == store.templates.list()[0]
    assert store.templates.text("summarise") == TEXT
    assert store.templates.path("summarise") == store.root / "templates" / "summarise.toml"
    with pytest.raises(Conflict, match="there is a template 'summarise' already"):
        store.templates.add(file)


def test_a_template_can_enter_under_another_name(store: Store, file: Path) -> None:
    assert store.templates.add(file, name="other").name == "other"
    assert store.templates.get("other").variants == parse_template(TEXT, "x").variants


def test_an_edit_by_another_program_is_the_truth(store: Store, file: Path) -> None:
    before = store.templates.add(file)
    path = store.templates.path("summarise")
    path.write_text(TEXT.replace("What is a summary?", "Summarise!"))
    after = store.templates.get("summarise")
    assert "Summarise!" in after.variants[0].prompt and after.hash != before.hash
    path.write_text("broken =")
    with pytest.raises(BadInput, match=r"summarise\.toml"):
        store.templates.get("summarise")
    assert store.templates.list() == [] and list(store.templates.faults()) == ["summarise"]


def test_a_file_put_into_the_folder_is_a_template(store: Store) -> None:
    (store.root / "templates" / "dropped.toml").write_text(TEXT)
    assert store.templates.get("dropped").name == "dropped"
    assert [template.name for template in store.templates.list()] == ["dropped"]


def test_odd_files_are_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes('name = "ä"'.encode("latin-1"))
    (tmp_path / "big.toml").write_bytes(b"#" * (2 << 20))
    for name, what in (
        ("latin.toml", "is not UTF-8"),
        ("big.toml", "larger than 256 KiB"),
        ("no.toml", "cannot be read"),
    ):
        with pytest.raises(BadInput, match=what):
            store.templates.add(tmp_path / name)


def test_a_file_from_windows_is_read(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert store.templates.add(path) == parse_template(TEXT, "x")


def test_removing_a_template_takes_its_file(store: Store, file: Path) -> None:
    store.templates.add(file)
    store.templates.remove("summarise")
    assert not store.templates.path("summarise").exists()
    with pytest.raises(NotFound, match="no template named 'summarise'"):
        store.templates.get("summarise")
    with pytest.raises(NotFound):
        store.templates.remove("summarise")
