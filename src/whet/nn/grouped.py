"""Attention over a flat row as a few padded groups of like length, in one node of the graph.

A product a length would be exact without any padding, but a batch of sentences has some twenty lengths and each costs
a dozen small operations; one product for all would pad to the longest. Groups of like length cost little of either.

Shape legend: T tokens, H heads, d head width; a group has n examples, l query and m key places; S places in all.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from whet.nn.dropout import inverse, keep_mask, kept, new_key
from whet.nn.groups import Group, Plan, Side
from whet.nn.layout import Layout

LONG = 64
"""Keys of the longest example from which on torch's own kernel is taken, where it can be."""


class Pattern:
    """What the scores of every group share: scale, cap, dropout, and who may look at whom."""

    def __init__(
        self,
        layout: Layout,
        cross: bool,
        heads: int,
        causal: bool,
        window: int | None,
        softcap: float | None,
        scale: float,
        dropout: float,
    ) -> None:
        self.layout, self.cross, self.heads, self.causal, self.window = layout, cross, heads, causal, window
        self.softcap, self.scale, self.dropout = softcap, scale, dropout

    @property
    def plan(self) -> Plan:
        """The groups in which attention works where no kernel does."""
        return self.layout.plan(self.cross, self.heads)

    def hidden(self, group: Group, device: torch.device) -> Tensor | None:
        """Which keys a query may not see, bool ``[n or 1, 1, l or 1, m]``, kept for later layers; None: none."""
        windowed = self.window is not None and group.keys > self.window
        at = (id(self.plan), group, self.causal, self.window if windowed else None)
        if at not in self.layout.memo:
            self.layout.memo[at] = self._hidden(group, windowed, device)
        return self.layout.memo[at]

    def _hidden(self, group: Group, windowed: bool, device: torch.device) -> Tensor | None:
        found = None
        if (self.causal and group.length > 1) or windowed:
            gap = torch.arange(group.length, device=device)[:, None] - torch.arange(group.keys, device=device)
            far = gap.abs() >= (self.window or 0) if windowed else torch.zeros_like(gap, dtype=torch.bool)
            found = (far | (gap < 0) if self.causal else far)[None, None]
        real = self.plan.keys.real
        if real is not None:
            part = real[group.key_first : group.key_first + group.count * group.keys].view(
                group.count, 1, 1, group.keys
            )
            if not bool(part.all()):
                found = ~part if found is None else found | ~part
        return found

    @property
    def is_plain(self) -> bool:
        """Whether torch's own kernel computes it, and faster: no noise on the weights, no cap, long examples."""
        return self.dropout == 0 and self.softcap is None and max(group.keys for group in self.plan.groups) >= LONG

    def mask(self, group: Group, device: torch.device) -> Tensor | None:
        """``hidden`` as numbers to add; finite, for a place beyond the end may see nothing at all."""
        hidden = self.hidden(group, device)
        at = ("mask", id(self.plan), group, self.causal, self.window)
        if hidden is not None and at not in self.layout.memo:
            low = torch.finfo(torch.float32).min
            self.layout.memo[at] = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, low)
        return None if hidden is None else self.layout.memo[at]


def plain(query: Tensor, key: Tensor, value: Tensor, pattern: Pattern) -> Tensor:
    """Attention without dropout, cap and bias, by torch's own kernel: ``[T, H, d]`` each to ``[T, H, d]``.

    It keeps no weights for the backward pass, which makes it two to three times as fast as ``Grouped`` at 150 to 400
    tokens, and half as fast at 30 (docs/log.md). In bfloat16 it is slow on the CPU, so all is float32 there.
    """
    kind = torch.float32 if query.device.type == "cpu" else query.dtype
    heads, width = query.shape[1:]
    plan = pattern.plan
    with torch.autocast(query.device.type, enabled=False):
        q, k, v = (
            _places(part, side).to(kind) for part, side in ((query, plan.queries), (key, plan.keys), (value, plan.keys))
        )
        found = []
        for group in plan.groups:
            sides = (_queries(q, group, heads), _keys(k, group, heads), _keys(v, group, heads))
            mask = pattern.mask(group, q.device)
            own_q, own_k, own_v = (part.unflatten(0, (group.count, heads)) for part in sides)
            out = nn.functional.scaled_dot_product_attention(
                own_q, own_k, own_v, None if mask is None else mask.to(kind), scale=pattern.scale
            )
            found.append(out.flatten(0, 2))
        return torch.cat(found).index_select(0, plan.queries.back).view(-1, heads, width).to(query.dtype)


class Grouped(torch.autograd.Function):
    """Attention group by group, with one node in the graph instead of some twenty a group.

    Everything is float32 on the CPU (at the lengths where flat rows matter the products are about a hundredth of the
    network's work, and conversions of small pieces cost more than they save); on other devices products keep their type
    and only the softmax is float32. A query place beyond an example's end is computed and thrown away.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, pattern: Pattern) -> Tensor:
        """``[T, H, d]`` each to ``[T, H, d]``; ``bias`` is ``[H, l, m]`` for the longest example."""
        kind = torch.float32 if query.device.type == "cpu" else query.dtype
        heads, width = query.shape[1:]
        plan = pattern.plan
        with torch.autocast(query.device.type, enabled=False):
            q, k, v = (
                _places(part, side).to(kind)
                for part, side in ((query, plan.queries), (key, plan.keys), (value, plan.keys))
            )
            sizes = [group.count * heads * group.length * group.keys for group in plan.groups]
            weights = torch.empty(sum(sizes), dtype=torch.float32, device=q.device)
            capped = torch.empty_like(weights) if pattern.softcap is not None else None
            for number, group in enumerate(plan.groups):
                share = _share(weights, sizes, number, group, heads)
                scores = torch.bmm(_queries(q, group, heads), _keys(k, group, heads).transpose(1, 2)).float()
                scores = scores.view(share.shape).mul_(pattern.scale)
                if capped is not None and pattern.softcap is not None:
                    scores = pattern.softcap * torch.tanh(scores / pattern.softcap)
                    _share(capped, sizes, number, group, heads).copy_(scores)
                if bias is not None:
                    scores += bias[:, : group.length, : group.keys]
                if (hidden := pattern.hidden(group, q.device)) is not None:
                    scores.masked_fill_(
                        hidden, torch.finfo(torch.float32).min
                    )  # a place beyond the end may see nothing at all
                torch.softmax(scores, -1, out=share)
            noise = _noise(weights, sizes, pattern, heads) if pattern.dropout > 0 else None
            used = weights if noise is None else weights * noise
            out = torch.empty_like(q)
            for number, group in enumerate(plan.groups):
                part = _share(used, sizes, number, group, heads).flatten(0, 1).to(kind)
                torch.bmm(part, _keys(v, group, heads), out=_queries(out, group, heads))
        ctx.save_for_backward(q, k, v, weights, noise, capped)
        ctx.pattern, ctx.sizes, ctx.kind = pattern, sizes, query.dtype
        ctx.bias = None if bias is None else (bias.shape, bias.dtype)
        return out.index_select(0, plan.queries.back).view(-1, heads, width).to(query.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, weights, noise, capped = ctx.saved_tensors
        pattern, sizes = ctx.pattern, ctx.sizes
        heads, plan = grad.shape[1], pattern.plan
        with torch.autocast(q.device.type, enabled=False):
            g = _places(grad, plan.queries).to(q.dtype)
            to_q, to_k, to_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
            bias = None if ctx.bias is None else torch.zeros(ctx.bias[0], dtype=torch.float32, device=q.device)
            for number, group in enumerate(plan.groups):
                _silence(g, plan.queries, group, heads)
                probability = _share(weights, sizes, number, group, heads)
                mask = None if noise is None else _share(noise, sizes, number, group, heads)
                used = probability if mask is None else probability * mask
                given = _queries(g, group, heads)
                torch.bmm(used.flatten(0, 1).to(q.dtype).transpose(1, 2), given, out=_keys(to_v, group, heads))
                scores = torch.bmm(given, _keys(v, group, heads).transpose(1, 2)).float().view(probability.shape)
                if mask is not None:
                    scores = scores.mul_(mask)
                scores = torch._softmax_backward_data(scores, probability, -1, torch.float32)
                if bias is not None:
                    bias[:, : group.length, : group.keys] += scores.sum(0)
                if capped is not None:
                    tanh = _share(capped, sizes, number, group, heads) / pattern.softcap
                    scores = scores * (1 - tanh * tanh)
                scores = scores.mul_(pattern.scale).flatten(0, 1).to(q.dtype)
                torch.bmm(scores, _keys(k, group, heads), out=_queries(to_q, group, heads))
                torch.bmm(scores.transpose(1, 2), _queries(q, group, heads), out=_keys(to_k, group, heads))
        sides = ((to_q, plan.queries), (to_k, plan.keys), (to_v, plan.keys))
        shape = (-1, heads, q.shape[1])
        grads = [part.index_select(0, side.back).view(shape).to(ctx.kind) for part, side in sides]
        return (*grads, None if bias is None else bias.to(ctx.bias[1]), None)


def _noise(weights: Tensor, sizes: list[int], pattern: Pattern, heads: int) -> Tensor:
    """Factors 0 and 1 / kept for all scores; each is a function of its query, head and key, as in the kernels."""
    if weights.device.type != "cpu":
        return keep_mask(weights, pattern.dropout)
    factors, key, plan = torch.empty_like(weights), new_key(), pattern.plan
    for number, group in enumerate(plan.groups):
        rows = plan.queries.rows[group.first * heads : (group.first + group.count * group.length) * heads]
        share = _share(factors, sizes, number, group, heads)
        share.copy_(kept(rows, group.keys, key, pattern.dropout).view(share.shape))
    return factors.mul_(inverse(pattern.dropout))


def _places(states: Tensor, side: Side) -> Tensor:
    """``[T, H, d]`` at the places of a side, ``[S * H, d]``, by group, example, head and place."""
    return states.reshape(-1, states.shape[2]).index_select(0, side.rows)


def _silence(grad: Tensor, side: Side, group: Group, heads: int) -> None:
    """No gradient at places beyond an example's end."""
    if side.real is None:
        return
    real = side.real[group.first : group.first + group.count * group.length].view(group.count, 1, group.length, 1)
    _queries(grad, group, heads).view(group.count, heads, group.length, -1).mul_(real)


def _share(buffer: Tensor, sizes: list[int], number: int, group: Group, heads: int) -> Tensor:
    """One group's share of a buffer of scores, ``[n, H, l, m]``."""
    start = sum(sizes[:number])
    return buffer[start : start + sizes[number]].view(group.count, heads, group.length, group.keys)


def _queries(buffer: Tensor, group: Group, heads: int) -> Tensor:
    """One group's query places, ``[n * H, l, d]``."""
    first, size = group.first * heads, group.count * heads * group.length
    return buffer[first : first + size].view(group.count * heads, group.length, -1)


def _keys(buffer: Tensor, group: Group, heads: int) -> Tensor:
    """One group's key places, ``[n * H, m, d]``."""
    first, size = group.key_first * heads, group.count * heads * group.keys
    return buffer[first : first + size].view(group.count * heads, group.keys, -1)
