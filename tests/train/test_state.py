"""Checkpoints rotate, and the newest is found. Damage to one is the business of tests/road/test_interrupted.py."""

from __future__ import annotations

import torch

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
    assert (found.progress.stage, found.progress.step, passed) == (1, 1, {})
