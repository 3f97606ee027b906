"""One flipped bit or a missing end in any file of a checkpoint or of a finished model is noticed, and said."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

import whet
from reliability.conftest import posix
from whet.assemble.source import find
from whet.cli import main
from whet.core.errors import ModelError
from whet.train.state import Checkpoint, latest, newest

pytestmark = posix


def damages(path: Path, flips: int):
    """Every way to damage a file: cut off at five lengths, and one bit flipped at random places."""
    whole, draw = path.read_bytes(), random.Random(path.name)
    for length in {0, 8, 100, len(whole) // 2, len(whole) - 1} - {len(whole)}:
        yield f"cut at {length}", whole[:length]
    for _ in range(flips):
        place, bit = draw.randrange(len(whole)), draw.randrange(8)
        yield f"bit {bit} of byte {place}", whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]


def every(folder: Path, flips: int):
    """Each file of a folder damaged in each way, one after the other, and mended."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for how, broken in damages(path, flips):
            path.write_bytes(broken)
            yield path.name, how
        path.write_bytes(whole)


def test_every_damage_to_a_checkpoint_is_found_and_the_one_before_it_used(whole, tmp_path):
    folder = tmp_path / "checkpoints"
    shutil.copytree(whole[0] / "checkpoints", folder)
    last, before = list(newest(folder))
    step = Checkpoint.load(before).progress.step
    tried = 0
    for name, how in every(last, 40):
        found, passed = latest(folder)
        assert found is not None and found.progress.step == step, (name, how)
        assert list(passed) == [last] and last.name in passed[last], (name, how)
        tried += 1
    assert tried >= 4 * 45 - 10
    assert latest(folder)[1] == {}


def test_every_damage_to_a_finished_model_is_found(whole, tmp_path):
    place = tmp_path / "model"
    shutil.copytree(whole[0] / "model", place)
    tried = 0
    for _ in every(place, 25):
        with pytest.raises(ModelError):
            find(str(place))
        tried += 1
    assert tried >= 150
    find(str(place))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "whet.json", "model.safetensors", "manifest.json"])
def test_asked_with_an_altered_model_the_command_ends_with_4(name, whole, tmp_path, capsys):
    place = tmp_path / "model"
    shutil.copytree(whole[0] / "model", place)
    altered = bytearray((place / name).read_bytes())
    altered[len(altered) // 2] ^= 4
    (place / name).write_bytes(altered)
    assert main(["predict", str(place), "a fine film"]) == 4
    assert f"{name} is" in capsys.readouterr().err


def test_a_file_that_was_changed_on_purpose_is_taken_once_the_manifest_is_gone(whole, tmp_path):
    place = tmp_path / "model"
    shutil.copytree(whole[0] / "model", place)
    config = place / "config.json"
    config.write_text(config.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(ModelError, match="remove manifest.json"):
        whet.load(place)
    (place / "manifest.json").unlink()
    assert whet.load(place).predict("a fine film")


def test_whole_checkpoints_behind_a_damaged_one_are_gone_on_with(nest, words, whole, tmp_path):
    out = tmp_path / "run"
    patch = "import whet.train.keeper as k, os, signal\nk.Keeper.restore_best = lambda self: os.kill(os.getpid(), 9)\n"
    nest.run(*words, "--out", out, patch=patch)
    last, before = list(newest(out / "checkpoints"))
    altered = bytearray((last / "progress.json").read_bytes())
    altered[5] ^= 1
    (last / "progress.json").write_bytes(altered)
    ended = nest.run("resume", out)
    assert ended.code == 0 and ended.steps == (10,), ended
    assert f"{last.name} is damaged and was passed over" in ended.said
