"""The smallest honest training: eight fixed rows, plain forward passes, AdamW over a strategy's own groups."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

ROWS = 8
EPOCHS = 3.0


@dataclass(frozen=True)
class Rows:
    """Padded rows: ids and mask [B, S], labels [B]."""

    ids: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor


def rows(vocabulary: int, end: int | None = None) -> Rows:
    """Eight rows of 4 to 11 tokens, padded on the right with 0; the label is told by the second token."""
    draw = torch.Generator().manual_seed(7)
    longest = ROWS + 3
    ids = torch.zeros(ROWS, longest, dtype=torch.long)
    mask = torch.zeros(ROWS, longest, dtype=torch.long)
    labels = torch.arange(ROWS) % 2
    for row in range(ROWS):
        length = 4 + row
        ids[row, :length] = torch.randint(5, vocabulary, (length,), generator=draw)
        ids[row, 1] = 5 + labels[row]
        if end is not None:
            ids[row, length - 1] = end
        mask[row, :length] = 1
    return Rows(ids, mask, labels)


def logits(network: nn.Module, given: Rows) -> torch.Tensor:
    """The network's answers, without gradients and dropout."""
    network.eval()
    with torch.no_grad():
        return network(input_ids=given.ids, attention_mask=given.mask).logits.float()


def train(strategy, network: nn.Module, anatomy, given: Rows, steps: int, rate: float | None = None) -> list[float]:
    """Take ``steps`` steps over all rows and give back the loss before each; EPOCHS pass meanwhile."""
    peak = strategy.learning_rate if rate is None else rate
    groups = strategy.groups(network, anatomy, peak, 0.01)
    named = dict(network.named_parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [named[name] for name in group.names], "lr": group.rate, "weight_decay": group.decay}
            for group in groups
        ]
    )
    losses = []
    network.train()
    for step in range(steps):
        factors = strategy.at(EPOCHS * step / steps, EPOCHS, groups)
        for part, group, factor in zip(optimizer.param_groups, groups, factors, strict=True):
            part["lr"] = group.rate * factor
        torch.manual_seed(step)
        answers = network(input_ids=given.ids, attention_mask=given.mask).logits.float()
        loss = nn.functional.cross_entropy(answers, given.labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return losses
