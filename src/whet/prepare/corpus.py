"""The station of the data: from DATA to a corpus of checked splits, or every fault at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare import hub
from whet.prepare.check import describe, remarks
from whet.prepare.leaks import OnLeak, leaks, settle
from whet.prepare.ledger import Ledger, ledger
from whet.prepare.locate import SPLITS, Place, locate
from whet.prepare.options import DataOptions
from whet.prepare.parsed import Parsed, parse, target_of
from whet.prepare.portions import completed, mixture, thinned
from whet.prepare.prints import read_prints
from whet.prepare.readers.contract import READERS
from whet.prepare.roles import Roles, guess_task, infer, is_headless
from whet.prepare.schema import learn, sound, unlabelled, unseen
from whet.prepare.tables import HUB, Table, plain_names, read_table, table_of
from whet.tasks.contract import TASKS, Schema, Split, Task

UNANSWERED = (None, "", "-1", "?", -1)
"""What stands in the place of a target that nobody tells."""


@dataclass(frozen=True)
class Corpus:
    """Checked rows, ready to be encoded.

    ``columns`` names the column of each role, ``files`` the SHA-256 of each file by its full name, ``notes`` everything
    that was guessed or made and must be said aloud, ``check`` the content of check.json, ``leaking`` the test rows
    (from 0) that stand in training too, ``homes`` for a cross-validation the fold of each test row. An example's
    ``row`` is the number of its row in the file that it was read from, in a split that was made as well.
    """

    task_name: str
    task: Task
    splits: dict[str, Split]
    schema: Schema
    columns: dict[str, str]
    files: dict[str, str]
    notes: list[str]
    check: dict[str, Any]
    ledger: Ledger
    rows_as_written: Mapping[str, Sequence[Mapping[str, Any]]]
    leaking: tuple[int, ...] = ()
    homes: tuple[int, ...] = ()

    @property
    def rows(self) -> dict[str, int]:
        """The number of rows in each split."""
        return {name: len(split.examples) for name, split in self.splits.items()}

    def originals(self, split: str) -> Sequence[Mapping[str, Any]]:
        """The rows of a split as they stand in their file, in the order of its examples."""
        return self.rows_as_written[split]


def prepare(source: str | None, data: DataOptions, task: Task | None, seed: int, folds: int | None = None) -> Corpus:
    """Read, infer, check and split. ``task=None`` guesses the task from the rows, and says so.

    With ``folds`` every row is a test row, for the models of the folds to answer, and all of them train the model
    that ships.
    Raises DataError with all faults found: nothing is trained on data that is not whole.
    """
    skip = data.on_bad_row == "skip"
    tables, notes = _tables(locate(source, data), skip, mix=data.mix)
    if task is None:
        train = tables["train"]
        name = guess_task(train.beginning, train.entry, train.name, data.columns)
        task = TASKS[name]()
        notes.append(f"no task was named: the rows look like {name}")
    parsed, columns, said = _parsed(tables, task, _asked(data), skip)
    used = {split: tables[split] for split in parsed}
    notes += said
    whole = sum(map(len, parsed.values()))
    parsed, said = thinned(parsed, data.max_rows, seed)
    notes += said
    if faults := sound(parsed, task, columns):
        raise DataError(faults)
    whole_set = completed(parsed, data, seed, tables["train"].name, folds)
    parsed, homes = whole_set.parsed, whole_set.homes
    notes += whole_set.notes
    left = sum(map(len, parsed.values())) - len(homes)
    repeated = len(homes)
    if data.mix:
        mixed = mixture({tables[n].name: parsed[n] for n in ("train", *data.mix)}, [1.0, *data.mix.values()], seed)
        left -= sum(len(parsed[n]) for n in ("train", *data.mix)) - mixed.different
        repeated += len(mixed.parsed) - mixed.different
        parsed["train"] = mixed.parsed
        notes.append(mixed.note)
    parsed = {name: parsed[name] for name in SPLITS if name in parsed}
    schema, said = learn(parsed, task)
    return _corpus(parsed, task, schema, columns, used, notes + said, whole - left, repeated, data.on_leak, homes)


def prepare_test(source: str, data: DataOptions, task: Task, schema: Schema, columns: Mapping[str, str]) -> Corpus:
    """The test split alone, for a model that is trained already: a file, or a folder with a test file.

    ``columns`` are those of the training; where the file has others, they are inferred anew.
    Raises DataError with all faults found.
    """
    place = locate(source, data)
    skip = data.on_bad_row == "skip"
    tables, notes = _tables(place, skip, only="test" if "test" in place.files or place.hub else "train")
    if len(place.files) > 1 and "test" not in tables:
        raise DataError(f"there is no test file, only {', '.join(place.files)}", source, "give the file itself")
    table = next(iter(tables.values()))
    known = {role: column for role, column in columns.items() if column in table.names and role != "weight"}
    parsed, found, said = _parsed({"test": table}, task, {**known, **data.columns}, skip, columns or None)
    whole = len(parsed["test"])
    parsed, fewer = thinned(parsed, data.max_rows, 0)
    if faults := unlabelled(parsed["test"], task, "test") + unseen(parsed["test"], schema):
        raise DataError(faults)
    return _corpus(parsed, task, schema, found, {"test": table}, notes + said + fewer, whole - len(parsed["test"]), 0)


def _corpus(
    parsed: Mapping[str, Parsed],
    task: Task,
    schema: Schema,
    columns: dict[str, str],
    tables: Mapping[str, Table],
    notes: list[str],
    left_out: int,
    repeated: int,
    on_leak: OnLeak = "error",
    homes: tuple[int, ...] = (),
) -> Corpus:
    parsed = dict(parsed)
    apart = [name for name in parsed if not (homes and name == "test")]
    prints = {name: read_prints(parsed[name].examples) for name in apart}
    shared, dropped = leaks(prints), 0
    if "train" in parsed:
        kept, said = settle(shared, prints, {name: table.name for name, table in tables.items()}, on_leak)
        notes = notes + said
        dropped = len(prints["train"]) - len(kept)
    if dropped:
        parsed["train"], prints["train"] = parsed["train"].pick(kept), prints["train"].pick(kept)
        shared = leaks(prints)
    check = describe(prints, schema.labels, shared)
    account = ledger(tables.values(), {name: len(part) for name, part in parsed.items()}, left_out, dropped, repeated)
    leak = shared.get(("train", "test"))
    return Corpus(
        task_name=TASKS.name_of(type(task)),
        task=task,
        splits={name: Split(name, part.examples, content=part.content) for name, part in parsed.items()},
        schema=schema,
        columns=columns,
        files={table.full_name: table.sha256 for table in tables.values()},
        notes=notes + remarks(check),
        check={"rows": asdict(account), **check},
        ledger=account,
        rows_as_written={name: part.originals for name, part in parsed.items()},
        leaking=() if leak is None else tuple(leak.every.tolist()),
        homes=homes,
    )


def _tables(
    place: Place, skip: bool, only: str | None = None, mix: Collection[str] = ()
) -> tuple[dict[str, Table], list[str]]:
    """Every split's rows, read whole; raises once, with the faults of all files."""
    notes = list(place.notes)
    tables: dict[str, Table] = {}
    if place.hub is not None:
        found = hub.load(place.hub, needs=only or "train", own=place.files)
        notes += found.notes
        for split, part in found.splits.items():
            if only in (None, split):
                name, print_ = f"hf:{place.hub}/{split}", getattr(part, "_fingerprint", "")
                tables[split] = table_of(name, HUB, hub.lines(part, name), print_)
    faults: list[Fault] = []
    for split, path in {**place.files, **{name: Path(name) for name in mix}}.items():
        if only not in (None, split):
            continue
        try:
            tables[split] = read_table(path)
        except DataError as error:
            faults.extend(error.faults)
    for table in tables.values():
        if table.tally.ended or not (skip and table.rows):
            faults.extend(table.faulted(table.faults))
    if faults:
        raise DataError(faults)
    read = [table for table in tables.values() if table.entry != HUB]
    for table in read:
        notes.append(f"{table.name}: {len(table.rows)} rows, read as {table.entry}")
        notes += [
            *table.notes,
            *(f"{table.name}: {count} rows mended: {what}" for what, count in table.tally.mended.items()),
        ]
    return {split: tables[split] for split in (*SPLITS, *mix) if split in tables}, notes


def _asked(data: DataOptions) -> dict[str, str]:
    """The roles whose columns the user named."""
    return {**data.columns, **({"weight": data.weight_column} if data.weight_column else {})}


def _parsed(
    tables: Mapping[str, Table],
    task: Task,
    asked: Mapping[str, str],
    skip: bool,
    trained: Collection[str] | None = None,
) -> tuple[dict[str, Parsed], dict[str, str], list[str]]:
    """Each table's rows as the task reads them; the first one must have what was asked for, the others may differ.

    A later one that has no targets at all, as a contest's test file, can only be predicted and is left out.
    """
    parsed: dict[str, Parsed] = {}
    columns: dict[str, str] = {}
    first: Roles | None = None
    notes: list[str] = []
    faults: list[Fault] = []
    for split, table in tables.items():
        if first and split in SPLITS and _is_unanswered(table, task, asked, first):
            what = f"no row has its {target_of(task)}, so it can only be predicted (whet predict)"
            notes.append(f"{table.name}: {what}; a {split} split is made from the training rows")
            continue
        try:
            if first is None:
                roles = infer(table.sample, task, asked, table.name, roles=trained)
            else:
                roles = _later(table, task, asked, first)
        except DataError as error:
            faults.extend(error.faults)
            continue
        parsed[split], refused = parse(table, task, roles, skip)
        if not skip or not len(parsed[split]):
            faults.extend(table.faulted(refused))
        elif table.tally.faulty:
            notes.append(_skipped(table, (*table.faults, *refused)))
        headed = table.entry == HUB or READERS[table.entry].headed
        if headed and (first is None or _unweighted(roles) != _unweighted(first)):
            notes.append(roles.note)
        if first is None:
            first, columns = roles, _called(table, roles)
    if faults:
        raise DataError(faults)
    return parsed, columns, notes


def _skipped(table: Table, faults: Sequence[Fault]) -> str:
    """What is left out of a file under ``data.on_bad_row=skip``, with the first reason."""
    tally = table.tally
    return (
        f"{table.name}: {tally.faulty} of {tally.read} rows are skipped; the first: {faults[0].where}: {faults[0].what}"
    )


def _later(table: Table, task: Task, asked: Mapping[str, str], first: Roles, targets: bool = True) -> Roles:
    """The roles in a table beside the first one: the same columns where it has them, else by name, and no weight.

    A recipe that was settled names the columns of its training rows; a test file may call its own otherwise.
    """
    names = table.names
    if set(_unweighted(first).values()) <= set(names):
        return first
    headless = is_headless(names)
    given = {**({} if headless else first.columns), **asked}
    given = {role: column for role, column in given.items() if column in names}
    return infer(table.sample, task, given, table.name, targets, guess=headless, roles=first.columns)


def _unweighted(roles: Roles) -> dict[str, str]:
    return {role: column for role, column in roles.columns.items() if role != "weight"}


def _is_unanswered(table: Table, task: Task, asked: Mapping[str, str], first: Roles) -> bool:
    """Whether there are rows and none has a target: no column for it, or only empty cells, -1 or ?, as contests do."""
    if not table.rows or target_of(task) is None:
        return False
    try:
        found = _later(table, task, asked, first, targets=False)
    except DataError:  # not even the inputs are there
        return False
    columns = [found.columns[one.role] for one in task.columns if one.target and one.role in found.columns]
    return all(row.cells.get(column) in UNANSWERED for row in table.rows for column in columns)


def _called(table: Table, roles: Roles) -> dict[str, str]:
    """The names under which the roles' columns go from here on: nameless ones are called by their role."""
    from_role = plain_names(table.names, roles)
    return {role: from_role.get(column, column) for role, column in roles.columns.items()}
