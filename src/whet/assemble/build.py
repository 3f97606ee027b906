"""Put a stage's model together: weights, head, engine, strategy, and the machine's choices written down."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from whet.assemble.devices import best_device
from whet.assemble.load import Loaded, load, tokenizer_of
from whet.assemble.model import Model
from whet.assemble.options import ModelOptions
from whet.assemble.source import Source
from whet.assemble.vocabulary import extend
from whet.core import memory
from whet.core.draws import derive
from whet.nn import machine
from whet.nn.dropout import replace_dropouts
from whet.nn.packed import Choice, Engine, choose_path
from whet.nn.rows import add_rows, new_rows
from whet.prepare.encode import choose_limits
from whet.prepare.options import EncodeOptions
from whet.strategies.contract import Strategy
from whet.tasks.contract import Head, Schema, Split, Task


@dataclass(frozen=True)
class Compute:
    """Where and how products are computed; None is for the machine to choose, and what it chose is written down."""

    device: str | None
    precision: str | None
    tokens_per_batch: int | None
    threads: int | None


@dataclass(frozen=True)
class Fetched:
    """A model as it comes from its files, still untouched, its way through the engine, and how fast products are."""

    loaded: Loaded
    tokenizer: Any
    choice: Choice
    chosen: machine.Chosen


@dataclass(frozen=True)
class Built:
    """A model with its strategy installed, what the machine chose, and sentences for the user."""

    model: Model
    loaded: Loaded
    compute: Compute
    chosen: machine.Chosen
    notes: tuple[str, ...]


def fetch(source: Source, head: Head, model: ModelOptions, compute: Compute, seed: int) -> Fetched:
    """Load a model and its tokenizer, and take as many threads as it is fastest with; ``seed`` is the stage's."""
    memory.keep_pages()
    if compute.threads is not None:
        torch.set_num_threads(compute.threads)
    loaded, tokenizer = load(source, head, model, derive(seed, "head")), tokenizer_of(source)
    device = torch.device(compute.device or best_device())
    chosen = machine.choose(loaded.network.config, device, compute.precision, compute.threads)
    torch.set_num_threads(chosen.threads)
    return Fetched(loaded, tokenizer, choose_path(loaded.network, loaded.anatomy), chosen)


def build(
    source: Source,
    task: Task,
    schema: Schema,
    columns: Mapping[str, str],
    splits: Mapping[str, Split],
    strategy: Strategy,
    model: ModelOptions,
    encode: EncodeOptions,
    compute: Compute,
    seed: int,
    fetched: Fetched | None = None,
) -> Built:
    """Fetch the model where it is not there yet, install the strategy, and move to the device."""
    fetched = fetched or fetch(source, task.head(schema), model, compute, seed)
    loaded, choice, chosen = fetched.loaded, fetched.choice, fetched.chosen
    tokenizer = copy.deepcopy(fetched.tokenizer) if model.extend_vocab else fetched.tokenizer
    extended = _extended(loaded.network, tokenizer, splits, seed) if model.extend_vocab else ""
    limits = choose_limits(encode, task, schema, longest_input(loaded.network.config, tokenizer))
    device = compute.device or best_device()
    network = loaded.network.to(device)
    torch.manual_seed(derive(seed, "strategy"))
    strategy.install(network, loaded.anatomy)
    _let_new_move(network, loaded)
    replace_dropouts(network)
    tokens = compute.tokens_per_batch or machine.tokens_per_batch(network, loaded.anatomy)
    engine = Engine(network, loaded.anatomy, choice.path, chosen.precision)
    made = Model(engine, tokenizer, task, schema, limits.limits, source, loaded.pooling, tokens, columns)
    a_token, why = machine.bytes_a_token(network.config, loaded.anatomy.depth), machine.ASKED
    budget = machine.about_tokens(tokens, a_token, engine.device, why if compute.tokens_per_batch else "")
    notes = (*loaded.sentences(), extended, choice.note, limits.note, *chosen.reasons, budget)
    settled = Compute(device, chosen.precision, tokens, chosen.threads)
    return Built(made, loaded, settled, chosen, tuple(note for note in notes if note))


def _extended(network: nn.Module, tokenizer: Any, splits: Mapping[str, Split], seed: int) -> str:
    """Give tokenizer and network the characters that the training texts have and they lack; the sentence about it."""
    extended = extend(tokenizer, {name: splits[name] for name in ("train", "validation")})
    if extended.pieces:
        add_rows(network, extended.first, len(extended.pieces), derive(seed, "vocabulary"))
    return extended.note


def _let_new_move(network: nn.Module, loaded: Loaded) -> None:
    """Weights that were drawn anew are learnt whatever the strategy: held still they would be noise for good."""
    parameters = dict(network.named_parameters())
    for name in (*loaded.new, *loaded.mismatched, *new_rows(network)):
        if name in parameters:
            parameters[name].requires_grad_(True)


def longest_input(config: Any, tokenizer: Any) -> int | None:
    """The most tokens that the model's positions reach, None where it has no such limit."""
    positions = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if positions and config.model_type in ("roberta", "xlm-roberta", "camembert"):
        positions -= config.pad_token_id + 1  # their positions begin behind the padding's number
    stated = tokenizer.model_max_length if tokenizer.model_max_length < 1_000_000 else None
    known = [int(limit) for limit in (positions, stated) if limit and limit > 0]
    return min(known) if known else None
