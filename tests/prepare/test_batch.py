"""Steps: every example exactly once, the same order every time, sizes and memory as asked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from whet.prepare.batch import WINDOW, collate, heaviest, steps, sweep
from whet.tasks.contract import Features


def made(lengths: list[list[int]]) -> list[Features]:
    """One example a list, one window a length; the first token says whose it is."""
    return [
        Features(index, [index] * length, supervised=1 / len(parts), part=part)
        for index, parts in enumerate(lengths)
        for part, length in enumerate(parts)
    ]


shapes = st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=3), min_size=1, max_size=40)


@settings(deadline=None)
@given(shapes, st.integers(1, 9), st.integers(1, 100), st.integers(0, 2), st.integers(0, 2))
def test_an_epoch(lengths, batch_size, budget, seed, epoch):
    features = made(lengths)
    found = list(steps(features, batch_size, budget, seed, 0, epoch))
    assert len(found) == -(-len({feature.index for feature in features}) // batch_size)
    seen = [f for step in found for batch in step.micro for f in batch.features]
    assert sorted((f.index, f.part) for f in seen) == [(f.index, f.part) for f in features]
    sizes = [len({f.index for batch in step.micro for f in batch.features}) for step in found]
    assert sizes == [step.examples for step in found]
    assert all(size == batch_size for size in sizes[:-1]) and sum(sizes) == len(lengths)
    for step in found:
        assert abs(step.supervised - step.examples) < 1e-9
        for batch in step.micro:
            assert batch.flat.tokens <= budget or len(batch.features) == 1
            assert batch.flat.lengths == tuple(len(f.ids) for f in batch.features)
            assert batch.flat.ids.tolist() == [token for f in batch.features for token in f.ids]
    again = list(steps(features, batch_size, budget, seed, 0, epoch))
    assert [[b.features for b in step.micro] for step in again] == [[b.features for b in step.micro] for step in found]


def order(batch_size=4, seed=0, stage=0, epoch=0, budget=10_000):
    features = made([[3]] * 64)
    return [
        sorted(f.index for batch in step.micro for f in batch.features)
        for step in steps(features, batch_size, budget, seed, stage, epoch)
    ]


def test_seed_stage_and_epoch_each_change_the_order_and_memory_does_not():
    assert order() == order(budget=5)
    assert len({str(order(**{name: 1})) for name in ("seed", "stage", "epoch")} | {str(order())}) == 4


def test_a_step_has_as_few_micro_batches_as_its_lengths_allow():
    (step,) = steps(made([[10], [1], [9], [2], [8]]), 5, 30, 0, 0, 0)
    assert [batch.flat.lengths for batch in step.micro] == [(10, 9, 8, 2, 1)]


@settings(deadline=None)
@given(shapes, st.integers(1, 100), st.integers(1, 7))
def test_a_sweep_gives_everything_once_and_keeps_windows_of_a_text_in_one_stretch(lengths, budget, window):
    features = made(lengths)
    batches = [batch for part in sweep(iter(features), budget, window) for batch in part]
    seen = [(f.index, f.part) for batch in batches for f in batch.features]
    assert sorted(seen) == [(f.index, f.part) for f in features]
    assert [index // window for index, _ in seen] == sorted(index // window for index, _ in seen)
    assert all(batch.flat.tokens <= budget or len(batch.features) == 1 for batch in batches)


def test_a_sweep_holds_no_more_than_its_window():
    taken = []

    def source():
        for index in range(10**9):
            taken.append(index)
            yield Features(index, [1])

    next(sweep(source(), 8))
    assert len(taken) == WINDOW + 1


def test_nothing_gives_nothing():
    assert list(steps([], 4, 10, 0, 0, 0)) == [] and list(sweep([], 10)) == []


def test_token_types_of_one_text_are_kept_beside_a_text_that_has_none():
    batch = collate([Features(0, [1, 2], kinds=[0, 1]), Features(1, [3])])
    assert batch.flat.kinds is not None and batch.flat.kinds.tolist() == [0, 1, 0]
    assert collate([Features(0, [1])]).flat.kinds is None


@settings(deadline=None)
@given(shapes, st.integers(1, 9), st.integers(1, 100))
def test_the_heaviest_batch_is_the_one_with_most_tokens_where_lengths_hardly_matter(lengths, batch_size, budget):
    features = made(lengths)
    found = heaviest(features, batch_size, budget, 0, 0, 2)
    every = [
        batch for epoch in (0, 1) for one in steps(features, batch_size, budget, 0, 0, epoch) for batch in one.micro
    ]
    most = max(batch.flat.tokens for batch in every)
    assert found.flat.tokens in {batch.flat.tokens for batch in every}
    if budget >= sum(map(sum, lengths)):
        assert found.flat.tokens >= 0.9 * most
    else:
        assert found.flat.tokens <= max(budget, max(map(max, lengths)))


def test_of_equally_many_tokens_the_longer_texts_weigh_more():
    features = made([[300], *[[100, 100, 100]] * 4])
    assert heaviest(features, 1, 10_000, 0, 0, 1).flat.lengths == (300,)
    assert heaviest(made([[300], *[[100] * 9] * 4]), 1, 10_000, 0, 0, 1).flat.tokens == 900, "tokens weigh more"


def test_every_epoch_is_looked_through():
    """Two long texts among many come into one step in some epochs only, and each time later ones change nothing."""
    features = made([[100], [100], *[[1]] * 10])
    met = [
        max(step.micro[0].flat.lengths.count(100) for step in steps(features, 3, 10_000, 0, 0, epoch))
        for epoch in range(9)
    ]
    first = met.index(2)
    assert first > 0, "another seed is needed"
    found = [heaviest(features, 3, 10_000, 0, 0, epochs).flat.lengths.count(100) for epochs in range(1, 10)]
    assert found == [1] * first + [2] * (9 - first)
