"""The starter's tokenizer: one token per word of the toy vocabulary, pieces and bytes for all else."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PAD, EOS, UNKNOWN = "<pad>", "</s>", "<unk>"
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
ASCII = ("▁", "\n", *map(chr, range(32, 127)))
MOST_PIECES = 4000
"""More than BPE finds: every word becomes one token."""


def build_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Train BPE on the words of the texts, each once: a rare name deserves its token as "the" does."""
    tokenizer = Tokenizer(models.BPE())
    # So that a name is the same token where a line starts; decoding takes the space away again.
    tokenizer.normalizer = normalizers.Replace(Regex(r"\n(?=[^\n])"), "\n ")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always"),
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    words = {
        word.removeprefix("▁")
        for text in texts
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))
    }
    trainer = trainers.BpeTrainer(vocab_size=MOST_PIECES, initial_alphabet=list(ASCII), show_progress=False)
    tokenizer.train_from_iterator(sorted(words), trainer)
    tokenizer.model = with_bytes(tokenizer)
    tokenizer.add_special_tokens([PAD, EOS, UNKNOWN])
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Replace("\n ", "\n"),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {EOS}", pair=f"$A {EOS} $B {EOS}", special_tokens=[(EOS, 1)]
    )
    return tokenizer


def with_bytes(trained: Tokenizer) -> models.BPE:
    """The trained pieces behind pad, EOS, unknown and 256 bytes, which spell any other script."""
    vocabulary = trained.get_vocab()
    pieces = sorted(vocabulary, key=lambda piece: vocabulary[piece])
    numbered = {piece: number for number, piece in enumerate((PAD, EOS, UNKNOWN, *BYTES, *pieces))}
    merges = [(left, right) for left, right in json.loads(trained.to_str())["model"]["merges"]]
    return models.BPE(numbered, merges, unk_token=UNKNOWN, byte_fallback=True)
