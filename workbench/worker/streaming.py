"""Tokens of one row back to text as they come, in whole characters."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase


class TextStream:
    """Turns the tokens of one row into text as they come, never sending half a character."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.ids: list[int] = []
        self._from = 0  # start of the window that is decoded
        self._sent = 0  # end of the part of the window that has been sent

    def push(self, token: int) -> str:
        """Take a token; return the text that is now certain, often none."""
        self.ids.append(token)
        return self._advance(whole=False)

    def rest(self) -> str:
        """The end of the text, with whatever was held back."""
        return self._advance(whole=True)

    def text(self) -> str:
        """The whole text, as decoding all the tokens at once gives it."""
        return _text(self._tokenizer, self.ids)

    def _advance(self, *, whole: bool) -> str:
        # Decoding starts one piece back: a token's leading blank shows only after another token.
        before = _text(self._tokenizer, self.ids[self._from : self._sent])
        after = _text(self._tokenizer, self.ids[self._from :])
        if len(after) <= len(before) or (after.endswith("\ufffd") and not whole):
            return ""
        self._from, self._sent = self._sent, len(self.ids)
        return after[len(before) :]


def token_text(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """What one token stands for, special ones too, with the blank that it begins with."""
    piece = str(tokenizer.convert_ids_to_tokens(token) or "")
    decoded = str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
    return f" {decoded}" if piece.startswith("\u2581") and not decoded.startswith(" ") else decoded


def _text(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
