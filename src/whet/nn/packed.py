"""The engine: flat batches through any family's network, so that no product is spent on padding.

The base model sees one row that holds every example; our attention keeps them apart. A family's own head then sees
one state an example (or a token), because its base is replaced for that one call by a stub that returns those states:
so there is no head of ours per family, and plain loading keeps working.

Shape legend: T tokens, B examples, D width, N chosen positions, V vocabulary.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from whet.nn import families, stub
from whet.nn.anatomy import Anatomy
from whet.nn.heads import MeanHead, segment_mean
from whet.nn.layout import CURRENT, Flat, Layout, Path, arrange, filled, runs
from whet.nn.products import as_taken
from whet.nn.quick import quicken, stay_in_bfloat16
from whet.nn.surprise import PIECE, fits, surprised

if TYPE_CHECKING:
    from whet.nn.trunk import Trunk

__all__ = ["Choice", "Engine", "Flat", "choose_path"]

TOLERANCE = 1e-4


@final
class Engine:
    """A network that answers flat batches, by the path that its self-test allows.

    Products of the base are computed in ``precision`` over float32 weights; heads and all that is returned are float32.
    """

    def __init__(self, network: nn.Module, anatomy: Anatomy, path: Path = "flat", precision: str = "float32") -> None:
        self.network, self.anatomy, self.path, self.precision = network, anatomy, path, precision
        self.base = network.get_submodule(anatomy.base) if anatomy.base else network
        self._tried: tuple[nn.Module | None, bool] = (None, False)
        self.trunk: Trunk | None = None
        """What stands still below the strategy's cut, where stored states can stand in for it."""
        families.prepare(network, anatomy, path)
        quicken(network)
        if not anatomy.encoder_decoder:
            stay_in_bfloat16(network, anatomy.blocks[0].name)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def states(self, flat: Flat) -> Tensor:
        """The last states ``[T, D]`` as float32, in the batch's own order; of the decoder where the batch has one."""
        flat = flat.to(self.device)
        with self._products():
            return (self._padded(flat) if self.path == "padded" else self._flat(flat)).float()

    def _products(self) -> torch.autocast:
        """Inside, products are computed in the engine's precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def sequence(self, flat: Flat) -> Tensor:
        """One answer an example: float32 logits ``[B, outputs]``."""
        if self.anatomy.encoder_decoder and flat.decoder is None:
            flat = families.with_decoder(flat, self.network.config)
        states_td = self.states(flat)
        shown = flat if flat.decoder is None else flat.decoder
        if isinstance(self.network, MeanHead):
            return self.network.answer(segment_mean(states_td, shown.lengths))
        if families.pools_mean(self.network.config):
            rows_bd = segment_mean(states_td, shown.lengths)
        else:
            rows_bd = states_td.index_select(0, self._read(flat.to(self.device)))
        if self.anatomy.encoder_decoder:
            answered: Tensor = self.network.classification_head(rows_bd)  # type: ignore[operator]
            return answered
        return stub.head(self.network, self.anatomy, rows_bd.unsqueeze(1)).view(len(shown.lengths), -1)

    def _read(self, flat: Flat) -> Tensor:
        """The places ``[B]`` that a family's sequence head reads: first tokens, last ones, or end tokens."""
        if self.anatomy.encoder_decoder:
            return families.answers_at(flat, self.network.config)
        starts = torch.tensor(flat.starts, device=self.device)
        return starts + torch.tensor(flat.lengths, device=self.device) - 1 if self.anatomy.causal else starts

    def tokens(self, flat: Flat) -> Tensor:
        """One answer a token: float32 logits ``[T, outputs]``."""
        return stub.head(self.network, self.anatomy, self.states(flat).unsqueeze(0))[0]

    def language(self, flat: Flat, at_n: Tensor) -> Tensor:
        """Logits over the vocabulary ``[N, V]`` at chosen flat positions only (the decoder's where there is one)."""
        return self._vocabulary(self.states(flat).index_select(0, at_n.to(self.device)))

    def surprises(self, flat: Flat, at_n: Tensor, truth_n: Tensor) -> Tensor:
        """The float32 negative log-likelihoods ``[N]`` of tokens at chosen flat positions.

        Logits over a vocabulary are the largest thing in such a step, so they are made piece by piece and, for the
        backward pass, anew: memory is a piece's, whatever the batch.
        """
        return self.surprises_in(self.states(flat), at_n, truth_n)

    def surprises_in(self, states_td: Tensor, at_n: Tensor, truth_n: Tensor) -> Tensor:
        """The same for states that are known already."""
        rows_nd = states_td.index_select(0, at_n.to(self.device))
        with self._products():
            rows_nd = as_taken(rows_nd)
        if len(at_n) and (head := self._linear_head(rows_nd)) is not None:
            return surprised(rows_nd, head, truth_n)
        pieces = zip(rows_nd.split(PIECE), truth_n.to(self.device).split(PIECE), strict=True)
        found = [checkpoint(self._surprise, *piece, use_reentrant=False) for piece in pieces]
        return torch.cat(found) if found else rows_nd.new_zeros(0, dtype=torch.float32)

    def _linear_head(self, rows_nd: Tensor) -> nn.Linear | None:
        """The language head where it is a linear layer and nothing else, by a trial on two rows; else None."""
        head = self.network.get_output_embeddings()  # type: ignore[operator]
        if self.anatomy.encoder_decoder or not fits(head, rows_nd):
            return None
        if self._tried[0] is not head:
            with torch.no_grad(), self._products():
                rows = rows_nd[:2].detach().float()
                alike = torch.allclose(self._vocabulary(rows), head(rows).float(), rtol=TOLERANCE, atol=TOLERANCE)
            self._tried = (head, alike)
        return head if self._tried[1] else None

    def layers(self, flat: Flat) -> Layers:
        """Every layer's states, in the batch's own order; of the encoder where a decoder follows."""
        flat = replace(flat.to(self.device), known=None)
        heard: list[Tensor] = []

        def below(block: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            if not heard:
                heard.append(given[0] if given else named["hidden_states"])

        def behind(block: nn.Module, given: tuple[Any, ...], made: Any) -> None:
            heard.append(made[0] if isinstance(made, tuple) else made)

        blocks = [self.network.get_submodule(block.name) for block in self.anatomy.blocks]
        hooks = [blocks[0].register_forward_pre_hook(below, with_kwargs=True)]
        hooks += [block.register_forward_hook(behind) for block in blocks]
        try:
            last_td = self.states(flat)
        finally:
            for hook in hooks:
                hook.remove()
        first, *others = (self.as_given(flat, one) for one in heard)
        return Layers(first, tuple(others), last_td)

    def as_given(self, flat: Flat, states: Tensor) -> Tensor:
        """States as a block gave them, ``[1, T + filling, D]`` by length or ``[B, L, D]`` padded, as ``[T, D]``."""
        if self.path == "padded":
            return states[_rectangle(torch.ones_like(flat.ids), flat.lengths, 0).bool()]
        row = flat if self.anatomy.encoder_decoder else filled(flat, self.precision)
        order = sorted(range(len(row.lengths)), key=lambda index: -row.lengths[index])
        return arrange(row, order).restore(states[0])[: flat.tokens]

    def _surprise(self, rows_nd: Tensor, truth_n: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self._vocabulary(rows_nd), truth_n, reduction="none")

    def _vocabulary(self, rows_nd: Tensor) -> Tensor:
        with self._products():
            if self.anatomy.encoder_decoder:
                return families.vocabulary(self.network, rows_nd).float()
            return stub.head(self.network, self.anatomy, rows_nd.unsqueeze(0))[0].float()

    def _flat(self, flat: Flat) -> Tensor:
        if self.anatomy.encoder_decoder:
            return self._flat_both(flat)
        tokens, flat = flat.tokens, filled(flat, self.precision)
        order = sorted(range(len(flat.lengths)), key=lambda index: -flat.lengths[index])
        row = arrange(flat, order)
        layout = Layout(runs(row.lengths), row.positions)
        keywords = families.keywords(self.base.config, self.anatomy, row.positions, row.kinds)
        with _laid(layout), self.trunk.fed(row.states) if self.trunk else contextlib.nullcontext():
            found = (
                self.base(input_ids=row.ids[None], layout=layout, **keywords)
                if self.path == "flat"
                else self.base(input_ids=row.ids[None], **keywords)
            )
        return row.restore(found.last_hidden_state[0])[:tokens]

    def _flat_both(self, flat: Flat) -> Tensor:
        order = sorted(range(len(flat.lengths)), key=lambda index: -flat.lengths[index])
        row = arrange(flat, order)
        own = Layout(runs(row.lengths), row.positions)
        encoder, decoder = families.stacks(self.network, self.base)
        with _laid(own):
            memory = encoder(input_ids=row.ids[None], layout=own).last_hidden_state
        if flat.decoder is None:
            return row.restore(memory[0])
        said = arrange(flat.decoder, order)
        layout = Layout(runs(said.lengths), said.positions, runs(said.lengths, row.lengths))
        with _laid(layout):
            found = decoder(input_ids=said.ids[None], encoder_hidden_states=memory, use_cache=False, layout=layout)
        return said.restore(found.last_hidden_state[0])

    def _padded(self, flat: Flat) -> Tensor:
        ids, mask = _padded_rows(flat, self.network.config)
        if self.anatomy.encoder_decoder:
            encoder, decoder = families.stacks(self.network, self.base)
            memory = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            if flat.decoder is None:
                return memory[mask.bool()]
            said, said_mask = _padded_rows(flat.decoder, self.network.config)
            found = decoder(
                input_ids=said,
                attention_mask=said_mask,
                encoder_hidden_states=memory,
                encoder_attention_mask=mask,
                use_cache=False,
            )
            return found.last_hidden_state[said_mask.bool()]
        keywords = families.plain_call(self.anatomy)
        if flat.kinds is not None and families.takes_kinds(self.base.config):
            keywords["token_type_ids"] = _rectangle(flat.kinds, flat.lengths, 0)
        return self.base(input_ids=ids, attention_mask=mask, **keywords).last_hidden_state[mask.bool()]


@dataclass(frozen=True)
class Layers:
    """States ``[T, D]``: below the first block, behind each block, and the last ones, which a head reads."""

    below: Tensor
    blocks: tuple[Tensor, ...]
    last: Tensor


@dataclass(frozen=True)
class Choice:
    """The path that the self-test chose, and the sentence to say where it is not the flat one."""

    path: Path
    note: str


def choose_path(network: nn.Module, anatomy: Anatomy) -> Choice:
    """Two short examples alone and together in one row must agree to 1e-4 in float32; else padding is used.

    The tolerance grows with states beyond 1, whose rounding grows with them (GPT-2's reach hundreds). No flag of a
    family's is trusted: some accept an attention's name and go on with their own.
    """
    config: Any = network.config
    wanted = families.path_of(config)
    if wanted == "padded":
        return Choice("padded", f"{anatomy.family} keeps examples apart only by padding, so batches are padded")
    was_training = network.training
    network.eval()
    engine = Engine(network, anatomy, wanted)
    draw = torch.Generator().manual_seed(0)
    most = min(int(config.vocab_size), 1000)
    words = [torch.randint(min(10, most - 1), most, (count,), generator=draw).tolist() for count in (7, 4)]
    try:
        with torch.inference_mode():
            both = families.with_decoder_if_needed(Flat.join(words), network.config, anatomy)
            alone = [families.with_decoder_if_needed(Flat.join([word]), network.config, anatomy) for word in words]
            apart = torch.cat([engine.states(one) for one in alone])
            worst = float((engine.states(both) - apart).abs().max())
            plain = Engine(network, anatomy, "padded")
            worst = max(worst, float((plain.states(both) - apart).abs().max()))
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        return _fall_back(network, anatomy, f"the flat way failed ({str(error).partition(chr(10))[0]})")
    finally:
        network.train(was_training)
    if not worst <= TOLERANCE * max(1.0, float(apart.abs().max())):
        return _fall_back(network, anatomy, f"flat and alone differ by {worst:.1e}")
    families.prepare(network, anatomy, wanted)
    return Choice(wanted, "")


def _fall_back(network: nn.Module, anatomy: Anatomy, why: str) -> Choice:
    families.prepare(network, anatomy, "padded")
    return Choice("padded", f"self-test: {why}, so batches are padded (slower, equally right)")


@contextlib.contextmanager
def _laid(layout: Layout) -> Iterator[None]:
    token = CURRENT.set(layout)
    try:
        yield
    finally:
        CURRENT.reset(token)


def _padded_rows(flat: Flat, config: Any) -> tuple[Tensor, Tensor]:
    """Ids and mask ``[B, L]``, padded on the right."""
    pad = getattr(config, "pad_token_id", None)
    return _rectangle(flat.ids, flat.lengths, 0 if pad is None else pad), _rectangle(
        torch.ones_like(flat.ids), flat.lengths, 0
    )


def _rectangle(values_t: Tensor, lengths: tuple[int, ...], fill: int) -> Tensor:
    return nn.utils.rnn.pad_sequence(list(values_t.split(lengths)), batch_first=True, padding_value=fill)
