"""What the tests of this room share: files written in one line, and a task of three roles."""

from __future__ import annotations

from pathlib import Path

from whet.tasks.contract import Example

SHARED = Path(__file__).parents[3] / "shared" / "data"


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def csv_rows(count: int, first: int = 0) -> str:
    return "".join(f"this is text number {first + i},{'good' if i % 2 else 'bad'}\n" for i in range(count))


def examples(labels: list, texts: list[str] | None = None) -> list[Example]:
    words = texts or [f"text {place}" for place in range(len(labels))]
    return [Example(n, (text,), label) for n, (text, label) in enumerate(zip(words, labels, strict=True), 1)]
