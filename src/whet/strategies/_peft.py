"""PEFT's adapter format, both ways: what ``adapter_config.json`` and ``adapter_model.safetensors`` say.

Written files name every adapted module in full, so that nothing is left to PEFT's guesses by model type. Read files
may name them as PEFT allows (endings, a pattern, ``all-linear``): what was adapted is read off the tensors themselves.
What would change the result and is not known here is refused by name, never ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from whet.core.errors import Fault, ModelError
from whet.core.foreign import check_weights, read_json

if TYPE_CHECKING:
    import torch

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
Variant = Literal["plain", "rslora", "dora"]

_TENSORS = {"lora_A.weight": "A", "lora_B.weight": "B", "lora_magnitude_vector": "magnitude"}
_NEUTRAL: dict[str, Any] = {
    "bias": "none",
    "lora_bias": False,
    "rank_pattern": {},
    "alpha_pattern": {},
    "use_qalora": False,
}
"""Entries of a LoRA configuration that change what the adapter computes, with the only value understood here."""
_ABSENT = (
    "target_parameters",
    "layer_replication",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "velora_config",
    "use_bdlora",
)
"""Entries that must be absent or null for the same reason."""
_MERGE = "merge it into its base with PEFT's merge_and_unload, and start from the merged model"
_REMOVE = "remove the entry, if the base is a model of transformers"
_KEPT_BASE = (True, False, "gaussian", "orthogonal", "eva")
"""Ways to start an adapter that leave the base model's own weights as they are (PiSSA and OLoRA do not)."""


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter as plain values.

    ``targets`` and ``whole`` are module names: those with low-rank layers, and those trained fully. ``tensors`` are
    named ``<module>.A``, ``<module>.B`` and ``<module>.magnitude`` for the former, by parameter for the latter.
    """

    rank: int
    alpha: float
    dropout: float
    variant: Variant
    targets: tuple[str, ...]
    whole: tuple[str, ...]
    tensors: Mapping[str, torch.Tensor]
    base: str = ""


def config_of(adapter: Adapter, task_type: str | None, fan_in_fan_out: bool) -> dict[str, Any]:
    """``adapter_config.json`` as PEFT reads it; ``fan_in_fan_out`` where the layers are GPT-2's Conv1D."""
    return {
        "peft_type": "LORA",
        "task_type": task_type,
        "base_model_name_or_path": adapter.base,
        "inference_mode": True,
        "r": adapter.rank,
        "lora_alpha": adapter.alpha,
        "lora_dropout": adapter.dropout,
        "target_modules": list(adapter.targets),
        "modules_to_save": list(adapter.whole) or None,
        "use_rslora": adapter.variant == "rslora",
        "use_dora": adapter.variant == "dora",
        "fan_in_fan_out": fan_in_fan_out,
        "bias": "none",
        "init_lora_weights": True,
    }


def state_of(adapter: Adapter) -> dict[str, torch.Tensor]:
    """The tensors under PEFT's names, ready for ``adapter_model.safetensors``."""
    endings = {ours: theirs for theirs, ours in _TENSORS.items()}
    found = {}
    for name, tensor in adapter.tensors.items():
        module, _, last = name.rpartition(".")
        theirs = f"{module}.{endings[last]}" if module in adapter.targets and last in endings else name
        found[PREFIX + theirs] = tensor.detach().contiguous()
    return found


def write(folder: Path, config: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> None:
    """Write both files into a folder that exists."""
    from safetensors.torch import save_file

    save_file(dict(state), folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")


def read(folder: Path) -> Adapter:
    """Read a LoRA adapter that PEFT or whet saved.

    Raises ModelError, with every fault found, where it is no LoRA, where it uses what is not understood here, or where
    the weights are not safetensors.
    """
    from safetensors.torch import load_file

    config = _config(folder)
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"there is no {WEIGHTS} (pickles are never loaded)",
            str(folder),
            "save the adapter again with a current PEFT, which writes safetensors",
        )
    check_weights(folder / WEIGHTS)
    tensors = _ours(load_file(folder / WEIGHTS))
    targets = tuple(sorted({name.removesuffix(".A") for name in tensors if name.endswith(".A")}))
    ranks = {tensors[f"{target}.A"].shape[0] for target in targets}
    if len(ranks) != 1:
        raise ModelError(f"the adapter's layers have the ranks {sorted(ranks)}, one is needed", str(folder / WEIGHTS))
    adapted = {f"{target}.{part}" for target in targets for part in _TENSORS.values()}
    whole = tuple(sorted({name.rpartition(".")[0] for name in tensors if name not in adapted}))
    return Adapter(
        rank=ranks.pop(),
        alpha=float(config.get("lora_alpha", 8)),
        dropout=float(config.get("lora_dropout", 0.0)),
        variant="dora" if config.get("use_dora") else "rslora" if config.get("use_rslora") else "plain",
        targets=targets,
        whole=_roots(whole, config.get("modules_to_save") or ()),
        tensors=tensors,
        base=str(config.get("base_model_name_or_path") or ""),
    )


def _config(folder: Path) -> dict[str, Any]:
    place = folder / CONFIG
    if not place.is_file():
        raise ModelError(f"there is no {CONFIG}", str(folder), "name the folder that PEFT's save_pretrained wrote")
    config = read_json(place)
    if config.get("peft_type") != "LORA":
        said = f"the adapter's type is {str(config.get('peft_type'))[:80]}, only LORA can be a start"
        raise ModelError(said, str(place), _MERGE)
    faults = [
        Fault(f"{key}={config[key]!r} is not understood", str(place), _MERGE)
        for key, neutral in _NEUTRAL.items()
        if config.get(key) not in (None, neutral)
    ]
    faults += [
        Fault(f"{key} is not understood", str(place), _MERGE) for key in _ABSENT if config.get(key) not in (None, False)
    ]
    if config.get("init_lora_weights", True) not in _KEPT_BASE:
        faults.append(Fault(f"init_lora_weights={config['init_lora_weights']!r} altered the base", str(place), _MERGE))
    if config.get("use_dora") and config.get("use_rslora"):
        faults.append(Fault("DoRA with rank-stabilised scaling is not understood", str(place), _MERGE))
    for key in ("lora_alpha", "lora_dropout"):
        value = config.get(key, 0.0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9:
            faults.append(Fault(f"{key}={str(value)[:80]!r} is no usable number", str(place), "correct the entry"))
    mapping = config.get("auto_mapping") or {}
    library = mapping.get("parent_library", "transformers") if isinstance(mapping, dict) else mapping
    if str(library).partition(".")[0] != "transformers":
        faults.append(Fault(f"auto_mapping names {str(library)[:80]!r}, code that is not run", str(place), _REMOVE))
    if faults:
        raise ModelError(faults)
    return config


def _ours(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors by our names; what PEFT keeps beside them (a copy of the untrained head) is left out."""
    found = {}
    for key, tensor in state.items():
        name = key.removeprefix(PREFIX)
        if ".original_module." in name:
            continue
        name = name.replace(".modules_to_save.default.", ".").replace(".modules_to_save.", ".")
        for theirs, ours in _TENSORS.items():
            if name.endswith((f".{theirs}", f".{theirs}.weight")):
                name = name[: name.rindex("." + theirs)] + "." + ours
                break
        found[name] = tensor
    return found


def _roots(modules: tuple[str, ...], named: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """The modules trained fully, at the level at which the configuration names them (``classifier``, not its parts)."""
    found = set()
    for module in modules:
        parts = module.split(".")
        heads = [".".join(parts[: place + 1]) for place in range(len(parts))]
        found.add(next((head for head in heads if any(head == n or head.endswith("." + n) for n in named)), module))
    return tuple(sorted(found))
