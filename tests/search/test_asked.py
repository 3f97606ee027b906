"""What a comparison is asked for: the entries, what is refused before any training."""

from __future__ import annotations

import dataclasses

import pytest

from search.made import entry
from whet.core.errors import UsageError
from whet.search.asked import Asked, named, refuse_other
from whet.strategies.contract import STRATEGIES


def test_all_that_stand_are_compared_where_none_is_named():
    assert [one.label for one in named(None)] == STRATEGIES.names()


def test_options_stand_beside_a_name():
    found = named("full, lora:rank=4:alpha=8,lora:targets=[query,value],full:train.schedule=slanted-triangular")
    assert [one.label for one in found] == [
        "full",
        "lora rank=4 alpha=8",
        "lora targets=[query,value]",
        "full schedule=slanted-triangular",
    ]
    assert found[1].settings == ("strategy.rank=4", "strategy.alpha=8")
    assert found[3].settings == ("train.schedule=slanted-triangular",)
    assert named(["head"])[0].strategy == "head"


def test_all_faults_are_told_at_once_with_the_nearest_name():
    with pytest.raises(UsageError) as refused:
        named("lroa,full,full,head:data.max_rows=5")
    told = [(fault.what, fault.where, fault.cure) for fault in refused.value.faults]
    assert [where for _, where, _ in told] == ["--strategies lroa", "--strategies head:data.max_rows=5", "--strategies"]
    assert "did you mean 'lora'?" in told[0][2] and "alike for all" in told[1][0] and "twice" in told[2][0]
    assert refused.value.exit_code == 2
    with pytest.raises(UsageError, match="nothing to compare"):
        named("")


def asked(**changes):
    return dataclasses.replace(Asked((entry("full"), entry("lora")), 3, 2, None, {"x.csv": "aa"}), **changes)


def test_what_was_asked_comes_back_from_its_file():
    assert Asked.of(asked().as_dict(), "comparison.json") == asked()
    refuse_other(asked(), asked(), "place")


def test_another_comparison_in_the_same_place_is_refused_with_everything_that_differs():
    other = dataclasses.replace(entry("full"), recipe=entry("head").recipe)
    with pytest.raises(UsageError) as refused:
        refuse_other(asked(seeds=5, budget="2m", files={"x.csv": "bb"}, entries=(other,)), asked(), "place")
    told = " | ".join(fault.what for fault in refused.value.faults)
    for part in (
        "seeds was 3 and is now 5",
        "budget was None and is now 2m",
        "the data has changed",
        "were full, lora",
        "strategy.name",
    ):
        assert part in told
    assert "--overwrite" in refused.value.faults[0].cure
