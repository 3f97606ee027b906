"""Bounds stand in the options themselves, so that a recipe refuses what no data could be prepared with."""

from __future__ import annotations

import pytest

from whet.core.errors import UsageError
from whet.core.fields import fields_of
from whet.prepare.options import EncodeOptions
from whet.recipe import Recipe


@pytest.mark.parametrize(("section", "key"), [("data", "max_rows"), ("encode", "max_tokens")])
def test_a_count_is_at_least_one(section, key):
    for given in (-5, 0):
        with pytest.raises(UsageError, match=rf"{section}\.{key}: {given} does not fit[\s\S]*integer at least 1"):
            Recipe.of({"data": {"train": "x.csv"}, section: {key: given}})
    assert Recipe.of({"data": {"train": "x.csv", "max_rows": 1}, "encode": {"max_tokens": None}}).stages


def test_the_longest_input_has_its_reason():
    sentences = {field.name: field.sentence for field in fields_of(EncodeOptions)}
    assert "256" in sentences["max_tokens"] and "square of the length" in sentences["max_tokens"]
