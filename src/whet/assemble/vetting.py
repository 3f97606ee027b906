"""What a model's folder may hold, decided before transformers sees any of it.

A folder of a model is data to whet: weights in safetensors, settings and vocabularies in JSON and text. Pickles that
lie beside are never opened, so they do no harm and are no reason to refuse. Of a configuration, three things are told
apart:

* refused: what asks for code or files from elsewhere and that no loadable model needs (``trust_remote_code: true``,
  a kernel of the hub as ``attn_implementation``, a pretrained backbone, other weights, a
  ``model_type`` that transformers does not have), and weights that are stored quantised, which cannot be trained here;
* set aside, and said: what models in use carry for other programs and what is safe once it is gone (``auto_map``, as in
  Falcon, Phi and many more whose family is transformers' own by now; ``custom_pipelines``; a known way of attention,
  for whet chooses that itself; ``architectures`` and ``tokenizer_class`` that transformers lacks, by whose names
  nothing is ever imported here);
* refused for its size: a configuration that implies more than four times the weights in the files. The network is
  built once without memory, and building stops where the bound is passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from whet.core.errors import Fault, ModelError
from whet.core.foreign import Held, check_weights, inside, read_json, regular

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
_SMALL = (CONFIG, "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "*.model", "*.spm", "*.tiktoken", "*.jinja")
_LARGEST = 100_000_000
"""Bytes of a vocabulary; the largest in use has a third of it."""
_ATTENTION = ("eager", "sdpa", "flex_attention", "flash_attention_2", "flash_attention_3", "grouped_mm", "batched_mm")
_FOREIGN = {
    "quantization_config": "the weights are stored quantised",
    "compression_config": "the weights are stored quantised",
    "transformers_weights": "it names other files of weights",
    "configuration_files": "it names another configuration",
    "fusion_config": "it replaces parts of the network",
    "kernel_config": "it names kernels to load",
    "trust_remote_code": "it asks to run code of the model's author",
    "use_pretrained_backbone": "it asks for another model's weights",
    "use_timm_backbone": "it asks for another library's model",
}
_COUNTED = re.compile(r"(^|_)(num|n)_|layer|block|depth|expert|head|labels|types|groups?$|^extra_ids$|^offset$")
_MOST = 2**18
"""The largest count of blocks, labels and the like: configurations make lists of such lengths before any check."""
_FACTOR, _SLACK = 4, 2**24
_REMOVE = "remove the entry if the model works without it, or name another model"


def vet(place: Path) -> list[str]:
    """Look through a folder; what was set aside, in sentences. Raises ModelError with all faults found."""
    faults: list[Fault] = []
    said: list[str] = []
    for look in (_files, _index, _config, _tokenizer):
        try:
            said += look(place)
        except ModelError as error:
            faults += [fault for fault in error.faults if fault not in faults]
    if faults:
        raise ModelError(faults)
    return said


def config_of(place: Path) -> dict[str, Any]:
    """The configuration without what names code, or other files, as transformers is to see it."""
    return cleaned(read_json(place / CONFIG), place / CONFIG)[0]


def cleaned(config: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], list[str]]:
    """A configuration without what is set aside, and sentences about that. Raises ModelError with every fault."""
    faults = [Fault(what, str(path), cure) for what, cure in _faults(config)]
    if faults:
        raise ModelError(faults)
    said: list[str] = []
    return _without(config, path, said), said


def held_in(place: Path) -> Held:
    """What the weights of a model consist of, by their headers."""
    return check_weights(*_weights(place))


def refuse_larger(build: Callable[[], object], held: Held, place: Path) -> None:
    """Raises ModelError where ``build`` makes a network of far more weights than the files hold; takes no memory.

    Every tensor is counted as it is registered, so that building ends at the first one too many.
    """
    import torch
    from torch.nn.modules import module as hooks

    most = _FACTOR * held.numbers + _SLACK
    seen = {"numbers": 0, "parts": 0}

    def count(module: Any, name: str, part: Any) -> None:
        seen["parts"] += 1
        seen["numbers"] += part.numel() if isinstance(part, torch.Tensor) else 0
        if seen["numbers"] > most or seen["parts"] > 16 * held.tensors + 4096:
            said = f"its config.json implies more than {_FACTOR} times the {held.numbers:,} weights of its files"
            raise ModelError(said, str(place / CONFIG), "correct its sizes, or get the model again")

    handles = [
        hooks.register_module_parameter_registration_hook(count),
        hooks.register_module_buffer_registration_hook(count),
        hooks.register_module_module_registration_hook(count),
    ]
    try:
        with torch.device("meta"):
            build()
    finally:
        for handle in handles:
            handle.remove()


def _files(place: Path) -> list[str]:
    """Sizes, links and headers of all that could be read, and the small files' JSON."""
    for path in sorted(path for pattern in _VOCABULARIES for path in place.glob(pattern)):
        regular(path, _LARGEST)
    for name in (*_SMALL, "1_Pooling/config.json"):
        if (place / name).exists():
            read_json(place / name)
    check_weights(*sorted(place.glob("*.safetensors")))
    return []


def _index(place: Path) -> list[str]:
    _weights(place)
    return []


def _weights(place: Path) -> list[Path]:
    """The files of the weights. Raises ModelError where an index names what is not a file of this folder."""
    if (place / WEIGHTS).is_file() or not (place / INDEX).exists():
        return [path for path in [place / WEIGHTS] if path.exists()]
    named = read_json(place / INDEX).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise ModelError("it has no weight_map", str(place / INDEX), "get the file again from where it came")
    cure = "get the model again: an index names files that lie beside it"
    shards = {str(shard): shard for shard in named.values()}
    faults = [
        Fault(f"weight_map names {name[:200]!r}, which is no safetensors file of this folder", str(place / INDEX), cure)
        for name, shard in sorted(shards.items())
        if not inside(shard) or not name.endswith(".safetensors")
    ]
    faults = faults or [
        Fault(f"the shard {name} is missing", str(place / INDEX), cure)
        for name in sorted(shards)
        if not (place / name).is_file()
    ]
    if faults:
        raise ModelError(faults)
    return [place / name for name in sorted(shards)]


def _config(place: Path) -> list[str]:
    path = place / CONFIG
    return cleaned(read_json(path), path)[1] if path.exists() else []


def _tokenizer(place: Path) -> list[str]:
    """The tokenizer's class must be a tokenizer: transformers would take any of its names, a model's too."""
    path = place / "tokenizer_config.json"
    found = read_json(path) if path.exists() else {}
    faults = [Fault(what, str(path), cure) for what, cure in _counts(found)]
    if found.get("trust_remote_code"):
        faults.append(Fault(f"trust_remote_code: {_FOREIGN['trust_remote_code']}", str(path), _REMOVE))
    known, said = _class_of(found.get("tokenizer_class")), []
    cure = "set tokenizer_class to PreTrainedTokenizerFast and put the tokenizer.json beside it"
    if known == "other":
        faults.append(Fault(f"tokenizer_class is {found['tokenizer_class']!r}, which is no tokenizer", str(path), cure))
    elif known == "unknown" and not any((place / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        lacks = f"tokenizer_class is {found['tokenizer_class']!r}, which transformers lacks, and its code is not run"
        faults.append(Fault(lacks, str(path), cure))
    elif known == "unknown":
        said.append(f"{path.name}: transformers lacks {found['tokenizer_class']}; its vocabulary file is read instead")
    if found.get("auto_map"):
        said.append(f"{path.name}: auto_map names code of the model's author, which is not run")
    if faults:
        raise ModelError(faults)
    return said


def _class_of(name: Any) -> str:
    """Whether a name means a tokenizer of transformers, something else in it, or nothing that it has."""
    import transformers
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    if name is None:
        return "tokenizer"
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        return "other"
    found = getattr(transformers, name, None) or getattr(transformers, name.removesuffix("Fast"), None)
    if found is None:
        return "unknown"
    is_one = isinstance(found, type) and issubclass(found, PreTrainedTokenizerBase)
    lacks_parts = type(found).__name__ == "DummyObject"  # a tokenizer whose own libraries are not installed
    return "tokenizer" if is_one or lacks_parts else "other"


def _faults(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a configuration is refused for, with the cure."""
    from transformers import CONFIG_MAPPING

    if "model_type" not in config:
        yield "it has no model_type", "add the family's name in transformers, such as bert"
    yield from _counts(config)
    for key, value in _entries(config):
        last = key.rpartition(".")[2]
        if (
            last == "model_type"
            and value
            and (not isinstance(value, str) or value not in CONFIG_MAPPING or value.startswith("timm_"))
        ):
            cure = "name a model of a family that transformers has, or update transformers"
            yield (
                f"{key} is {str(value)[:80]!r}, which transformers does not have; its author's code is never run",
                cure,
            )
        if last in _FOREIGN and value:
            cure = "name the model before it was quantised" if "quantised" in _FOREIGN[last] else _REMOVE
            yield f"{key}: {_FOREIGN[last]}", cure
        if "_implementation" in key and isinstance(value, str) and value not in _ATTENTION:
            yield f"{key} is {value[:80]!r}, a kernel that would be fetched and run", _REMOVE


def _counts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in _entries(values):
        if type(value) is int and not -_MOST <= value <= _MOST and _COUNTED.search(key.rpartition(".")[2]):
            yield f"{key} is {str(value)[:40]}, at most {_MOST:,} is possible", "correct it, or get the model again"


def _entries(values: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    """Every entry with its name, those of nested objects and lists too."""
    for key, value in values.items():
        yield f"{under}{key}", value
        rest = [(f"{under}{key}", value)]
        while rest:
            name, one = rest.pop()
            if isinstance(one, dict):
                yield from _entries(one, f"{name}.")
            elif isinstance(one, list):
                for part in one:
                    if isinstance(part, (dict, list)):
                        rest.append((name, part))
                    else:
                        yield name, part


def _without(config: Mapping[str, Any], path: Path, said: list[str], under: str = "") -> dict[str, Any]:
    import transformers

    kept: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{path.name}: {under}{key}"
        if key in ("auto_map", "custom_pipelines"):
            if value:
                said.append(f"{name} names code of the model's author, which is not run: transformers' own is used")
        elif key in _FOREIGN:
            continue  # it is empty, or it was refused
        elif "_implementation" in key:
            if value and "_implementation_autoset" not in key:
                said.append(f"{name} is not followed: whet chooses by its own test")
        else:
            kept[key] = _without(value, path, said, f"{under}{key}.") if isinstance(value, dict) else value
    names = [str(one) for one in kept.get("architectures") or () if not hasattr(transformers, str(one))]
    if names and not under:
        said.append(f"{path.name}: transformers lacks {', '.join(names)[:200]}; its family's own class is used")
    return kept
