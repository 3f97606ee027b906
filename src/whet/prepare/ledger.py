"""What became of every row on its way from the files to the splits; the sums agree, or something was lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from whet.prepare.tables import Table


@dataclass(frozen=True)
class Ledger:
    """Rows by what became of them: ``read == skipped + left_out + dropped + sum(used) - repeated``.

    ``mended`` ones are used like others; ``skipped`` could not be read or understood; ``left_out`` are those behind
    ``data.max_rows`` or the weights of a mixture, ``repeated`` those that a mixture takes again, or that a
    cross-validation both trains with and measures; ``dropped`` stood in two splits. ``files`` has each file's part, by
    its full name.
    """

    read: int
    skipped: int
    mended: int
    left_out: int
    dropped: int
    repeated: int
    used: dict[str, int]
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether every row that was read is accounted for."""
        return self.read == self.skipped + self.left_out + self.dropped + sum(self.used.values()) - self.repeated


def ledger(
    tables: Iterable[Table], used: Mapping[str, int], left_out: int = 0, dropped: int = 0, repeated: int = 0
) -> Ledger:
    """The account of these files, all rows of which went one of these ways; one that gives two splits is read twice."""
    read = [(table.full_name, table.tally) for table in tables]
    tallies = dict(read)
    found = Ledger(
        read=sum(one.read for _, one in read),
        skipped=sum(one.faulty for _, one in read),
        mended=sum(sum(one.mended.values()) for _, one in read),
        left_out=left_out,
        dropped=dropped,
        repeated=repeated,
        used=dict(used),
        files={name: {"read": t.read, "skipped": t.faulty, "mended": dict(t.mended)} for name, t in tallies.items()},
    )
    assert found.balanced, found
    return found
