"""The artefact: a folder that plain transformers or PEFT load, with a ``whet.json`` that says how to ask it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

import whet.assemble.source as sources
from whet.assemble.devices import best_device
from whet.assemble.load import HEAD, POOLING, load, quiet, tokenizer_of
from whet.assemble.model import Model
from whet.assemble.options import ModelOptions
from whet.assemble.predictor import Predictor
from whet.assemble.vetting import config_of
from whet.core import rundir
from whet.core.errors import ModelError, WhetError
from whet.core.fields import changed
from whet.nn import machine
from whet.nn.heads import MeanHead
from whet.nn.packed import Engine, choose_path
from whet.nn.rows import fold_rows, new_rows
from whet.strategies.contract import Strategy
from whet.tasks.contract import TASKS, Limits, Schema, Task

FORMAT = 1


def pack(model: Model, strategy: Strategy, place: Path) -> None:
    """Publish the model as a bundle at ``place``: atomically, hashed, with all that an answer needs."""
    with quiet():
        rundir.publish(place, lambda path: _write(model, strategy, path))


def _write(model: Model, strategy: Strategy, path: Path) -> None:
    network = model.network
    backbone = network.base if isinstance(network, MeanHead) else network
    if model.source.adapter is not None or new_rows(network):  # no base on disk fits what an adapter would be put on
        whole = copy.deepcopy(backbone)
        strategy.merge(whole)
        fold_rows(whole)
        whole.save_pretrained(path)  # type: ignore[operator, union-attr]
    elif not strategy.save(network, model.anatomy, model.source.directory, path):
        backbone.save_pretrained(path)  # type: ignore[operator, union-attr]
    if isinstance(network, MeanHead):
        head = {f"classifier.{name}": tensor for name, tensor in network.classifier.state_dict().items()}
        save_file({name: tensor.contiguous() for name, tensor in head.items()}, path / HEAD)
    pooling = model.source.directory / POOLING
    if pooling.is_file():  # how the trunk was trained to be pooled stays known to whoever goes on from here
        rundir.write_text(path / POOLING, pooling.read_text("utf-8"))
    model.tokenizer.save_pretrained(path)
    schema = dataclasses.asdict(model.schema)
    paper = {
        "format": FORMAT,
        "task": TASKS.name_of(type(model.task)),
        "task_options": changed(model.task),
        "labels": schema.pop("labels"),
        "thresholds": schema.pop("thresholds"),
        "temperature": schema.pop("temperature"),
        "schema": schema,
        "max_tokens": model.limits.max_tokens,
        "long_text": model.limits.long_text,
        "columns": dict(model.columns),
        "pooling": model.pooling if model.task.head(model.schema).kind == "sequence" else None,
        "precision": model.engine.precision,
        "base": {"name": str(model.source.directory), "sha256": model.source.sha256()},
        "weights": {file.name: rundir.digest(file) for file in sorted(path.glob("*.safetensors"))},
    }
    rundir.write_json(path / sources.BUNDLE, paper)


def open_predictor(name: str, device: str | None = None) -> Predictor:
    """The predictor of a bundle, a run or a transformers directory that has a head.

    Raises ModelError where the weights are not those that were written, or where the model has no head to answer with.
    """
    source = sources.find(name)
    _check_weights(source)
    try:
        paper = source.bundle or _paper_of(source)
        task, schema, limits = task_of(paper), schema_of(paper), Limits(paper["max_tokens"], paper["long_text"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, WhetError):
            raise
        said = f"its {sources.BUNDLE if source.bundle else 'config.json'} does not say how to ask it ({error!r:.200})"
        raise ModelError(said, str(source.papers or source.directory), "restore the model's folder") from error
    loaded = load(source, task.head(schema), ModelOptions(pooling=paper.get("pooling") or "auto"), 0, keep_adapter=True)
    if loaded.head_is_new:
        raise ModelError(
            f"the model cannot answer yet: {'; '.join(loaded.sentences())}",
            name,
            "fine-tune it with: whet run DATA",
        )
    loaded.network.to(device or best_device()).eval()
    choice = choose_path(loaded.network, loaded.anatomy)
    precision = machine.at_most(paper.get("precision", "float32"), loaded.network)
    engine = Engine(loaded.network, loaded.anatomy, choice.path, precision)
    tokens = machine.tokens_per_batch(loaded.network, loaded.anatomy)
    tokenizer = tokenizer_of(source)
    return Predictor(
        Model(engine, tokenizer, task, schema, limits, source, loaded.pooling, tokens, paper.get("columns", {}))
    )


def task_of(paper: Mapping[str, Any]) -> Task:
    """The task of a bundle, with the options with which it was trained."""
    entry = TASKS[paper["task"]]
    names = {field.name for field in dataclasses.fields(entry)}  # type: ignore[arg-type]
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in paper.get("task_options", {}).items()}
    return entry(**{key: value for key, value in given.items() if key in names})


def schema_of(paper: Mapping[str, Any]) -> Schema:
    """What was learnt from the rows, back from JSON."""
    values: dict[str, Any] = {
        **paper.get("schema", {}),
        **{key: paper.get(key) for key in ("labels", "thresholds", "temperature")},
    }
    values["labels"] = values["labels"] or ()
    fixed: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return Schema(**fixed)


def _paper_of(source: sources.Source) -> dict[str, Any]:
    """What a plain transformers directory says about itself, in the bundle's words."""
    config = config_of(source.directory)
    architecture = (config.get("architectures") or ["?"])[0]
    for ending, task, kind in (
        ("ForSequenceClassification", "text-classification", "single"),
        ("ForTokenClassification", "token-classification", ""),
        ("ForCausalLM", "language-modeling", "causal"),
        ("LMHeadModel", "language-modeling", "causal"),
    ):
        if architecture.endswith(ending):
            if task == "text-classification":
                kind = _kind_of(config)
            labels = (
                []
                if kind == "regression"
                else [label for _, label in sorted(config.get("id2label", {}).items(), key=lambda one: int(one[0]))]
            )
            longest = min(int(config.get("max_position_embeddings", 512)), 512)
            return {
                "task": task,
                "labels": labels,
                "schema": {"kind": kind},
                "max_tokens": longest,
                "long_text": "head" if task == "text-classification" else "windows",
                "pooling": "family",
            }
    raise ModelError(f"{architecture} has no head that whet can ask", source.name, "fine-tune it with: whet run DATA")


def _kind_of(config: Mapping[str, Any]) -> str:
    """What a plain classifier answers with: one label, several, or a number."""
    problem = config.get("problem_type") or ""
    if problem == "multi_label_classification":
        return "multi"
    return "regression" if problem == "regression" or len(config.get("id2label", {0: "", 1: ""})) == 1 else "single"


def _check_weights(source: sources.Source) -> None:
    for name, expected in source.bundle.get("weights", {}).items():
        path = (source.papers or source.directory) / name
        if not path.is_file() or rundir.digest(path) != expected:
            raise ModelError(f"{name} is missing or not what was written", str(path.parent), "restore the bundle")
