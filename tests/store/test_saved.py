"""Arrow files and the folders that the `datasets` library saves: read as they are, or refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from store import BadInput, Store
from store.rows import detect, examine, items

ROWS = [{"n": number, "text": f"row {number} ÄÖ", "parts": [{"x": number}]} for number in range(2500)]
# The library that writes such folders is heavy, and stays out of this process.
SAVE = """
import sys
from datasets import Dataset, DatasetDict, disable_progress_bars
disable_progress_bars()
rows = [{"n": n, "text": f"row {n} ÄÖ", "parts": [{"x": n}]} for n in range(2500)]
one = Dataset.from_list(rows)
one.save_to_disk(sys.argv[1] + "/one", num_shards=2)
DatasetDict(train=one, test=one.select(range(10, 20))).save_to_disk(sys.argv[1] + "/two")
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved dataset in two shards, and one with splits."""
    folder = tmp_path_factory.mktemp("saved")
    subprocess.run([sys.executable, "-c", SAVE, str(folder)], check=True, capture_output=True)
    return folder


def test_a_saved_dataset_is_brought_in(store: Store, saved: Path) -> None:
    dataset = store.datasets.add(saved / "one")
    assert (dataset.format, dataset.splits) == ("arrow", {"train": 2500})
    assert dataset.columns == ("n", "text", "parts")
    assert list(store.datasets.rows("one")) == ROWS
    for start in (0, 999, 1000, 1249, 1250, 2499):  # around the ends of batches and of the first file
        assert store.datasets.row("one", "train", start) == ROWS[start]


def test_a_saved_dataset_with_splits_keeps_them(store: Store, saved: Path) -> None:
    assert store.datasets.add(saved / "two").splits == {"train": 2500, "test": 10}
    assert list(store.datasets.rows("two", "test")) == ROWS[10:20]
    assert store.datasets.add(saved / "two", name="part", split="test").splits == {"test": 10}
    with pytest.raises(BadInput, match="has no split 'dev'"):
        store.datasets.add(saved / "two", name="other", split="dev")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda folder: next(folder.glob("*.arrow")).unlink(), "lacks its file"),
        (lambda folder: (folder / "state.json").write_text("{}"), "names no data file"),
        (lambda folder: (folder / "state.json").write_text("{"), "JSON"),
        (
            lambda folder: (folder / "state.json").write_text(
                json.dumps({"_data_files": [{"filename": "../../secret.arrow"}]})
            ),
            "lacks its file",
        ),
    ],
)
def test_an_incomplete_folder_is_refused(
    store: Store, saved: Path, tmp_path: Path, harm: Any, told: str
) -> None:
    (tmp_path / "secret.arrow").write_bytes((saved / "one" / "data-00000-of-00002.arrow").read_bytes())
    folder = Path(shutil.copytree(saved / "one", tmp_path / "a" / "copy"))
    harm(folder)
    with pytest.raises(BadInput) as caught:
        store.datasets.add(folder)
    assert told in str(caught.value)


@pytest.mark.parametrize("kind", ["stream", "file"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_reading_an_arrow_file_can_begin_at_any_row(tmp_path: Path, kind: str, dictionary: bool) -> None:
    table = pyarrow.table({"n": list(range(2000)), "word": ["a", "b"] * 1000})
    if dictionary:
        table = table.set_column(1, "word", table["word"].dictionary_encode())
    path = tmp_path / "a.arrow"
    write = pyarrow.ipc.new_stream if kind == "stream" else pyarrow.ipc.new_file
    with write(str(path), table.schema) as writer:
        for batch in table.to_batches(max_chunksize=300):
            writer.write_batch(batch)
    (layout,) = examine(path, detect(path))
    found = list(items(path, layout))
    assert [item.row for item in found] == table.to_pylist()
    assert [item.line for item in found] == list(range(1, 2001))
    for number in (0, 1, 299, 300, 599, 1999):
        assert next(iter(items(path, layout, found[number].offset))).row == found[number].row


def test_damaged_arrow_files_are_refused_and_never_read_as_memory(
    store: Store, saved: Path, tmp_path: Path
) -> None:
    whole = (saved / "one" / "data-00000-of-00002.arrow").read_bytes()
    for place in range(0, len(whole), len(whole) // 60):
        path = tmp_path / "a.arrow"
        path.write_bytes(whole[:place] + b"\xff" * 16 + whole[place + 16 :])
        try:
            store.datasets.add(path, name=f"d{place}", on_bad="skip")
        except BadInput as error:
            assert "a.arrow" in error.what
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(BadInput, match="not a readable Arrow file"):
        store.datasets.add(path, name="cut")
