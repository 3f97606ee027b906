"""Give every word a tag: names of people and places, parts of speech.

Rows hold a sentence's words and its tags, in BIO or a scheme like it. A free text to be tagged falls into
words by itself, and its entities come back with their places in it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from whet.core.errors import DataError
from whet.metrics import calibration, entities
from whet.metrics.scores import Scores
from whet.tasks import _tagging
from whet.tasks._reading import is_missing, read_label, read_list, read_weight, refuse, refuse_all, refuse_no_names
from whet.tasks._tags import best_chain, refuse_odd, rules, scheme
from whet.tasks._words import fit_words, words_in
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

UNSUPERVISED = -100
UNSEEN = 100.0
"""The logit of the outside tag for a word that no window shows: certain, so that no chain runs through it."""


@dataclass(frozen=True)
class Sentence(Example):
    """An example whose words were found in a free text: ``places`` are their ranges of characters there."""

    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class TokenClassification(Task):
    """Give every word a tag: names of people and places, parts of speech."""

    chains: Literal["valid", "any"] = "valid"
    """``valid``: the best chain that the scheme allows (no I- after O); ``any``: every word's best tag."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column("tokens", ("tokens", "words", "text", "sentence")),
        Column("tags", ("tags", "ner_tags", "labels", "pos_tags", "label", "ner"), target=True),
        Column("weight", (), required=False),
    )

    def parse(self, row: Mapping[str, Any], number: int) -> Example:
        weight, given = read_weight(row, number), row.get("tags")
        words = read_list(row.get("tokens"))
        if words is None and is_missing(given):
            return _free(row.get("tokens"), number, weight)
        if words is None:
            words = str(row.get("tokens") or "").split()
        refuse_no_names(words, "word", number)
        texts = tuple(word if isinstance(word, str) else read_label(word) for word in words)
        if not texts:
            raise refuse(number, "the sentence has no words", "fill it in, or delete the row")
        if is_missing(given):
            return Example(number, texts, None, weight)
        tags = read_list(given)
        refuse_no_names(tags or (), "tag", number)
        target = tuple(map(read_label, str(given).split() if tags is None else tags))
        if len(target) != len(texts):
            what = f"{len(texts)} words have {len(target)} tags"
            raise refuse(number, what, "give every word exactly one tag")
        return Example(number, texts, target, weight)

    def learn(self, examples: Sequence[Example]) -> Schema:
        unknown = [(example.row, "the sentence has no tags") for example in examples if example.target is None]
        if unknown:
            raise refuse_all(unknown, "give every word a tag, or name the column with data.columns.tags")
        labels = {tag for example in examples for tag in example.target}
        if len(labels) < 2:
            what = f"the training rows have {len(labels)} different tags"
            raise DataError(what, cure="give rows with at least two, or name the column with data.columns.tags")
        refuse_odd(examples)
        ordered = sorted(labels, key=lambda tag: (tag != "O", tag.partition("-")[2], tag))
        return Schema(scheme([example.target for example in examples]), tuple(ordered))

    def encode(self, example: Example, index: int, tokenizer: Any, limits: Limits, schema: Schema) -> list[Features]:
        place = {label: k for k, label in enumerate(schema.labels)}
        tags = example.target or ("",) * len(example.inputs)
        numbers = [place.get(tag, UNSUPERVISED) for tag in tags]
        places = example.places if isinstance(example, Sentence) else ()
        found = []
        for part, window in enumerate(fit_words(tokenizer, example.inputs, limits, example.row)):
            own = [i for i, owned in enumerate(window.owned) if owned]
            words = [window.words[i] for i in own]
            target: dict[str, Any] = {
                "at": [window.first[i] for i in own],
                "words": words,
                "labels": [numbers[word] for word in words],
                "count": len(example.inputs),
                "places": [[*places[word], example.inputs[word]] for word in words] if places else [],
            }
            known = sum(label != UNSUPERVISED for label in target["labels"])
            span = (window.words[0], window.words[-1] + 1) if window.words else (0, 0)
            found.append(
                Features(
                    index,
                    window.ids,
                    target,
                    supervised=known * example.weight,
                    part=part,
                    span=span,
                    weight=example.weight,
                    cut=window.cut,
                )
            )
        return found

    def head(self, schema: Schema) -> Head:
        return Head("token", len(schema.labels), None, schema.labels)

    def loss(self, model: Engine, batch: Batch, schema: Schema) -> torch.Tensor:
        import torch
        from torch.nn import functional as F

        logits_tk: torch.Tensor = model.tokens(batch.flat)
        at, labels, weights = [], [], []
        for start, feature in zip(batch.flat.starts, batch.features, strict=True):
            for place, label in zip(feature.target["at"], feature.target["labels"], strict=True):
                if label != UNSUPERVISED:
                    at.append(start + place)
                    labels.append(label)
                    weights.append(feature.weight)
        device = logits_tk.device
        logits_nk = logits_tk[torch.tensor(at, dtype=torch.int64, device=device)]
        labels_n = torch.tensor(labels, dtype=torch.int64, device=device)
        each_n = F.cross_entropy(logits_nk, labels_n, reduction="none")
        return (each_n * logits_nk.new_tensor(weights)).sum()

    def decode(self, model: Engine, batch: Batch, schema: Schema) -> list[Part]:
        logits_tk = model.tokens(batch.flat).cpu().double().numpy()
        return [
            Part(
                feature.index,
                feature.part,
                {**feature.target, "logits": logits_tk[start + np.array(feature.target["at"], np.int64)]},
                feature.span,
            )
            for start, feature in zip(batch.flat.starts, batch.features, strict=True)
        ]

    def gather(self, parts: Sequence[Part], schema: Schema) -> Prediction:
        """Every word's tag; words that a length limit cut away are given the outside tag and no logits."""
        count = parts[0].raw["count"]
        raw_wk = np.full((count, len(schema.labels)), np.nan)
        places: dict[int, Any] = {}
        for part in parts:
            raw_wk[part.raw["words"]] = part.raw["logits"]
            places.update(zip(part.raw["words"], part.raw["places"], strict=False))
        outside_k = np.zeros(len(schema.labels))
        outside_k[schema.labels.index("O") if "O" in schema.labels else 0] = UNSEEN
        logits_wk = np.where(np.isnan(raw_wk), outside_k, raw_wk)
        allowed = rules(schema.labels, schema.kind) if self.chains == "valid" else None
        chances_wk = calibration.softmax(logits_wk, schema.temperature)
        chain = best_chain(np.log(chances_wk + 1e-300), allowed) if allowed else logits_wk.argmax(1)
        tags = [schema.labels[k] for k in chain]
        sure_w = chances_wk[np.arange(count), chain]
        if schema.kind == "words":
            return Prediction(tags, None, raw_wk)
        found = [_entity(span, sure_w, places) for span in entities.spans(tags)]
        return Prediction(tags, None, raw_wk, {"entities": found})

    def score(self, pairs: Sequence[Pair], schema: Schema) -> Scores:
        return _tagging.scores(pairs, schema)

    def metric(self, schema: Schema) -> str:
        return "accuracy" if schema.kind == "words" else "f1"

    def baseline(self, train: Split, test: Split, schema: Schema) -> list[Prediction]:
        """Every word gets the most frequent tag; its logits are the tags' shares (add-one smoothed)."""
        counts = Counter(tag for example in train.examples for tag in example.target)
        usual = counts.most_common(1)[0][0]
        shares_k = np.array([counts[tag] + 1.0 for tag in schema.labels])
        logits_k = np.log(shares_k / shares_k.sum())
        sizes = [len(example.inputs) for example in test.examples]
        return [Prediction([usual] * size, None, np.broadcast_to(logits_k, (size, len(logits_k)))) for size in sizes]

    def quality(self, pair: Pair, schema: Schema) -> float:
        return _tagging.quality(pair, schema)

    def findings(self, pairs: Sequence[Pair], schema: Schema) -> list[Finding]:
        return _tagging.findings(pairs, schema)

    def tune(self, pairs: Sequence[Pair], schema: Schema) -> Schema:
        """Fit the temperature on the words of validation. It moves no tag: all chains' scores fall alike."""
        logits_nk, tags_n = _tagging.known_words(pairs, schema)
        fitted = calibration.fit_temperature(logits_nk, tags_n) if len(tags_n) else None
        return dataclasses.replace(schema, temperature=fitted)

    @classmethod
    def sample(cls) -> tuple[Task, Sample]:
        names = ["Ann", "Lee", "met", "Bo", "in", "Kyiv", "."]
        rows: tuple[dict[str, Any], ...] = (
            {"tokens": names, "tags": "B-PER I-PER O B-PER O B-LOC O"},
            {"tokens": list("李雷在北京😀"), "tags": ["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O"]},
            {"tokens": "Nothing happened yesterday", "tags": "O O O"},
        )
        right = tuple(read_list(row["tags"]) or str(row["tags"]).split() for row in rows)
        wrong = tuple(["O"] * len(tags) for tags in right)
        return cls(), Sample(rows, {"tokens": ["Ann", "ran"], "tags": ["B-PER"]}, right, wrong)

    def describe(self, features: Features) -> list[int]:
        both = zip(features.target["at"], features.target["labels"], strict=True)
        return [place for place, label in both if label != UNSUPERVISED]


def _free(value: Any, number: int, weight: float) -> Sentence:
    if is_missing(value):
        raise refuse(number, "the text is empty", "fill it in, or delete the row")
    text = str(value)
    places = tuple(words_in(text))
    return Sentence(number, tuple(text[start:end] for start, end in places), None, weight, places)


def _entity(span: entities.Span, sure_w: np.ndarray, places: Mapping[int, Any]) -> dict[str, Any]:
    """An entity as plain values: type, words (half-open), certainty, and its characters where known."""
    found = {
        "type": span.type,
        "words": [span.start, span.end],
        "score": float(sure_w[span.start : span.end].mean()),
    }
    here = [places[word] for word in range(span.start, span.end) if word in places]
    if len(here) == span.end - span.start:
        text, before = "", here[0][0]
        for start, end, word in here:
            text, before = f"{text}{' ' * (start - before)}{word}", end
        found |= {"start": here[0][0], "end": before, "text": text}
    return found
