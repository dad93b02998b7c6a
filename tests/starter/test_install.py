"""Installing the starter: everything in its place, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from store import open_store
from workbench.composing.template import check
from workbench.starter import DEMO_SETTINGS, TEMPLATES, generator, install


def test_installing_twice_registers_everything_once(tmp_path: Path) -> None:
    with open_store(tmp_path / "store") as store:
        starter = install(store)
        assert install(store) == starter
        assert [(model.name, model.family) for model in store.models.list()] == [(starter.model, "seq2seq")]
        assert {dataset.name: dataset.splits for dataset in store.datasets.list()} == generator.SIZES
        assert {template.name for template in store.templates.list()} == set(starter.templates)


def test_the_installed_templates_fit_the_installed_datasets(tmp_path: Path) -> None:
    with open_store(tmp_path / "store") as store:
        install(store)
        for dataset, names in TEMPLATES.items():
            for name in names:
                check(store.templates.get(name), store.datasets.get(dataset).columns)


def test_a_template_that_the_user_edited_stays_edited(tmp_path: Path) -> None:
    with open_store(tmp_path / "store") as store:
        name = install(store).template
        path = store.templates.path(name)
        path.write_text(path.read_text("utf-8").replace("Summary:", "In short:"), "utf-8")
        install(store)
        assert "In short:" in store.templates.text(name)


def test_the_demo_sets_only_what_a_run_knows() -> None:
    from workbench.runs.training import TrainingSettings

    assert TrainingSettings(**DEMO_SETTINGS).max_steps == DEMO_SETTINGS["max_steps"]


def test_the_starter_is_imported_without_the_heavy_libraries() -> None:
    heavy = {"torch", "transformers", "peft", "datasets", "pandas", "numpy"}
    code = f"import sys, workbench.starter; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
