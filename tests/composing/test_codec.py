"""The light tokenizer gives the ids that transformers gives, for real and for tiny models."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from store.errors import BadInput
from workbench.composing.masking import Codec, Family, load_codec, prompt_ids

UNKNOWN = "<unk>"
CORPUS = [
    "The cat sat on the mat.",
    "a dog bit the man: what is a summary?",
    "dialogue: hello world 123",
] * 20
TEXTS = [
    "Once upon a time there was a dog.",
    "",
    " ",
    "two  spaces\n\nand lines\r\n",
    " before and after ",
    "<s>special</s> tokens <pad> <unk>",
    "é e\u0301 漢字 🙂 \u200b",
    "\ttab",
]


def random_texts(count: int) -> list[str]:
    chance = random.Random(0)
    alphabet = "abc thedog.,:?!\n\t0123é漢🙂\u0301"
    return ["".join(chance.choices(alphabet, k=chance.randrange(60))) for _ in range(count)]


def transformers_ids(folder: Path, texts: list[str], special: bool) -> list[list[int]]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return [tokenizer(text, add_special_tokens=special)["input_ids"] for text in texts]


def assert_equal_to_transformers(folder: Path, family: Family) -> Codec:
    codec = load_codec(folder, family)
    texts = TEXTS + random_texts(300)
    assert [codec.encode(text) for text in texts] == transformers_ids(folder, texts, special=False)
    assert [prompt_ids(text, codec) for text in texts] == transformers_ids(folder, texts, special=True)
    return codec


@pytest.mark.parametrize(
    ("name", "family", "special"),
    [("stories260K", "causal", (1, 2, 2)), ("aren-transliteration", "seq2seq", (None, 2, 0))],
)
def test_real_models_give_the_ids_that_transformers_gives(
    shared_models: Path, name: str, family: Family, special: tuple[int | None, int, int]
) -> None:
    codec = assert_equal_to_transformers(shared_models / name, family)
    assert (codec.bos, codec.eos, codec.pad) == special


def test_the_tiny_models_of_the_tests_give_the_ids_that_transformers_gives(
    tiny_causal: Path, tiny_seq2seq: Path
) -> None:
    assert_equal_to_transformers(tiny_causal, "causal")
    assert_equal_to_transformers(tiny_seq2seq, "seq2seq")


def test_a_tiny_t5_gives_the_ids_that_transformers_gives(tmp_path: Path) -> None:
    from transformers import T5Tokenizer

    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(
        CORPUS,
        trainers.UnigramTrainer(vocab_size=120, special_tokens=["<pad>", "</s>", "<unk>"], unk_token=UNKNOWN),
    )
    vocabulary = [tuple(piece) for piece in json.loads(trained.to_str())["model"]["vocab"]]
    T5Tokenizer(vocab=vocabulary, extra_ids=2).save_pretrained(tmp_path)
    write(tmp_path / "config.json", {"model_type": "t5", "eos_token_id": 1, "pad_token_id": 0})
    codec = assert_equal_to_transformers(tmp_path, "seq2seq")
    assert (codec.bos, codec.eos, codec.pad, codec.ends_prompt) == (None, 1, 0, True)


def test_a_tiny_llama_gives_the_ids_that_transformers_gives(tmp_path: Path) -> None:
    from transformers import LlamaTokenizer

    trained = Tokenizer(models.BPE(unk_token=UNKNOWN, byte_fallback=True, fuse_unk=True))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    bytes_of = [f"<0x{number:02X}>" for number in range(256)]
    trained.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", "<s>", "</s>", *bytes_of])
    )
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    LlamaTokenizer(vocab=model["vocab"], merges=merges).save_pretrained(tmp_path)
    write(tmp_path / "config.json", {"model_type": "llama", "bos_token_id": 1, "eos_token_id": 2})
    codec = assert_equal_to_transformers(tmp_path, "causal")
    assert (codec.eos, codec.pad) == (2, 2)


def write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document))


def tiny(folder: Path, *, opening: bool = False, **files: dict[str, Any]) -> Path:
    """A folder with a tokenizer of whole words; `files` are further JSON files by their stems."""
    tokenizer = Tokenizer(
        models.WordLevel({"<s>": 0, "</s>": 1, "<unk>": 2, "a": 3, "b": 4}, unk_token=UNKNOWN)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    if opening:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
        )
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(folder / "tokenizer.json"))
    for stem, document in files.items():
        write(folder / f"{stem}.json", document)
    return folder


def test_truncation_and_padding_that_a_tokenizer_file_asks_for_are_not_applied(tmp_path: Path) -> None:
    codec = load_codec(tiny(tmp_path, config={"eos_token_id": 1}), "causal")
    assert codec.encode("a b a b a b") == [3, 4, 3, 4, 3, 4]


def test_bos_is_what_the_tokenizer_sets_before_a_text(tmp_path: Path) -> None:
    named = {"bos_token": "<s>", "eos_token": "</s>"}
    assert load_codec(tiny(tmp_path, tokenizer_config=named), "causal").bos is None
    assert load_codec(tiny(tmp_path, opening=True, tokenizer_config=named), "causal").bos == 0


@pytest.mark.parametrize(("wish", "bos"), [(True, 0), (False, None)])
def test_an_explicit_wish_for_bos_overrides_the_tokenizer_file(
    tmp_path: Path, wish: bool, bos: int | None
) -> None:
    named = {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": wish}
    assert load_codec(tiny(tmp_path, opening=not wish, tokenizer_config=named), "causal").bos == bos


def test_special_ids_are_found_by_text_then_by_number_and_pad_falls_back_to_eos(tmp_path: Path) -> None:
    by_text = tiny(tmp_path, tokenizer_config={"eos_token": {"content": "</s>"}}, config={"eos_token_id": 4})
    assert load_codec(by_text, "causal").eos == 1
    (tmp_path / "tokenizer_config.json").unlink()
    write(tmp_path / "config.json", {"eos_token_id": None, "pad_token_id": -1})
    write(tmp_path / "generation_config.json", {"eos_token_id": [4, 1]})
    codec = load_codec(tmp_path, "causal")
    assert (codec.eos, codec.pad) == (4, 4)


def test_half_a_surrogate_pair_counts_as_an_unknown_character(tmp_path: Path) -> None:
    codec = load_codec(tiny(tmp_path, config={"eos_token_id": 1}), "causal")
    assert codec.encode("a \ud83d b") == [3, 2, 4]


def test_a_model_without_a_usable_tokenizer_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"tokenizer\.json cannot be read: No such file"):
        load_codec(tmp_path, "causal")
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(BadInput, match=r"tokenizer\.json is no tokenizer"):
        load_codec(tmp_path, "causal")
    tiny(tmp_path)
    with pytest.raises(BadInput, match="names no end-of-sequence token"):
        load_codec(tmp_path, "causal")
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(BadInput, match=r"config\.json holds no JSON object"):
        load_codec(tmp_path, "causal")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadInput, match=r"config\.json cannot be read"):
        load_codec(tmp_path, "causal")


def test_composing_loads_no_heavy_library(tmp_path: Path) -> None:
    tiny(tmp_path, config={"eos_token_id": 1})
    script = (
        "import sys; from pathlib import Path\n"
        "from workbench.composing import checks, masking, template\n"
        "masking.load_codec(Path(sys.argv[1]), 'causal').encode('a b')\n"
        "print(sorted({'torch', 'transformers', 'numpy', 'datasets', 'textual'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_text_that_the_tokenizer_cannot_write_is_told(tiny_causal: Path, tmp_path: Path) -> None:
    """Alone and among others; one without an unknown token raises no error of a kind."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_causal, folder)
    tokenizer = Tokenizer(models.WordLevel({"yes": 0, "no": 1, "</s>": 2}, unk_token="?"))  # noqa: S106 (a token of text)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    codec = load_codec(folder, "causal")
    assert codec.encode("yes no") == [0, 1]
    with pytest.raises(BadInput, match="tokenizer cannot write 'perhaps'"):
        codec.encode("perhaps")
    assert codec.encode_many is not None
    with pytest.raises(BadInput, match="tokenizer cannot write 'perhaps'"):
        codec.encode_many(["yes", "perhaps"])
