"""One stage under way: its rows encoded, its model assembled, everything that the machine chose written into it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch

from whet.assemble import states, trunk
from whet.assemble.build import Built, Compute, Fetched, build, fetch
from whet.assemble.model import Model
from whet.assemble.nearest import Learnt, drawn
from whet.assemble.predictor import Predictor
from whet.assemble.source import Source
from whet.core.draws import derive
from whet.core.events import Said, Tell
from whet.judge.judge import main_metric
from whet.measures.contract import chosen
from whet.nn import kernels, machine
from whet.nn.trunk import Trunk
from whet.prepare.corpus import Corpus, prepare
from whet.prepare.encode import Account, encode_on_disk
from whet.prepare.locate import is_folder, locate
from whet.recipe import Recipe, Stage
from whet.strategies.contract import cut_in
from whet.tasks.contract import Batch, Pair, Split
from whet.train.course import Course


@dataclass(frozen=True)
class Leg:
    """A stage's number and recipe (nothing left open), its rows, and its model.

    ``stated`` are the rows that are learnt from and looked at, with the states of what stands still where they are
    kept. Answers that are reported are made from the tokens, as they are wherever the model will stand.
    """

    number: int
    seed: int
    stage: Stage
    corpus: Corpus
    built: Built
    splits: dict[str, Split]
    accounts: dict[str, Account]
    most_bytes: int = 0
    stated: Mapping[str, Split] = field(default_factory=dict)

    @property
    def model(self) -> Model:
        return self.built.model

    @property
    def metric(self) -> str:
        """The metric that chooses the best weights."""
        return main_metric(self.model.task, self.model.schema, self.splits["train"], self.stage.evaluate)

    @property
    def bytes_a_token(self) -> int:
        """What the blocks keep of a token until its backward pass, by the formula."""
        engine = self.model.engine
        return machine.bytes_a_token(engine.network.config, engine.anatomy.depth)

    @property
    def training_bytes(self) -> int:
        """What moving weights take besides themselves: gradients, two moments of Adam and the best weights."""
        return 16 * self.model.parameters()["trainable"]

    def course(self) -> Course:
        """What the loop needs to know."""
        return Course(
            self.model.task,
            self.model.schema,
            self.stated.get("train", self.splits["train"]).features,
            self.stage.strategy,
            _rate(self.stage, self.model),
            self.stage.train,
            self.model.tokens_per_batch,
            self.seed,
            self.number,
        )

    def look(self) -> dict[str, float]:
        """The scores on the validation rows, with the weights as they stand; nothing where there are no such rows."""
        split = self.stated.get("validation", self.splits["validation"])
        if not split.examples:
            return {}
        asked = self.stage.evaluate
        return Predictor(self.model).measure(split, metrics=chosen(asked.metrics, asked.metric))

    def fed(self, batch: Batch) -> Batch:
        """A batch as the training will see it: with states of its own where they are to be kept, or as it is."""
        still = self.still
        if still is None:
            return batch
        self.model.network.eval()
        with torch.no_grad():
            return dataclasses.replace(batch, flat=batch.flat.with_states(still.states(batch.flat)))

    @property
    def still(self) -> Trunk | None:
        """What stands still, where its states are to be kept."""
        return self.model.engine.trunk if self.stage.train.cache_trunk else None

    def with_states(self, tell: Tell) -> Leg:
        """The same leg with the states of what stands still, computed where they are not there yet, or as it is."""
        if self.still is None:
            return self
        stated = states.stated(self.still, _learnt_from(self.splits), self.most_bytes, tell)
        return dataclasses.replace(self, stated=stated)

    def learnt(self) -> Learnt:
        """The training rows, as far as an explanation looks at them."""
        return drawn(self.splits["train"].examples, self.corpus.originals("train"), self.seed)

    def untuned(self, tell: Tell) -> Sequence[Pair] | None:
        """The answers to the test rows before training; None where the head is new and could only guess."""
        if self.built.loaded.head_is_new:
            return None
        return Predictor(self.model).pairs(self.splits["test"], tell)

    def within(self, budget_seconds: float, predicted_seconds: float, tell: Tell) -> Leg:
        """The same leg with as many epochs, at most the recipe's, as the budget allows by the forecast."""
        epochs = self.stage.train.epochs
        fitting = epochs * min(1.0, budget_seconds / max(predicted_seconds, 1e-9))
        tell(Said(f"a budget of {budget_seconds:.0f} s allows {fitting:.2f} of {epochs:g} epochs"))
        return dataclasses.replace(self, stage=self.stage.with_("train", epochs=fitting))

    def tuned(self) -> Leg:
        """The same leg with what is fitted on validation after training (temperature, thresholds)."""
        split = self.splits["validation"]
        if not split.examples:
            return self
        schema = self.model.task.tune(Predictor(self.model).pairs(split), self.model.schema)
        return dataclasses.replace(self, built=dataclasses.replace(self.built, model=self.model.with_schema(schema)))


def _learnt_from(splits: Mapping[str, Split]) -> dict[str, Split]:
    """The splits that a training reads over and over."""
    return {name: splits[name] for name in ("train", "validation") if len(splits[name].features)}


def _kept(stage: Stage, built: Built, splits: Mapping[str, Split], tell: Tell) -> trunk.Choice:
    """Whether the states of what stands still are computed once, said aloud."""
    engine, train = built.model.engine, stage.train
    cut = cut_in(engine.network, engine.anatomy, stage.strategy)
    why_not = trunk.find(engine, cut, built.model.task.head(built.model.schema).kind)
    steps = len(splits["train"].examples) / train.batch_size * train.epochs
    looks = steps / train.evaluate_every if train.evaluate_every else train.epochs
    choice = trunk.choose(engine, why_not, _learnt_from(splits), train.epochs, looks, train.cache_trunk)
    if choice.note:
        tell(Said(choice.note))
    return choice


def _rate(stage: Stage, model: Model) -> float:
    """The recipe's learning rate, or the strategy's own for a model so wide."""
    return stage.train.learning_rate or stage.strategy.rate_for(machine.shape(model.network.config)[0])


def read(recipe: Recipe, tell: Tell) -> tuple[Recipe, list[Corpus]]:
    """Every stage's rows, read and checked before any model is loaded; the recipe names their files in full."""
    corpora = []
    for number, stage in enumerate(recipe.stages):
        asked, train = stage.data, stage.data.train
        source = train if train and (train.startswith("hf:") or is_folder(train)) else None
        options = dataclasses.replace(asked, train=None) if source else asked
        files = {name: str(path.resolve()) for name, path in locate(source, options).files.items()}
        mix = {str(Path(path).resolve()): weight for path, weight in asked.mix.items()}
        settled = dataclasses.replace(asked, **cast(dict[str, Any], {**files, "mix": mix}))
        folds = stage.evaluate.folds if number + 1 == len(recipe.stages) else None
        corpus = prepare(source, options, stage.task, recipe.seed, folds)
        task = corpus.task.settled(corpus.schema)
        metric = main_metric(task, corpus.schema, corpus.splits["train"], stage.evaluate)
        stage = dataclasses.replace(stage, data=settled, task=task).with_("evaluate", metric=metric)
        if stage.evaluate.retain is not None:
            stage = stage.with_("evaluate", retain=str(Path(stage.evaluate.retain).resolve()))
        recipe = recipe.with_stage(number, stage)
        for note in (*corpus.notes, *corpus.task.guesses(corpus.schema)):
            tell(Said(note))
        corpora.append(corpus)
    return recipe, corpora


def untouched(recipe: Recipe, corpus: Corpus, source: Source) -> Fetched:
    """The first stage's model as it comes."""
    stage, task = recipe.stages[0], corpus.task.settled(corpus.schema)
    kernels.choose(stage.train.kernels or "compiled")
    return fetch(source, task.head(corpus.schema), stage.model, _compute(stage), derive(recipe.seed, "stage", 0))


def _compute(stage: Stage) -> Compute:
    train = stage.train
    return Compute(train.device, train.precision, train.tokens_per_batch, train.threads)


def _settled(stage: Stage, built: Built, corpus: Corpus, cache_trunk: bool) -> Stage:
    """The stage with nothing left open: what the machine and the rows decided stands in it."""
    limits = built.model.limits
    settled = stage.with_("encode", max_tokens=limits.max_tokens, long_text=limits.long_text)
    settled = settled.with_("model", pooling=built.loaded.pooling)
    settled = settled.with_("data", columns=dict(corpus.columns))
    return settled.with_(
        "train",
        device=built.compute.device,
        precision=built.compute.precision,
        tokens_per_batch=built.compute.tokens_per_batch,
        threads=built.compute.threads,
        kernels=kernels.chosen(),
        learning_rate=_rate(stage, built.model),
        schedule=stage.train.schedule or stage.strategy.schedule,
        cache_trunk=cache_trunk,
    )


def assemble(
    recipe: Recipe, number: int, corpus: Corpus, source: Source, tell: Tell, fetched: Fetched | None = None
) -> Leg:
    """Load a stage's model if it is not there yet, encode its rows, and settle what the recipe left to the machine."""
    stage, seed = recipe.stages[number], derive(recipe.seed, "stage", number)
    task = corpus.task.settled(corpus.schema)  # as the recipe will say it, so that a resume finds the same tokens
    kernels.choose(stage.train.kernels or "compiled")
    built = build(
        source,
        task,
        corpus.schema,
        corpus.columns,
        corpus.splits,
        stage.strategy,
        stage.model,
        stage.encode,
        _compute(stage),
        seed,
        fetched,
    )
    for note in built.notes:
        tell(Said(note))
    if built.compute.device == "cpu":
        tell(Said(f"kernels: {kernels.about()}"))
    limits = built.model.limits
    encoded = {
        name: encode_on_disk(split, task, built.model.tokenizer, limits, corpus.schema)
        for name, split in corpus.splits.items()
    }
    for name, one in encoded.items():
        if said := one.account.sentence(name, limits):
            tell(Said(said))
    if said := encoded["train"].account.unknown(built.model.source.name, stage.model.extend_vocab):
        tell(Said(said))
    splits = {name: one.split for name, one in encoded.items()}
    kept = _kept(stage, built, splits, tell)
    settled = _settled(stage, built, corpus, kept.on)
    return Leg(
        number,
        seed,
        settled,
        corpus,
        built,
        splits,
        {name: one.account for name, one in encoded.items()},
        kept.most_bytes,
    )
