"""What is chosen from a machine's figures, and that the figures are those of products and of memory."""

from __future__ import annotations

import time

import pytest
import torch

from whet.nn import probe
from whet.nn.probe import LAYOUTS, Probe, Roof

CPU = torch.device("cpu")


def roof(threads: int, slow: float, fast: float) -> Roof:
    return Roof(threads, {"float32": dict.fromkeys(LAYOUTS, slow), "bfloat16": dict.fromkeys(LAYOUTS, fast)}, 10.0)


def test_a_rate_over_the_layouts_is_operations_by_seconds():
    uneven = Roof(1, {"float32": {"forward": 100.0, "inputs": 50.0, "weights": 25.0}}, 1.0)
    assert uneven.products("float32") == pytest.approx(3 / (1 / 100 + 1 / 50 + 1 / 25))


@pytest.mark.parametrize(("fast", "chosen"), [(200.0, "bfloat16"), (110.0, "float32"), (50.0, "float32")])
def test_only_a_type_that_is_clearly_faster_is_chosen(fast, chosen):
    assert roof(1, 100.0, fast).precision == chosen


@pytest.mark.parametrize(
    ("all_slow", "all_fast", "asked", "chosen"),
    [
        (190.0, 90.0, None, 2),
        (105.0, 60.0, None, 1),  # two threads of one core
        (60.0, 30.0, None, 1),
        (105.0, 300.0, None, 2),  # bfloat16 gains, and would be taken
        (105.0, 300.0, "float32", 1),
    ],
)
def test_more_threads_are_taken_only_where_they_are_faster(all_slow, all_fast, asked, chosen):
    assert Probe((roof(1, 100.0, 60.0), roof(2, all_slow, all_fast)), 1).threads(asked) == chosen


def test_the_reasons_name_the_figures():
    known = Probe((roof(1, 160.0, 80.0), roof(2, 256.0, 150.0)), 1)
    assert known.about_precision("float32", 2) == "float32: products run at 256 GFLOP/s, in bfloat16 at 150 GFLOP/s"
    assert known.about_threads(2, "float32") == "2 threads: products run 1.6 times as fast as with one"
    asked = known.about_threads(1, "float32", ", as the recipe says")
    assert asked == "1 thread, as the recipe says: with 2 products run 1.60 times as fast"
    assert Probe((roof(1, 1.0, 1.0),), 1).about_threads(1, "float32") == "1 thread"


def test_an_unknown_number_of_threads_has_the_roof_of_the_nearest_below():
    known = Probe((roof(1, 1.0, 1.0), roof(4, 4.0, 1.0)), 1)
    assert [known.roof(threads).threads for threads in (1, 3, 4, 9)] == [1, 1, 4, 4]


def test_all_is_measured_in_about_two_seconds_and_the_threads_are_as_before():
    before = torch.get_num_threads()
    began = time.process_time()
    found = probe.products(384, 1536, CPU, (1,))
    speeds = probe.bandwidth(CPU, (1,))
    assert time.process_time() - began < 4
    assert torch.get_num_threads() == before
    figures = [figure for kind in found[1].values() for figure in kind.values()]
    assert len(figures) == 6 and all(0.01 < figure < 100_000 for figure in figures)
    assert 0.1 < speeds[1] < 10_000


def test_what_is_slow_is_measured_with_few_tokens(monkeypatch):
    """Where bfloat16 has no instructions it is a hundred times slower, and nobody waits for that."""
    asked: list[tuple[str, int]] = []

    def product(kind, layout, tokens, width, inner, device):
        asked.append((kind, tokens))
        return lambda: tokens * (1e-3 if kind == "bfloat16" else 1e-6)

    monkeypatch.setattr(probe, "_product", product)
    monkeypatch.setattr(probe, "timed", lambda work, device: work())
    found = probe.products(32, 64, CPU, (1,))
    assert max(tokens for kind, tokens in asked if kind == "bfloat16") <= 64
    assert max(tokens for kind, tokens in asked if kind == "float32") == probe.TOKENS
    assert found[1]["bfloat16"]["forward"] == pytest.approx(2 * 32 * 64 * 1000 / 1e9)
