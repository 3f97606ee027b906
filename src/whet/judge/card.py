"""The model card: ``README.md`` of a run, with the metadata that the Hub reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import yaml

from whet.assemble.source import DEFAULT
from whet.judge.facts import ReportFacts
from whet.judge.figures import duration, figure, share, size
from whet.judge.verdict import scores_lead, sentences
from whet.judge.words import Words

PIPELINES = (
    "text-classification",
    "token-classification",
    "question-answering",
    "sentence-similarity",
    "translation",
)
"""Tasks that the Hub knows under the same name."""
ON_THE_HUB = {DEFAULT: f"sentence-transformers/{DEFAULT}"}
"""The model that comes with whet, under its name on the Hub."""
AUTO_CLASSES = {
    "sequence": "AutoModelForSequenceClassification",
    "token": "AutoModelForTokenClassification",
    "causal": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
}
"""transformers' class for each kind of head."""
FROM_HUB = "hf:"
"""How a recipe names data of the Hub."""


def card(facts: ReportFacts) -> str:
    """The card as Markdown: what it is, how to load it, figures with intervals, limits, data."""
    say = Words(facts.language)
    parts = [
        f"---\n{yaml.safe_dump(metadata(facts), allow_unicode=True, sort_keys=False)}---",
        f"# {_plain(facts.title)}",
        say("between").join(sentences(facts, say)),
        f"## {say('card_load')}\n\n{say('card_beside')}\n\n{_loading(facts, say)}",
        f"## {say('scores')}\n\n{scores_lead(facts, say)}\n\n{_scores(facts, say)}",
        _titled(say("findings"), _findings(facts)),
        f"## {say('card_limits')}\n\n{_limits(facts, say)}",
        _titled(say("data"), _data(facts, say)),
        _titled(say("cost"), _cost(facts, say)),
        f"<sub>{say('footer')}</sub>",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def metadata(facts: ReportFacts) -> dict[str, Any]:
    """The card's YAML head, in the Hub's own keys. A base that is a path of this machine is not named."""
    metrics = facts.metrics
    task = str(metrics.get("task", ""))
    found: dict[str, Any] = {"library_name": facts.load}  # the Hub shows its loading code, so the one that can load it
    if task in PIPELINES:
        found["pipeline_tag"] = task
    base = _hub_name(metrics.get("model"))
    if base:
        found["base_model"] = base
        found["base_model_relation"] = "adapter" if facts.load == "peft" else "finetune"
    data = _data_name(facts)
    if data.startswith(FROM_HUB):
        found["datasets"] = [data.removeprefix(FROM_HUB).split(":")[0]]
    found["tags"] = [tag for tag in ("whet", task, str(metrics.get("strategy", ""))) if tag]
    test = metrics.get("test") or {}
    known = {name: part["value"] for name, part in test.items() if isinstance(part["value"], (int, float))}
    if known:
        found["metrics"] = list(known)
        result = {
            "task": {"type": task or "other"},
            "dataset": {
                "name": _titled_as(data) or facts.title,
                "type": found.get("datasets", ["custom"])[0],
                "split": "test",
            },
            "metrics": [{"type": name, "value": value} for name, value in known.items()],
        }
        found["model-index"] = [{"name": facts.title, "results": [result]}]
    return found


def base_name(model: Any) -> str:
    """A model's name without the folders of this machine in which it lies."""
    text = str(model)
    if _hub_name(text) == text:
        return text
    return PureWindowsPath(PurePosixPath(text).name).name or text


def _data_name(facts: ReportFacts) -> str:
    """The training data as the recipe names it, empty where it names none."""
    found = yaml.safe_load(facts.recipe) if facts.recipe else None
    data = found.get("data") if isinstance(found, Mapping) else None
    return str(data.get("train") or "") if isinstance(data, Mapping) else ""


def _titled_as(data: str) -> str:
    """A set of data without the folders in which it lies: a file that is called only train by its folder."""
    path = PureWindowsPath(PurePosixPath(data.removeprefix(FROM_HUB)))
    return path.parent.name if path.stem in ("train", "training") and path.parent.name else path.stem


def _hub_name(model: Any) -> str | None:
    """The model's name where it is one of the Hub's (``owner/name``) and no folder of this machine."""
    text = ON_THE_HUB.get(str(model), str(model or ""))
    return text if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", text) and not Path(text).exists() else None


def _loading(facts: ReportFacts, say: Words) -> str:
    own = 'import whet\n\nmodel = whet.load("model")\nprint(model.predict(["..."]))'
    blocks = [f"```python\n{own}\n```"]
    kind = AUTO_CLASSES.get(facts.head, "AutoModel")
    lines = [f"from transformers import {kind}, AutoTokenizer", ""]
    if facts.load == "whet":
        return "\n\n".join([*blocks, say("card_own_head")])
    if facts.load == "peft":
        lines.insert(0, "from peft import PeftConfig, PeftModel")
        lines += [
            'base = PeftConfig.from_pretrained("model").base_model_name_or_path',
            f'model = PeftModel.from_pretrained({kind}.from_pretrained(base{_outputs(facts)}), "model")',
        ]
    else:
        lines.append(f'model = {kind}.from_pretrained("model")')
    code = "\n".join([*lines, 'tokenizer = AutoTokenizer.from_pretrained("model")'])
    return "\n\n".join([*blocks, say(f"card_{facts.load}"), f"```python\n{code}\n```"])


def _outputs(facts: ReportFacts) -> str:
    count = len(facts.bundle.get("labels") or ())
    return f", num_labels={count}" if count and facts.head in ("sequence", "token") else ""


def _scores(facts: ReportFacts, say: Words) -> str:
    metrics = facts.metrics
    others = [name for name in ("validation", "baseline", "untuned") if metrics.get(name)]
    head = [
        say("metric"),
        say("test"),
        say("interval", confidence=share(facts.confidence)),
        *map(say, others),
    ]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for name, part in (metrics.get("test") or {}).items():
        cells = [f"`{name}`", figure(part["value"]), f"{figure(part['low'])} … {figure(part['high'])}"]
        for other in others:
            value = metrics[other].get(name)
            cells.append(figure(value.get("value") if isinstance(value, Mapping) else value))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _findings(facts: ReportFacts) -> str:
    kinds = ("strength", "weakness", "slice", "calibration", "confusion", "retention")
    return "\n".join(f"- {_plain(one['text'])}" for one in facts.findings if one["kind"] in kinds)


def _limits(facts: ReportFacts, say: Words) -> str:
    lines = [say("card_limit_data")]
    tokens = facts.bundle.get("max_tokens")
    if tokens:
        lines.append(say("card_limit_tokens", tokens=figure(int(tokens))))
    labels = facts.bundle.get("labels") or []
    if labels:
        shown = ", ".join(_plain(label) for label in labels[:30]) + (" …" if len(labels) > 30 else "")
        one = facts.kind in ("single", "binary")
        key = "card_limit_labels" if one else "card_limit_known"
        lines.append(say(key, count=figure(len(labels)), labels=shown))
    if (facts.metrics.get("calibration") or {}).get("ece") is not None:
        lines.append(say("card_limit_ece", ece=figure(facts.metrics["calibration"]["ece"])))
    lines.append(say("card_limit_licence"))
    return "\n".join(f"- {line}" for line in lines)


def _data(facts: ReportFacts, say: Words) -> str:
    rows = ((facts.metrics.get("data") or {}).get("rows") or {}).items()
    lines = [f"- {say.name(name)}: {say('card_rows', rows=figure(count))}" for name, count in rows]
    return "\n".join([*lines, *(f"- {_plain(note)}" for note in facts.notes)])


def _cost(facts: ReportFacts, say: Words) -> str:
    timing, memory = facts.metrics.get("timing") or {}, facts.metrics.get("memory") or {}
    counted = facts.metrics.get("parameters") or {}
    lines = []
    if timing.get("train_seconds") is not None:
        lines.append(f"- {say('train_seconds')}: {duration(timing['train_seconds'])}")
    if memory.get("peak_bytes") is not None:
        lines.append(f"- {say('peak_bytes')}: {size(memory['peak_bytes'])}")
    if counted.get("trainable") is not None:
        lines.append(f"- {say('trainable')}: {figure(counted['trainable'])} / {figure(counted.get('total'))}")
    if facts.metrics.get("model"):
        lines.insert(0, f"- {say('model')}: {_plain(base_name(facts.metrics['model']))}")
    return "\n".join(lines)


def _titled(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _plain(text: object) -> str:
    """Text that Markdown and HTML show as it stands, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", " ".join(str(text).split()))
