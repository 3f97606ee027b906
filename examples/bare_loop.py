"""Training without the house around it: what `whet run` does to the weights, read from top to bottom.

    python examples/bare_loop.py examples/reviews-en

It trains with the default recipe on the CPU and prints the loss of every step: the same losses as `whet run`
(tests/road/test_bare_loop.py). What is left out: looking at validation rows, keeping the best weights, checkpoints.
"""

import math
import sys

import torch

import whet.assemble.source as sources
from whet.assemble.load import load, tokenizer_of
from whet.assemble.options import ModelOptions
from whet.core.draws import derive, order
from whet.nn import machine
from whet.nn.dropout import replace_dropouts
from whet.nn.packed import Engine, Flat, choose_path
from whet.prepare.corpus import prepare
from whet.prepare.options import DataOptions

BATCH, RATE, HEAD, WARMUP, DECAY, CLIP, LONGEST = 32, 1e-4, 5.0, 0.1, 0.01, 1.0, 256


def train(data: str, epochs: int = 4, seed: int = 0) -> list[float]:
    """The loss of every step."""
    corpus = prepare(data, DataOptions(), None, seed)  # read, check, split
    rows, schema = corpus.splits["train"].examples, corpus.schema

    seed = derive(seed, "stage", 0)  # every draw is a function of (seed, place), so none has a state
    source = sources.find("all-MiniLM-L6-v2")
    loaded = load(source, corpus.task.head(schema), ModelOptions(), derive(seed, "head"))
    network, tokenizer = loaded.network, tokenizer_of(source)
    path = choose_path(network, loaded.anatomy).path  # flat: all examples in one row, none padded
    replace_dropouts(network)
    engine = Engine(network, loaded.anatomy, path, machine.precision(network))
    texts = [tokenizer(row.inputs[0], truncation=True, max_length=LONGEST) for row in rows]
    labels = [schema.labels.index(row.target) for row in rows]

    groups: dict[tuple[float, float], list[torch.Tensor]] = {}
    for name, weight in network.named_parameters():
        peak = RATE * HEAD if name.startswith("classifier.") else RATE  # a new head starts from nothing
        decay = DECAY if weight.ndim >= 2 and "bias" not in name else 0.0  # matrices alone decay
        groups.setdefault((peak, decay), []).append(weight)
    described = [{"params": some, "peak": peak, "weight_decay": decay} for (peak, decay), some in groups.items()]
    optimizer = torch.optim.AdamW(described, fused=True)

    per_epoch = math.ceil(len(rows) / BATCH)
    steps, losses = epochs * per_epoch, []
    network.train()
    for step in range(steps):
        epoch, place = divmod(step, per_epoch)
        chosen = order(len(rows), seed, 0, epoch)[place * BATCH : (place + 1) * BATCH]
        chosen = sorted(chosen, key=lambda row: -len(texts[row].input_ids))  # like lengths stand together
        flat = Flat.join([texts[row].input_ids for row in chosen], [texts[row].token_type_ids for row in chosen])

        progress = (step + 0.5) / steps
        factor = min(1.0, progress / WARMUP) * min(1.0, (1 - progress) / (1 - WARMUP))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        torch.manual_seed(derive(seed, "step", 0, step, 0))  # dropout is a function of the place as well
        targets = torch.tensor([labels[row] for row in chosen])
        loss = torch.nn.functional.cross_entropy(engine.sequence(flat), targets, reduction="sum") / len(chosen)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    for number, value in enumerate(train(sys.argv[1]), 1):
        print(f"step {number}: loss {value:.4f}")
