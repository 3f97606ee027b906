"""How tagged sentences are scored: counts of entities, or of words where tags mark no spans, by sentence.

Only sums of counts enter a metric, so a bootstrap over sentences adds up rows of a small table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from whet.metrics import entities, likelihood, perplexity
from whet.metrics.classification import ClassRow, class_rows, ratio
from whet.metrics.scores import Columns, Measure, Scores
from whet.tasks._remarks import best_and_worst, by_length
from whet.tasks.contract import Finding, Pair, Schema


def scores(pairs: Sequence[Pair], schema: Schema) -> Scores:
    """f1, precision and recall of entities as conlleval counts them, and the share of words tagged rightly.

    Where tags mark no spans (parts of speech): accuracy, and F1 over tags. ``loss``, a word's mean negative
    log-likelihood, is there where every answer carries its logits; words that the model did not see have none.
    """
    _, table = _table(pairs, schema)
    columns = {
        "counts": table,
        "right": np.array([_agreeing(pair) for pair in pairs]),
        "words": np.array([len(pair.example.inputs) for pair in pairs]),
    }

    def reduce(drawn: Columns) -> Mapping[str, np.ndarray]:
        return {name: column.sum(0) for name, column in drawn.items()}

    def of_table(measure: Callable[[np.ndarray], float]) -> Measure:
        return lambda got: measure(got["counts"])

    measures: dict[str, Measure] = {"accuracy": lambda got: float(ratio(got["right"], got["words"]))}
    if pairs and all(pair.prediction.raw is not None for pair in pairs):
        sums = np.array([_summed_loss(pair, schema) for pair in pairs])
        columns |= {"nats": sums[:, 0], "judged": sums[:, 1]}
        measures["loss"] = lambda got: perplexity.loss_per_token(got["nats"], got["judged"])
    if schema.kind == "words":
        return Scores(columns, {"accuracy": measures.pop("accuracy"), "f1_macro": of_table(_macro), **measures}, reduce)
    spans = {"f1": entities.f1, "precision": entities.precision, "recall": entities.recall}
    return Scores(columns, {**{name: of_table(f) for name, f in spans.items()}, **measures}, reduce)


def _agreeing(pair: Pair) -> int:
    return sum(t == a for t, a in zip(pair.example.target, pair.prediction.answer, strict=True))


def _summed_loss(pair: Pair, schema: Schema) -> tuple[float, int]:
    """A sentence's negative log-likelihood in nats, and the words it is the sum of."""
    place = {label: k for k, label in enumerate(schema.labels)}
    targets = np.array([place.get(tag, likelihood.UNKNOWN) for tag in pair.example.target])
    each = likelihood.cross_entropy(np.asarray(pair.prediction.raw, np.float64), targets)
    return float(np.nansum(each)), int((~np.isnan(each)).sum())


def _macro(table: np.ndarray) -> float:
    seen = table[:, 1:].sum(1) > 0
    f1 = ratio(2 * table[:, 0], table[:, 1] + table[:, 2])
    return float(f1[seen].mean()) if seen.any() else float("nan")


def _table(pairs: Sequence[Pair], schema: Schema) -> tuple[list[str], np.ndarray]:
    """The types, and of each how many every sentence rightly finds, finds, and has: int [rows, types, 3]."""
    both = [(pair.example.target, pair.prediction.answer) for pair in pairs]
    tags = {tag for sentences in both for sentence in sentences for tag in sentence} | set(schema.labels)
    if schema.kind == "words":
        types = sorted(tags)
        rows = [_word_counts(true, given, types) for true, given in both]
    else:
        types = sorted({span.type for tag in tags for span in entities.spans([tag])})
        rows = [entities.count(true, given, types) for true, given in both]
    return types, np.array(rows, np.int64).reshape(len(pairs), len(types), 3)


def _word_counts(true: Sequence[str], given: Sequence[str], types: Sequence[str]) -> np.ndarray:
    right = Counter(t for t, a in zip(true, given, strict=True) if t == a)
    found, there = Counter(given), Counter(true)
    return np.array([[right[name], found[name], there[name]] for name in types])


def findings(pairs: Sequence[Pair], schema: Schema) -> list[Finding]:
    """The best and the worst type, how entities are missed, sentences by length, and tags that look wrong."""
    if not pairs:
        return []
    types, table = _table(pairs, schema)
    whole = table.sum(0)
    rows = class_rows(types, whole[:, 0], whole[:, 1], whole[:, 2])
    noun = "tag" if schema.kind == "words" else "type of entity"
    right = np.array([tuple(p.example.target) == tuple(p.prediction.answer) for p in pairs])
    found = [*best_and_worst(rows, noun), *by_length(pairs, right)]
    return found if schema.kind == "words" else [*found, *_misses(pairs, rows), *_doubtful(pairs)]


def _misses(pairs: Sequence[Pair], rows: Sequence[ClassRow]) -> list[Finding]:
    """Of the entities not found as they are: typed otherwise, bounded otherwise, or not seen at all."""
    kinds: dict[str, list[int]] = {"type": [], "bounds": [], "unseen": []}
    clashes: Counter[tuple[str, str]] = Counter()
    for pair in pairs:
        given = entities.spans(pair.prediction.answer)
        for span in set(entities.spans(pair.example.target)) - set(given):
            same = [other for other in given if (other.start, other.end) == (span.start, span.end)]
            touching = [other for other in given if other.start < span.end and span.start < other.end]
            kind = "type" if same else "bounds" if touching else "unseen"
            kinds[kind].append(pair.example.row)
            clashes.update((span.type, other.type) for other in same)
    total, missed = sum(row.support for row in rows), sum(map(len, kinds.values()))
    if not missed:
        return []
    text = (
        f"{missed} of {total} entities are not found as they are: {len(kinds['unseen'])} not seen at all, "
        f"{len(kinds['bounds'])} with other bounds, {len(kinds['type'])} with another type."
    )
    evidence = {name: len(where) for name, where in kinds.items()}
    shown = tuple(sorted({row for where in kinds.values() for row in where}))
    found = [Finding("weakness", text, shown, {**evidence, "missed": missed, "entities": total})]
    for (true, given_type), count in clashes.most_common(2):
        if count > 1:
            text = f"{count} entities of type '{true}' were found with type '{given_type}'."
            found.append(Finding("confusion", text, (), {"true": true, "answered": given_type, "count": count}))
    return found


def _doubtful(pairs: Sequence[Pair], most: int = 5) -> list[Finding]:
    """Entities answered with great certainty that the tags do not have."""
    doubts = []
    for pair in pairs:
        there = set(entities.spans(pair.example.target))
        for entity in (pair.prediction.details or {}).get("entities", ()):
            start, end = entity["words"]
            if entities.Span(start, end, entity["type"]) not in there and entity["score"] >= 0.9:
                doubts.append((-entity["score"], pair.example.row, " ".join(pair.example.inputs[start:end]), entity))
    return [
        Finding(
            "label_error",
            f"Row {row}: '{text}' was answered as {entity['type']} with {entity['score']:.3f}, "
            "and its tags say otherwise: look at them.",
            (row,),
            {"text": text, **entity},
        )
        for _, row, text, entity in sorted(doubts, key=lambda doubt: doubt[:3])[:most]
    ]
