"""A low-rank adapter in a network: where it goes, what it consists of, and its way to PEFT's files and back."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.core.errors import ModelError, UsageError, nearest
from whet.core.foreign import read_json
from whet.strategies import _peft
from whet.strategies._moving import new_head, under

if TYPE_CHECKING:
    from torch import nn

    from whet.nn.anatomy import Anatomy
    from whet.nn.lowrank import LowRank

KINDS = ("query", "key", "value", "out", "up", "down", "gate")
MEAN = "base."
"""The name of the base inside our mean head; PEFT sees the base alone, so its files do not say it."""


def targets_in(network: nn.Module, anatomy: Anatomy, targets: Sequence[str]) -> list[str]:
    """The layers that kinds or names mean, in the network's order. Raises UsageError for a name that means none."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    linear = [name for name, module in network.named_modules() if isinstance(module, (nn.Linear, Conv1D))]
    chosen: set[str] = set()
    for target in targets:
        if target in KINDS:
            chosen.update(anatomy.linears([target]))
            continue
        found = {name for name in linear if name == target or name.endswith("." + target)}
        if not found:
            known = [*KINDS, *sorted({name.rpartition(".")[2] for name in linear})]
            raise UsageError(f"no layer is called '{target}'", "strategy.targets", nearest(target, known))
        chosen |= found
    return [name for name in linear if name in chosen]


def low_rank(network: nn.Module) -> dict[str, LowRank]:
    """The low-rank layers that stand in a network, by the layer that each stands for."""
    from whet.nn.lowrank import low_rank_layers

    return dict(low_rank_layers(network))


def own(layer: LowRank) -> list[str]:
    """The parameters that an adapter adds to a layer."""
    return [name for name, _ in layer.named_parameters() if not name.startswith("base.")]


def modules_called(network: nn.Module, names: Sequence[str]) -> list[str]:
    """Modules by name or ending. Raises UsageError where a name means none."""
    modules = [name for name, _ in network.named_modules() if name]
    found = []
    for wanted in names:
        here = [name for name in modules if name == wanted or name.endswith("." + wanted)]
        if not here:
            raise UsageError(f"no module is called '{wanted}'", "strategy.whole", nearest(wanted, modules))
        found += here
    return found


def save(network: nn.Module, anatomy: Anatomy, whole: Sequence[str], base: Path, place: Path) -> None:
    """Write the adapter into ``place`` in PEFT's format; ``base`` is the directory of the model under it."""
    from transformers.pytorch_utils import Conv1D

    layers = low_rank(network)
    first = next(iter(layers.values()))
    kept = [*new_head(network, anatomy), *modules_called(network, whole)]
    kept += _other_moving(network, (*layers, *kept))
    mean = anatomy.base == MEAN.rstrip(".")
    if mean:  # the head lies beside the adapter: PEFT loads the base model alone
        kept = [name for name in kept if name.startswith(MEAN)]
    tensors = {f"{name}.{part}": layer.get_parameter(part) for name, layer in layers.items() for part in own(layer)}
    tensors |= {name: tensor for name, tensor in network.named_parameters() if under(name, kept)}
    adapter = _peft.Adapter(
        rank=first.rank,
        alpha=first.alpha,
        dropout=first.dropout.p,
        variant=first.variant,
        targets=tuple(_outside(name) for name in layers),
        whole=tuple(_outside(name) for name in kept),
        tensors={_outside(name): tensor for name, tensor in tensors.items()},
        base=str(base),
    )
    turned = isinstance(first.base, Conv1D)
    _peft.write(place, _peft.config_of(adapter, _task_type(network), turned), _peft.state_of(adapter))


def _other_moving(network: nn.Module, known: Sequence[str]) -> list[str]:
    """Modules with moving weights beside those known: what was new at load, such as a pooler that the file lacked."""
    moving = [name for name, tensor in network.named_parameters() if tensor.requires_grad and not under(name, known)]
    return list(dict.fromkeys(name.rpartition(".")[0] for name in moving))


def load(network: nn.Module, place: Path) -> set[str]:
    """Put a saved adapter into a network; the names of what it filled.

    It may have been trained under another head, or under none. Its own head is filled where it fits. Raises ModelError
    where the adapter is for another model.
    """
    import torch

    from whet.nn.lowrank import inject

    adapter = _peft.read(place)
    misfit = f"it was trained on {adapter.base or 'a model that it does not name'}"
    modules = {name for name, _ in network.named_modules()}
    here = {name: _here(network, modules, name) for name in (*adapter.targets, *_modules_of(adapter))}
    for target in adapter.targets:
        if here[target] not in modules:
            raise ModelError(f"the adapter's {target} is not in the model", str(place), misfit)
    targets = [here[target] for target in adapter.targets]
    inject(network, targets, adapter.rank, adapter.alpha, adapter.dropout, adapter.variant)
    parameters = dict(network.named_parameters(remove_duplicate=False))
    filled: set[str] = set()
    with torch.no_grad():
        for theirs, tensor in adapter.tensors.items():
            module, _, part = theirs.rpartition(".")
            name = f"{here[module]}.{part}"
            fits = name in parameters and parameters[name].shape == tensor.shape
            if not fits and module in adapter.targets:
                raise ModelError(f"the adapter's {theirs} does not fit the model", str(place), misfit)
            if fits:
                parameters[name].copy_(tensor)
                filled.add(name)
    return filled


def has_family_head(place: Path) -> bool:
    """Whether an adapter was trained under the head that its base's family has for labels of whole texts."""
    return bool(read_json(place / _peft.CONFIG).get("task_type") == "SEQ_CLS")


def _modules_of(adapter: _peft.Adapter) -> set[str]:
    return {name.rpartition(".")[0] for name in adapter.tensors}


def _here(network: nn.Module, modules: Set[str], theirs: str) -> str:
    """What a module of an adapter is called in this network, whose base model may stand elsewhere than in theirs."""
    base: Any = network.base_model
    stands = next(name for name, module in network.named_modules() if module is base)
    alone = theirs.removeprefix(f"{base.base_model_prefix}.")
    return next((name for name in (theirs, f"{stands}.{alone}", alone) if name in modules), theirs)


def _outside(name: str) -> str:
    return name.removeprefix(MEAN)


def _task_type(network: nn.Module) -> str:
    kind = type(network).__name__
    for ending, task in (
        ("ForSequenceClassification", "SEQ_CLS"),
        ("ForTokenClassification", "TOKEN_CLS"),
        ("ForConditionalGeneration", "SEQ_2_SEQ_LM"),
        ("ForCausalLM", "CAUSAL_LM"),
        ("LMHeadModel", "CAUSAL_LM"),
    ):
        if kind.endswith(ending):
            return task
    return "FEATURE_EXTRACTION"
