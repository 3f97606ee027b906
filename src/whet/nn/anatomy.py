"""The parts of any known transformer by what they are for, so that a strategy never names a family.

N strategies and M families then cost N + M pieces of code and not N times M. The names stand in ``families.py``; here they
are looked for in a real network, and whatever is not where the table says is refused rather than guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from whet.core.errors import ModelError
from whet.nn.families import FAMILIES, PURPOSES, Family, Pooling, Shape


@dataclass(frozen=True)
class Anatomy:
    """Where the parts of one network are; all names are dotted names in that network.

    ``base`` is the pretrained model below the head ("" where the network is its own base). ``blocks`` stand in the order
    in which data visits them, an encoder's before its decoder's. ``late`` are the base's parts behind the last block
    (final norms, poolers), ``head`` the parts outside the base. ``shared`` says that every block runs several times
    (ALBERT), so that no lower part can be cut away. ``pooling`` is the row that the sequence head reads.
    """

    family: str
    shape: Shape
    base: str
    embeddings: tuple[str, ...]
    blocks: tuple[str, ...]
    late: tuple[str, ...]
    head: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]
    between: Mapping[str, int]
    cross: tuple[str, ...]
    encoder_blocks: int
    pooling: Pooling
    shared: bool = False

    @property
    def depth(self) -> int:
        """L, the number of blocks."""
        return len(self.blocks)

    @property
    def row(self) -> Family:
        """The family's row of the table."""
        return FAMILIES[self.family]

    def depth_of(self, parameter: str) -> int:
        """0 for the embeddings, 1 to L for the blocks, L + 1 for the head and what follows the last block.

        An encoder's final norm in an encoder-decoder stands with the encoder's last block, DeBERTa's convolution with
        the first one. Raises ModelError for a name that belongs to no known part.
        """
        for number, block in enumerate(self.blocks, 1):
            if _inside(parameter, block):
                return number
        for name, number in self.between.items():
            if _inside(parameter, name):
                return number
        if any(_inside(parameter, name) for name in self.embeddings):
            return 0
        if any(_inside(parameter, name) for name in (*self.late, *self.head)):
            return self.depth + 1
        raise ModelError(f"it is not known what the parameter '{parameter}' is for", self.family)

    def below(self, cut: int) -> list[str]:
        """The modules that stand still where the lowest ``cut`` blocks and the embeddings do; none for 0."""
        if cut == 0:
            return []
        return [*self.embeddings, *self.blocks[:cut], *(n for n, number in self.between.items() if number <= cut)]

    def linears(self, kinds: Iterable[str] = PURPOSES) -> list[str]:
        """The names of the matrices in the blocks that serve these purposes, each once, from the bottom up."""
        wanted = list(kinds)
        unknown = [kind for kind in wanted if kind not in PURPOSES]
        if unknown:
            raise ModelError(f"there are no linear layers for {unknown[0]}", cure="known: " + ", ".join(PURPOSES))
        names = {name for kind in wanted for name in self.parts.get(kind, ())}
        ordered = dict.fromkeys(name for kind in PURPOSES for name in self.parts.get(kind, ()) if name in names)
        return sorted(ordered, key=self.depth_of)


def read_anatomy(network: nn.Module) -> Anatomy:
    """Name the parts of a network. Raises ModelError where the family is unknown or a part is not where it should be."""
    config = getattr(network, "config", None)
    name = getattr(config, "model_type", type(network).__name__)
    if name not in FAMILIES:
        raise ModelError(
            f"the parts of the family '{name}' are not known", cure="use one of: " + ", ".join(sorted(FAMILIES))
        )
    family = FAMILIES[name]
    base = base_of(network)
    found = _Search(network, base)
    blocks, encoder_blocks = _blocks(found, family, name)
    single = family.shape == "encoder-decoder" and not found.has("decoder")
    parts = {purpose: found.within(blocks, paths) for purpose, paths in family.linears.items()}
    missing = [purpose for purpose in ("query", "value", "down") if len(parts[purpose]) < len(blocks)]
    if missing:
        raise ModelError(f"some block has no linear layer for {missing[0]}", name, "check the model's configuration")
    late = found.named(family.between if single else family.late)
    before = {} if single else {part: _standing(part, encoder_blocks) for part in found.named(family.between)}
    pooling: Pooling = "first" if single else family.pooling
    if name == "modernbert" and getattr(config, "classifier_pooling", "cls") == "mean":
        pooling = "mean"
    if hasattr(network, "pooling"):
        pooling = network.pooling
    anatomy = Anatomy(
        name,
        "encoder" if single else family.shape,
        base,
        found.named(family.early),
        blocks,
        late,
        _head(network, base),
        {purpose: names for purpose, names in parts.items() if names},
        before,
        () if single or not family.cross else found.within(blocks[encoder_blocks:], (family.cross,)),
        encoder_blocks,
        pooling,
        family.shared,
    )
    for parameter, _ in network.named_parameters():
        anatomy.depth_of(parameter)
    return anatomy


def base_of(network: nn.Module) -> str:
    """The name of the pretrained model inside a network; "" where it is the network itself."""
    prefix = str(getattr(network, "base_model_prefix", ""))
    return prefix if prefix and isinstance(getattr(network, prefix, None), nn.Module) else ""


class _Search:
    """Looks for parts below a network's base."""

    def __init__(self, network: nn.Module, base: str) -> None:
        self.modules = dict(network.named_modules(remove_duplicate=False))
        self.prefix = f"{base}." if base else ""

    def has(self, name: str) -> bool:
        return self.prefix + name in self.modules

    def named(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.prefix + name for name in names if self.has(name))

    def children(self, name: str) -> tuple[str, ...]:
        return tuple(f"{self.prefix}{name}.{child}" for child, _ in self.modules[self.prefix + name].named_children())

    def within(self, blocks: Iterable[str], paths: Iterable[str]) -> tuple[str, ...]:
        """Every path inside every block; ``*`` stands for all numbers of a list."""
        found = []
        for block in blocks:
            for path in paths:
                start, star, rest = path.partition(".*")
                if not star:
                    found.append(f"{block}.{path}")
                elif f"{block}.{start}" in self.modules:
                    numbers = [number for number, _ in self.modules[f"{block}.{start}"].named_children()]
                    found += [f"{block}.{start}.{number}{rest}" for number in numbers]
        return tuple(name for name in found if name in self.modules)


def _blocks(found: _Search, family: Family, name: str) -> tuple[tuple[str, ...], int]:
    stacks = [found.children(stack) for stack in family.stacks if found.has(stack)]
    if not stacks or not all(stacks) or (len(stacks) < len(family.stacks) and found.has("decoder")):
        raise ModelError(f"its blocks are not at {' and '.join(family.stacks)}", name, "is it a model of this family?")
    return tuple(block for stack in stacks for block in stack), len(stacks[0])


def _standing(part: str, encoder_blocks: int) -> int:
    return 1 if part.endswith("conv") else encoder_blocks


def _head(network: nn.Module, base: str) -> tuple[str, ...]:
    if base:
        return tuple(name for name, _ in network.named_children() if name != base)
    return ("lm_head",) if isinstance(getattr(network, "lm_head", None), nn.Module) else ()


def _inside(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")
