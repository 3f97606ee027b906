"""Go on learning a language from plain documents: the next token, or tokens that are hidden.

A document longer than the limit is cut into blocks, and every token of it is still predicted once. Documents
share a batch without seeing each other.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from whet.core.errors import DataError, UsageError
from whet.metrics.scores import Scores
from whet.tasks import _surprise
from whet.tasks._documents import causal_blocks, hidden_count, hide, masked_blocks
from whet.tasks._reading import read_text, read_weight
from whet.tasks.contract import (
    Batch,
    Column,
    Example,
    Features,
    Finding,
    Head,
    Limits,
    Pair,
    Part,
    Prediction,
    Sample,
    Schema,
    Split,
    Task,
)

if TYPE_CHECKING:
    import torch

    from whet.nn.packed import Engine


@dataclass(frozen=True)
class LanguageModeling(Task):
    """Go on learning a language from plain documents: the next token, or tokens that are hidden."""

    objective: Literal["causal", "masked"] = "causal"
    """``causal``, as decoders are pretrained, predicts every next token; ``masked`` predicts a hidden share of the
    tokens: an encoder, such as the default model, needs it."""
    end: Literal["eos", "bos", "none"] = "eos"
    """The token after a document (causal). ``eos``, as GPT-2 was trained: it teaches where a text ends;
    ``bos`` for models that only ever saw that one between documents."""
    overlap: int = 1
    """Tokens that a block sees again of the one before it; 1 is the least that leaves none unpredicted."""
    masked_share: float = 0.15
    """The share of tokens hidden under ``masked``; 0.15 is BERT's (Devlin et al. 2019)."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column("text", ("text", "document", "content", "story", "body", "article")),
        Column("weight", (), required=False),
    )

    def __post_init__(self) -> None:
        if self.overlap < 1:
            raise UsageError(f"overlap={self.overlap} loses tokens", "task.overlap", "give at least 1")
        if not 0 < self.masked_share < 1:
            raise UsageError(f"masked_share={self.masked_share} is not between 0 and 1", "task.masked_share")

    def parse(self, row: Mapping[str, Any], number: int) -> Example:
        text = read_text(row, "text", number)
        return Example(number, (text,), text, read_weight(row, number))

    def learn(self, examples: Sequence[Example]) -> Schema:
        if not examples:
            raise DataError("there are no documents")
        return Schema(self.objective)

    def encode(self, example: Example, index: int, tokenizer: Any, limits: Limits, schema: Schema) -> list[Features]:
        """A feature a block; its target says which tokens are predicted (to hide: with which mask)."""
        text, row = example.inputs[0], example.row
        extra: list[int] = []
        if schema.kind == "masked":
            if tokenizer.mask_token_id is None:
                cure = "set task.objective=causal, or choose an encoder"
                raise UsageError("the tokenizer has no mask token", "task.objective", cure)
            extra = [tokenizer.mask_token_id, len(tokenizer)]
            blocks = masked_blocks(tokenizer, text, limits, row)
        else:
            end = {"eos": tokenizer.eos_token_id, "bos": tokenizer.bos_token_id, "none": None}[self.end]
            blocks = causal_blocks(tokenizer, text, end, limits, self.overlap, row)
        found = []
        for part, block in enumerate(blocks):
            predicted = max(0, block.last - block.first)
            if schema.kind == "masked":
                predicted = hidden_count(predicted, self.masked_share)
            found.append(
                Features(
                    index,
                    block.ids,
                    [*extra, block.first, block.last],
                    supervised=predicted * example.weight,
                    part=part,
                    span=block.span,
                    weight=example.weight,
                    cut=block.cut,
                )
            )
        return found

    def head(self, schema: Schema) -> Head:
        return Head("masked" if schema.kind == "masked" else "causal")

    def loss(self, model: Engine, batch: Batch, schema: Schema) -> torch.Tensor:
        each_n, counts = self._surprises(model, batch, schema, draw=model.network.training)
        weights = np.repeat([feature.weight for feature in batch.features], counts)
        return (each_n * each_n.new_tensor(weights)).sum()

    def decode(self, model: Engine, batch: Batch, schema: Schema) -> list[Part]:
        each_n, counts = self._surprises(model, batch, schema, draw=False)
        stops = np.cumsum([0, *counts])
        surprise = each_n.cpu().double().numpy()
        return [
            Part(feature.index, feature.part, (float(surprise[a:b].sum()), int(b - a), feature.cut), feature.span)
            for feature, a, b in zip(batch.features, stops[:-1], stops[1:], strict=True)
        ]

    def gather(self, parts: Sequence[Part], schema: Schema) -> Prediction:
        """The document's summed log-likelihood in nats, its predicted tokens, and the perplexity of them."""
        nats, tokens, cut = (sum(column) for column in zip(*(part.raw for part in parts), strict=True))
        return _surprise.answer(nats, tokens, [part.span for part in parts] if cut else None)

    def score(self, pairs: Sequence[Pair], schema: Schema) -> Scores:
        return _surprise.scores(pairs, every_token=schema.kind != "masked")

    def metric(self, schema: Schema) -> str:
        return "perplexity"

    def baseline(self, train: Split, test: Split, schema: Schema) -> list[Prediction]:
        """Each token as likely as it is frequent in training, whatever stands before it (add-one smoothed).

        It needs the splits' features, for only they know the model's tokens; without them the answers are
        NaN, which beats nothing and is beaten by nothing.
        """
        if not train.features or not test.features:
            return [_surprise.answer(math.nan, 1)] * len(test.examples)
        counts: Counter[int] = Counter()
        for feature in train.features:
            counts.update(self._told(feature, schema)[2])
        size = 1 + max(counts, default=0)
        for feature in test.features:
            size = max(size, 1 + max(self._told(feature, schema)[2], default=0))
        total = sum(counts.values()) + size
        sums = np.zeros((len(test.examples), 2))
        spans: list[list[tuple[int, int]]] = [[] for _ in range(len(test.examples))]
        cut = set()
        for feature in test.features:
            tokens = self._told(feature, schema)[2]
            sums[feature.index] += sum(math.log(total / (counts[token] + 1)) for token in tokens), len(tokens)
            spans[feature.index].append(feature.span)
            if feature.cut:
                cut.add(feature.index)
        return [
            _surprise.answer(float(nats), int(count), spans[index] if index in cut else None)
            for index, (nats, count) in enumerate(sums)
        ]

    def quality(self, pair: Pair, schema: Schema) -> float:
        """The mean log-likelihood of its tokens."""
        tokens = pair.prediction.answer["tokens"]
        return float(pair.prediction.answer["log_likelihood"]) / tokens if tokens else math.nan

    def findings(self, pairs: Sequence[Pair], schema: Schema) -> list[Finding]:
        return _surprise.findings(pairs)

    @classmethod
    def sample(cls) -> tuple[Task, Sample]:
        rows = (
            {"text": "Once upon a time there was a little boat."},
            {"text": "从前有一座山，山里有一座庙。😀"},
            {"text": "It rained.\nNobody minded, for the boat had a roof."},
        )
        right = tuple(_surprise.answer(0.0, 10).answer for _ in rows)
        wrong = tuple(_surprise.answer(40.0, 10).answer for _ in rows)
        return cls(), Sample(rows, {"text": " "}, right, wrong)

    def describe(self, features: Features) -> list[int]:
        """The tokens that are predicted; under ``masked``, those that may be hidden."""
        return list(range(*features.target[-2:]))

    def _told(
        self, feature: Features, schema: Schema, seed: int | None = None
    ) -> tuple[Sequence[int], list[int], list[int]]:
        """A block as the model sees it, the places at which it is asked, and the tokens it should tell."""
        if schema.kind == "masked":
            hidden = hide(feature.ids, feature.target, self.masked_share, seed)
            return hidden.ids, list(hidden.places), list(hidden.truth)
        first, last = feature.target
        return feature.ids, list(range(first - 1, last - 1)), list(feature.ids[first:last])

    def _surprises(self, model: Engine, batch: Batch, schema: Schema, draw: bool) -> tuple[torch.Tensor, list[int]]:
        """The negative log-likelihoods [N] of all predicted tokens of a batch, and how many each feature has.

        ``draw`` hides tokens anew, by torch's own generator, which the loop seeds for every micro-batch.
        """
        import torch

        seeds = torch.randint(2**62, (len(batch.features),)).tolist() if draw else [None] * len(batch.features)
        seen = [self._told(f, schema, seed) for f, seed in zip(batch.features, seeds, strict=True)]
        flat = batch.flat
        if schema.kind == "masked":
            shown = [token for ids, _, _ in seen for token in ids]
            flat = dataclasses.replace(flat, ids=torch.tensor(shown, device=flat.ids.device))
        at = [start + place for start, (_, places, _) in zip(flat.starts, seen, strict=True) for place in places]
        truth = [token for _, _, tokens in seen for token in tokens]
        at_n, truth_n = (torch.tensor(values, dtype=torch.int64, device=flat.ids.device) for values in (at, truth))
        return model.surprises(flat, at_n, truth_n), [len(places) for _, places, _ in seen]
