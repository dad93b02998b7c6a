"""One loaded base with its adapters and its decoder: what server and evaluation worker have in common."""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch

from store import Store
from store.models import Model
from workbench.composing.masking import load_codec
from workbench.link import Sampling, TokenDetail
from workbench.worker.bank import Bank, Resident
from workbench.worker.failures import not_numbers
from workbench.worker.generate import Decoder, Said
from workbench.worker.loading import load_model, load_tokenizer, prepare_process
from workbench.worker.room import Room
from workbench.worker.streaming import TextStream, token_text

BATCH_ROWS = 16


@dataclass(frozen=True)
class Piece:
    """Some text of one row, or none yet; the last piece of a row carries its whole text.

    Attributes:
        detail: The tokens since the last piece, where they were asked for (`Sampling.alternatives`).
        truncated: The row was cut off at the most tokens; told with its last piece.
        broken: The row ended because its scores are not numbers; told with its last piece.
    """

    row: int
    text: str
    whole: str | None = None
    tokens: int = 0
    seconds: float = 0.0
    detail: tuple[TokenDetail, ...] = ()
    truncated: bool = False
    broken: bool = False


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
        self._room = Room(model, all_scores=self.decoder.scores_all)

    def residents(self, store: Store, names: Sequence[str | None]) -> list[Resident | None]:
        """Look the adapters up as they are now, and make them resident; see `notes` after.

        Args:
            store: The store.
            names: Adapters' names, or checkpoints of runs (`RUN@STEP`, `RUN@latest`); None is the base.

        Raises:
            NotFound: No such adapter, run or checkpoint.
            Conflict: One is of another base.
            BadInput: One can't be used.
        """
        found: dict[str, Resident] = {}
        for name in names:
            if name is not None and name not in found:
                adapter = store.adapters.resolve(name)
                store.adapters.check_base(adapter, self.record)
                found[name] = self.bank.ready(adapter)
        idle = (self.bank.effect(resident) for resident in found.values())
        self.bank.told += [sentence for sentence in idle if sentence]
        return [found[name] if name is not None else None for name in names]

    def speak(
        self,
        rows: Sequence[tuple[list[int], Resident | None]],
        sampling: Sampling,
        seeds: Sequence[int] | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> Generator[Piece, None, None]:
        """Answer rows of prompt ids, each with its adapter; rows that fit together are decoded together.

        Args:
            rows: Prompt ids as `Decoder.encode` gives them, and the adapter; None is the base.
            sampling: How tokens are chosen.
            seeds: One per row, in the place of the sampling's.
            batch_rows: The most rows to decode together.

        Yields:
            Text as it is spoken, something at every step, and for each row a last piece. Closing the
            iterator stops decoding.

        Raises:
            BadInput: There is no room for a row's prompt, or no row's scores are numbers; where some are,
                `notes` tells of the others.
        """
        broken: list[str] = []
        residents, tokens = [resident for _, resident in rows], [len(ids) for ids, _ in rows]
        batch_rows = self._room.rows(max(map(_places, rows), default=0), min(batch_rows, len(rows)))
        for group in self.bank.groups(residents, tokens, sampling.max_new_tokens):
            for start in range(0, len(group), batch_rows):
                for piece in self._speak(group[start : start + batch_rows], rows, sampling, seeds):
                    if piece.broken:
                        resident = rows[piece.row][1]
                        error = not_numbers(None if resident is None else resident.adapter.name)
                        if str(error) not in broken:
                            self.bank.told.append(str(error))
                        broken.append(str(error))
                        if len(broken) == len(rows):
                            raise error
                    yield piece

    def speaks_again(self) -> bool:
        """Give back what a failure left, and tell whether the base alone says a token.

        What failed was then the request, not the engine.
        """
        try:
            _release()  # on a device that is broken for good this fails as everything does
            probe = ([self.decoder.codec.eos], None)
            return all(not piece.broken for piece in self.speak([probe], Sampling(max_new_tokens=1)))
        except Exception:  # noqa: BLE001 (whatever it is: such an engine answers nobody)
            traceback.print_exc()
            return False

    def notes(self) -> list[str]:
        """What people should hear of, each thing once: adapters that left the memory, or are of no use."""
        told, self.bank.told = self.bank.told, []
        return told

    def _speak(
        self,
        batch: list[int],
        rows: Sequence[tuple[list[int], Resident | None]],
        sampling: Sampling,
        seeds: Sequence[int] | None,
    ) -> Generator[Piece, None, None]:
        streams = [TextStream(self.tokenizer) for _ in batch]
        untold: list[list[TokenDetail]] = [[] for _ in batch]
        own_seeds = None if seeds is None else [seeds[row] for row in batch]
        started = time.monotonic()
        with self.bank.voice([rows[row][1] for row in batch]) as voice:
            for step in self.decoder.decode(voice, [rows[row][0] for row in batch], sampling, own_seeds):
                # A row that speaks and ends in one step would have gone on.
                speaking = {said.row for said in step if said.token is not None}
                for said in step:
                    stream, details, row = streams[said.row], untold[said.row], batch[said.row]
                    if said.token is None:
                        seconds = time.monotonic() - started
                        whole, count = stream.text(), len(stream.ids)
                        cut = said.row in speaking
                        rest, detail = stream.rest(), tuple(details)
                        yield Piece(row, rest, whole, count, seconds, detail, cut, said.broken)
                        continue
                    if said.chance is not None:
                        details.append(self._detail(said.token, said))
                    text = stream.push(said.token)
                    if text:
                        yield Piece(row, text, detail=tuple(details))
                        details.clear()
                if going := speaking - {said.row for said in step if said.token is None}:
                    # Tokens without text are steps too, at which whoever listens may stop this.
                    yield Piece(batch[min(going)], "")

    def _detail(self, token: int, said: Said) -> TokenDetail:
        top = tuple((each, token_text(self.tokenizer, each), chance) for each, chance in said.top)
        return TokenDetail(token, token_text(self.tokenizer, token), said.chance or 0.0, top)


def _places(row: tuple[list[int], Resident | None]) -> int:
    """How many places of the model a row takes before its answer."""
    ids, resident = row
    opening = 0 if resident is None else resident.virtual_tokens + resident.prefix_tokens
    return len(ids) + opening


def _release() -> None:
    """Give memory back that no tensor takes: it stays reserved, in pieces, when there was too little."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
