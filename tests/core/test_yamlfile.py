"""YAML as people mean it: what is written is read back, and the known traps are read rightly or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.core import yamlfile
from whet.core.errors import UsageError

WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_what_is_written_is_read_back(value):
    found = yamlfile.read(yamlfile.write(value), "x")
    assert found == value and repr(found) == repr(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("no", "no"), ("on", "on"), ("Yes", "Yes"), ("012", "012"), ("1:30", "1:30"), ("1_000", "1_000")),
        *(("2026-11-24", "2026-11-24"), ("0x10", "0x10"), ("1e-4", 1e-4), (".5", 0.5), ("-3", -3), ("~", None)),
        ("true", True),
    ],
)
def test_traps(text, value):
    found = yamlfile.read(text, "x")
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x 1\nb: *x\n", "line 2: aliases"),
        ("a: 1\na: 2\n", "line 2: 'a' stands twice"),
        ("1: 2\n", "the key 1 is not a word"),
        ("a: [1\n", "line 2"),
        ("!!python/object/apply:os.getcwd []", "line 1"),
        ("[" * 20_000, "nested too deep"),
        ("x" * 1_000_001, "is this a data file"),
    ],
)
def test_refusals_name_line_and_cure(text, words):
    with pytest.raises(UsageError, match=words) as refused:
        yamlfile.read(text, "there.yaml")
    assert refused.value.faults[0].where == "there.yaml" and refused.value.faults[0].cure
