"""How fast a whole dataset is looked through, beside the bare tokenizer on the same texts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark

ROWS = 100_000
ENOUGH_ROWS_A_SECOND = 20_000
PROGRAM = """
import json, os, random, sys, time
from pathlib import Path
from tokenizers import Tokenizer
from store import open_store
from store.templates import Template, Variant, format_template
from workbench.composing.limited import SurveyProcess
from workbench.composing.shown import SurveyRequest
from workbench.composing.template import Composer

root, model, count, words = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[5])])
chance = random.Random(0)
stock = "Tom Lily went to the park and saw a big red ball they played all day mom said it was time".split()
with (root / "rows.jsonl").open("w") as file:
    for number in range(count):
        dialogue = f"{number} {' '.join(chance.choices(stock, k=words))}"
        row = {"dialogue": dialogue, "summary": " ".join(chance.choices(stock, k=8))}
        file.write(json.dumps(row) + "\\n")
template = Template("t", "t", (
    Variant("a", "Summarise this dialogue.\\n\\n{{ dialogue }}\\n\\nSummary:\\n", "{{ summary }}"),
    Variant("b", "{{ dialogue }}\\n\\nWhat happened?\\n", "{{ summary }}"),
))
with open_store(root / "store") as store:
    store.datasets.add(root / "rows.jsonl", name="d")
    composer = Composer(template)
    examples = [composer.example(index, row) for index, row in enumerate(store.datasets.rows("d"))]
    texts = [text for example in examples for text in (example.prompt, example.completion)]
    bare = Tokenizer.from_file(str(model / "tokenizer.json"))
    start = time.perf_counter()
    for at in range(0, len(texts), 512):
        bare.encode_batch(texts[at : at + 512], add_special_tokens=False)
    alone = time.perf_counter() - start
    store.models.add(str(model), name="m")
start = time.perf_counter()
request = SurveyRequest("d", "train", "m", 512, 42, format_template(template))
for report in SurveyProcess(root / "store", request):
    pass
whole = time.perf_counter() - start
assert report["rows"] == count
print(json.dumps([count / whole, whole / alone, report["tokens"] / count]))
"""


# On one core rows shorter than those of real sets pay for what is done beside encoding.
@pytest.mark.parametrize(("words", "cores", "most"), [(10, 1, 1.7), (10, 2, 1.3), (60, 1, 1.3), (60, 2, 1.3)])
def test_the_figures_of_a_hundred_thousand_rows_beside_the_bare_tokenizer(
    tmp_path: Path, shared_models: Path, words: int, cores: int, most: float
) -> None:
    """With the process's start, in rows a second and as a multiple of what encoding takes on one core."""
    model = shared_models / "stories260K"
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, (tmp_path, model, ROWS, words, cores))],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"RAYON_NUM_THREADS": "1"},
    )
    rate, ratio, tokens = json.loads(result.stdout)
    print(
        f"\n{words} words, {tokens:.0f} tokens, on {cores} of the cores: {rate:,.0f} rows/s, "
        f"{ratio:.2f}x the bare tokenizer"
    )
    assert rate > ENOUGH_ROWS_A_SECOND or ratio < most
