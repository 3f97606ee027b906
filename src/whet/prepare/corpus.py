"""The station of the data: from DATA to a corpus of checked splits, or every fault at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from whet.core.errors import DataError, Fault, UsageError
from whet.prepare import hub
from whet.prepare.check import describe, remarks
from whet.prepare.leaks import OnLeak, leaks, settle
from whet.prepare.locate import SPLITS, Place, locate
from whet.prepare.options import DataOptions
from whet.prepare.prints import read_prints
from whet.prepare.readers.contract import PEEK, READERS
from whet.prepare.roles import Roles, guess_task, infer, is_headless
from whet.prepare.schema import learn, sound, unlabelled, unseen
from whet.prepare.split import take, thinned
from whet.prepare.tables import Parsed, Table, limited, parse, plain_names, read_table, table_of
from whet.tasks.contract import TASKS, Schema, Split, Task

HUB = "hub"
"""What has read a table that comes from the hub, where others have the name of a reader."""


@dataclass(frozen=True)
class Corpus:
    """Checked rows, ready to be encoded.

    ``columns`` names the column of each role, ``files`` the SHA-256 of each file, ``notes`` everything that
    was guessed or made and must be said aloud, ``check`` the content of check.json. An example's ``row`` is
    the number of its row in the file that it was read from, in a split that was made as well.
    """

    task_name: str
    task: Task
    splits: dict[str, Split]
    schema: Schema
    columns: dict[str, str]
    files: dict[str, str]
    notes: list[str]
    check: dict[str, Any]
    rows_as_written: dict[str, list[dict[str, Any]]]

    @property
    def rows(self) -> dict[str, int]:
        """The number of rows in each split."""
        return {name: len(split.examples) for name, split in self.splits.items()}

    def originals(self, split: str) -> list[dict[str, Any]]:
        """The rows of a split as they stand in their file, in the order of its examples."""
        return self.rows_as_written[split]


def prepare(source: str | None, data: DataOptions, task: Task | None, seed: int) -> Corpus:
    """Read, infer, check and split. ``task=None`` guesses the task from the rows, and says so.

    Raises DataError with all faults found: nothing is trained on data that is not whole.
    """
    tables, notes = _tables(locate(source, data))
    if task is None:
        name = guess_task(tables["train"].cells[:PEEK], tables["train"].entry)
        task = TASKS[name]()
        notes.append(f"no task was named: the rows look like {name}")
    parsed, columns, said = _parsed(tables, task, _asked(data))
    used = {split: tables[split] for split in parsed}
    notes += said
    parsed, said = _thinned(parsed, data.max_rows, seed)
    notes += said
    if faults := sound(parsed["train"].examples, tables["train"].name):
        raise DataError(faults)
    parsed, said = _split(parsed, data.split_fractions, seed, tables["train"].name)
    notes += said
    schema = learn({name: part.examples for name, part in parsed.items()}, task)
    return _corpus(parsed, task, schema, columns, used, notes, data.on_leak)


def prepare_test(source: str, data: DataOptions, task: Task, schema: Schema, columns: Mapping[str, str]) -> Corpus:
    """The test split alone, for a model that is trained already: a file, or a folder with a test file.

    ``columns`` are those of the training; where the file has others, they are inferred anew.
    Raises DataError with all faults found.
    """
    place = locate(source, data)
    tables, notes = _tables(place, only="test" if "test" in place.files or place.hub else "train")
    if len(place.files) > 1 and "test" not in tables:
        raise DataError(f"there is no test file, only {', '.join(place.files)}", source, "give the file itself")
    table = next(iter(tables.values()))
    known = {role: column for role, column in columns.items() if column in table.names and role != "weight"}
    parsed, found, said = _parsed({"test": table}, task, {**known, **data.columns}, columns or None)
    parsed, thinned = _thinned(parsed, data.max_rows, 0)
    faults = unlabelled(parsed["test"].examples, task, "test") + unseen(parsed["test"].examples, schema, "test")
    if faults:
        raise DataError(faults)
    return _corpus(parsed, task, schema, found, {"test": table}, notes + said + thinned)


def _corpus(
    parsed: Mapping[str, Parsed],
    task: Task,
    schema: Schema,
    columns: dict[str, str],
    tables: Mapping[str, Table],
    notes: list[str],
    on_leak: OnLeak = "error",
) -> Corpus:
    prints = {name: read_prints(parsed[name].examples) for name in SPLITS if name in parsed}
    shared = leaks(prints)
    notes = list(notes)
    if "train" in prints:
        kept, said = settle(shared, prints, {name: table.name for name, table in tables.items()}, on_leak)
        notes += said
        if len(kept) < len(prints["train"]):
            parsed = {**parsed, "train": _pick(parsed["train"], kept)}
            prints["train"] = prints["train"].pick(kept)
            shared = leaks(prints)
    examples = {name: parsed[name].examples for name in prints}
    check = describe(prints, schema.labels, shared)
    return Corpus(
        task_name=TASKS.name_of(type(task)),
        task=task,
        splits={name: Split(name, tuple(rows)) for name, rows in examples.items()},
        schema=schema,
        columns=columns,
        files={table.name: table.sha256 for table in tables.values()},
        notes=notes + remarks(check),
        check=check,
        rows_as_written={name: parsed[name].originals for name in examples},
    )


def _tables(place: Place, only: str | None = None) -> tuple[dict[str, Table], list[str]]:
    """Every split's rows, read whole; raises once, with the faults of all files."""
    notes = list(place.notes)
    tables: dict[str, Table] = {}
    if place.hub is not None:
        found = hub.load(place.hub, needs=only or "train", own=place.files)
        notes += found.notes
        for split, part in found.splits.items():
            if only in (None, split):
                name, print_ = f"hf:{place.hub}/{split}", getattr(part, "_fingerprint", "")
                tables[split] = table_of(name, HUB, hub.lines(part), print_)
    faults: list[Fault] = []
    for split, path in place.files.items():
        if only not in (None, split):
            continue
        try:
            tables[split] = read_table(path)
        except DataError as error:
            faults.extend(error.faults)
    for table in tables.values():
        faults.extend(limited(table.faults, table.name))
    if faults:
        raise DataError(faults)
    read = [table for table in tables.values() if table.entry != HUB]
    notes += [f"{table.name}: {len(table.cells)} rows, read as {table.entry}" for table in read]
    return {split: tables[split] for split in SPLITS if split in tables}, notes


def _asked(data: DataOptions) -> dict[str, str]:
    """The roles whose columns the user named."""
    return {**data.columns, **({"weight": data.weight_column} if data.weight_column else {})}


def _parsed(
    tables: Mapping[str, Table], task: Task, asked: Mapping[str, str], trained: Collection[str] | None = None
) -> tuple[dict[str, Parsed], dict[str, str], list[str]]:
    """Each table's rows as the task reads them; the first one must have what was asked for, the others may differ.

    A split of the hub that has no targets at all, as a contest's test split, is left out.
    """
    parsed: dict[str, Parsed] = {}
    columns: dict[str, str] = {}
    first: Roles | None = None
    notes: list[str] = []
    faults: list[Fault] = []
    for split, table in tables.items():
        if first and table.entry == HUB and _is_unanswered(table, first, task):
            notes.append(f"{table.name}: no row has its answer, so a {split} split is made from the training rows")
            continue
        try:
            if first is None:
                roles = infer(table.sample, task, asked, table.name, roles=trained)
            else:
                roles = _later(table, task, asked, first)
        except DataError as error:
            faults.extend(error.faults)
            continue
        parsed[split] = parse(table, task, roles)
        faults.extend(limited(parsed[split].faults, table.name))
        headed = table.entry == HUB or READERS[table.entry].headed
        if headed and (first is None or _unweighted(roles) != _unweighted(first)):
            notes.append(roles.note)
        if first is None:
            first, columns = roles, _called(table, roles)
    if faults:
        raise DataError(faults)
    return parsed, columns, notes


def _later(table: Table, task: Task, asked: Mapping[str, str], first: Roles) -> Roles:
    """The roles in a table beside the first one: the same columns where it has them, else by name, and no weight.

    A recipe that was settled names the columns of its training rows; a test file may call its own otherwise.
    """
    names = table.names
    if set(_unweighted(first).values()) <= set(names):
        return first
    headless = is_headless(names)
    given = {**({} if headless else first.columns), **asked}
    given = {role: column for role, column in given.items() if column in names}
    return infer(table.sample, task, given, table.name, guess=headless, roles=first.columns)


def _unweighted(roles: Roles) -> dict[str, str]:
    return {role: column for role, column in roles.columns.items() if role != "weight"}


def _is_unanswered(table: Table, first: Roles, task: Task) -> bool:
    """Whether every target is missing, or -1, which is how the hub writes it."""
    columns = [first.columns[column.role] for column in task.columns if column.target and column.role in first.columns]
    return bool(columns) and all(row.get(column) in (None, "", -1) for row in table.cells for column in columns)


def _called(table: Table, roles: Roles) -> dict[str, str]:
    """The names under which the roles' columns go from here on: nameless ones are called by their role."""
    from_role = plain_names(table.names, roles)
    return {role: from_role.get(column, column) for role, column in roles.columns.items()}


def _thinned(parsed: dict[str, Parsed], most: int | None, seed: int) -> tuple[dict[str, Parsed], list[str]]:
    """At most so many rows of each split, and none whose label the fewer training rows no longer have."""
    if most is None:
        return parsed, []
    places = thinned({name: part.examples for name, part in parsed.items()}, most, seed)
    kept = {name: _pick(part, places[name]) for name, part in parsed.items()}
    return kept, [
        f"data.max_rows={most}: {len(kept[name].examples)} of {len(part.examples)} {name} rows are used"
        for name, part in parsed.items()
        if len(kept[name].examples) < len(part.examples)
    ]


def _split(
    parsed: dict[str, Parsed], fractions: tuple[float, float], seed: int, name: str
) -> tuple[dict[str, Parsed], list[str]]:
    """Take what is missing from the training rows; both shares are of the training rows as they came."""
    missing = [split for split in ("test", "validation") if split not in parsed]
    found, notes = dict(parsed), []
    whole = len(parsed["train"].examples)
    for split in missing:
        share = fractions[0] if split == "validation" else fractions[1]
        rows = found["train"]
        if share == 0 and split == "validation":
            found[split] = _pick(rows, [])
            notes.append(
                "there are no validation rows: the last weights are kept, and nothing is fitted after training"
            )
            continue
        if share == 0:
            what, cure = "a share of 0 leaves no test rows to measure the model with", "as [0, 0.1], or set data.test"
            raise UsageError(what, "data.split_fractions", cure)
        taken = take(rows.examples, max(1, round(share * whole)), seed, split)
        if not len(taken):
            raise DataError(
                f"{whole} rows are too few to make a {split} split of them",
                name,
                f"give more rows, or a {split} file; separate documents by blank lines or <|endoftext|>",
            )
        chosen = set(taken.tolist())
        found[split] = _pick(rows, taken)
        found["train"] = _pick(rows, [place for place in range(len(rows.examples)) if place not in chosen])
        notes.append(
            f"there is no {split} file: {len(taken)} of {whole} rows of {name} are drawn for it, "
            f"stratified, seed {seed}; equal and nearly equal texts stay together, "
            "and rows keep their numbers in the file"
        )
    return found, notes


def _pick(parsed: Parsed, places: Iterable[int]) -> Parsed:
    return Parsed([parsed.examples[i] for i in places], [parsed.originals[i] for i in places], [])
