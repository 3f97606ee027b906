"""Load a model for a task, and say which of its weights are new and which did not match."""

from __future__ import annotations

import contextlib
import copy
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from safetensors.torch import load_file
from torch import nn

from whet.assemble.options import ModelOptions
from whet.assemble.source import Source
from whet.assemble.vetting import CONFIG, config_of, held_in, refuse_larger
from whet.core.errors import ModelError
from whet.core.foreign import read_json
from whet.nn.anatomy import Anatomy, read_anatomy
from whet.nn.heads import MeanHead
from whet.nn.lowrank import merge_all
from whet.strategies import _adapter
from whet.tasks.contract import Head

Pooling = Literal["mean", "family"]
HEAD = "head.safetensors"
POOLING = "1_Pooling/config.json"
_WITH_ENCODER = ("t5", "bart", "mbart", "marian", "pegasus")
"""Families whose decoder reads an encoder: alone it is not the model that was trained."""
CLASSES = {
    "sequence": transformers.AutoModelForSequenceClassification,
    "token": transformers.AutoModelForTokenClassification,
    "causal": transformers.AutoModelForCausalLM,
    "masked": transformers.AutoModelForMaskedLM,
}


@dataclass(frozen=True)
class Loaded:
    """A network with its parts named, and the load report: weights that are new, did not match, or were left aside.

    ``notes`` say what of the model's files is not followed.
    """

    network: nn.Module
    anatomy: Anatomy
    pooling: Pooling
    new: tuple[str, ...]
    mismatched: tuple[str, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def head_is_new(self) -> bool:
        """Whether the model could not answer before training."""
        return bool(self.new or self.mismatched)

    def sentences(self) -> list[str]:
        """The load report in words."""
        said = list(self.notes)
        if self.new:
            said.append(f"new weights, to be learnt: {_few(self.new)}")
        if self.mismatched:
            said.append(f"weights that did not fit and were made anew: {_few(self.mismatched)}")
        if self.unused:
            said.append(f"weights in the file that this task does not use: {_few(self.unused)}")
        return said


def load(source: Source, head: Head, options: ModelOptions, seed: int, keep_adapter: bool = False) -> Loaded:
    """The network of ``source`` with the output that a task needs, in float32, on the CPU.

    An adapter is folded into its base unless ``keep_adapter``. New weights are drawn from ``seed``. Raises ModelError
    where the files are damaged, are not safetensors, or belong to a family that has no such output.
    """
    torch.manual_seed(seed)
    pooling = pooling_of(source, head, options)
    with quiet():
        network, report = _mean(source, head) if pooling == "mean" else _family(source, head)
    new, mismatched = list(report["missing_keys"]), [str(one[0]) for one in report["mismatched_keys"]]
    if source.adapter is not None:
        filled = _adapter.load(network, source.adapter)
        new = [name for name in new if name not in filled]
        if not keep_adapter:
            merge_all(network)
    if pooling == "mean" and not _fill_head(network, source, head):
        new += [f"classifier.{name}" for name in ("weight", "bias")]
    elif pooling == "family" and not new and not mismatched and head.labels and not _same_labels(source, head):
        new += _renew(network, seed)
    _refuse_damaged(network, source)
    anatomy = read_anatomy(network)
    _refuse_objective(head, anatomy, network.config)
    return Loaded(
        network, anatomy, pooling, tuple(new), tuple(mismatched), tuple(report["unexpected_keys"]), source.notes
    )


def pooling_of(source: Source, head: Head, options: ModelOptions) -> Pooling:
    """Mean where the recipe says so, or where the model was trained with it and comes without a head that says else."""
    if head.kind != "sequence":
        return "family"
    if options.pooling != "auto":
        return options.pooling
    if source.bundle.get("pooling"):
        kept: Pooling = source.bundle["pooling"]
        return kept
    if source.adapter is not None and _adapter.has_family_head(source.adapter):
        return "family"
    paper = source.directory / POOLING
    trained_so = paper.is_file() and read_json(paper).get("pooling_mode_mean_tokens")
    return "mean" if trained_so else "family"


def tokenizer_of(source: Source) -> Any:
    """The model's tokenizer. Raises ModelError where there is none that can be read without remote code."""
    try:
        place = source.tokenizer
        config = {"config": _config(place)} if (place / CONFIG).is_file() else {}
        with quiet():
            found = transformers.AutoTokenizer.from_pretrained(
                place, local_files_only=True, trust_remote_code=False, **config
            )
        found.init_kwargs.pop("auto_map", None)  # else it would stand in the bundle
        return found
    except ModelError:
        raise
    except Exception as error:  # transformers and tokenizers raise many unrelated types for unreadable files
        raise ModelError(
            f"its tokenizer cannot be read ({error})", str(source.tokenizer), "add tokenizer.json"
        ) from error


def _family(source: Source, head: Head) -> tuple[nn.Module, dict[str, Any]]:
    config = _config(source.directory)
    if head.labels and head.kind in ("sequence", "token"):
        config.id2label = dict(enumerate(head.labels))
        config.label2id = {label: number for number, label in enumerate(head.labels)}
    if head.outputs:
        config.num_labels = head.outputs
    if head.problem:
        config.problem_type = head.problem
    if getattr(config, "pad_token_id", None) is None:
        ends = getattr(config, "eos_token_id", None) or 0  # several, in some chat models
        config.pad_token_id = ends[0] if isinstance(ends, list) else ends
    return _pretrained(CLASSES[head.kind], source.directory, config)


def _mean(source: Source, head: Head) -> tuple[nn.Module, dict[str, Any]]:
    base, report = _pretrained(transformers.AutoModel, source.directory, _config(source.directory))
    if getattr(base, "pooler", None) is not None:
        base.pooler = None  # type: ignore[assignment]  # it is not on the way from the text to the answer
    new = [f"base.{name}" for name in report["missing_keys"] if not name.startswith("pooler.")]
    mismatched = [(f"base.{one[0]}", *one[1:]) for one in report["mismatched_keys"]]
    dropout = getattr(base.config, "hidden_dropout_prob", getattr(base.config, "dropout", 0.0))
    return MeanHead(base, head.outputs, dropout), {**report, "missing_keys": new, "mismatched_keys": mismatched}


def _refuse_objective(head: Head, anatomy: Anatomy, config: Any) -> None:
    """Raises ModelError where a language model would see what it is to predict, or could not answer at all.

    transformers gives an encoder a causal head without a word; it then reads every next token before it is asked.
    """
    place = str(getattr(config, "name_or_path", "") or anatomy.family)
    if head.kind == "causal" and (not anatomy.causal or anatomy.family in _WITH_ENCODER):
        cure = "set task.objective=masked, or name a decoder such as GPT-2 or Llama with --model"
        raise ModelError("it is no decoder: it would see the next tokens that it is to predict", place, cure)
    if head.kind == "masked" and (anatomy.causal or anatomy.encoder_decoder):
        cure = "set task.objective=causal for a decoder, or name an encoder such as BERT with --model"
        raise ModelError("it is no encoder: it cannot fill in what is hidden in the middle", place, cure)


def _refuse_damaged(network: nn.Module, source: Source) -> None:
    """Raises ModelError where a weight is not finite: the model would answer with noise. A sum finds it in one pass."""
    for name, tensor in network.named_parameters():
        if not tensor.sum().isfinite() and not tensor.isfinite().all():
            place = str(source.adapter or source.directory)
            raise ModelError(f"the weights of {name} are not all finite numbers", place, "get the model again")


def _config(place: Path) -> Any:
    """The configuration as transformers reads it, from a copy without what ``vetting.py`` sets aside."""
    given = config_of(place)
    try:
        with tempfile.TemporaryDirectory() as beside:
            copied = Path(beside, CONFIG)
            copied.write_text(json.dumps(given), "utf-8")
            found = transformers.AutoConfig.from_pretrained(copied, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # each family checks its own settings, with errors of its own
        first = str(error).strip().partition("\n")[0]
        cure = "correct the entry, or get the file again from where it came"
        raise ModelError(f"its settings cannot be used ({first})", str(place / CONFIG), cure) from error
    found.name_or_path = str(place)
    return found


def _pretrained(auto: Any, place: Path, config: Any) -> tuple[nn.Module, dict[str, Any]]:
    try:
        refuse_larger(lambda: auto.from_config(copy.deepcopy(config)), held_in(place), place)
        found: tuple[nn.Module, dict[str, Any]] = auto.from_pretrained(
            place,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except ModelError:
        raise
    except Exception as error:  # safetensors, OSError, ValueError for families without such an output
        first = str(error).strip().partition("\n")[0]
        raise ModelError(f"it cannot be loaded ({first})", str(place), "see docs/models for the families") from error
    return found


def _fill_head(network: nn.Module, source: Source, head: Head) -> bool:
    """Fill a head that lies beside its backbone; False where there is none or its labels are others."""
    path = (source.papers or source.directory) / HEAD
    if not path.is_file() or not _same_labels(source, head):
        return False
    weights = load_file(path)
    own = {name: network.get_parameter(name) for name in weights}
    if any(own[name].shape != tensor.shape for name, tensor in weights.items()):
        return False
    with torch.no_grad():
        for name, tensor in weights.items():
            own[name].copy_(tensor)
    return True


def _same_labels(source: Source, head: Head) -> bool:
    """Whether the head on disk answers with these labels; one logit for two labels names the second alone."""
    known = source.bundle.get("labels", ()) if source.bundle else _config(source.directory).id2label.values()
    named = [str(label) for label in known]
    return named == list(head.labels) or (head.outputs == 1 and named[1:] == list(head.labels))


def _renew(network: nn.Module, seed: int) -> list[str]:
    """Draw a head anew whose labels are others, though its shape fits; its parameters' names."""
    anatomy = read_anatomy(network)
    torch.manual_seed(seed)
    renewed = []
    for name in anatomy.head:
        for module in network.get_submodule(name).modules():
            for one in (module, *module.parameters(recurse=False)):
                vars(one)["_is_hf_initialized"] = False  # else transformers leaves alone what it has loaded
            network._init_weights(module)  # type: ignore[operator]
        renewed += [f"{name}.{part}" for part, _ in network.get_submodule(name).named_parameters()]
    return renewed


def _few(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' own warnings and bars: the load report says it in our words."""
    before = transformers.logging.get_verbosity()
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)
        if bars:
            transformers.logging.enable_progress_bar()
