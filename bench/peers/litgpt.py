"""LitGPT's own full fine-tuning (``litgpt finetune_full``) of a Llama, on the tokens that the other sides see.

``python -m bench.peers.litgpt ARGUMENTS`` with LitGPT on the path; it lies in a folder of its own, since its pins do
not suit transformers 5 (``make bench`` fills it). Model and loop are LitGPT's; its schedule is a warm-up and a cosine,
it looks at the validation rows and saves once, at the end. Its clock runs from the first batch to that save. It logs no
gradient norm; the norm of what training changed in the weights stands for it.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from litgpt.args import EvalArgs, TrainArgs
from litgpt.config import Config
from litgpt.data.base import DataModule, get_sft_collate_fn
from litgpt.finetune import full
from litgpt.model import GPT
from litgpt.scripts.convert_hf_checkpoint import copy_weights_hf_llama
from litgpt.utils import save_config
from safetensors.torch import load_file
from torch.utils.data import DataLoader

from bench.peers.trainer import documents
from whet.core import memory
from whet.nn import machine

WARMUP, DECAY = 0.1, 0.01
WEIGHTS = "lit_model.pth"


class Rows(DataModule):
    """Tokens as they are; ``began`` is the moment at which the first batch of training was asked for."""

    prompt_style = "none"

    def __init__(self, train: Sequence[Any], validation: Sequence[Any], size: int) -> None:
        super().__init__()
        self.train, self.validation, self.size = train, validation, size
        self.began = 0.0
        self._collate = get_sft_collate_fn()

    def connect(self, tokenizer: Any = None, batch_size: int = 1, max_seq_length: int | None = None, **_: Any) -> None:
        """Nothing of it is needed."""

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.train, self.size, shuffle=True, collate_fn=self._first)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.validation, self.size, collate_fn=self._collate)

    def _first(self, samples: list[Any]) -> Any:
        self.began = self.began or time.perf_counter()
        return self._collate(samples)


def rows(tokens: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    ids = [torch.tensor(one) for one in tokens]
    counts = [{"raw": len(one), "raw_plus_prompt_template": len(one)} for one in ids]
    return [{"input_ids": one, "labels": one, "token_counts": n} for one, n in zip(ids, counts, strict=True)]


def converted(source: Path, place: Path) -> Config:
    """LitGPT's directory of a transformers Llama: the same shape and the same weights."""
    known = transformers.AutoConfig.from_pretrained(source)
    config = Config(
        name="decoder",
        block_size=known.max_position_embeddings,
        n_layer=known.num_hidden_layers,
        n_embd=known.hidden_size,
        n_head=known.num_attention_heads,
        intermediate_size=known.intermediate_size,
        vocab_size=known.vocab_size,
        padded_vocab_size=known.vocab_size,
        norm_class_name="RMSNorm",
        norm_eps=known.rms_norm_eps,
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        mlp_class_name="LLaMAMLP",
    )
    place.mkdir()
    weights: dict[str, torch.Tensor] = {}
    copy_weights_hf_llama(config, {}, weights, load_file(source / "model.safetensors"))
    torch.save(weights, place / WEIGHTS)
    save_config(config, place)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, place / name)
    return config


def language(given: dict[str, Any], place: Path) -> dict[str, Any]:
    """Train as ``given`` says, in the precision that whet's probe takes, and measure the test documents."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(given["model"])
    tokens = {
        split: documents(Path(given[split]), tokenizer, tokenizer.eos_token_id, given["max_tokens"])
        for split in ("train", "validation", "test")
    }
    size, steps = given["batch_size"], -(-len(tokens["train"]) // given["batch_size"]) * given["epochs"]
    config = converted(Path(given["model"]), place / "base")
    chosen = machine.precision(transformers.AutoModelForCausalLM.from_pretrained(given["model"]))
    data = Rows(rows(tokens["train"]), rows(tokens["validation"]), size)
    settings = {"lr": given["learning_rate"], "weight_decay": DECAY, "fused": True}
    sys.argv = ["litgpt", str(place / "base")]  # LitGPT reads its own command line once more when it saves
    full.save_prompt_style = lambda style, folder: None  # ours are tokens, they have no style
    with contextlib.redirect_stdout(sys.stderr):
        full.setup(
            place / "base",
            place / "out",
            precision="bf16-mixed" if chosen == "bfloat16" else "32-true",
            data=data,
            train=TrainArgs(
                save_interval=None,
                global_batch_size=size,
                micro_batch_size=size,
                lr_warmup_steps=max(1, round(WARMUP * steps)),
                epochs=given["epochs"],
                max_seq_length=given["max_tokens"],
            ),
            eval=EvalArgs(interval=steps + 1, max_new_tokens=1, max_iters=len(tokens["validation"])),
            optimizer={"class_path": "torch.optim.AdamW", "init_args": settings},
            seed=given["seed"],
        )
    seconds = time.perf_counter() - data.began
    log = next((place / "out" / "logs").rglob("metrics.csv"))
    logged = [line for line in csv.DictReader(log.open(encoding="utf-8")) if line.get("loss")]
    before, after = (
        torch.load(path / WEIGHTS, map_location="cpu") for path in (place / "base", place / "out" / "final")
    )
    after = after.get("model", after)
    moved = math.sqrt(sum(float((after[name].float() - before[name]).square().sum()) for name in before))
    return {
        "seconds": seconds,
        "score": perplexity(config, after, tokens["test"]),
        "examples": len(tokens["train"]) * given["epochs"],
        "rows": len(tokens["train"]),
        "batch_size": size,
        "epochs": given["epochs"],
        "steps": max(int(float(line["step"])) for line in logged),
        "precision": chosen,
        "learning_rate": given["learning_rate"],
        "least_gradient_norm": moved,
        "last_loss": float(logged[-1]["loss"]),
        "moved": sum(one.numel() for one in after.values()),
    }


@torch.inference_mode()
def perplexity(config: Config, weights: dict[str, torch.Tensor], tokens: Sequence[Sequence[int]]) -> float:
    model = GPT(config)
    model.load_state_dict(weights)
    model.eval()
    total = 0.0
    for one in tokens:
        ids = torch.tensor([one])
        total += float(torch.nn.functional.cross_entropy(model(ids)[0, :-1].float(), ids[0, 1:], reduction="sum"))
    return math.exp(total / sum(len(one) - 1 for one in tokens))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        found = language(json.loads(sys.argv[1]), Path(scratch))
    print(json.dumps({**found, "peak_bytes": memory.peak_bytes()}))
