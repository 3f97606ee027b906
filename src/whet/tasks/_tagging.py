"""How tagged sentences are scored: counts of entities, or of words where tags mark no spans, by sentence.

Only sums of counts enter a metric, so a bootstrap over sentences adds up rows of a small table.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whet.metrics import entities, likelihood, perplexity
from whet.metrics.classification import ClassRow, class_rows, ratio
from whet.metrics.scores import Columns, Measure, Scores
from whet.tasks._remarks import best_and_worst
from whet.tasks.contract import Finding, Pair, Schema


@dataclass(frozen=True)
class _Tagged:
    """Tagged sentences as numbers: ``table`` counts of each type, how many a sentence rightly finds, finds, and has.

    ``table`` is int [rows, types, 3]; ``agreeing`` of ``words`` have their tag.
    ``losses`` [rows, 2] are nats and the words that have some, None where an answer has no logits.
    """

    types: list[str]
    table: np.ndarray
    agreeing: np.ndarray
    words: np.ndarray
    losses: np.ndarray | None


def scores(pairs: Sequence[Pair], schema: Schema) -> Scores:
    """f1, precision and recall of entities as conlleval counts them, and the share of words tagged rightly.

    Where tags mark no spans (parts of speech): accuracy, and F1 over tags. ``loss``, a word's mean negative
    log-likelihood, is there where every answer carries its logits; words that the model did not see have none.
    """
    answers = _read(pairs, schema)
    columns = {"counts": answers.table, "right": answers.agreeing, "words": answers.words}

    def reduce(drawn: Columns) -> Mapping[str, np.ndarray]:
        return {name: column.sum(0) for name, column in drawn.items()}

    def of_table(measure: Callable[[np.ndarray], float]) -> Measure:
        return lambda got: measure(got["counts"])

    measures: dict[str, Measure] = {"accuracy": lambda got: float(ratio(got["right"], got["words"]))}
    if answers.losses is not None:
        columns |= {"nats": answers.losses[:, 0], "judged": answers.losses[:, 1]}
        measures["loss"] = lambda got: perplexity.loss_per_token(got["nats"], got["judged"])
    if schema.kind == "words":
        return Scores(columns, {"accuracy": measures.pop("accuracy"), "f1_macro": of_table(_macro), **measures}, reduce)
    spans = {"f1": entities.f1, "precision": entities.precision, "recall": entities.recall}
    return Scores(columns, {**{name: of_table(f) for name, f in spans.items()}, **measures}, reduce)


def quality(pair: Pair, schema: Schema) -> float:
    """How well one sentence is tagged: F1 of its entities, NaN where there are none and none was found, as F1 over all
    does not count them either; where tags mark no spans, the share of words with their tag."""
    right, given, there = map(len, _counted(pair.example.target, pair.prediction.answer, schema))
    return 2 * right / (given + there) if given + there else math.nan


def _read(pairs: Iterable[Pair], schema: Schema) -> _Tagged:
    """Walk through the pairs once and keep nothing of them but numbers."""
    agreeing, words = array("q"), array("q")
    losses, owners, codes = array("d"), array("q"), array("q")
    place = {name: k for k, name in enumerate(dict.fromkeys(_types(schema.labels, schema)))}
    for pair in pairs:
        true, given = pair.example.target, pair.prediction.answer
        for column, names in enumerate(_counted(true, given, schema)):
            owners.extend([len(words)] * len(names))
            codes.extend([3 * place.setdefault(name, len(place)) + column for name in names])
        agreeing.append(sum(t == a for t, a in zip(true, given, strict=True)))
        words.append(len(pair.example.inputs))
        if pair.prediction.raw is not None:
            losses.extend(_summed_loss(pair, schema))
    types = sorted(place)
    number = {name: k for k, name in enumerate(types)}
    table = np.zeros((len(words), len(types), 3), np.int32)
    kinds, columns = np.divmod(np.array(codes), 3)
    np.add.at(table, (np.array(owners), np.array([number[name] for name in place], np.int64)[kinds], columns), 1)
    whole = np.array(losses).reshape(-1, 2)
    return _Tagged(
        types,
        table,
        np.array(agreeing),
        np.array(words),
        whole if len(whole) == len(words) > 0 else None,
    )


def known_words(pairs: Iterable[Pair], schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """The logits [N, K] and tags [N] of all words that the model saw and whose tags it knows."""
    place = {label: k for k, label in enumerate(schema.labels)}
    logits, tags = array("d"), array("q")
    for pair in pairs:
        for raw_k, tag in zip(pair.prediction.raw, pair.example.target or (), strict=False):
            if tag in place and not np.isnan(raw_k[0]):
                logits.extend(raw_k)
                tags.append(place[tag])
    return np.array(logits).reshape(len(tags), len(schema.labels)), np.array(tags, np.int64)


def _types(tags: Sequence[str], schema: Schema) -> list[str]:
    """What is counted of these tags: the tags themselves, or the types of the entities that they mark."""
    return list(tags) if schema.kind == "words" else [span.type for tag in tags for span in entities.spans([tag])]


def _counted(true: Sequence[str], given: Sequence[str], schema: Schema) -> tuple[Sequence[str], ...]:
    """What of a sentence is rightly found, found, and there: tags, or types of entities."""
    if schema.kind == "words":
        return [t for t, a in zip(true, given, strict=True) if t == a], given, true
    there, found = set(entities.spans(true)), set(entities.spans(given))
    return tuple([span.type for span in group] for group in (there & found, found, there))


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


def findings(pairs: Sequence[Pair], schema: Schema) -> list[Finding]:
    """The best and the worst type, and how entities are missed."""
    if not pairs:
        return []
    answers = _read(pairs, schema)
    whole = answers.table.sum(0)
    rows = class_rows(answers.types, whole[:, 0], whole[:, 1], whole[:, 2])
    noun = "tag" if schema.kind == "words" else "type of entity"
    found = best_and_worst(rows, noun)
    return found if schema.kind == "words" else [*found, *_misses(pairs, rows)]


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
