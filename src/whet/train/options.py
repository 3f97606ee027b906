"""How to train: the options of the recipe's ``train`` section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

Count = Annotated[int, Ge(1)]


@dataclass(frozen=True)
class TrainOptions:
    """How the weights move: how long, how fast, and when to look at the validation rows."""

    epochs: Annotated[float, Gt(0)] = 4.0
    """Passes over the training rows; small encoders gain up to the third or fourth (Devlin et al. 2019: 2 to 4)."""
    batch_size: Count = 32
    """Examples a step, whatever their lengths; 16 and 32 are BERT's own choices (Devlin et al. 2019)."""
    learning_rate: Annotated[float, Gt(0)] | None = None
    """The peak rate; null takes the strategy's own, since adapters want 5 to 10 times the rate of full tuning."""
    optimizer: Literal["adamw", "adam", "sgd", "adagrad", "rmsprop", "adafactor", "nadam", "radam"] = "adamw"
    """A name from torch.optim; AdamW with bias correction is the stable choice (Mosbach et al. 2021)."""
    schedule: Literal["linear", "cosine", "constant", "slanted-triangular"] | None = None
    """How the rate falls after the warm-up; null takes the strategy's own (linear for most)."""
    warmup: Annotated[float, Ge(0), Le(1)] = 0.1
    """Share of all steps in which the rate rises; .1 keeps fine-tuning stable (Mosbach et al. 2021)."""
    weight_decay: Annotated[float, Ge(0)] = 0.01
    """Decay of matrices (biases and norms have none), as in BERT (Devlin et al. 2019); decoupled for Adam's kind, while
    the other optimizers add it to the gradient, as torch does."""
    clip_norm: Annotated[float, Ge(0)] = 1.0
    """Largest gradient norm of a step, 0 for no limit; 1.0 is BERT's own."""
    evaluate_every: Count | None = None
    """Steps between looks at the validation rows; null looks after each epoch. A checkpoint follows every look."""
    patience: Count | None = None
    """Stop after so many looks without a better score; null trains to the end, for the best weights are kept anyway."""
    keep_checkpoints: Count = 2
    """How many checkpoints stay on disk: the newest, and one more in case the newest is damaged."""
    tokens_per_batch: Count | None = None
    """Most tokens that go through the model at once; null derives it from the machine's total memory."""
    precision: Literal["bfloat16", "float32"] | None = None
    """The type in which products are computed (weights stay float32); null takes what the probe finds faster here."""
    device: Literal["cpu", "cuda", "mps"] | None = None
    """Where to compute; null takes the fastest at hand."""
    threads: Count | None = None
    """Threads of the processor; null takes OMP_NUM_THREADS where it is set, else as many as the probe finds clearly
    faster than fewer. The last bits of a result depend on it, so a run keeps it."""
    kernels: Literal["compiled", "plain"] | None = None
    """What computes the parts of a step beside its products on the processor: C compiled for it once, or plain torch;
    null takes the compiled where there is a compiler. The last bits of a result depend on it, so a run keeps it."""
    cache_trunk: bool | None = None
    """Compute what stands still once and keep its states on the disk; null does so where it pays. The last bits of a
    result depend on it, so a run keeps it."""
