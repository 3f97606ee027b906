"""What control groups of both versions leave a process, read from made trees of files."""

from __future__ import annotations

import os

import pytest

from whet.core import limits, memory


def tree(root, own: str, **files: str):
    """Groups under ``root``; a file's name has ``__`` for a slash and ``_dot_`` for a dot."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", "utf-8")
    (root / "own").write_text(own, "utf-8")
    return root, root / "own"


def test_version_2_takes_the_least_on_the_way_up(tmp_path):
    places = tree(
        tmp_path,
        "0::/a/b\n",
        a__b__memory_dot_max="max",
        a__b__memory_dot_current="300",
        a__memory_dot_max="1000",
        memory_dot_max="5000",
        a__memory_dot_current="700",
        a__memory_dot_stat="anon 600\ninactive_file 40\nactive_file 60\n",
    )
    assert limits.group_memory_bytes(*places) == 1000
    assert limits.group_free_bytes(*places) == 1000 - 700 + 100


def test_version_1_has_a_tree_for_each_controller(tmp_path):
    places = tree(
        tmp_path,
        "4:memory:/box\n1:cpu,cpuacct:/box\n",
        memory__box__memory_dot_limit_in_bytes="5000",
        memory__memory_dot_limit_in_bytes="9223372036854771712",
        memory__box__memory_dot_usage_in_bytes="1000",
        cpu__box__cpu_dot_cfs_quota_us="150000",
        cpu__box__cpu_dot_cfs_period_us="100000",
    )
    assert limits.group_memory_bytes(*places) == 5000
    assert limits.group_free_bytes(*places) == 4000
    assert limits.cores(*places) == min(2, limits.cores())


@pytest.mark.parametrize(("text", "most"), [("50000 100000", 1), ("max 100000", 10**6), ("-1 100000", 10**6)])
def test_a_share_of_time_is_so_many_cores(tmp_path, text, most):
    assert limits.cores(*tree(tmp_path, "0::/\n", cpu_dot_max=text)) == min(most, limits.cores())


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processes are not bound there")
def test_a_bound_process_has_the_cores_to_which_it_is_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert limits.cores(tmp_path, tmp_path / "missing") == 1


def test_where_there_are_no_groups_nothing_is_limited(tmp_path):
    places = tmp_path, tmp_path / "missing"
    assert limits.group_memory_bytes(*places) is None and limits.group_free_bytes(*places) is None


def test_a_limit_counts_where_it_is_less_than_the_machine(monkeypatch):
    monkeypatch.setattr(limits, "group_memory_bytes", lambda: 1000)
    monkeypatch.setattr(limits, "group_free_bytes", lambda: 10)
    assert (memory.total_bytes(), memory.free_bytes()) == (1000, 10)
    monkeypatch.setattr(limits, "group_memory_bytes", lambda: 1 << 60)
    assert memory.total_bytes() < 1 << 60
