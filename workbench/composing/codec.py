"""How a model turns text into token ids, read from its folder with the light `tokenizers` library alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from store.errors import BadInput
from workbench.composing.chat import ChatTemplate, load_chat_template

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Family = Literal["causal", "seq2seq"]

_PROBE = "a"


NEVER = re.compile("(?!)")


@dataclass(frozen=True, slots=True)
class Codec:
    """What a model's tokenizer does to a text.

    Attributes:
        encode: A text's ids; adds no special tokens.
        bos: Opens every text, for tokenizers that open them.
        eos: Ends every completion.
        pad: Fills batches up; it can equal `eos`, since padding is masked by place and not by id.
        family: Whether the model is causal or seq2seq.
        ends_prompt: Whether an encoder's text ends with `eos` as well; a causal prompt never does.
        encode_many: `encode` for many texts at once, which is faster.
        decode: The text of some ids, special tokens too.
        special: The ids of special tokens.
        special_text: Matches the text of special tokens, which a text becomes if it holds them.
        ends: The ids at which the model stops, by its own files.
        turn_end: The id with which the chat template ends an answer, if it is a special token.
        chat: The model's chat template, if it has one.
        glue: A special token's text and id, before which the tokenizer writes a text as a text that goes on.
        room: The most tokens the model takes, where it has a limit.
    """

    encode: Callable[[str], list[int]]
    bos: int | None
    eos: int
    pad: int
    family: Family
    ends_prompt: bool = True
    encode_many: Callable[[Sequence[str]], list[list[int]]] | None = None
    decode: Callable[[Sequence[int]], str] | None = None
    special: frozenset[int] = frozenset()
    special_text: re.Pattern[str] = NEVER
    ends: frozenset[int] = frozenset()
    turn_end: int | None = None
    chat: ChatTemplate | None = None
    glue: tuple[str, int] | None = None
    room: int | None = None

    @property
    def stops(self) -> frozenset[int]:
        """The ids at which an answer is over: what the model's files say, and what it is taught here."""
        return self.ends | {self.eos} | (set() if self.turn_end is None else {self.turn_end})

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """What each id adds to the text; a decoder shows a token's leading space only after another token."""
        if self.decode is None:
            return [""] * len(ids)
        # A text repeats its tokens, and many of its pairs.
        text = lru_cache(maxsize=None)(self.decode)
        found = []
        for at, token in enumerate(ids):
            before = (ids[at - 1],) if at else ()
            lead = text(before) if before else ""
            found.append(text((*before, token)).removeprefix(lead))
        return found


def load_codec(model_folder: Path, family: Family) -> Codec:
    """Read how a model's tokenizer turns text into ids.

    Args:
        model_folder: Holds tokenizer.json, and config.json, generation_config.json or tokenizer_config.json.
        family: Whether the model is causal or seq2seq.

    Raises:
        BadInput: A file is missing or broken, or no end-of-sequence token is named.
    """
    tokenizer = _read_tokenizer(model_folder / "tokenizer.json")
    names = {**_read_json(model_folder / "special_tokens_map.json")}
    names |= _read_json(model_folder / "tokenizer_config.json")
    generation = _read_json(model_folder / "generation_config.json")
    config = _read_json(model_folder / "config.json")
    numbers = {**generation, **{key: value for key, value in config.items() if value is not None}}
    eos = _special_id("eos", tokenizer, names, numbers)
    if eos is None:
        raise BadInput(
            f"the model in {model_folder} names no end-of-sequence token",
            'give "eos_token" in tokenizer_config.json or "eos_token_id" in config.json',
        )
    opening, closing = _added(tokenizer)
    bos = opening[0] if opening else None
    # An explicit wish overrides what tokenizer.json says, as in transformers.
    if names.get("add_bos_token") is not None:
        bos = _special_id("bos", tokenizer, names, numbers) if names["add_bos_token"] else None
    pad = _special_id("pad", tokenizer, names, numbers)
    special = {
        number: token.content
        for number, token in tokenizer.get_added_tokens_decoder().items()
        if token.special
    }
    # The longest first, so that one that begins like another is found whole.
    texts = sorted(filter(None, special.values()), key=len, reverse=True)
    special_text = re.compile("|".join(map(re.escape, texts))) if texts else NEVER
    chat = load_chat_template(model_folder, names)
    return Codec(
        encode=partial(_encode, tokenizer),
        bos=bos,
        eos=eos,
        pad=eos if pad is None else pad,
        family=family,
        ends_prompt=bool(closing),
        encode_many=partial(_encode_many, tokenizer),
        decode=partial(tokenizer.decode, skip_special_tokens=False),
        special=frozenset(special),
        special_text=special_text,
        ends=frozenset({eos, *_listed(generation.get("eos_token_id")), *_listed(config.get("eos_token_id"))}),
        turn_end=None if chat is None else tokenizer.token_to_id(chat.turn_end(special_text)),
        chat=chat,
        glue=(special[eos], eos) if eos in special else None,
    )


def _encode_many(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    try:
        return [made.ids for made in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    except Exception:  # noqa: BLE001 (nothing narrower is raised; alone each one tells its own fault)
        return [_encode(tokenizer, text) for text in texts]


def _listed(ids: Any) -> list[int]:
    return [each for each in (ids if isinstance(ids, list) else [ids]) if isinstance(each, int)]


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    try:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)
    except (UnicodeEncodeError, TypeError):
        # Half of a surrogate pair, as JSON can hold it, is no text: it counts as an unknown character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return _encode(tokenizer, text)
    except Exception as error:  # the library raises nothing narrower
        raise BadInput(
            f"the model's tokenizer cannot write {text[:60]!r}: {error}", "leave such rows out"
        ) from error


def _read_tokenizer(path: Path) -> Tokenizer:
    # Twenty milliseconds to import: only those who encode pay them.
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}", "use a model with a tokenizer.json"
        ) from error
    except Exception as error:  # the library raises nothing narrower
        raise BadInput(f"{path} is no tokenizer: {error}", "copy the model again") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read: {error}", "copy the model again") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} holds no JSON object", "copy the model again")
    return content


def _special_id(
    role: str, tokenizer: Tokenizer, names: Mapping[str, Any], numbers: Mapping[str, Any]
) -> int | None:
    """The id of a special token: by its text in the tokenizer's files, else by its number in the model's."""
    text = names.get(f"{role}_token")
    if isinstance(text, Mapping):
        text = text.get("content")
    if isinstance(text, str) and (found := tokenizer.token_to_id(text)) is not None:
        return found
    number = numbers.get(f"{role}_token_id")
    if isinstance(number, list) and number:
        number = number[0]
    # Some models write -1 for "none".
    return number if isinstance(number, int) and number >= 0 else None


def _added(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The special tokens that the tokenizer itself sets before and after a text."""
    try:
        encoding = tokenizer.encode(_PROBE)
    except Exception:  # noqa: BLE001 (it does not know the probe's letter)
        encoding = tokenizer.encode("")
    marked = list(zip(encoding.ids, encoding.special_tokens_mask, strict=True))
    opening = [token for token, _ in takewhile(lambda pair: pair[1], marked)]
    closing = [token for token, _ in takewhile(lambda pair: pair[1], reversed(marked))]
    return opening, closing
