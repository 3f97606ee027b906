"""The station of the data: from DATA to a corpus of checked splits, or every fault at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare import hub
from whet.prepare.check import describe, remarks
from whet.prepare.locate import SPLITS, Place, locate
from whet.prepare.options import DataOptions
from whet.prepare.readers.contract import PEEK
from whet.prepare.roles import Roles, guess_task, infer, is_headless
from whet.prepare.split import is_number, labels_in, labels_of, take, thin
from whet.prepare.tables import Parsed, Table, gathered, limited, parse, plain_names, read_table, table_of
from whet.tasks.contract import TASKS, Example, Schema, Split, Task


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
    parsed, columns, said = _parsed(tables, task, data)
    notes += said
    parsed, said = _thinned(parsed, data.max_rows, seed)
    notes += said
    parsed, said = _split(parsed, data.split_fractions, seed, tables["train"].name)
    notes += said
    schema = _learn({name: part.examples for name, part in parsed.items()}, task)
    return _corpus(parsed, task, schema, columns, tables, notes)


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
    known = {role: column for role, column in columns.items() if column in table.names}
    options = dataclasses.replace(data, columns={**known, **data.columns})
    parsed, found, said = _parsed({"test": table}, task, options)
    parsed, thinned = _thinned(parsed, data.max_rows, 0)
    faults = _unlabelled(parsed["test"].examples, task, "test") + _unseen(parsed["test"].examples, schema, "test")
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
) -> Corpus:
    examples = {name: parsed[name].examples for name in SPLITS if name in parsed}
    check = describe(examples, schema.labels)
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
    if place.hub is not None:
        found = hub.load(place.hub)
        tables = {
            split: table_of(f"hf:{place.hub}/{split}", "hub", hub.lines(part), getattr(part, "_fingerprint", ""))
            for split, part in found.items()
            if only in (None, split)
        }
        return tables, [*notes, f"hf:{place.hub}: found {', '.join(found)}"]
    tables = {}
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
    notes += [f"{table.name}: {len(table.cells)} rows, read as {table.entry}" for table in tables.values()]
    return tables, notes


def _parsed(
    tables: Mapping[str, Table], task: Task, data: DataOptions
) -> tuple[dict[str, Parsed], dict[str, str], list[str]]:
    """Each table's rows as the task reads them; the first one's columns serve the others that have them."""
    parsed: dict[str, Parsed] = {}
    columns: dict[str, str] = {}
    first: Roles | None = None
    notes: list[str] = []
    faults: list[Fault] = []
    for split, table in tables.items():
        try:
            if first is not None and set(first.columns.values()) <= set(table.names):
                roles = first
            else:
                named = first is None or is_headless(table.names)
                sample = table.cells[:PEEK]
                kept = first.columns.items() if first and not named else ()
                given = {role: column for role, column in kept if column in table.names} | data.columns
                roles = infer(sample, task, given, table.name, data.weight_column, guess=named)
                notes += roles.notes
        except DataError as error:
            faults.extend(error.faults)
            continue
        parsed[split] = parse(table, task, roles)
        faults.extend(limited(parsed[split].faults, table.name))
        if first is None:
            first, columns = roles, _called(table, roles)
    if faults:
        raise DataError(faults)
    return parsed, columns, notes


def _called(table: Table, roles: Roles) -> dict[str, str]:
    """The names under which the roles' columns go from here on: nameless ones are called by their role."""
    from_role = plain_names(table.cells[:PEEK], roles)
    return {role: from_role.get(column, column) for role, column in roles.columns.items()}


def _thinned(parsed: dict[str, Parsed], most: int | None, seed: int) -> tuple[dict[str, Parsed], list[str]]:
    """At most so many rows of each split, and none whose label the fewer training rows no longer have."""
    if most is None:
        return parsed, []
    places = {name: thin(part.examples, most, seed, name) for name, part in parsed.items()}
    if "train" in parsed:
        labels = labels_of(parsed["train"].examples)
        left = {label for place in places["train"] for label in labels[place]}
        lost = {label for found in labels for label in found} - left
        for name, part in parsed.items():
            places[name] = [i for i in places[name] if lost.isdisjoint(labels_in(part.examples[i].target))]
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
        taken = take(rows.examples, max(1, round(share * whole)), seed, split)
        if not taken:
            raise DataError(
                f"{whole} rows are too few to make a {split} split of them",
                name,
                f"give more rows, or a {split} file; separate documents by blank lines or <|endoftext|>",
            )
        chosen = set(taken)
        found[split] = _pick(rows, taken)
        found["train"] = _pick(rows, [place for place in range(len(rows.examples)) if place not in chosen])
        notes.append(
            f"there is no {split} file: {len(taken)} of {whole} rows of {name} are drawn for it, "
            f"stratified, seed {seed}; equal texts stay together, and rows keep their numbers in the file"
        )
    return found, notes


def _pick(parsed: Parsed, places: Sequence[int]) -> Parsed:
    return Parsed([parsed.examples[i] for i in places], [parsed.originals[i] for i in places], [])


def _learn(splits: Mapping[str, list[Example]], task: Task) -> Schema:
    """The schema of the training rows, once every other split is fit to be measured with it."""
    held_out = [name for name in SPLITS[1:] if name in splits]
    faults = [fault for name in held_out for fault in _unlabelled(splits[name], task, name)]
    schema = None
    try:
        schema = task.learn(splits["train"])
    except DataError as error:
        faults = gathered(error.faults, "train") + faults
    if schema is not None and len(schema.labels) == 1:
        what = f"every row has the one label '{schema.labels[0]}': there is nothing to learn"
        faults.append(Fault(what, "train", "give rows of at least two labels"))
    if schema is not None:
        faults += [fault for name in held_out for fault in _unseen(splits[name], schema, name)]
    if faults or schema is None:
        raise DataError(faults)
    return schema


def _unlabelled(examples: Sequence[Example], task: Task, split: str) -> list[Fault]:
    rows = [example.row for example in examples if example.target is None]
    role = next((column.role for column in task.columns if column.target and column.required), None)
    if role is None or not rows:
        return []
    cure = "fill it in; rows without one are for whet predict, so keep them out of the test file"
    return [Fault(f"{len(rows)} rows have no {role}: {_some(rows)}", split, cure)]


def _unseen(examples: Sequence[Example], schema: Schema, split: str) -> list[Fault]:
    """Targets that the schema has no place for: labels never seen in training, words on a scale."""
    rows: dict[str, list[int]] = {}
    known = {_entity(label) for label in schema.labels}
    for example in examples:
        for label in labels_in(example.target):
            if _entity(label) not in known if known else schema.scale and not is_number(label):
                rows.setdefault(label, []).append(example.row)
    if not known:
        cure = "mend the row, or set task.kind=single"
        return [Fault(f"the target '{x}' is no number: {_some(found)}", split, cure) for x, found in rows.items()]
    seen = ", ".join(schema.labels[:20])
    cure = "mend the label, or add training rows that have it"
    return [
        Fault(f"the label '{label}' is not among those seen in training ({seen}): {_some(found)}", split, cure)
        for label, found in rows.items()
    ]


def _entity(label: str) -> str:
    """A tag without its place in the entity: a test set may begin one that training only goes on with."""
    return label[2:] if label[:2] in ("B-", "I-", "E-", "M-", "S-", "L-", "U-") else label


def _some(rows: Sequence[int]) -> str:
    return f"rows {', '.join(map(str, rows[:10]))}" + (f" and {len(rows) - 10} more" if len(rows) > 10 else "")
