"""``python -m bench.attribution RUN DATA [--rows 100]``: which attribution tells best what an answer rests on.

For each row the words are ranked by each method, and the fifth that weighs most is taken out: the better the method,
the more of the answer's log-odds go with it. Out means cut from the text, or hidden behind the mask token; both are
measured, for each favours its own kind. Beside it the time of a row.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import whet
from whet.assemble.claims import claims
from whet.assemble.explain import Piece, pieces, without
from whet.assemble.predictor import Predictor
from whet.prepare.batch import collate
from whet.tasks.contract import Example, Pair

ROOT = Path(__file__).parent.parent
STEPS = 16
Method = Callable[[Predictor, Pair, list[Piece]], np.ndarray]


def masked(predictor: Predictor, example: Example, piece: Piece) -> Example:
    """The row with some words behind mask tokens."""
    text, (_, start, _), (_, _, end) = example.inputs[0], piece.places[0], piece.places[-1]
    hidden = text[:start] + " ".join([predictor.model.tokenizer.mask_token] * len(piece.places)) + text[end:]
    return Example(example.row, (hidden,))


def scores(predictor: Predictor, pair: Pair, examples: list[Example]) -> np.ndarray:
    """The log-odds of the pair's answer on other rows."""
    (claim,) = claims(predictor.model.task, predictor.model.schema, pair.prediction)
    return np.array([claim.score(one) for one in predictor._answers_to(examples)])


def left_out(predictor: Predictor, pair: Pair, own: list[Piece]) -> np.ndarray:
    return -scores(predictor, pair, [without(pair.example, piece) for piece in own])


def hidden(predictor: Predictor, pair: Pair, own: list[Piece]) -> np.ndarray:
    return -scores(predictor, pair, [masked(predictor, pair.example, piece) for piece in own])


def by_chance(predictor: Predictor, pair: Pair, own: list[Piece]) -> np.ndarray:
    return np.random.default_rng(pair.example.row).random(len(own))


def integrated(predictor: Predictor, pair: Pair, own: list[Piece]) -> np.ndarray:
    """Integrated gradients from the zero embedding (Sundararajan et al. 2017), a word the sum of its tokens."""
    model, example = predictor.model, pair.example
    (feature,) = model.task.encode(example, 0, model.tokenizer, model.limits, model.schema)
    column = model.schema.labels.index(str(pair.prediction.answer))
    layer = model.network.get_submodule(model.anatomy.base or "").get_input_embeddings()
    seen: dict[str, torch.Tensor] = {}
    total_t = torch.zeros(len(feature.ids))
    for step in range(STEPS):
        share = (step + 0.5) / STEPS

        def scaled(_: Any, __: Any, out: torch.Tensor, share: float = share) -> torch.Tensor:
            seen["whole"] = out.detach()
            seen["scaled"] = (share * out.detach()).requires_grad_()
            return seen["scaled"]

        hook = layer.register_forward_hook(scaled)
        with torch.enable_grad():
            logits = model.engine.sequence(collate([feature]).flat)[0]
            others = torch.cat([logits[:column], logits[column + 1 :]])
            (gradient,) = torch.autograd.grad(logits[column] - torch.logsumexp(others, 0), seen["scaled"])
        hook.remove()
        total_t += (gradient * seen["whole"]).sum(-1).reshape(-1)[: len(feature.ids)].float() / STEPS
    offsets = model.tokenizer(example.inputs[0], return_offsets_mapping=True)["offset_mapping"][: len(feature.ids)]
    found = np.zeros(len(own))
    for k, piece in enumerate(own):
        start, end = piece.places[0][1], piece.places[-1][2]
        found[k] = sum(float(total_t[t]) for t, (a, b) in enumerate(offsets) if start <= a < end and b > a)
    return found


METHODS: dict[str, Method] = {
    "words left out": left_out, "words masked": hidden, "integrated gradients": integrated, "chance": by_chance,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("data")
    parser.add_argument("--rows", type=int, default=100)
    given = parser.parse_args()
    predictor = whet.load(given.run)
    with open(given.data, encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)][: given.rows]
    rows = [Example(k + 1, (text,)) for k, text in enumerate(texts)]
    pairs = [Pair(row, answer) for row, answer in zip(rows, predictor._answers_to(rows), strict=True)]
    found: dict[str, dict[str, float]] = {}
    for name, method in METHODS.items():
        cut, mask, spent = [], [], 0.0
        for pair in pairs:
            own = pieces(predictor.model.task, predictor.model.schema, pair.example)
            began = time.perf_counter()
            weights = method(predictor, pair, own)
            spent += time.perf_counter() - began
            heavy = [own[k] for k in np.argsort(-weights)[: max(1, len(own) // 5)]]
            gone = pair.example
            veiled = pair.example
            for piece in sorted(heavy, key=lambda one: -one.places[0][1]):
                gone, veiled = without(gone, piece), masked(predictor, veiled, piece)
            whole, after, behind = scores(predictor, pair, [pair.example, gone, veiled])
            cut.append(whole - after)
            mask.append(whole - behind)
        found[name] = {"cut": float(np.mean(cut)), "masked": float(np.mean(mask)), "seconds": spent / len(pairs)}
        cut_, mask_, took = found[name].values()
        print(f"{name:22} cut {cut_:.3f}  masked {mask_:.3f}  {took:.3f} s a row", flush=True)
    (ROOT / "bench" / "results" / "attribution.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
