"""Asked to stop, a run saves and says so wherever it is; resumed, it ends with the bits of one that nobody stopped."""

from __future__ import annotations

import pytest

from reliability.conftest import posix
from reliability.harness import bits, steps_saved
from whet.core import rundir
from whet.core.rundir import RunDir
from whet.train.state import latest

pytestmark = posix
ASK = "import os, signal\ndef ask(): os.kill(os.getpid(), signal.{0})\n"
WHERE = {
    "assembling": "import whet.leg as l\na = l.assemble\nl.assemble = lambda *x, **k: (ask(), a(*x, **k))[1]\n",
    "a step": "import whet.train.loop as l\nc = l.Stepped\nl.Stepped = lambda **k: (ask(), c(**k))[1]\n",
    "a look": "import whet.leg as l\nk = l.Leg.look\nl.Leg.look = lambda self: (ask(), k(self))[1]\n",
    "the end": "import whet.pipeline as p\nj = p.judge\np.judge = lambda *x, **k: (ask(), j(*x, **k))[1]\n",
}
STANDS = {"assembling": 0, "a step": 1, "a look": 3, "the end": 10}


SIGNALS = {"SIGTERM": 75, "SIGINT": 130, "SIGHUP": 75}
SAMPLE = {("SIGINT", "a look"), ("SIGHUP", "a step"), *(("SIGTERM", where) for where in WHERE)}
"""Signals and places that `make test` tries, of the whole product."""


@pytest.mark.parametrize(
    ("name", "where"),
    [
        pytest.param(name, where, marks=[] if (name, where) in SAMPLE else pytest.mark.whole)
        for name in SIGNALS
        for where in WHERE
    ],
)
def test_stopped_anywhere_it_goes_on_to_the_same_bits(name, where, nest, words, whole, tmp_path):
    out, code = tmp_path / "run", SIGNALS[name]
    heard = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # else this suite under nohup fails
    ended = nest.run(*words, "--out", out, patch=heard + ASK.format(name) + WHERE[where])
    assert ended.code == code and f"whet resume {out}" in ended.said, ended.said
    assert RunDir(out).status() == "interrupted"
    assert ended.steps == tuple(range(1, STANDS[where] + 1))
    again = nest.run("resume", out)
    assert again.code == 0 and again.steps == tuple(range(STANDS[where] + 1, 11)), again.said
    assert bits(out) == bits(whole[0])


def test_asked_while_its_first_word_is_written_it_is_an_interrupted_run(nest, words, whole, tmp_path):
    """There is no recipe yet to go on with, and nothing stands in the way of beginning again."""
    out = tmp_path / "run"
    patch = ASK.format("SIGTERM") + "from whet.core.rundir import RunDir as R\nm = R.mark\n"
    patch += "R.mark = lambda *x, **k: (m(*x, **k), setattr(R, 'mark', m), ask())\n"
    ended = nest.run(*words, "--out", out, patch=patch)
    assert ended.code == 75 and RunDir(out).status() == "interrupted", ended.said
    assert "start it again as before" in nest.run("resume", out).said
    assert nest.run(*words, "--out", out).code == 0 and bits(out) == bits(whole[0])


WITHIN = {
    "forward": "from whet.tasks.text_classification import TextClassification as T\nt = T.loss\n"
    "def f(self, *x): ready() and ask(); return t(self, *x)\nT.loss = f\n",
    "backward": "import torch\nb = torch.Tensor.backward\n"
    "torch.Tensor.backward = lambda *x, **k: (ready() and ask(), b(*x, **k))[1]\n",
    "update": "import torch\nfrom whet.train import adamw\n"
    "def slow(s): return lambda *x, **k: (ready() and ask(), s(*x, **k))[1]\n"
    "for one in (torch.optim.AdamW, adamw.AdamW): one.step = slow(one.step)\n",
    "log": "import whet.papers as p\ng = p.log\np.log = lambda o, b, e: (ready() and e.step == 5 and ask(), g(o, b, e))[1]\n",
}
READY = (
    "import whet.train.loop as l\nd, now = l.derive, [None]\n"
    "def derive(*x): now[0] = x[3] + 1 if x[1] == 'step' else now[0]; return d(*x)\n"
    "l.derive = derive\nready = lambda: now[0] == 5\n"
)


@pytest.mark.parametrize("part", WITHIN)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_after_a_signal_the_step_under_way_is_the_last(part, name, nest, words, tmp_path):
    """Whatever part of the fifth step it falls into, that step is saved and none is taken after it."""
    out = tmp_path / "run"
    ended = nest.run(*words, "--out", out, patch=ASK.format(name) + READY + WITHIN[part])
    assert ended.code == {"SIGTERM": 75, "SIGINT": 130}[name], ended.said
    assert ended.steps == (1, 2, 3, 4, 5) and steps_saved(out) == 5


def test_while_it_saves_the_save_is_the_last(nest, words, whole, tmp_path):
    """Broken off in the middle of a checkpoint it would be lost; it is ended first, and nothing is taken after it."""
    out = tmp_path / "run"
    patch = ASK.format("SIGTERM") + "import whet.train.keeper as k\nimport whet.train.state as s\n"
    patch += "v, w, on = s._save, k.Keeper.save, []\ns._save = lambda *x: (v(*x), on and ask())\n"
    patch += "k.Keeper.save = lambda self: (on.append(1), w(self))[1]\n"
    ended = nest.run(*words, "--out", out, patch=patch)
    assert (ended.code, ended.steps, steps_saved(out)) == (75, (1, 2, 3), 3), ended.said
    assert nest.run("resume", out).code == 0 and bits(out) == bits(whole[0])


def test_the_best_weights_are_kept_whole(nest, words, whole, tmp_path):
    """Only scoring is broken off; what was scored as the best is copied to its end, and not scored again."""
    out = tmp_path / "run"
    patch = ASK.format("SIGTERM") + "import whet.train.keeper as k\nb = k.Keeper._keep_best\n"
    patch += "k.Keeper._keep_best = lambda self: (ask(), b(self))[1]\n"
    ended = nest.run(*words, "--out", out, patch=patch)
    (saved, _) = latest(RunDir(out).checkpoints)
    assert (ended.code, saved.progress.looked_step, saved.progress.best_step) == (75, 3, 3), ended.said
    assert nest.run("resume", out).code == 0 and bits(out) == bits(whole[0])


def test_a_spike_is_told_and_stands_in_the_log_of_a_resumed_run_too(nest, words, whole, tmp_path):
    """One batch is worth ten thousand times its loss (step 23 of 25)."""
    patch = READY.replace("== 5", "== 23") + (
        "from whet.tasks.text_classification import TextClassification as T\nt = T.loss\n"
        "T.loss = lambda self, *x: t(self, *x) * (1e4 if ready() else 1)\n"
    )
    more, usual, out = ("--set", "train.epochs=5"), tmp_path / "usual", tmp_path / "run"
    undisturbed = nest.run(*words, *more, "--out", usual, patch=patch)
    assert undisturbed.said.count("step 23: the loss is") == 1 and undisturbed.code in (0, 5), undisturbed.said
    (line,) = (line for line in rundir.read_lines(RunDir(usual).log) if "spike" in line)
    assert line["step"] == 23 and line["spike"] > 1000
    die = "import os, whet.papers as p\ng = p.log\np.log = lambda o, b, e: e.step == 24 and os.kill(os.getpid(), 9) or g(o, b, e)\n"
    assert nest.run(*words, *more, "--out", out, patch=patch + die).code == -9
    again = nest.run("resume", out, patch=patch)
    assert 20 < again.steps[0] <= 23 and again.said.count("step 23: the loss is") == 1, again.said
    assert bits(out) == bits(usual)
    assert "times the highest" not in whole[1].said


def test_while_rows_are_read_nothing_is_left_behind(nest, words, tmp_path):
    patch = ASK.format("SIGTERM") + "import whet.leg as l\nl.prepare = lambda *x, **k: ask()\n"
    ended = nest.run(*words, "--out", tmp_path / "run", patch=patch)
    assert ended.code == 75 and "run it again" in ended.said
    assert not (tmp_path / "run").exists()


def test_a_second_ctrl_c_does_not_wait_for_the_step(nest, words, tmp_path):
    out = tmp_path / "run"
    patch = (
        ASK.format("SIGINT") + "import whet.train.optimizers as l\nl.clip = lambda *x: (ask(), ask(), os._exit(9))\n"
    )
    ended = nest.run(*words, "--out", out, patch=patch)
    assert ended.code == 130 and ended.steps == ()
    assert RunDir(out).status() == "interrupted"


def test_under_nohup_a_closed_terminal_stops_nothing(nest, words, tmp_path):
    patch = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + ASK.format("SIGHUP") + WHERE["a step"]
    assert nest.run(*words, "--out", tmp_path / "run", patch=patch).code == 0


def test_signals_that_only_interrupt_calls_stop_nothing(nest, words, whole, tmp_path):
    """EINTR, a thousand times a second: every write and fsync is taken up again."""
    out = tmp_path / "run"
    storm = "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\nsignal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
    assert nest.run(*words, "--out", out, patch=storm).code == 0
    assert bits(out) == bits(whole[0])


def test_a_bad_row_is_named_before_the_weights_are_touched(nest, words, tmp_path):
    """One row's loss is infinite: the run names it, keeps all rows of its step in state.json and ends with 5."""
    out = tmp_path / "run"
    patch = (
        "import torch, whet.train.loop as l, whet.train.diverged as d\n"
        "from whet.tasks.text_classification import TextClassification as T\n"
        "true = T.loss\n"
        "def loss(self, engine, batch, schema):\n"
        "    bad = any(f.index == 4 for f in batch.features) and torch.is_grad_enabled() is not None\n"
        "    return true(self, engine, batch, schema) * (float('inf') if bad and ready else 1)\n"
        "ready = []\n"
        "import whet.pipeline as p\n"
        "fit = p.fit\n"
        "p.fit = lambda *a: (ready.append(1), fit(*a))[1]\n"
        "T.loss = loss\n"
    )
    ended = nest.run(*words, "--out", out, patch=patch)
    assert ended.code == 5, ended.said
    state = rundir.read_json(RunDir(out).state)
    assert state["status"] == "failed" and len(state["diverged"]["suspects"]) == 1
    (row,) = state["diverged"]["suspects"]
    assert row in state["diverged"]["rows"] and len(state["diverged"]["rows"]) == 7
    assert f"row {row} of" in ended.said and "rows.csv" in ended.said
    assert len(ended.steps) == state["diverged"]["step"] - 1


def test_a_model_of_no_numbers_is_never_saved(nest, words, tmp_path):
    out = tmp_path / "run"
    ended = nest.run(*words, "--out", out, "--set", "train.learning_rate=1e30", "--set", "train.evaluate_every=1")
    assert ended.code == 5 and "Traceback" not in ended.said
    assert not list((out / "checkpoints").glob("*"))
