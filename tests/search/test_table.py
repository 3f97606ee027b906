"""What comparison.json and its page say, on made-up cells."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from metrics.test_crossed import most, scored, world
from search.made import ROOT, comparison, entry, measured, outcome
from whet.core.rundir import plain
from whet.judge.figures import figure
from whet.judge.words import sentences as words
from whet.metrics.crossed import holm
from whet.search import page, spoken, table
from whet.search.asked import Asked, Entry
from whet.search.cells import Cell, Outcome
from whet.search.scatter import LETTER, Spot, scatter
from whet.search.table import Measured


def pair_of(found, a, b):
    return next(pair for pair in found["pairs"] if (pair["a"], pair["b"]) == (a, b))


def test_luck_and_more_than_luck_are_told_apart():
    found = comparison()
    assert pair_of(found, "full", "lora")["verdict"] == "not distinguishable"
    assert pair_of(found, "full", "head")["verdict"] == pair_of(found, "lora", "freeze")["verdict"] == "better"
    assert len(found["pairs"]) == 6
    for pair in found["pairs"]:
        assert pair["low"] < pair["difference"] < pair["high"] and pair["p"] <= pair["p_adjusted"] <= 1
    assert [pair["p_adjusted"] for pair in found["pairs"]] == holm([pair["p"] for pair in found["pairs"]])
    assert max(pair["p_adjusted"] / pair["p"] for pair in found["pairs"]) == pytest.approx(6)
    assert set(pair_of(found, "full", "lora")) >= {"a", "b", "difference", "low", "high", "p", "p_adjusted", "verdict"}


@pytest.mark.parametrize("by_seed", [(0.3,) * 6, (0.4, *(0.02,) * 5)])
def test_the_verdicts_themselves_raise_false_alarms_in_five_of_100_families_at_most(by_seed):
    """No strategy is better, seeds are restless: from made-up answers to the words of ``comparison.json``.

    With each pair's own p it is one family in five.
    """
    random, alarms, repetitions = np.random.default_rng(1), 0, 150
    for _ in range(repetitions):
        values, drawn = scored(random, world(random, 3, 100, 0.4, by_seed, 0.4, (0.0,) * 6), "accuracy")
        made = [
            Measured(name, {}, dict(enumerate(values[k])), dict(enumerate(drawn[k]))) for k, name in enumerate("abcdef")
        ]
        alarms += any(one["verdict"] != "not distinguishable" for one in table.pairs(made, 100, "accuracy", 0.95))
    assert alarms <= most(repetitions, 0.05)


def test_equal_epochs_are_told_and_others_left_to_each():
    found = comparison()
    assert "epochs: 4." in page.render(found, "c", "en")
    own = page.render({**found, "epochs": None}, "c", "en")
    assert "differ in their epochs" in own and "None" not in own
    asked = [Asked((entry("full"), other), 1, 1, None, {}) for other in (entry("head"), longer(entry("head")))]
    assert [spoken.epochs_of(one) for one in asked] == [entry("full").stage.train.epochs, None]


def longer(one):
    return Entry(one.label, one.recipe.with_stage(0, one.recipe.stages[0].with_("train", epochs=99.0)))


def test_an_interval_ends_where_the_metric_ends():
    """Two seeds that lie apart say hardly anything, and no accuracy lies above 1."""
    apart = measured("full", seeds=2)
    apart.values.update({0: 0.99, 1: 0.6})
    rows = [table.run_row(one, "accuracy", ROOT) for one in apart.cells.values()]
    ends = {
        metric: (line["low"], line["high"])
        for metric in ("accuracy", "matthews", "mae", "own")
        for line in table.summary([apart], 400, rows, metric, 0.95)
    }
    assert ends["own"][0] < -1 and ends["own"][1] > 2
    assert ends["accuracy"] == (0, 1) and ends["matthews"] == (-1, 1) and ends["mae"] == (0, ends["own"][1])
    undefined = Measured("full", apart.cells, apart.values, {seed: np.full(100, np.nan) for seed in apart.values})
    assert np.isnan(table.summary([undefined], 400, rows, "accuracy", 0.95)[0]["low"])
    other = measured("head", seeds=2)
    pair = table.pairs([apart, other], 400, "accuracy", 0.95)[0]
    assert -1 <= pair["low"] < pair["high"] <= 1


def test_where_less_is_better_the_verdict_turns():
    both = [measured("full"), measured("head")]
    more, less = (table.pairs(both, 400, metric, 0.95)[0] for metric in ("accuracy", "loss"))
    assert (more["verdict"], less["verdict"]) == ("better", "worse") and more["difference"] == less["difference"]


def test_of_few_rows_nothing_is_said():
    found = table.pairs([measured("full", rows=400), measured("head", rows=400)], 19, "accuracy", 0.95)
    assert found[0]["verdict"] == "not distinguishable"


def test_the_summary_has_what_is_known_and_no_nulls():
    found = comparison(head=(1,))
    head = next(line for line in found["summary"] if line["strategy"] == "head")
    assert head["failed"] == 1 and head["reason"] == "the loss diverged" and head["seeds"] == 2
    assert head["low"] < head["mean"] < head["high"] and head["retention"] == pytest.approx(1.0)
    failed = next(row for row in found["runs"] if row["status"] == "failed")
    assert "score" not in failed and failed["reason"] == "the loss diverged" and failed["run"] == "head/seed-1"
    assert None not in [value for part in (*found["runs"], *found["summary"]) for value in part.values()]
    assert pair_of(found, "full", "head")["seeds"] == 2
    plainly = outcome("full", 0, 0.5)
    assert "retention" not in table.run_row(plainly, "accuracy", ROOT)


def test_a_strategy_that_never_came_to_a_score_is_a_line_without_one():
    found = comparison(("full", "head"), seeds=2, head=(0, 1))
    assert found["pairs"] == [] and "mean" not in found["summary"][1] and found["summary"][1]["failed"] == 2
    assert table.standing(found["summary"], [], "accuracy").leaders == ("full",)
    assert table.standing([{"strategy": "head"}], [], "accuracy") is None
    assert "full has" in page.render(plain(found), "x", "en")


def test_retention_is_the_mean_likeness_of_the_blocks():
    assert table.retention_of({"retention": {"cka": [0.5, 1.0, None]}}) == 0.75
    assert table.retention_of({}) is None and table.retention_of({"retention": {"cka": []}}) is None


def test_the_frontier_holds_who_is_beaten_by_none():
    lines = [
        {"strategy": name, "mean": mean, "seconds": seconds, "retention": kept}
        for name, mean, seconds, kept in (
            ("a", 0.9, 50, 0.8),
            ("b", 0.9, 60, 0.9),
            ("c", 0.8, 10, 1.0),
            ("d", 0.7, 20, 0.7),
        )
    ]
    found = table.frontiers(lines, "accuracy")
    assert found["seconds"] == {"on": ["a", "c"], "dominated": {"b": ["a"], "d": ["c"]}}
    assert found["retention"] == {"on": ["b", "c"], "dominated": {"a": ["b"], "d": ["a", "b", "c"]}}
    assert set(found) == {"seconds", "retention"}
    assert table.frontiers(lines, "loss")["seconds"]["on"] == ["c", "d"]
    assert table.frontiers([*lines, {"strategy": "failed"}], "accuracy") == found


def test_who_leads_and_which_of_these_is_cheapest():
    found = comparison()
    lead = table.standing(found["summary"], found["pairs"], "accuracy")
    assert lead.best in ("full", "lora") and set(lead.leaders) == {"full", "lora"}
    assert lead.quickest == lead.smallest == "lora"


def test_pairs_are_said_in_words():
    pair = {"a": "lora", "b": "full", "difference": 0.004, "low": -0.01, "high": 0.018, "p_adjusted": 0.5}
    said = spoken.pair_sentence({**pair, "verdict": "not distinguishable"})
    assert said == "lora and full are not distinguishable (difference +0.004 [−0.010, +0.018])"
    assert spoken.pair_sentence({**pair, "verdict": "worse"}).startswith("lora is worse than full (")
    assert "not known" in spoken.sentences(comparison(seeds=1))[0]
    assert spoken.sentences({"summary": [], "pairs": [], "asked": {"seeds": 1}}) == ["no strategy has a score yet"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_needs_nothing_else_and_says_the_verdict_first(language):
    text = page.render(plain(comparison(freeze=(2,))), "x", language)
    assert "<script" not in text and not re.search(r"src=|href=\"[^#]|@import|url\(", text)
    assert (
        text.index('id="verdict"') < text.index('id="summary"') < text.index('id="pairs"') < text.index('id="frontier"')
    )
    told = {"en": "full and lora are not distinguishable", "zh": "full 与 lora 无法区分"}[language]
    assert told in text.partition('id="summary"')[0] and told in text.partition('id="pairs"')[2]
    assert text.count("<svg") == 5 and "the loss diverged" in text
    assert not re.findall(r"\{[a-z_]+\}", text.partition("</style>")[2])


def test_what_stands_in_names_and_reasons_is_only_text():
    found = comparison(("full", "lora"))
    found["runs"][0] = {**found["runs"][0], "reason": "<script>alert(1)</script>", "status": "failed"}
    text = json.loads(json.dumps(plain(found)).replace('"lora"', '"<b onload=x>"'))
    shown = page.render(text, "<i>", "en")
    assert "<script>alert" not in shown and "<b onload" not in shown and "<i>" not in shown.partition("<h1>")[2][:20]


def test_every_sentence_stands_in_both_languages():
    known = words("whet.search")
    assert len(known) > 40
    for key, both in known.items():
        assert set(both) == {"en", "zh"}, key
        assert len({tuple(sorted(re.findall(r"\{\w+\}", text))) for text in both.values()}) == 1, key


def test_names_in_the_chart_do_not_cover_each_other():
    random = np.random.default_rng(0)
    for _ in range(20):
        spots = [
            Spot(f"strategy {k}", float(10 ** random.uniform(0, 2)), float(random.uniform(0.8, 0.9)), bool(k % 2))
            for k in range(6)
        ]
        drawn = scatter("t", spots, "s", "accuracy", str)
        found = re.findall(r'<text class="name [ac]" x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)">([^<]+)', drawn)
        assert len(found) == 6
        boxes = []
        for x, y, side, name in found:
            wide = LETTER * len(name)
            left = float(x) - wide * {"start": 0, "middle": 0.5, "end": 1}[side]
            boxes.append((left, float(y) - 11, left + wide, float(y) + 3))
        for k, one in enumerate(boxes):
            assert not any(one[0] < b[2] and b[0] < one[2] and one[1] < b[3] and b[1] < one[3] for b in boxes[:k])
    assert scatter("t", spots[:1], "s", "accuracy", str) == ""


def test_numbers_along_the_foot_are_told_apart():
    """What was kept often lies between .999 and 1: with three decimals its numbers read alike."""
    spots = [Spot(name, across, up, True) for name, across, up in (("a", 0.9983, 0.8), ("b", 1.0, 0.7))]
    drawn = re.findall(r'y="237.0" text-anchor="middle">([^<]*)<', scatter("t", spots, "kept", "accuracy", figure))
    assert len(drawn) > 2 and len(set(drawn)) == len(drawn) and {len(words) for words in drawn} == {len(drawn[0])}


def test_progress_tells_what_was_measured_and_what_is_left():
    from whet.search.asked import Asked

    asked = Asked((entry("full"), entry("lora")), 2, 2, None, {})
    pace = spoken.Pace(asked)
    first = pace.told(outcome("full", 0, 0.5, validation=0.75), "accuracy", "search", kept=False)
    assert first == "full, learning rate 0.0001: validation accuracy 0.750, 2 s; about 35 s left"
    second = pace.told(outcome("lora", 1, 0.5), "accuracy", "cell", kept=True)
    assert second.startswith("lora, seed 2 of 2: accuracy 0.500, 2 s (kept); about ")
    failed = Outcome(Cell(entry("lora"), 1, None, ROOT), None, "the memory does not suffice")
    assert "lora, seed 2 of 2: failed: the memory does not suffice" in pace.told(failed, "accuracy", "cell", kept=False)
