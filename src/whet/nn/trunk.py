"""The still lower part of a network: its states are given once, and stand in for it from then on.

Where nothing moves below block k, the states that go into block k never change. Here they are given for a flat batch,
and here embeddings and still blocks are put aside while such states are fed to the others: the family's own forward
runs as ever, and every module below the cut answers with the stored states instead of computing.

Shape legend: T tokens, D width.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import torch
import transformers
from torch import Tensor, nn

from whet.nn import kernels
from whet.nn.layout import Flat

if TYPE_CHECKING:
    from whet.nn.packed import Engine

PROBE = tuple(list(range(10, 10 + length)) for length in (7, 4))
"""Two short texts, as in the engine's own self-test."""


@final
class Trunk:
    """The embeddings and the first ``cut`` blocks of an engine's network, which stand still.

    ``kept`` is the type in which their states are kept: bfloat16 where products are computed in it, else float32,
    in which nothing is lost. ``given`` is the type in which the next block gets them, ``width`` their D.
    """

    def __init__(self, engine: Engine, cut: int) -> None:
        network, anatomy = engine.network, engine.anatomy
        self.engine, self.cut = engine, cut
        self.names = anatomy.below(cut)
        self.still = [network.get_submodule(name) for name in self.names]
        self.last = self.still[-1]
        self.kept = torch.bfloat16 if engine.precision == "bfloat16" else torch.float32
        probed_td = self._behind(self._probe())
        self.given, self.width = probed_td.dtype, probed_td.shape[1]

    def states(self, flat: Flat) -> Tensor:
        """The states ``[T, D]`` behind the last still block, in the batch's own order; none above is computed."""
        return self._behind(flat).to(self.kept)

    @contextmanager
    def fed(self, states_td: Tensor | None) -> Iterator[None]:
        """Inside, all that stands still answers with these states and computes nothing; with None it is as ever."""
        if states_td is None:
            yield
            return
        row = states_td[None].to(self.given)
        below = row.float()  # as embeddings give it, by whose type families compute their positions
        before = [vars(module).get("forward") for module in self.still]
        for module in self.still[:-1]:
            module.forward = lambda *args, **given: below
        self.last.forward = lambda *args, **given: row
        try:
            yield
        finally:
            for module, own in zip(self.still, before, strict=True):
                del module.forward
                if own is not None:
                    module.forward = own

    @contextmanager
    def rounded(self) -> Iterator[None]:
        """Inside, the next block gets the states as they would be kept, whether they are or not."""
        hook = self.last.register_forward_hook(lambda block, given, made: made.to(self.kept).to(made.dtype))
        try:
            yield
        finally:
            hook.remove()

    @property
    def products(self) -> int:
        """Multiplications a token in the still blocks: the entries of their matrices."""
        blocks = self.still[-self.cut :]
        return sum(one.numel() for block in blocks for one in block.parameters() if one.ndim == 2)

    def fingerprint(self) -> str:
        """A hash of all that the states depend on beside the tokens: weights, settings, code, versions, machine."""
        config: Any = self.engine.base.config
        device = self.engine.device
        facts = [
            str(self.kept),
            config.to_dict(),
            torch.__version__,
            transformers.__version__,
            torch.get_num_threads(),
            kernels.chosen(),
            torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            torch.backends.cpu.get_cpu_capability(),
        ]
        found = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
        for path in sorted(Path(__file__).parent.rglob("*.*")):
            if path.suffix in (".py", ".c", ".h"):
                found.update(path.read_bytes())
        for name, module in zip(self.names, self.still, strict=True):
            for part, tensor in module.state_dict().items():
                found.update(f"{name.removeprefix(self.engine.anatomy.base)} {part} {tuple(tensor.shape)}".encode())
                found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return found.hexdigest()

    def differs(self) -> bool:
        """Whether a batch from its states is not, bit for bit, what it is from its ids."""
        flat = self._probe()
        with self.rounded():
            whole_td = self.engine.states(flat)
        before, self.engine.trunk = self.engine.trunk, self
        try:
            return not torch.equal(self.engine.states(flat.with_states(self.states(flat))), whole_td)
        finally:
            self.engine.trunk = before

    def _probe(self) -> Flat:
        words = int(self.engine.base.config.vocab_size)  # type: ignore[union-attr, arg-type]
        return Flat.join([[number % words for number in text] for text in PROBE])

    def _behind(self, flat: Flat) -> Tensor:
        heard: list[Tensor] = []

        def enough(block: nn.Module, given: tuple[Any, ...], made: Tensor) -> None:
            heard.append(made)
            raise _Enough

        hook = self.last.register_forward_hook(enough)
        try:
            with suppress(_Enough):
                self.engine.states(flat)
        finally:
            hook.remove()
        return self.engine.as_given(flat, heard[0])


class _Enough(Exception):
    """Breaks off a forward pass whose rest nobody wants."""


def trunk_of(engine: Engine, cut: int) -> Trunk | str:
    """What stands still below a cut, or why stored states cannot stand in for it in this network."""
    family = engine.anatomy.family
    if engine.anatomy.encoder_decoder:
        return f"{family} is an encoder-decoder, whose decoder reads the encoder beside its own states"
    if engine.anatomy.shared:
        return f"{family} uses one block over and over"
    if engine.path != "flat":
        return f"{family}'s batches are not laid flat"
    was_training = engine.network.training
    engine.network.eval()
    try:
        with torch.inference_mode():
            trunk = Trunk(engine, cut)
            differs = trunk.differs()
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        return f"self-test: it failed ({str(error).partition(chr(10))[0]})"
    finally:
        engine.network.train(was_training)
    return "self-test: a batch from its states is not the same as from its tokens" if differs else trunk
