"""Put the kernels where a network computes what they compute; each is tried against the module it stands in for.

Nothing is replaced: a module keeps its class, its parameters and their names, and only its ``forward`` goes another way
while the kernels are in use. What differs in the trial stays as it is, whatever its name promises.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from whet.nn import kernels
from whet.nn.activations import gelu, swiglu
from whet.nn.fused import linear_add_norm, linear_gelu
from whet.nn.lowrank import linear
from whet.nn.norms import layer_norm, rms_norm
from whet.nn.products import as_taken

TOLERANCE = 1e-5
TRIAL_ROWS = 3


def quicken(network: nn.Module) -> int:
    """Let every module that the kernels know use them; says how many there are. Harmless when repeated."""
    found = 0
    for module in network.modules():
        if "forward" in vars(module):
            continue
        quick = _quick(module)
        if quick is not None and (type(module) is nn.Linear or _agrees(module, quick)):
            module.forward = quick  # type: ignore[method-assign]
            found += 1
    return found


def stay_in_bfloat16(network: nn.Module, first: str) -> None:
    """From its ``first`` block on, a network's states stay in the type of its products. Harmless when repeated."""
    block = dict(network.named_modules()).get(first)
    if block is not None and not hasattr(block, "whet_cast"):
        block.whet_cast = block.register_forward_pre_hook(_as_taken, with_kwargs=True)  # type: ignore[assignment]


Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def _as_taken(block: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> Arguments:
    if given:
        return (as_taken(given[0]), *given[1:]), named
    return given, {**named, "hidden_states": as_taken(named["hidden_states"])}


def _quick(module: nn.Module) -> Callable[..., Any] | None:
    """The other way of a module that looks like one of those known."""
    name = type(module).__name__
    if type(module) is nn.Linear:
        return partial(linear, module)
    if type(module) is nn.LayerNorm:
        return partial(layer_norm, module)
    if name.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
        return partial(_rms, module)
    if name == "GELUActivation":
        return gelu
    if name.endswith("Output") and all(hasattr(module, part) for part in ("dense", "dropout", "LayerNorm")):
        return partial(_residual, module)
    if (
        name.endswith("Intermediate")
        and type(getattr(module, "intermediate_act_fn", None)).__name__ == "GELUActivation"
    ):
        return partial(_intermediate, module)
    if name.endswith("MLP") and all(hasattr(module, part) for part in ("gate_proj", "up_proj", "down_proj", "act_fn")):
        return partial(_gated, module)
    return None


def _residual(module: Any, hidden_states: Tensor, input_tensor: Tensor) -> Tensor:
    """The end of each half of an encoder's block, in BERT's family: linear, dropout, residual, norm."""
    probability = module.dropout.p if module.training else 0.0
    return linear_add_norm(module.dense, hidden_states, input_tensor, module.LayerNorm, probability)


def _intermediate(module: Any, hidden_states: Tensor) -> Tensor:
    """The first half of the feed-forward layer in BERT's family."""
    return linear_gelu(module.dense, hidden_states)


def _rms(module: Any, hidden_states: Tensor) -> Tensor:
    return rms_norm(hidden_states, module.weight, module.variance_epsilon)


def _gated(module: Any, x: Tensor) -> Tensor:
    """The feed-forward layer of Llama's family."""
    states: Tensor = module.down_proj(swiglu(module.gate_proj(x), module.up_proj(x)))
    return states


def _agrees(module: nn.Module, quick: Callable[..., Any]) -> bool:
    """Whether both ways give the same for some rows drawn by a fixed seed, in float32 and without noise."""
    draw = torch.Generator().manual_seed(0)
    given = [torch.randn(TRIAL_ROWS, width, generator=draw) for width in _widths(module)]
    parameter = next(module.parameters(), None)
    if parameter is not None and (parameter.device.type != "cpu" or parameter.dtype != torch.float32):
        return False
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            plain: Tensor = module(*given)
            return torch.allclose(plain, quick(*given), rtol=TOLERANCE, atol=TOLERANCE)
    except (RuntimeError, TypeError, ValueError):
        return False
    finally:
        module.train(was_training)


def _widths(module: Any) -> tuple[int, ...]:
    """The widths of what a module is called with."""
    if hasattr(module, "dense"):
        norm = getattr(module, "LayerNorm", None)
        return (_inputs(module.dense), *(() if norm is None else (len(norm.weight),)))
    if hasattr(module, "gate_proj"):
        return (_inputs(module.gate_proj),)
    weight = getattr(module, "weight", None)
    return (kernels.LANES if weight is None else len(weight),)


def _inputs(linear: Any) -> int:
    """A linear layer's inputs, one with a low-rank layer beside it included."""
    return int(linear.weight.shape[1])
