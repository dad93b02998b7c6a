"""Tiny transformers models written without torch: a Llama and a T5 of two layers with random weights.

Names and shapes are those that transformers gives these architectures: it loads them with nothing missing.
"""

from __future__ import annotations

import json
import math
import random
from array import array
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WIDTH = 32
LAYERS = 2
HEADS = 4
INNER = 64
VOCABULARY = 384
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
LINES = (
    "Anna: Are you coming to the market on Saturday? Ben: Yes, I will bring apples and bread.",
    "Summarise this dialogue in one sentence: Anna and Ben meet at the market on Saturday.",
    "Question: What does Ben bring? Answer: apples and bread. The weather is cold outside.",
    "Translate to English: Guten Morgen. What is a summary of the text? It is a short text.",
)

LLAMA_CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": HEADS,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "dtype": "float32",
}
T5_CONFIG: dict[str, Any] = {
    "architectures": ["T5ForConditionalGeneration"],
    "model_type": "t5",
    "is_encoder_decoder": True,
    "d_model": WIDTH,
    "d_ff": INNER,
    "d_kv": WIDTH // HEADS,
    "num_layers": LAYERS,
    "num_decoder_layers": LAYERS,
    "num_heads": HEADS,
    "vocab_size": VOCABULARY,
    "n_positions": 256,
    "relative_attention_num_buckets": 8,
    "feed_forward_proj": "gated-gelu",
    "dropout_rate": 0.0,
    "tie_word_embeddings": True,
    "pad_token_id": 0,
    "eos_token_id": 2,
    "decoder_start_token_id": 0,
    "dtype": "float32",
}


def write_tiny_causal(folder: Path) -> Path:
    """Write a two-layer Llama with its tokenizer."""
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (VOCABULARY, WIDTH),
        "model.norm.weight": (WIDTH,),
        "lm_head.weight": (VOCABULARY, WIDTH),
    }
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        shapes |= {f"{at}.self_attn.{part}_proj.weight": (WIDTH, WIDTH) for part in "qkvo"}
        shapes |= {f"{at}.mlp.{part}_proj.weight": (INNER, WIDTH) for part in ("gate", "up")}
        shapes[f"{at}.mlp.down_proj.weight"] = (WIDTH, INNER)
        shapes |= {
            f"{at}.{part}.weight": (WIDTH,) for part in ("input_layernorm", "post_attention_layernorm")
        }
    return _write(folder, LLAMA_CONFIG, shapes)


def write_tiny_seq2seq(folder: Path) -> Path:
    """Write a T5 of two encoder and two decoder layers, gated as FLAN-T5, with its tokenizer."""
    shapes: dict[str, tuple[int, ...]] = {"shared.weight": (VOCABULARY, WIDTH)}
    for side, attentions in (
        ("encoder", ("SelfAttention",)),
        ("decoder", ("SelfAttention", "EncDecAttention")),
    ):
        shapes[f"{side}.final_layer_norm.weight"] = (WIDTH,)
        shapes[f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = (8, HEADS)
        for layer in range(LAYERS):
            at = f"{side}.block.{layer}.layer"
            for number, attention in enumerate(attentions):
                shapes |= {f"{at}.{number}.{attention}.{part}.weight": (WIDTH, WIDTH) for part in "qkvo"}
            dense = f"{at}.{len(attentions)}.DenseReluDense"
            shapes |= {f"{dense}.{part}.weight": (INNER, WIDTH) for part in ("wi_0", "wi_1")}
            shapes[f"{dense}.wo.weight"] = (WIDTH, INNER)
            shapes |= {f"{at}.{n}.layer_norm.weight": (WIDTH,) for n in range(len(attentions) + 1)}
    return _write(folder, T5_CONFIG, shapes)


def write_tokenizer(folder: Path) -> Path:
    """Write a byte-level BPE tokenizer of `VOCABULARY` tokens, trained on a few lines."""
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[3]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 256, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "special_tokens_map.json").write_text(json.dumps(names))
    return folder


def write_safetensors(path: Path, tensors: dict[str, tuple[tuple[int, ...], array[float]]]) -> Path:
    """Write float32 tensors, given as (shape, values), in safetensors' form."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, (shape, values) in tensors.items():
        size = 4 * len(values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [position, position + size]}
        position += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(values.tobytes() for _, values in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def random_tensor(shape: tuple[int, ...], source: random.Random) -> tuple[tuple[int, ...], array[float]]:
    """Return a tensor: ones for a norm's weights, else normal values that keep a layer's scale."""
    if len(shape) == 1:
        return shape, array("f", [1.0]) * shape[0]
    deviation = 1 / math.sqrt(shape[-1])
    return shape, array("f", (source.gauss(0, deviation) for _ in range(math.prod(shape))))


def _write(folder: Path, config: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> Path:
    folder.mkdir(parents=True)
    source = random.Random(0)
    write_safetensors(
        folder / "model.safetensors", {name: random_tensor(shape, source) for name, shape in shapes.items()}
    )
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    generation = {key: config[key] for key in config if key.endswith("_token_id")}
    (folder / "generation_config.json").write_text(json.dumps(generation))
    return write_tokenizer(folder)
