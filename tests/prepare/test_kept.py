"""Long sequences: what lies on the disk comes back equal, in order, from memory that does not grow with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.assemble.answers import packed, size_of, unpacked
from whet.core import cache
from whet.prepare import kept
from whet.prepare.kept import CHUNK, Lazy, as_json, keep, of_json
from whet.tasks.contract import Prediction

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(plain)
def test_a_plain_value_comes_back(value):
    assert of_json(as_json(value)) == value


def test_half_a_surrogate_pair_and_a_numpy_number_survive():
    assert of_json(as_json(["\ud800", np.float32(0.5), np.arange(2)])) == ["\ud800", 0.5, [0, 1]]
    with pytest.raises(TypeError, match="set is no plain value"):
        as_json({1, 2})


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 3 * CHUNK + 5), st.integers(0, 2 * CHUNK))
def test_what_does_not_fit_lies_on_the_disk_and_is_equal(length, in_memory):
    items = [f"row {number} 词🙂" for number in range(length)]
    found = keep(iter(items), as_json, of_json, lambda item: 1, in_memory)
    assert isinstance(found, list) == (length <= in_memory)
    assert list(found) == items and len(found) == length and found == items
    if length:
        assert (found[0], found[-1], found[length // 2]) == (items[0], items[-1], items[length // 2])
        assert found[1:3] == items[1:3]
    with pytest.raises(IndexError):
        found[length]


class Live:
    """An item that is counted while it lives."""

    now = 0

    def __init__(self):
        Live.now += 1

    def __del__(self):
        Live.now -= 1


def test_of_what_lies_on_the_disk_nothing_stays_in_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("WHET_CACHE", str(tmp_path / "looked-for"))
    found = keep((Live() for _ in range(3 * CHUNK)), lambda _: b"x" * 1000, lambda _: Live(), lambda _: 1, 2 * CHUNK)
    assert Live.now == 0, "not even those that were held before they were too many"
    assert len(list(found)) == 3 * CHUNK
    if (maps := Path("/proc/self/maps")).exists():
        assert "looked-for" not in maps.read_text()


def test_only_the_last_chunks_stay():
    made = []

    def make(start, stop):
        made.append(start)
        return list(range(start, stop))

    items = Lazy(5 * CHUNK, make, held=2)
    assert list(items) == list(range(5 * CHUNK)) and made == [CHUNK * k for k in range(5)]
    assert items[4 * CHUNK] == 4 * CHUNK and len(made) == 5, "the last chunk is still there"
    assert items[0] == 0 and len(made) == 6, "the first is made anew"


@given(st.slices(5 * CHUNK))
def test_a_stretch_is_made_a_chunk_at_a_time(stretch):
    made = []

    def make(start, stop):
        made.append(start)
        return list(range(start, stop))

    found = Lazy(5 * CHUNK - 7, make, held=1)[stretch]
    assert found == list(range(5 * CHUNK - 7))[stretch]
    assert len(made) == len(set(made))


def test_the_file_goes_at_once_where_the_system_allows_and_with_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("WHET_CACHE", str(tmp_path))
    found = keep((str(k) for k in range(3 * CHUNK)), as_json, of_json, len, 0)
    if os.name == "posix":
        assert list((tmp_path / "scratch").iterdir()) == []
    assert found[2 * CHUNK] == str(2 * CHUNK)

    def broken():
        yield from (str(k) for k in range(2 * CHUNK))
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        keep(broken(), as_json, of_json, len, 0)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_killed_processes_left_behind_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("WHET_CACHE", str(tmp_path))
    (tmp_path / "scratch").mkdir()
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    left, own = tmp_path / "scratch" / f"{gone.stdout.strip()}-0", tmp_path / "scratch" / f"{os.getpid()}-x"
    left.write_bytes(b"x")
    own.write_bytes(b"x")
    cache.scratch()
    assert not left.exists() and own.exists()


def test_the_oldest_of_a_folder_go_first_and_what_is_in_use_stays(tmp_path):
    for age, name in ((300_000, "old"), (200_000, "newer"), (10, "now")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(b"x" * 100)
        used = kept.os.path.getmtime(tmp_path) - age
        os.utime(tmp_path / name, (used, used))
    cache.trim(tmp_path, 250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["newer", "now"]
    cache.trim(tmp_path, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["now"]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("WHET_CACHE", str(blocked))
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
    assert cache.folder("tokens").is_relative_to(tmp_path) and cache.folder("tokens").is_dir()


@pytest.mark.parametrize(
    "answer",
    [
        Prediction("a", {"a": 0.1 + 0.2, "b": 1 / 3}, (1e-300, -7.25)),
        Prediction(["O", "B-x"], None, np.array([[1.5, np.nan], [0.25, 3.0]]), {"entities": [{"type": "x"}]}),
        Prediction({"perplexity": 2.5}, None, (3.0, 4)),
        Prediction(0.5, None, None),
    ],
)
def test_an_answer_comes_back_as_it_was(answer):
    found = unpacked(packed(answer))
    assert (found.answer, found.probabilities, found.details) == (answer.answer, answer.probabilities, answer.details)
    assert type(found.raw) is type(answer.raw)
    np.testing.assert_array_equal(np.asarray(found.raw, float), np.asarray(answer.raw, float))
    assert size_of(answer) > 0
