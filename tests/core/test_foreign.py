"""Files that others wrote: headers that lie and JSON that would fill the memory are refused from their first bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save, save_file

from whet.core.errors import ModelError
from whet.core.foreign import LARGEST, check_weights, inside, read_json, regular


def made(place, header, data: bytes = b"", length: int | None = None):
    """A file with this header, which may be a text, and these bytes behind it."""
    raw = header.encode() if isinstance(header, str) else json.dumps(header).encode()
    place.write_bytes((len(raw) if length is None else length).to_bytes(8, "little") + raw + data)
    return place


def tensor(begin: object, end: object, shape: object = (2,), dtype: object = "F32") -> dict:
    return {"dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape, "data_offsets": [begin, end]}


def test_what_safetensors_writes_is_counted(tmp_path):
    held = {"a": torch.zeros(3, 4), "empty": torch.zeros(0, 5), "half": torch.zeros(7, dtype=torch.float16)}
    save_file({**held, "one": torch.tensor(1.0)}, tmp_path / "w.safetensors", metadata={"format": "pt"})
    found = check_weights(tmp_path / "w.safetensors", tmp_path / "w.safetensors")
    assert (found.tensors, found.numbers) == (8, 2 * (12 + 0 + 7 + 1))
    save_file({}, tmp_path / "none.safetensors")
    assert check_weights(tmp_path / "none.safetensors").tensors == 0


@given(
    st.dictionaries(st.text(max_size=9).filter(lambda n: n != "__metadata__"), st.lists(st.integers(0, 4), max_size=3))
)
def test_any_names_and_shapes(tmp_path_factory, shapes):
    path = tmp_path_factory.mktemp("any") / "w.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, path)
    assert check_weights(path).tensors == len(shapes)


LIES = {
    "overlap": ({"a": tensor(0, 8), "b": tensor(4, 12)}, 12, "'b' overlaps another"),
    "the same bytes": ({"a": tensor(0, 8), "b": tensor(0, 8)}, 8, "overlaps"),
    "a hole": ({"a": tensor(0, 8), "b": tensor(12, 20)}, 20, "'b' leaves a hole of 4 bytes"),
    "a hole at the start": ({"a": tensor(8, 16)}, 16, "leaves a hole"),
    "bytes left over": ({"a": tensor(0, 8)}, 9, "speaks of 8 bytes of weights, the file has 9"),
    "too few bytes": ({"a": tensor(0, 8)}, 7, "speaks of 8 bytes"),
    "negative": ({"a": tensor(-8, 0)}, 8, "sizes in order"),
    "backwards": ({"a": tensor(8, 0)}, 8, "sizes in order"),
    "huge offset": ({"a": tensor(0, 2**62, (2**60,))}, 8, "speaks of"),
    "over 64 bits": ({"a": tensor(0, 2**64, (2**62,))}, 8, "sizes in order"),
    "a product that wraps around": ({"a": tensor(0, 0, (2**32, 2**32))}, 0, "does not fill"),
    "shape too large": ({"a": tensor(0, 8, (3,))}, 8, "does not fill its 8 bytes"),
    "another dtype": ({"a": tensor(0, 8, (2,), "F64")}, 8, "does not fill its 8 bytes"),
    "unknown dtype": ({"a": tensor(0, 8, (2,), "PICKLE")}, 8, "unknown dtype 'PICKLE'"),
    "dtype no text": ({"a": tensor(0, 8, (2,), ["F32"])}, 8, "unknown dtype"),
    "shape no list": ({"a": tensor(0, 8, "2")}, 8, "sizes in order"),
    "a thousand dimensions": ({"a": tensor(0, 8, (1,) * 1000)}, 8, "sizes in order"),
    "true for one": ({"a": tensor(0, 4, (True,))}, 4, "sizes in order"),
    "fractions": ({"a": tensor(0, 8.0)}, 8, "sizes in order"),
    "three offsets": ({"a": {**tensor(0, 8), "data_offsets": [0, 4, 8]}}, 8, "sizes in order"),
    "no dtype": ({"a": {"shape": [2], "data_offsets": [0, 8]}}, 8, "not exactly a dtype"),
    "more than it should say": ({"a": {**tensor(0, 8), "code": "x"}}, 8, "not exactly a dtype"),
    "no entry": ({"a": 3}, 0, "not exactly a dtype"),
    "metadata no text": ({"__metadata__": {"a": {"b": 1}}}, 0, "__metadata__"),
    "a list": ([], 0, "a list, an object is needed"),
    "names twice": ('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],'
                    '"data_offsets":[0,1]}}', 1, "'a' stands there twice"),
    "an entry's name twice": ('{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1, "'dtype' stands"),
    "no JSON": ("{nonsense", 0, "cannot be read"),
    "a number of 5,000 digits": ('{"a":' + "9" * 5000 + "}", 0, "cannot be read"),
    "nested deep": ('{"a":' + "[" * 20_000 + "]" * 20_000 + "}", 0, "nested too deep"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies_is_refused(name, tmp_path):
    header, size, said = LIES[name]
    path = made(tmp_path / "w.safetensors", header, b"\0" * size)
    with pytest.raises(ModelError) as refused:
        check_weights(path)
    fault = refused.value.faults[0]
    assert said in fault.what and fault.where == str(path) and fault.cure
    assert len(str(fault)) < 600


def test_every_truncation_and_a_header_of_any_length_is_refused(tmp_path):
    whole = save({"a": torch.arange(6.0), "b": torch.zeros(2, 2)})
    path = tmp_path / "w.safetensors"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError):
            check_weights(path)
    for length in (2**40, 2**63, 2**64 - 1, LARGEST + 1):
        with pytest.raises(ModelError, match="no whole safetensors file"):
            check_weights(made(path, {}, length=length))
    path.write_bytes(whole)
    assert check_weights(path).tensors == 2


@given(st.data())
def test_whatever_byte_of_the_header_is_altered_safetensors_reads_what_was_counted_or_it_is_refused(
    tmp_path_factory, data
):
    """Ours refuses at least what the library refuses: nothing that passes makes it stumble."""
    whole = bytearray(save({"a": torch.arange(6.0), "b": torch.zeros(2, 2)}))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 41))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("bytes") / "w.safetensors"
    path.write_bytes(whole)
    try:
        found = check_weights(path)
    except ModelError:
        return
    assert found.numbers == sum(one.numel() for one in load_file(path).values())


def test_all_files_are_named_at_once(tmp_path):
    paths = [made(tmp_path / f"{name}.safetensors", {"a": tensor(-1, 0)}) for name in "ab"]
    with pytest.raises(ModelError) as refused:
        check_weights(*paths)
    assert [fault.where for fault in refused.value.faults] == [str(path) for path in paths]


GROWTH = """
import resource, sys
from pathlib import Path
from whet.core.errors import ModelError
from whet.core.foreign import check_weights, read_json

def peak():
    # In KiB; the system's own figure for a child begins with its parent's peak, so Linux's page is read.
    try:
        with open("/proc/self/status") as page:
            return int(next(line for line in page if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = peak()
try:
    {"weights": check_weights, "json": read_json}[sys.argv[1]](Path(sys.argv[2]))
except ModelError as error:
    print(peak() - before, str(error)[:300])
"""


def filled(text: str, size: int, first: str, last: str) -> str:
    return first + ",".join([text] * ((size - 100) // (len(text) + 1))) + last


@pytest.mark.parametrize("kind", ["weights", "json"])
@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '"ab"', "1000", "[" * 20_000 + "]" * 20_000, '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'],
    ids=["lists", "objects", "texts", "numbers", "deep", "entries"],
)
def test_what_is_refused_costs_little(kind, text, tmp_path):
    """The largest file that is parsed at all, made of what takes the most memory for its length."""
    path = tmp_path / "file"
    whole = filled(text, LARGEST, '{"a":[', "]}")[:LARGEST]
    made(path, whole) if kind == "weights" else path.write_text(f"[{whole}]")
    assert path.stat().st_size > LARGEST * 0.99
    assert grown(kind, path) < 200_000


@pytest.mark.parametrize("kind", ["weights", "json"])
def test_a_file_of_half_a_gigabyte_is_not_read(kind, tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write((500_000_000).to_bytes(8, "little"))
        file.truncate(500_000_100)
    assert grown(kind, path) < 20_000


def grown(kind: str, path) -> int:
    """By how many KiB a process grew until it refused the file."""
    found = subprocess.run(
        [sys.executable, "-c", GROWTH, kind, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout, "it was not refused"
    return int(found.stdout.split()[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "a list, an object is needed"),
        ("3", "a int"),
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ('{"a": ' + "[" * 20_000, "nested too deep"),
        ('{"a": ' + '{"b":' * 200 + "1" + "}" * 201, "nested too deep"),
    ],
)
def test_json_that_is_refused(text, said, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ModelError, match=said) as refused:
        read_json(path)
    assert refused.value.faults[0].where == str(path)
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ModelError, match="cannot be read"):
        read_json(path)
    path.write_text('{"a": [[1, {"b": null}]]}', "utf-8")
    assert read_json(path) == {"a": [[1, {"b": None}]]}


def test_links_lead_nowhere_but_inside_one_repository_of_the_hubs_cache(tmp_path):
    repository = tmp_path / "models--some--one"
    shot = repository / "snapshots" / "0a1b"
    shot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "c0ffee").write_text("{}", "utf-8")
    (shot / "config.json").symlink_to("../../blobs/c0ffee")
    assert read_json(shot / "config.json") == {}
    (tmp_path / "secret.json").write_text("{}", "utf-8")
    plain = tmp_path / "plain"
    plain.mkdir()
    (shot / "out.json").symlink_to(tmp_path / "secret.json")
    (plain / "out.json").symlink_to("../secret.json")
    (plain / "circle.json").symlink_to("circle.json")
    for path in (shot / "out.json", plain / "out.json", plain / "circle.json"):
        with pytest.raises(ModelError, match="leads out of its folder") as refused:
            read_json(path)
        assert "copy" in refused.value.faults[0].cure
    (plain / "real.json").write_text("{}", "utf-8")
    (plain / "near.json").symlink_to("real.json")
    assert read_json(plain / "near.json") == {}


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ModelError, match="no ordinary file"):
        regular(tmp_path / "config.json")


def test_plain_names():
    assert inside("model-00001-of-00002.safetensors")
    bad = ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "C:x", "a\0b", None, 3, ["a"]]
    assert not [name for name in bad if inside(name)]
