"""One loaded base with its adapters and its decoder: what server and evaluation worker have in common."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from store import Store
from store.models import Model
from workbench.composing.masking import load_codec
from workbench.link import Sampling
from workbench.worker.bank import Bank, Resident
from workbench.worker.generate import Decoder, TextStream, batches
from workbench.worker.loading import load_model, load_tokenizer, prepare_process

BATCH_ROWS = 16


@dataclass(frozen=True)
class Piece:
    """Some text of one row; the last piece of a row carries its whole text."""

    row: int
    text: str
    whole: str | None = None
    tokens: int = 0
    seconds: float = 0.0


class Engine:
    """Answers prompts with the base and any of its adapters; used from one thread."""

    def __init__(self, record: Model) -> None:
        """Load the base; this takes seconds.

        Raises:
            BadInput: Its folder does not hold such a model.
        """
        prepare_process(record)
        model = load_model(record)
        self.record = record
        self.bank = Bank(model, record)
        self.tokenizer = load_tokenizer(record)
        self.decoder = Decoder(model, record, load_codec(record.path, record.family))

    def residents(self, store: Store, names: Sequence[str | None]) -> list[Resident | None]:
        """Look the adapters up as they are now, and make them resident.

        Raises:
            NotFound: No such adapter.
            Conflict: One is of another base.
            BadInput: One can't be used.
        """
        found: dict[str, Resident] = {}
        for name in names:
            if name is not None and name not in found:
                adapter = store.adapters.get(name)
                store.adapters.check_base(adapter, self.record)
                found[name] = self.bank.ready(adapter)
        return [found[name] if name is not None else None for name in names]

    def speak(
        self, rows: Sequence[tuple[list[int], Resident | None]], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        """Answer rows of prompt ids, each with its adapter; rows that fit together are decoded together.

        Args:
            rows: Prompt ids as `Decoder.encode` gives them, and the adapter; None is the base.
            sampling: How tokens are chosen.

        Yields:
            Text as it is spoken, and for each row a last piece. Closing the iterator stops decoding.
        """
        for group in self.bank.groups([resident for _, resident in rows]):
            pads = self.bank.pads(rows[group[0]][1])
            for batch in batches([rows[row][0] for row in group], BATCH_ROWS, pads=pads):
                yield from self._speak([group[index] for index in batch], rows, sampling)

    def _speak(
        self, batch: list[int], rows: Sequence[tuple[list[int], Resident | None]], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        streams = [TextStream(self.tokenizer) for _ in batch]
        started = time.monotonic()
        with self.bank.voice([rows[row][1] for row in batch]) as voice:
            for events in self.decoder.decode(voice, [rows[row][0] for row in batch], sampling):
                for index, token in events:
                    stream = streams[index]
                    if token is not None:
                        text = stream.push(token)
                        if text:
                            yield Piece(batch[index], text)
                    else:
                        seconds = time.monotonic() - started
                        yield Piece(batch[index], stream.rest(), stream.text(), len(stream.ids), seconds)
