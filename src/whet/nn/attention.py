"""The one attention of flat rows, registered with transformers under the name ``whet``.

transformers looks attention functions and mask functions up by name. With the keyword ``layout`` our function keeps
attention inside each example of a flat row; without it, it hands over to transformers' own ``sdpa``, so that padded
calls and ``generate`` work under the same name. The mask function must be registered too: without one, padded calls
silently get no mask.

Shape legend: T tokens, H heads, d head width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from whet.nn import kernels
from whet.nn.attending import attended
from whet.nn.grouped import Grouped, Pattern, plain
from whet.nn.layout import CURRENT, Layout

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
        more = {} if position_bias is None else {"position_bias": position_bias}
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **more, **keywords
        )
    cross = bool(getattr(module, "whet_cross", False))
    pattern = Pattern(layout, cross, query.shape[1], causal and not cross, sliding_window, softcap, scale, dropout)
    bias = None if position_bias is None or position_bias.dim() == 0 else position_bias[0]
    if query.dtype != value.dtype:  # positions are turned in float32 while products are in bfloat16
        query, key = query.to(value.dtype), key.to(value.dtype)
    if bias is None and softcap is None and kernels.take(query, key, value):
        return attended(query, key, value, pattern), None
    repeats = query.shape[1] // key.shape[1]
    q, k, v = (part[0].transpose(0, 1) for part in (query, repeat_kv(key, repeats), repeat_kv(value, repeats)))
    out: Tensor = (
        plain(q, k, v, pattern) if bias is None and pattern.is_plain else Grouped.apply(q, k, v, bias, pattern)
    )
    return out.unsqueeze(0), None


def _mask(*args: Any, **keywords: Any) -> Tensor | None:
    """No mask in a flat call, whose layout says who may see whom; transformers' own in every other one.

    The other call may come without a mask of its own and still need one: a window slides over single texts too.
    """
    return None if CURRENT.get() is not None else sdpa_mask(*args, **keywords)


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
