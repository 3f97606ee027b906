"""Parquet files, through pyarrow, a few rows at a time. Values keep their types; dates and decimals become texts."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from whet.core.errors import DataError
from whet.prepare.readers._bytes import RATIO, ROOM
from whet.prepare.readers._caps import MOST_COLUMNS
from whet.prepare.readers._plain import plain_line
from whet.prepare.readers.contract import Line, Look, Reader, Sample

BATCH = 64
"""Rows held at once: with the longest rows, some tens of megabytes."""
CURE = "write or download the file again; whet reads csv and json lines too"


class Parquet(Reader):
    """Parquet, checked against its own footer. Rows are numbered, since there are no lines."""

    endings = (".parquet", ".pq")
    magic = b"PAR1"

    def sniff(self, head: str) -> float:
        return 0.0

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        raise DataError("parquet cannot be read as text", name, "give the file itself")

    def open(self, path: Path, look: Look, name: str) -> Iterator[Line]:
        import pyarrow.parquet

        try:
            with pyarrow.parquet.ParquetFile(path, pre_buffer=False, page_checksum_verification=True) as file:
                _check(file, name)
                number = 0
                for batch in file.iter_batches(batch_size=BATCH, use_threads=False):
                    for cells in batch.to_pylist():
                        number += 1
                        yield plain_line(number, cells, name)
                if number != file.metadata.num_rows:
                    what = f"the file holds {number:,} rows, though its footer says {file.metadata.num_rows:,}"
                    raise DataError(what, name, CURE)
        except DataError:
            raise
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
            reason = str(error).partition("\n")[0][:200] or type(error).__name__
            raise DataError(f"the parquet file cannot be read: {reason}", name, CURE) from None

    @classmethod
    def sample(cls) -> Sample:
        import pyarrow.parquet

        rows: tuple[dict[str, Any], ...]
        rows = ({"text": "NA", "label": 1, "words": ["a", "b"]}, {"text": "你好", "label": None, "words": []})
        made = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), made)
        return Sample(made.getvalue(), rows)


def _check(file: Any, name: str) -> None:
    """Refuse what a footer tells: too many columns, two of one name, a bomb. Raises DataError."""
    names = file.schema_arrow.names
    groups = [file.metadata.row_group(place) for place in range(file.metadata.num_row_groups)]
    doubled = [column for column, times in Counter(names).items() if times > 1]
    if doubled:
        what = f"the file names a column twice: {', '.join(doubled)}"
        raise DataError(what, name, "give every column a name of its own")
    if len(names) > MOST_COLUMNS:
        raise DataError(f"{len(names):,} columns; a row has at most {MOST_COLUMNS:,}", name, "leave out the others")
    for group in groups:
        for place in range(group.num_columns):
            column = group.column(place)
            size = column.total_uncompressed_size
            if size > ROOM and size > RATIO * column.total_compressed_size:
                packed = column.total_compressed_size
                what = f"the column {column.path_in_schema} grows to {size:,} bytes out of {packed:,}"
                raise DataError(what, name, "if that is meant, write the rows as csv or json lines")
