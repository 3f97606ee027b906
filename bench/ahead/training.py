"""Training beside the Trainer: ``full``, a BERT-base, long reviews, ``lora``, ``freeze`` and a decoder.

whet's head is the family's own here (``model.pooling=family``), for the Trainer knows no other, and both must train the
same number of weights. Each side has the rate that it documents as its own, but for the decoder, which begins with
random weights and is compared by what it learns.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import transformers

from bench import gates
from bench.ahead import models, texts
from bench.ahead.race import Race, Side, race
from bench.ahead.roof import useful_flops
from bench.ahead.row import Aim, Row
from bench.peers.trainer import read_tsv
from bench.processes import LITGPT, MODEL, directory, script

TRAINER_RATE = 5e-5
"""TrainingArguments' own default."""
PEFT_RATE = 3e-4
"""The rate of PEFT's guide to sequence classification with LoRA."""
DECODER_RATE = 3e-4
RANDOM = "quality is not asked: random weights learn nothing of sentences in so few steps"
FAMILY = {"model.pooling": "family"}
TUNED = {"way": "tuned", "learning_rate": TRAINER_RATE}
DOCUMENTED = {"way": "documented", "learning_rate": TRAINER_RATE}
PLAIN_FULL = {"name": "full", "head_rate": 1.0}
"""``full`` with one rate for all weights, as the plain optimizer has it, for comparing first losses."""
BATCH = 32
ROWS, HELD_OUT = 2000, 872
"""The first rows of SST-2's training data, and of validation and test: all of them would keep the documented Trainer
busy for ten minutes a run."""
FROZEN_ROWS = 1200
STILL = 4
"""Two thirds of MiniLM's six blocks."""


def full(place: Path, count: int, few: int | None) -> dict[str, Any]:
    """SST-2, MiniLM, one epoch; the roof is measured in every pair beside it."""
    data = texts.sentences(place, few or ROWS, few or HELD_OUT)
    tokenizer = models.minilm_tokenizer()
    rows = read_tsv(Path(data["train"]))
    lengths = [len(tokenizer(text, truncation=True, max_length=256).input_ids) for text, _ in rows]
    a_step = str(round(sum(lengths) / -(-len(lengths) // BATCH)))
    asked = Race(
        data,
        MODEL,
        FAMILY,
        {"epochs": 1, "batch_size": BATCH},
        _both("full", "`full`, MiniLM, SST-2", 2.0, 7.0),
        _minilm_first(place, PLAIN_FULL),
        memory=Aim("full/memory", "`full`, MiniLM, SST-2: peak memory over the tuned Trainer's", 0.60, "share", True),
        beside={"roof": lambda pair: script("bench.ahead.roof", directory(MODEL), a_step)},
    )
    raced = race(asked, count)
    flops = useful_flops(lengths, transformers.AutoConfig.from_pretrained(directory(MODEL)))
    pairs = list(zip(raced.runs["whet"], raced.runs["roof"], strict=True))
    shares = [flops / our["step_seconds"] / roof["flops_per_second"] for our, roof in pairs]
    aim = Aim("full/roof", "`full`, MiniLM, SST-2: share of the measured product roof", 0.55, "share")
    note = "steps alone, without looks at the validation rows and saves"
    faults = [*raced.rows[0].faults, *gates.below_roof(shares)]
    found = dataclasses.replace(raced, rows=[*raced.rows, Row(aim, shares, faults, [note])]).as_dict()
    whole = [flops / our["seconds"] / roof["flops_per_second"] for our, roof in pairs]
    return {**found, "useful_flops": flops, "roof_share_of_whole_training": whole}


def bert(place: Path, count: int, few: int | None) -> dict[str, Any]:
    """A BERT-base with random weights on sentences."""
    data = texts.sentences(place, few or 640, few or 96)
    first = _bert_first(place, texts.sentences(_folder(place), 32, 16), 32)
    common = {"epochs": 1, "batch_size": BATCH}
    peers = _both("bert", "`full`, BERT-base, SST-2", 1.5, 5.0)
    model = models.bert_base(place / "bert")
    return race(Race(data, model, FAMILY, common, peers, first, no_quality=RANDOM), count).as_dict()


def reviews(place: Path, count: int, few: int | None) -> dict[str, Any]:
    """The same with texts of some 256 tokens, half a batch of them, for a run is to take about a minute."""
    tokenizer = models.minilm_tokenizer()
    data = texts.reviews(place, tokenizer, few or 128, few or 32)
    first = _bert_first(place, texts.reviews(_folder(place), tokenizer, 4, 4), 4)
    common = {"epochs": 1, "batch_size": BATCH // 2}
    peers = _both("reviews", "`full`, BERT-base, reviews of 256 tokens", 1.5, 5.0, max_tokens=256)
    model = models.bert_base(place / "bert")
    settings = {**FAMILY, "encode.max_tokens": 256}
    return race(Race(data, model, settings, common, peers, first, no_quality=RANDOM), count).as_dict()


def lora(place: Path, count: int, few: int | None) -> dict[str, Any]:
    """SST-2, MiniLM, one epoch, beside PEFT with the same layers, rank and strength."""
    peers = _both("lora", "`lora`, MiniLM, SST-2, beside PEFT's", 2.0, 5.0, adapter="lora", learning_rate=PEFT_RATE)
    settings = {**FAMILY, "strategy.name": "lora"}
    first = _minilm_first(place, {"name": "lora"})
    common = {"epochs": 1, "batch_size": BATCH}
    data = texts.sentences(place, few or ROWS, few or HELD_OUT)
    return race(Race(data, MODEL, settings, common, peers, first), count).as_dict()


def freeze(place: Path, count: int, few: int | None) -> dict[str, Any]:
    """SST-2, four epochs, four of MiniLM's blocks still: their states can be computed once for all."""
    told = "`freeze`, MiniLM, SST-2, 4 epochs: examples/s against the tuned Trainer"
    peers = {
        "frozen": Side(Aim("freeze/frozen", f"{told} with the same layers still", 2.8), {**TUNED, "frozen": STILL}),
        "whole": Side(Aim("freeze/whole", f"{told} training all", 5.0), TUNED, same_weights=False),
    }
    settings = {**FAMILY, "strategy.name": "freeze", "strategy.blocks": STILL}
    first = _minilm_first(place, {"name": "freeze", "blocks": STILL}, frozen=STILL)
    common = {"epochs": 4, "batch_size": BATCH}
    data = texts.sentences(place, few or FROZEN_ROWS, few or HELD_OUT)
    return race(Race(data, MODEL, settings, common, peers, first), count).as_dict()


def decoder(place: Path, count: int, few: int | None) -> dict[str, Any]:
    """A Llama of 34 million random weights on instructions of mixed length; the loss is on all tokens of both sides."""
    told = texts.instructions()
    model = models.llama(place / "llama", told)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    task = {"name": "language-modeling", "end": "eos"}
    most = texts.INSTRUCTION_TOKENS
    aim = Aim("decoder/tuned", "`full`, Llama of 34 M, instructions: examples/s against the tuned Trainer", 2.0)
    given = {"way": "tuned", "end": "eos", "max_tokens": most}
    peers = {"tuned": Side(aim, given)}
    if LITGPT.is_dir():
        ahead = Aim("decoder/litgpt", "`full`, Llama of 34 M, instructions: examples/s against LitGPT", 1.0)
        peers["litgpt"] = Side(ahead, {**given, "way": "litgpt"})
    else:
        print(f"  LitGPT is not in {LITGPT}, so it is left out", file=sys.stderr)
    asked = Race(
        texts.documents(place, told, tokenizer, few or 320, few or 40),
        model,
        {f"task.{name}": value for name, value in task.items()} | {"encode.max_tokens": most},
        {"epochs": 1, "batch_size": 8, "learning_rate": DECODER_RATE},
        peers,
        {
            "model": model,
            "data": texts.documents(_folder(place), told, tokenizer, 8, 8),
            "strategy": PLAIN_FULL,
            "task": task,
            "batch_size": 8,
        },
        kind="language",
        higher_is_better=False,
    )
    return race(asked, count).as_dict()


def _both(name: str, told: str, tuned: float, documented: float, **given: Any) -> dict[str, Side]:
    """The Trainer in both ways, with what both are given beside."""
    return {
        "tuned": Side(Aim(f"{name}/tuned", f"{told}: examples/s against the tuned Trainer", tuned), TUNED | given),
        "documented": Side(
            Aim(f"{name}/documented", f"{told}: examples/s against the documented Trainer", documented),
            DOCUMENTED | given,
        ),
    }


def _minilm_first(place: Path, strategy: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    data = texts.sentences(_folder(place), 32, 16)
    return {"model": models.minilm(place / "minilm"), "data": data, "strategy": strategy, "batch_size": 32, **more}


def _bert_first(place: Path, data: Mapping[str, str], batch: int) -> dict[str, Any]:
    model = models.bert_base(place / "still-bert", dropout=False)
    return {"model": model, "data": data, "strategy": PLAIN_FULL, "batch_size": batch}


def _folder(place: Path) -> Path:
    """Where the one batch for the first losses lies."""
    found = place / "first"
    found.mkdir(exist_ok=True)
    return found
