"""Checkpoints rotate, come back whole, and a damaged one gives way to the one before it."""

from __future__ import annotations

import torch

from whet.train.keeper import _beats
from whet.train.state import Checkpoint, Progress, latest, newest


def checkpoint(step: int, stage: int = 0) -> Checkpoint:
    return Checkpoint(Progress(stage=stage, step=step), {"weight": torch.full((3,), float(step))}, {}, None)


def test_only_the_newest_stay(tmp_path):
    for step in (5, 10, 100):
        checkpoint(step).save(tmp_path, keep=2)
    assert [path.name for path in newest(tmp_path)] == ["stage-0-step-0000100", "stage-0-step-0000010"]


def test_a_later_stage_is_newer_than_any_step_of_an_earlier_one(tmp_path):
    checkpoint(900).save(tmp_path, keep=2)
    checkpoint(1, stage=1).save(tmp_path, keep=2)
    found, passed = latest(tmp_path)
    assert (found.progress.stage, found.progress.step, passed) == (1, 1, [])


def test_a_flipped_bit_gives_way_to_the_checkpoint_before(tmp_path):
    checkpoint(1).save(tmp_path, keep=2)
    file = checkpoint(2).save(tmp_path, keep=2) / "weights.safetensors"
    held = bytearray(file.read_bytes())
    held[-1] ^= 1
    file.write_bytes(held)
    found, passed = latest(tmp_path)
    assert found.progress.step == 1 and found.weights["weight"].tolist() == [1.0, 1.0, 1.0]
    assert "stage-0-step-0000002 is damaged" in passed[0]


def test_an_equal_score_needs_a_lower_loss():
    best = {"accuracy": 0.8, "loss": 0.5}
    assert _beats("accuracy", {"accuracy": 0.8, "loss": 0.4}, best)
    assert not _beats("accuracy", {"accuracy": 0.8, "loss": 0.5}, best)
    assert not _beats("accuracy", {"accuracy": 0.7, "loss": 0.1}, best)
    assert _beats("accuracy", {"accuracy": 0.1, "loss": 9.0}, None)
