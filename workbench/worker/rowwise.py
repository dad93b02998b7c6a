"""One forward pass for a batch whose rows use different adapters, or none: parts at a base's own modules.

Low-rank parts of all rows are two products per module, whatever their ranks: their matrices lie end to end,
and between the two each row loses what is not its own. Modules get another `forward` as long as a
voice lasts; their weights are not touched.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from workbench.worker.bottleneck import Bottleneck
from workbench.worker.parts import LowRank, Part, Parts, Replacement, Scale

Forward = Callable[..., Any]
Row = tuple[str, Parts] | None  # an adapter's key and its parts; None: the base

_PLANS = 16  # batches whose masks are kept: a screen alternates between a few
_APART_FROM = {"cpu": 2}  # so many positions a row pay for products of their own; measured
_APART_ELSEWHERE = 1024  # a GPU is told of a product in the time in which it multiplies by thousands of ranks
_WASTE_RANKS = 512  # so many ranks more than a batch needs cost less than laying its adapters end to end anew


@dataclass
class _Block:
    """Low-rank parts of several adapters end to end; the parts themselves are views of it.

    Attributes:
        keys: The adapters in their order.
        down: By module [sum of ranks, inputs].
        up: By module [sum of ranks, outputs].
        spans: By module, where each adapter's ranks are.
    """

    keys: tuple[str, ...]
    down: dict[str, torch.Tensor]
    up: dict[str, torch.Tensor]
    spans: dict[str, dict[str, slice]]


@dataclass(frozen=True)
class _Shares:
    """Which ranks of a module's low-rank parts are whose.

    Attributes:
        foreign: Those that are not a row's own, [rows, 1, ranks].
        runs: Rows that follow one another and their ranks; rows without any are left out.
    """

    foreign: torch.Tensor
    runs: tuple[tuple[slice, slice], ...]

    @classmethod
    def of(cls, places: Sequence[slice | None], down: torch.Tensor) -> _Shares:
        """The shares of rows whose ranks are at some place each, or nowhere."""
        foreign = torch.ones(len(places), 1, len(down), dtype=torch.bool, device=down.device)
        runs: list[tuple[slice, slice]] = []
        for row, place in enumerate(places):
            if place is None:
                continue
            foreign[row, :, place] = False
            if runs and runs[-1] == (slice(runs[-1][0].start, row), place):
                runs[-1] = (slice(runs[-1][0].start, row + 1), place)
            else:
                runs.append((slice(row, row + 1), place))
        return cls(foreign, tuple(runs))


class Rows:
    """The parts of many adapters over the modules of one base.

    Args:
        modules: The base's modules by path.
    """

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self._modules = modules
        self._block: _Block | None = None
        self._members: dict[str, Parts] = {}  # those of the block
        self._plans: OrderedDict[tuple[str, ...], dict[str, Forward]] = OrderedDict()

    def forget(self, key: str) -> None:
        """Let go of an adapter's memory."""
        if key in self._members:
            self._dissolve(keep=self._members.keys() - {key})
        self._plans.clear()

    @contextlib.contextmanager
    def standing(self, rows: Sequence[Row]) -> Iterator[None]:
        """Let each row of a batch have its adapter for a while.

        Args:
            rows: One per row of the batch.
        """
        plan = self._plan(rows)
        before: list[tuple[dict[str, Any], Any]] = []
        try:
            for path, forward in plan.items():
                # Into the instance's own dictionary: quicker than a hook, and gone without a trace.
                attributes = self._modules[path].__dict__
                before.append((attributes, attributes.get("forward")))
                attributes["forward"] = forward
            yield
        finally:
            for attributes, own in before:
                if own is None:
                    del attributes["forward"]
                else:
                    attributes["forward"] = own

    def _plan(self, rows: Sequence[Row]) -> dict[str, Forward]:
        distinct = dict(row for row in rows if row is not None)
        # Rows that are all alike need not be told apart: one plan serves any number of them.
        alike = len(distinct) == 1 and None not in rows
        name = tuple(distinct) if alike else tuple("" if row is None else row[0] for row in rows)
        if name in self._plans:
            self._plans.move_to_end(name)
            return self._plans[name]
        low_ranked = [key for key, parts in distinct.items() if _has_low_rank(parts)]
        if len(low_ranked) > 1:
            self._lay_out(low_ranked, distinct)
        paths = {path for parts in distinct.values() for path in parts}
        made = {path: self._forward(path, rows, distinct, alike=alike) for path in sorted(paths)}
        self._plans[name] = made
        if len(self._plans) > _PLANS:
            self._plans.popitem(last=False)
        return made

    def _forward(
        self, path: str, rows: Sequence[Row], distinct: Mapping[str, Parts], *, alike: bool
    ) -> Forward:
        """What a module does instead of its own forward pass."""
        module = self._modules[path]
        own: Forward = module.forward
        here = {key: parts[path] for key, parts in distinct.items() if path in parts}
        members = [row[0] if row is not None and row[0] in here else None for row in rows]
        for key, part in here.items():
            if isinstance(part, Replacement | Bottleneck):
                chosen = [row for row, member in enumerate(members) if member == key]
                own = _beside(module, own, part, None if alike else chosen, len(rows))
        entry, gain, offset = (
            _stacked(side, members, here, alike=alike) for side in (_entry, _gain, _offset)
        )
        if entry is not None or gain is not None or offset is not None:
            own = _scaled(own, entry, gain, offset, None if alike else len(rows))
        low_rank = {key: part for key, part in here.items() if isinstance(part, LowRank)}
        if not low_rank:
            return own
        down, up, spans = self._low_rank(path, low_rank)
        shares = None if alike else _Shares.of([spans.get(member or "") for member in members], down)
        return _added(own, down, up, shares, embedding=type(module) is nn.Embedding)

    def _low_rank(
        self, path: str, parts: Mapping[str, LowRank]
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, slice]]:
        """Both matrices of a module, and which ranks are whose."""
        block = self._block
        if len(parts) == 1 or block is None:
            ((key, part),) = parts.items()
            return part.down, part.up, {key: slice(0, part.rank)}
        places = {key: block.spans[path][key] for key in parts}
        first = min(place.start for place in places.values())
        last = max(place.stop for place in places.values())
        spans = {key: slice(place.start - first, place.stop - first) for key, place in places.items()}
        return block.down[path][first:last], block.up[path][first:last], spans

    def _lay_out(self, keys: Sequence[str], adapters: Mapping[str, Parts]) -> None:
        """See that low-rank parts that are asked for together lie end to end; no byte is held twice."""
        if self._block is not None and self._suffices(keys, self._block):
            return
        self._dissolve(keep=self._members.keys() - set(keys))
        block = _Block(tuple(keys), {}, {}, {})
        paths = {path for key in keys for path, part in adapters[key].items() if isinstance(part, LowRank)}
        for path in sorted(paths):
            parts = {key: part for key in keys if isinstance(part := adapters[key].get(path), LowRank)}
            block.down[path] = torch.cat([part.down for part in parts.values()])
            block.up[path] = torch.cat([part.up for part in parts.values()])
            block.spans[path], start = {}, 0
            for key, part in parts.items():
                place = slice(start, start + part.rank)
                block.spans[path][key], start = place, place.stop
                part.down, part.up = block.down[path][place], block.up[path][place]
        # Only now: where memory ended before, there is no block.
        self._block, self._members = block, {key: adapters[key] for key in keys}

    def _suffices(self, keys: Sequence[str], block: _Block) -> bool:
        if not set(keys) <= set(block.keys):
            return False
        for spans in block.spans.values():
            needed = [spans[key] for key in keys if key in spans]
            if len(needed) > 1:
                whole = max(place.stop for place in needed) - min(place.start for place in needed)
                used = sum(place.stop - place.start for place in needed)
                if whole > max(2 * used, _WASTE_RANKS):
                    return False
        return True

    def _dissolve(self, keep: set[str]) -> None:
        """Give members of the block matrices of their own again; the others take theirs along."""
        self._plans.clear()
        for key in keep:
            for part in self._members[key].values():
                if isinstance(part, LowRank):
                    part.down, part.up = part.down.clone(), part.up.clone()
        self._members, self._block = {}, None


def _added(
    own: Forward,
    down: torch.Tensor,
    up: torch.Tensor,
    shares: _Shares | None,
    *,
    embedding: bool,
) -> Forward:
    """A layer with low-rank parts beside it.

    Args:
        own: Its forward pass.
        down: [ranks, inputs].
        up: [ranks, outputs], with the scale inside.
        shares: Which ranks are whose; None where each row has all.
        embedding: Whether it looks up numbers of tokens.
    """
    apart_from = _APART_FROM.get(down.device.type, _APART_ELSEWHERE)

    def forward(given: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        result: torch.Tensor = own(given, *rest, **named)
        in_place = result.dtype == up.dtype and result.is_contiguous()
        if shares is not None and in_place and not embedding:
            spread = _split(result, len(shares.foreign))  # [rows, positions, outputs]
            if spread.shape[1] >= apart_from:
                inputs = _split(given, len(spread)).to(down.dtype)
                for rows, ranks in shares.runs:
                    inner = functional.linear(inputs[rows], down[ranks]).flatten(end_dim=1)
                    spread[rows].view(-1, spread.shape[-1]).addmm_(inner, up[ranks])
                return result
        if embedding:
            inner = functional.embedding(given, down.T)  # [..., ranks]
        else:
            inner = functional.linear(given.to(down.dtype), down)  # [..., ranks]
        if shares is not None:
            # Taken away, not multiplied by zero: what another row's adapter makes may have no end.
            inner = _split(inner, len(shares.foreign)).masked_fill_(shares.foreign, 0)
        flat = inner.reshape(-1, inner.shape[-1])
        if in_place:
            result.view(-1, result.shape[-1]).addmm_(flat, up)
            return result
        return result + (flat @ up).view(result.shape).to(result.dtype)

    return forward


def _scaled(
    own: Forward,
    entry: torch.Tensor | None,
    gain: torch.Tensor | None,
    offset: torch.Tensor | None,
    rows: int | None,
) -> Forward:
    """A layer between factors of each row's own."""

    def forward(given: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        if entry is not None:
            given = (_split(given, rows) * entry).reshape(given.shape).to(given.dtype)
        result: torch.Tensor = own(given, *rest, **named)
        spread = _split(result, rows)
        if gain is not None:
            spread = spread * gain
        if offset is not None:
            spread = spread + offset
        return spread.reshape(result.shape).to(result.dtype)

    return forward


def _beside(
    module: nn.Module, own: Forward, part: Replacement | Bottleneck, chosen: list[int] | None, rows: int
) -> Forward:
    """A module that is another one for some rows.

    Args:
        module: The module.
        own: Its forward pass so far.
        part: What makes it another one.
        chosen: The numbers of those rows; None: all.
        rows: How many rows the batch has.
    """
    if isinstance(part, Replacement):

        def replaced(given: torch.Tensor) -> torch.Tensor:
            with _other_weights(module, part.weights):
                result: torch.Tensor = own(given)
            return result

        if chosen is None:
            return replaced

        def partly(given: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = own(given)
            return _with_rows(result, chosen, replaced(_split(given, rows)[chosen]), rows)

        return partly

    def behind(*given: Any, **named: Any) -> Any:
        whole = own(*given, **named)
        result = whole[0] if isinstance(whole, tuple) else whole  # attention also gives its weights
        if chosen is None:
            changed = part(result)
        else:
            changed = _with_rows(result, chosen, part(_split(result, rows)[chosen]), rows)
        return (changed, *whole[1:]) if isinstance(whole, tuple) else changed

    return behind


def _with_rows(values: torch.Tensor, chosen: list[int], others: torch.Tensor, rows: int) -> torch.Tensor:
    """Values with other ones in the chosen rows."""
    spread = _split(values, rows).clone()
    spread[chosen] = others.to(spread.dtype)
    return spread.view(values.shape)


@contextlib.contextmanager
def _other_weights(module: nn.Module, weights: Mapping[str, torch.Tensor]) -> Iterator[None]:
    own = {name: module._parameters[name] for name in weights}
    try:
        module._parameters.update(weights)
        yield
    finally:
        module._parameters.update(own)


def _entry(part: Part) -> torch.Tensor | None:
    return part.values if isinstance(part, Scale) and part.at_entry else None


def _gain(part: Part) -> torch.Tensor | None:
    if isinstance(part, Scale):
        return None if part.at_entry else part.values
    return part.gain if isinstance(part, LowRank) else None


def _offset(part: Part) -> torch.Tensor | None:
    return part.offset if isinstance(part, LowRank) else None


def _stacked(
    side: Callable[[Part], torch.Tensor | None],
    members: Sequence[str | None],
    parts: Mapping[str, Part],
    *,
    alike: bool,
) -> torch.Tensor | None:
    """One side of the rows' parts, [rows, 1, width], which leaves the other rows as they are.

    Returns:
        None where no row has it; [width] where all have the same.
    """
    values = {key: found for key, part in parts.items() if (found := side(part)) is not None}
    if not values:
        return None
    like = next(iter(values.values()))
    if alike:
        return like
    neutral = torch.zeros_like(like) if side is _offset else torch.ones_like(like)
    return torch.stack([values.get(member or "", neutral) for member in members])[:, None]


def _split(values: torch.Tensor, rows: int | None) -> torch.Tensor:
    """Values with the batch's rows apart: some models hand all positions to a layer in one line.

    Returns:
        [rows, positions, width]; the values as they are where the rows do not matter.
    """
    return values if rows is None else values.reshape(rows, -1, values.shape[-1])


def _has_low_rank(parts: Parts) -> bool:
    return any(isinstance(part, LowRank) for part in parts.values())
