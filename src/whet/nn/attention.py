"""The one attention of flat rows, registered with transformers under the name ``whet``.

transformers looks attention functions and mask functions up by name. With the keyword ``layout`` our function keeps
attention inside each example of a flat row; without it, it hands over to transformers' own ``sdpa``, so that padded
calls and ``generate`` work under the same name. The mask function must be registered too: without one, padded calls
silently get no mask.

Shape legend: T tokens, H heads, d head width, n examples of a run, l queries and m keys of each.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from whet.nn.dropout import keep_mask
from whet.nn.layout import Layout, Run

NAME = "whet"
"""It must not hold flash, sdpa, flex_attention, paged, ``|`` or ``/``: transformers treats such names specially."""


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    layout: Layout | None = None,
    **keywords: Any,
) -> tuple[Tensor, None]:
    """Attention of ``[1, H, T, d]`` inside each example, or transformers' own where there is no layout.

    A module marked ``whet_cross`` uses the layout's cross runs. ``position_bias`` (T5) is ``[1, H, l, m]`` for the
    longest example or a scalar for none. Returns ``[1, T, H, d]``.
    """
    causal = bool(getattr(module, "is_causal", False) if is_causal is None else is_causal)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if layout is None and softcap is not None:
        return _softcapped(module, query, key, value, attention_mask, dropout, scale, softcap, causal), None
    if layout is None:
        bias = {} if position_bias is None else {"position_bias": position_bias}
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **bias, **keywords
        )
    repeats = query.shape[1] // key.shape[1]
    cross = getattr(module, "whet_cross", False)
    pattern = _Pattern(layout, causal and not cross, sliding_window, softcap, scale, dropout)
    bias = None if position_bias is None or position_bias.dim() == 0 else position_bias[0]
    out = _Grouped.apply(
        query[0],
        repeat_kv(key, repeats)[0],
        repeat_kv(value, repeats)[0],
        bias,
        layout.cross if cross else layout.own,
        pattern,
    )
    return out.unsqueeze(0), None


def _mask(*args: Any, attention_mask: Tensor | None = None, **keywords: Any) -> Tensor | None:
    """No mask without a two-dimensional one: a flat row needs none, and a single causal one comes from ``is_causal``."""
    return None if attention_mask is None else sdpa_mask(*args, attention_mask=attention_mask, **keywords)


def register() -> None:
    """Make the name known in both of transformers' registries; harmless when repeated."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, _mask)


def _softcapped(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout: float,
    scale: float,
    softcap: float,
    causal: bool,
) -> Tensor:
    """Padded attention with capped scores (Gemma 2), which sdpa refuses. Returns ``[B, L, H, d]``."""
    repeats = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, repeats), repeat_kv(value, repeats)
    scores = softcap * torch.tanh(torch.matmul(query, key.transpose(2, 3)).float() * scale / softcap)
    if mask is None and causal and query.shape[2] > 1:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        low = torch.finfo(torch.float32).min
        scores = scores.masked_fill(~mask, low) if mask.dtype == torch.bool else scores + mask
    weights = nn.functional.dropout(torch.softmax(scores, -1), dropout, module.training)
    return torch.matmul(weights.to(value.dtype), value).transpose(1, 2).contiguous()


class _Pattern:
    """What the scores of every run share: scale, cap, dropout, and who may look at whom."""

    def __init__(
        self,
        layout: Layout,
        causal: bool,
        window: int | None,
        softcap: float | None,
        scale: float,
        dropout: float,
    ) -> None:
        self.layout, self.causal, self.window = layout, causal, window
        self.softcap, self.scale, self.dropout = softcap, scale, dropout

    def hidden(self, run: Run, device: torch.device) -> Tensor | None:
        """Which keys a query may not see, bool ``[l, m]``, kept for the layers to come; None where it sees all."""
        windowed = self.window is not None and run.keys > self.window
        if not (self.causal and run.length > 1) and not windowed:
            return None
        at = (run.length, run.keys, self.causal, self.window if windowed else None)
        if at not in self.layout.memo:
            gap = torch.arange(run.length, device=device)[:, None] - torch.arange(run.keys, device=device)
            far = gap.abs() >= self.window if windowed else torch.zeros_like(gap, dtype=torch.bool)
            self.layout.memo[at] = far | (gap < 0) if self.causal else far
        return self.layout.memo[at]


class _Grouped(torch.autograd.Function):
    """Attention run by run, with one node in the graph instead of some twenty a run.

    Everything is float32 on the CPU (at the lengths where flat rows matter the products are about a hundredth of the
    network's work, and conversions of small pieces cost more than they save); on other devices products keep their type
    and only the softmax is float32.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        bias: Tensor | None,
        parts: tuple[Run, ...],
        pattern: _Pattern,
    ) -> Tensor:
        kind = torch.float32 if query.device.type == "cpu" else query.dtype
        with torch.autocast(query.device.type, enabled=False):
            q, k, v = query.to(kind), key.to(kind), value.to(kind)
            heads, _, width = q.shape
            sizes = [run.count * heads * run.length * run.keys for run in parts]
            weights = torch.empty(sum(sizes), dtype=torch.float32, device=q.device)
            capped = torch.empty_like(weights) if pattern.softcap is not None else None
            views = _views(weights, sizes, parts, heads)
            for number, run in enumerate(parts):
                scores = torch.bmm(_queries(q, run), _keys(k, run).transpose(1, 2)).float()
                scores = scores.view(views[number].shape).mul_(pattern.scale)
                if capped is not None:
                    scores = pattern.softcap * torch.tanh(scores / pattern.softcap)
                    _views(capped, sizes, parts, heads)[number].copy_(scores)
                if bias is not None:
                    scores += bias[:, : run.length, : run.keys].unsqueeze(1)
                if (hidden := pattern.hidden(run, q.device)) is not None:
                    scores.masked_fill_(hidden, float("-inf"))
                torch.softmax(scores, -1, out=views[number])
            kept = keep_mask(weights, pattern.dropout) if pattern.dropout > 0 else None
            used = weights if kept is None else weights * kept
            out = torch.empty(q.shape[1], heads, width, dtype=kind, device=q.device)
            for run, part in zip(parts, _views(used, sizes, parts, heads), strict=True):
                product = torch.bmm(part.flatten(0, 1).to(kind), _keys(v, run))
                _spread(out, run, run.start, run.length).copy_(product.view(heads, run.count, run.length, width))
        ctx.save_for_backward(q, k, v, weights, kept, capped)
        ctx.parts, ctx.pattern, ctx.sizes, ctx.kind = parts, pattern, sizes, query.dtype
        ctx.bias = None if bias is None else (bias.shape, bias.dtype)
        return out.to(query.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, weights, kept, capped = ctx.saved_tensors
        parts, pattern, sizes = ctx.parts, ctx.pattern, ctx.sizes
        heads, width = q.shape[0], q.shape[2]
        with torch.autocast(q.device.type, enabled=False):
            g = grad.to(q.dtype).transpose(0, 1)
            given = [torch.empty(part.shape[1], heads, width, dtype=q.dtype, device=q.device) for part in (q, k, v)]
            bias = None if ctx.bias is None else torch.zeros(ctx.bias[0], dtype=torch.float32, device=q.device)
            for number, run in enumerate(parts):
                probability = _views(weights, sizes, parts, heads)[number]
                used, mask = probability, None
                if kept is not None:
                    mask = _views(kept, sizes, parts, heads)[number]
                    used = probability * mask
                grads = _queries(g, run)
                pieces = (run.count, run.length, run.keys)
                by_value = torch.bmm(used.flatten(0, 1).to(q.dtype).transpose(1, 2), grads)
                scores = torch.bmm(grads, _keys(v, run).transpose(1, 2)).float().view(probability.shape)
                if mask is not None:
                    scores = scores * mask
                scores = torch._softmax_backward_data(scores, probability, -1, torch.float32)
                if bias is not None:
                    bias[:, : run.length, : run.keys] += scores.sum(1)
                if capped is not None:
                    tanh = _views(capped, sizes, parts, heads)[number] / pattern.softcap
                    scores = scores * (1 - tanh * tanh)
                scores = scores.mul_(pattern.scale).flatten(0, 1).to(q.dtype)
                _give(given[0], torch.bmm(scores, _keys(k, run)), run, run.start, pieces[1])
                _give(
                    given[1],
                    torch.bmm(scores.transpose(1, 2), _queries(q, run)),
                    run,
                    run.key_start,
                    pieces[2],
                )
                _give(given[2], by_value, run, run.key_start, pieces[2])
        back = None if bias is None else bias.to(ctx.bias[1])
        return (*(part.transpose(0, 1).to(ctx.kind) for part in given), back, None, None)


def _views(buffer: Tensor, sizes: list[int], parts: tuple[Run, ...], heads: int) -> list[Tensor]:
    """Each run's share of one buffer, ``[H, n, l, m]``."""
    shares = buffer.split(sizes)
    return [share.view(heads, run.count, run.length, run.keys) for share, run in zip(shares, parts, strict=True)]


def _queries(states: Tensor, run: Run) -> Tensor:
    """A run's rows of ``[H, T, d]`` as ``[H * n, l, d]``."""
    return states[:, run.start : run.stop].unflatten(1, (run.count, run.length)).flatten(0, 1)


def _keys(states: Tensor, run: Run) -> Tensor:
    """A run's rows of ``[H, T, d]`` as ``[H * n, m, d]``."""
    return states[:, run.key_start : run.key_stop].unflatten(1, (run.count, run.keys)).flatten(0, 1)


def _spread(buffer: Tensor, run: Run, start: int, length: int) -> Tensor:
    """A run's place in ``[T, H, d]``, seen as ``[H, n, l, d]``."""
    return buffer[start : start + run.count * length].unflatten(0, (run.count, length)).permute(2, 0, 1, 3)


def _give(buffer: Tensor, product: Tensor, run: Run, start: int, length: int) -> None:
    heads, width = buffer.shape[1:]
    _spread(buffer, run, start, length).copy_(product.view(heads, run.count, length, width))
