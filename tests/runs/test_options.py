"""Settings: one dataclass that reads what people type and refuses what cannot be, all of it at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from store.errors import BadInput
from workbench.runs.options import (
    OTHER_NAMES,
    RunOptions,
    TrainingSettings,
    field,
    fields,
    from_toml,
    make_options,
    make_settings,
    parse_set,
)


def test_every_setting_is_described_for_form_flags_and_docs() -> None:
    """No field stands without help, group and a type that the form can draw."""
    described = fields()
    assert [info.name for info in described] == [each.name for each in dataclasses.fields(TrainingSettings)]
    for info in described:
        assert info.help and info.group
        assert info.type in (int, float, str, bool, tuple)
        assert not (info.choices and info.type is not str)


@pytest.mark.parametrize("info", fields(), ids=lambda info: info.name)
def test_a_shown_value_is_read_back_as_itself(info) -> None:  # type: ignore[no-untyped-def]
    """What the form shows can be typed on the command line."""
    assert info.parse(info.show(info.default)) == info.default


def test_typed_pairs_become_typed_values() -> None:
    """Numbers, truth values, lists and `auto` come out in their own types."""
    assert parse_set(
        [
            "learning_rate=3e-4",
            "batch_size=4",
            "gradient_checkpointing=yes",
            "target_modules=q, v",
            "max_steps=-1",
        ]
    ) == {
        "learning_rate": 3e-4,
        "batch_size": 4,
        "gradient_checkpointing": True,
        "target_modules": ("q", "v"),
        "max_steps": -1,
    }
    assert parse_set(["learning_rate=auto", "target_modules="]) == {
        "learning_rate": None,
        "target_modules": None,
    }


def test_all_mistakes_are_told_at_once_with_the_nearest_key() -> None:
    """One message names the unknown key and its neighbour, the wrong type, the range and the missing sign."""
    with pytest.raises(BadInput) as caught:
        parse_set(["lerning_rate=1", "batch_size=many", "r=0", "seed"])
    text = str(caught.value)
    assert "did you mean 'learning_rate'?" in text
    assert "batch_size = 'many' is not a whole number" in text
    assert "r = 0 is out of range: a whole number at least 1 and at most 4096" in text
    assert "'seed' is not key=value" in text


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        ("learning_rate=nan", "not a finite number"),
        ("learning_rate=-1", "out of range"),
        ("num_train_epochs=0", "above 0"),
        ("lr_scheduler_type=cosin", "one of linear, cosine"),
        ("gradient_checkpointing=maybe", "not true or false"),
        ("batch_size=1.5", "not a whole number"),
        ("pack=true", "unknown setting 'pack'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(pair: str, says: str) -> None:
    """Each message holds the value and what would have been right."""
    with pytest.raises(BadInput, match=says):
        parse_set([pair])


@pytest.mark.parametrize(("elsewhere", "here"), OTHER_NAMES.items())
def test_a_name_from_another_program_leads_to_the_setting(elsewhere: str, here: str) -> None:
    """`lr` is nearer to `r` by its letters; it is learning_rate that is meant."""
    with pytest.raises(BadInput, match=rf"unknown setting '{elsewhere}'; did you mean '{here}'\?"):
        parse_set([f"{elsewhere}=1"])
    assert field(here).name == here


def test_settings_made_anywhere_are_checked() -> None:
    """The dataclass itself refuses a value out of range, wherever it came from."""
    with pytest.raises(BadInput, match=r"batch_size = 0.*lora_dropout = 2"):
        TrainingSettings(batch_size=0, lora_dropout=2)


def test_settings_survive_the_catalog() -> None:
    """As JSON or TOML and back they are the same."""
    settings = TrainingSettings(target_modules=("q", "v"), learning_rate=1e-3)
    plain = dataclasses.asdict(settings) | {"target_modules": ["q", "v"]}
    assert make_settings(plain) == settings


def test_a_run_file_holds_the_same_keys_as_the_command(tmp_path: Path) -> None:
    """Names on top, settings in their table."""
    path = tmp_path / "run.toml"
    path.write_text(
        'model = "m"\ndataset = "d"\ntemplate = "t"\n[settings]\nlearning_rate = 1\ntarget_modules = ["q"]\n'
    )
    values = from_toml(path)
    assert values["settings"] == {"learning_rate": 1.0, "target_modules": ("q",)}
    options = make_options(values, {"model": None, "method": "dora", "settings": {"learning_rate": 0.5}})
    assert (options.model, options.method, options.settings.learning_rate) == ("m", "dora", 0.5)
    assert options.settings.target_modules == ("q",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model = ", "not TOML"),
        ('modl = "m"', "unknown key 'modl'; did you mean 'model'?"),
        ("model = 3", "model = 3 is not a text"),
        ("[settings]\nbatch_size = true", "batch_size = True is not a whole number"),
        ("settings = 4", "settings is not a table"),
    ],
)
def test_a_wrong_run_file_is_one_message(tmp_path: Path, text: str, says: str) -> None:
    """No traceback, whatever the file holds."""
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        from_toml(path)
    assert says in str(caught.value)


def test_a_missing_run_file_is_one_message(tmp_path: Path) -> None:
    """It names the path."""
    with pytest.raises(BadInput, match="cannot be read"):
        from_toml(tmp_path / "none.toml")


def test_a_run_needs_its_three_names() -> None:
    """What is missing is listed with the flags that give it."""
    with pytest.raises(BadInput, match=r"no dataset and no template.*--dataset and --template"):
        make_options({"model": "m"})


def test_a_method_that_is_not_available_lists_those_that_are() -> None:
    """Also for methods that other programs know."""
    with pytest.raises(BadInput, match=r"'adalora' is not available; choose one of lora, rslora, dora, q"):
        RunOptions(model="m", dataset="d", template="t", method="adalora")
