"""What the model forgot: the first stage's untouched model is asked before training, the last stage's after it.

Before, the first stage's own model is asked as it comes from its files, before anything is installed in it, so that no
second one stands in memory beside the training; a run that goes on asks the same again.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import torch

from whet.assemble.build import Fetched, longest_input
from whet.assemble.devices import best_device
from whet.core.events import Said, Tell
from whet.judge.earlier import Before, Earlier, ask_after, ask_before, read_earlier
from whet.judge.looking import Look, first_states, look
from whet.judge.retention import Retention, compare, with_adapter_off
from whet.judge.shipped import Asked, asked
from whet.leg import Leg
from whet.nn.layout import Path
from whet.nn.lowrank import low_rank_layers, switched_off
from whet.nn.packed import Engine
from whet.nn.rows import new_rows
from whet.prepare.corpus import Corpus
from whet.prepare.encode import choose_limits
from whet.recipe import Recipe
from whet.tasks.contract import Finding, Limits

LONGEST = 512
"""Tokens of one shipped paragraph that are asked, or fewer where the model reaches less far."""


@dataclass(frozen=True)
class Memory:
    """What the untouched model made of the texts, and how it was asked."""

    asked: Sequence[Asked]
    left_out: dict[str, float]
    kind: str
    path: Path
    tokenizer: Any
    limits: Limits
    look: Look | None
    weights: tuple[tuple[str, int], ...]
    earlier: Before | None
    seconds: float


@dataclass(frozen=True)
class Retained:
    """What was forgotten, the sentence that says it, and the time that it took to know."""

    found: Retention
    finding: Finding
    seconds: float


def check(recipe: Recipe, corpora: Sequence[Corpus], tell: Tell) -> None:
    """Read ``evaluate.retain`` before anything is trained. Raises DataError with its faults."""
    if earlier := _earlier(recipe, corpora):
        tell(Said(earlier.sentence))


def before(recipe: Recipe, corpora: Sequence[Corpus], base: Fetched, tell: Tell) -> Memory | None:
    """Ask the untouched model; None for a fold or a point of a learning curve, for which the whole run stands."""
    began, stage, corpus = time.perf_counter(), recipe.stages[0], corpora[0]
    data = recipe.stages[-1].data
    if data.fold is not None or data.share is not None:
        return None
    kind = "sequence" if base.loaded.head_is_new else _kind(corpora)  # a new head knows nothing that it could forget
    tokenizer, path, task = base.tokenizer, base.choice.path, corpus.task.settled(corpus.schema)
    network = base.loaded.network.to(stage.train.device or best_device())
    engine = Engine(network, base.loaded.anatomy, path)
    longest = longest_input(network.config, tokenizer)
    texts, left_out = asked(tokenizer, min(longest or LONGEST, LONGEST), kind)
    limits = choose_limits(stage.encode, task, corpus.schema, longest).limits
    earlier = _earlier(recipe, corpora)
    found = look(engine, texts, kind) if texts else None
    own = ask_before(earlier, engine, tokenizer, limits) if earlier else None
    if own and own.warning:
        tell(Said(own.warning))
    weights, seconds = tuple(_weights(engine, kind)), time.perf_counter() - began
    return Memory(texts, left_out, kind, path, tokenizer, limits, found, weights, own, seconds)


def after(memory: Memory, leg: Leg, seed: int) -> Retained:
    """Ask the tuned model the same, and judge the two. Equal weights are not asked again: they say the same."""
    began, model, options = time.perf_counter(), leg.model, leg.stage.evaluate
    engine = Engine(model.network, model.anatomy, memory.path)
    found = memory.look
    if found and not all(a == b for a, b in zip_longest(memory.weights, _weights(engine, memory.kind))):
        found = look(engine, memory.asked, memory.kind)
    own = ask_after(memory.earlier, engine, memory.tokenizer, memory.limits) if memory.earlier else None
    compared = compare(memory.asked, memory.look, found, own, memory.left_out, options.confidence, seed)
    compared = with_adapter_off(compared, _adapter_off_is_base(memory, leg, engine))
    finding = compared.finding(options.language)
    return Retained(compared, finding, memory.seconds + time.perf_counter() - began)


def _adapter_off_is_base(memory: Memory, leg: Leg, engine: Engine) -> bool:
    """Whether the model without its low-rank layers gives the untouched model's states, bit for bit.

    Never where the bundle holds no adapter that could be switched off: put on an adapted or extended base it is merged.
    """
    network = leg.model.network
    ships_merged = leg.model.source.adapter is not None or bool(new_rows(network))
    if memory.look is None or ships_merged or not any(low_rank_layers(network)):
        return False
    with switched_off(network):
        return np.array_equal(first_states(engine, memory.asked, memory.kind), memory.look.first)


def _weights(engine: Engine, kind: str) -> Iterator[tuple[str, int]]:
    """The checksum of every tensor that the answers come from, the smallest first; a pooler is part of a head."""
    asked = engine.network if kind in ("causal", "masked") else engine.base
    for name, tensor in sorted(asked.state_dict().items(), key=lambda named: (named[1].nbytes, named[0])):
        if not name.startswith("pooler."):
            yield name, zlib.crc32(tensor.cpu().reshape(-1).view(torch.uint8).numpy())


def _kind(corpora: Sequence[Corpus]) -> str:
    """The kind of language head that the first and the last stage have, else that of any other model."""
    kinds = {one.task.settled(one.schema).head(one.schema).kind for one in (corpora[0], corpora[-1])}
    kind = kinds.pop()
    return kind if not kinds and kind in ("causal", "masked") else "sequence"


def _earlier(recipe: Recipe, corpora: Sequence[Corpus]) -> Earlier | None:
    file, last = recipe.stages[-1].evaluate.retain, corpora[-1]
    if file is None:
        return None
    language = None if _kind(corpora) == "sequence" else (last.task.settled(last.schema), last.schema)
    return read_earlier(file, recipe.stages[0].model.name, language)
