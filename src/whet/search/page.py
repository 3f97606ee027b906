"""``comparison.html``: one file that needs nothing else, in the look of ``report.html``, the verdict first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from whet.judge import charts
from whet.judge.card import base_name
from whet.judge.charts import Mark
from whet.judge.figures import duration, figure, share, signed, size
from whet.judge.markup import contents, number, safe, section, table
from whet.judge.words import Words
from whet.metrics.scores import LOWER_IS_BETTER
from whet.search.scatter import Spot, scatter
from whet.search.table import AXES, Standing, standing

LANGUAGES = {"en": "en", "zh": "zh-CN"}
SHOWN: dict[str, Callable[[float], str]] = {
    "seconds": duration,
    "peak_bytes": size,
    "moved": lambda count: figure(round(count)),
    "bundle_bytes": size,
    "retention": figure,
    "learning_rate": lambda rate: f"{rate:.2g}",
}
"""The columns beside the score, each as people read it."""


def render(found: Mapping[str, Any], title: str, language: str) -> str:
    """The page of a ``comparison.json``, English or Chinese; what is not known is left out."""
    say, judge = Words(language, "whet.search"), Words(language)
    metric = judge.metric(found["metric"])
    lead = standing(found["summary"], found["pairs"], found["metric"])
    said = sentences(found, lead, metric, say)
    parts = [
        _verdict(found, lead, said, metric, say),
        _summary(found, metric, say),
        _pairs(found, say),
        _frontier(found, metric, say),
        _search(found, metric, say),
        _cells(found, metric, say),
        section("how", say("how"), "".join(f"<p>{safe(one)}</p>" for one in _how(found, say))),
    ]
    below = "".join(parts[1:])
    chips = {"task": found["task"], "model": base_name(found["model"]), "metric": metric}
    top = "".join(f"<li>{safe(judge.name(key))} <b>{safe(value)}</b></li>" for key, value in chips.items())
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        f'<!doctype html>\n<html lang="{LANGUAGES[language]}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="color-scheme" content="light dark">'
        f'<meta name="description" content="{safe(said[0])}">'
        f"<title>{safe(title)}</title><style>{_style()}</style></head><body>"
        f"<header><h1>{safe(title)}</h1><ul>{top}</ul></header>"
        f"<main>{parts[0]}{contents(below, judge('contents'))}{below}</main>"
        f"<footer>{safe(say('footer'))}</footer></body></html>\n"
    )


def sentences(found: Mapping[str, Any], lead: Standing | None, metric: str, say: Words) -> list[str]:
    """The verdict: who is best or not distinguishable, and which of these is cheapest."""
    if lead is None:
        return [say("nothing")]
    lines = {line["strategy"]: line for line in found["summary"]}
    best = lines[lead.best]
    fill = {
        "best": lead.best,
        "metric": metric,
        "value": figure(best["mean"]),
        "low": figure(best["low"]),
        "high": figure(best["high"]),
        "confidence": share(found["confidence"]),
    }
    scored = [label for label, line in lines.items() if line.get("mean") is not None]
    if len(scored) == 1:
        first = say("alone", **fill)
    elif len(lead.leaders) == 1:
        rest = [label for label in scored if label != lead.best]
        others = rest[0] if len(rest) == 1 else say("every_other", count=len(rest))
        first = say("one_best", **fill, others=others)
    else:
        first = say("not_apart", **fill, who=_listed(lead.leaders, say))
    quick, small = lines[lead.quickest], lines[lead.smallest]
    costs = {
        "quickest": lead.quickest,
        "smallest": lead.smallest,
        "time": duration(quick["seconds"]),
        "size": size(small["bundle_bytes"]),
    }
    key = "cheapest_one" if len(lead.leaders) == 1 else "cheapest_both" if quick is small else "cheapest"
    return [first, say(key, **costs), *([say("one_seed")] if found["asked"]["seeds"] == 1 else [])]


def _listed(names: Sequence[str], say: Words) -> str:
    return say("and").join([say("comma").join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _verdict(found: Mapping[str, Any], lead: Standing | None, said: Sequence[str], metric: str, say: Words) -> str:
    lines = [line for line in found["summary"] if line.get("mean") is not None]
    leaders = lead.leaders if lead else ()
    marks = [
        Mark(line["strategy"], line["mean"], line["low"], line["high"], "a" if line["strategy"] in leaders else "c")
        for line in sorted(lines, key=lambda line: line["mean"], reverse=found["metric"] not in LOWER_IS_BETTER)
    ]
    drawn = charts.whiskers(metric, marks, metric)
    kind = "none" if lead is None else "one" if len(leaders) == 1 and len(lines) > 1 else "several"
    tone = "better" if kind == "one" else "even"
    asked = found["asked"]
    under_way = say("under_way", done=len(found["runs"]), all=asked["seeds"] * len(asked["strategies"]))
    note = f"<p><small>{safe(under_way)}</small></p>" if found["status"] != "finished" else ""
    badge = f'<h2 class="badge {tone}">{safe(say(f"badge_{kind}"))}</h2>' if len(lines) != 1 else ""
    words = f'<div>{badge}<p class="verdict">{safe(" ".join(said))}</p>{note}</div>'
    return f'<section id="verdict" class="{tone}">{words}<div class="chart">{drawn}</div></section>'


def _summary(found: Mapping[str, Any], metric: str, say: Words) -> str:
    """One row a strategy, the best first; the best of a column is bold."""
    lower = found["metric"] in LOWER_IS_BETTER
    lines = sorted(
        found["summary"],
        key=lambda line: (line.get("mean") is None, (line.get("mean") or 0.0) * (1 if lower else -1)),
    )
    columns = [name for name in SHOWN if any(line.get(name) is not None for line in lines)]
    best = {name: _best_of([line[name] for line in lines if line.get(name) is not None], name) for name in columns}
    rows = []
    for line in lines:
        name = f"<b>{safe(line['strategy'])}</b>"
        if line.get("failed"):
            told = say("failed", count=line["failed"], all=line["failed"] + line["seeds"], reason=line["reason"])
            name += f'<p class="lead">{safe(told)}</p>'
        between = f" <small>[{figure(line['low'])}, {figure(line['high'])}]</small>" if "mean" in line else ""
        cells = [name, number(line.get("mean")) + between]
        for column in columns:
            value = line.get(column)
            cell = number(value, "", None if value is None else SHOWN[column](value))
            cells.append(f"<b>{cell}</b>" if value is not None and SHOWN[column](value) == best[column] else cell)
        rows.append(cells)
    head = [say("strategy"), metric, *map(say.name, columns)]
    body = table(head, rows, "scores", range(1, len(head)))
    told = say("summary_lead", seeds=found["asked"]["seeds"], confidence=share(found["confidence"]))
    return section("summary", say("summary"), body, told)


def _best_of(values: Sequence[float], name: str) -> str | None:
    """What is to be set in bold, as it is shown, where the column has a better way and not all look alike."""
    if name not in AXES or len({SHOWN[name](value) for value in values}) < 2:
        return None
    return SHOWN[name](max(values) if AXES[name] == "higher" else min(values))


def _pairs(found: Mapping[str, Any], say: Words) -> str:
    """Every two strategies in words, with the difference, its interval and the adjusted p."""
    rows = []
    for pair in sorted(found["pairs"], key=lambda pair: 1.0 if pair["p_adjusted"] is None else pair["p_adjusted"]):
        same = pair["verdict"] == "not distinguishable"
        words = safe(say("pair_same" if same else f"pair_{pair['verdict']}", a=pair["a"], b=pair["b"]))
        gap = number(pair["difference"], "", signed(pair["difference"]))
        between = "" if pair["low"] is None else f" <small>[{signed(pair['low'])}, {signed(pair['high'])}]</small>"
        p = pair["p_adjusted"]
        chance = number(p, "", "< 0.001" if p is not None and p < 0.001 else None)
        rows.append([words if same else f"<b>{words}</b>", gap + between, chance])
    body = table([say("pair"), say("difference"), say("p")], rows, "", (1, 2)) if rows else ""
    told = say("pairs_lead", count=len(rows), level=share(1 - found["confidence"]))
    return section("pairs", say("pairs"), body, told)


def _frontier(found: Mapping[str, Any], metric: str, say: Words) -> str:
    """The score against each cost, names beside the points; who is beaten, and by whom."""
    lines = {line["strategy"]: line for line in found["summary"]}
    drawn = []
    for axis, known in found["frontiers"].items():
        labels = [label for label in lines if label in known["on"] or label in known["dominated"]]
        spots = [Spot(label, lines[label][axis], lines[label]["mean"], label in known["on"]) for label in labels]
        across = say(f"against_{axis}")
        unit = _unit(max(spot.across for spot in spots)) if axis.endswith("_bytes") else 1.0
        chart = scatter(f"{metric} / {across}", spots, across, metric, SHOWN[axis], unit)
        told = " ".join(say("beaten", who=who, by=_listed(by, say)) for who, by in known["dominated"].items())
        drawn.append(f'<div class="chart">{chart}<p><small>{safe(told)}</small></p></div>')
    body = f'<div class="two">{"".join(drawn)}</div>' if drawn else ""
    return section("frontier", say("frontier"), body, say("frontier_lead"))


def _unit(most: float) -> float:
    """The largest binary unit of which there are some."""
    return float(max(unit for unit in (1, 2**10, 2**20, 2**30) if unit <= max(most / 2, 1)))


def _search(found: Mapping[str, Any], metric: str, say: Words) -> str:
    rows = []
    for one in found["search"]:
        cells = []
        for each in one["tried"]:
            rate, value = each["learning_rate"], each["validation"]
            cell = safe(f"{'–' if rate is None else f'{rate:.2g}'}: {figure(value)}")
            cells.append(f"<b>{cell}</b>" if rate == one["chosen"] else cell)
        rows.append([f"<b>{safe(one['strategy'])}</b>", " &nbsp; ".join(cells)])
    body = table([say("strategy"), say("tried", metric=metric)], rows) if rows else ""
    return section("search", say("search"), body, say("search_lead"))


def _cells(found: Mapping[str, Any], metric: str, say: Words) -> str:
    """Every run with its figures, folded away; of a failed one the reason."""
    columns = [name for name in SHOWN if any(row.get(name) is not None for row in found["runs"])]
    rows = []
    for row in sorted(
        found["runs"], key=lambda row: (list(found["asked"]["strategies"]).index(row["strategy"]), row["seed"])
    ):
        score = number(row.get("score")) if "reason" not in row else f"<small>{safe(row['reason'])}</small>"
        known = [
            number(row.get(name), "", None if row.get(name) is None else SHOWN[name](row[name])) for name in columns
        ]
        rows.append([safe(row["strategy"]), number(row["seed"]), score, *known, f"<code>{safe(row['run'])}</code>"])
    head = [say("strategy"), say("seed"), metric, *map(say.name, columns), say("run")]
    body = table(head, rows, "", range(1, len(head) - 1)) if rows else ""
    told = safe(say("cells_count", count=len(rows)))
    return section("cells", say("cells"), f"<details><summary>{told}</summary>{body}</details>" if rows else "")


def _how(found: Mapping[str, Any], say: Words) -> list[str]:
    limit, epochs = found["asked"]["budget"], found["epochs"]
    if limit:
        trained = say("how_budget", budget=limit)
    else:
        trained = say("how_own_epochs") if epochs is None else say("how_epochs", epochs=f"{epochs:g}")
    return [
        say("how_rows" if found["same_rows"] else "how_drawn", rows=figure(found["test_rows"])),
        trained,
        say("how_statistics"),
    ]


@lru_cache
def _style() -> str:
    return files("whet.judge").joinpath("page.css").read_text("utf-8")
