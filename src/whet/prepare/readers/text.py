"""Plain documents, separated by ``<|endoftext|>`` where the file's beginning has it, else by blank lines."""

from __future__ import annotations

from collections.abc import Iterator

from whet.prepare.readers.contract import Line, Reader, Sample, peek

END = "<|endoftext|>"


class Text(Reader):
    """Plain text: each document is a row with one column, ``text``. Lines inside a document are kept."""

    endings = (".txt", ".text")
    telling = False
    headed = False
    made_for = "language-modeling"
    longest = 50_000_000

    def sniff(self, head: str) -> float:
        return 0.5

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        head, lines = peek(lines)
        marked = END in head
        kept: list[str] = []
        begins, empty = 1, True
        for number, line in enumerate(lines, 1):
            parts = line.split(END) if marked else [line]
            blank = not marked and not line.strip()
            for place, part in enumerate(parts):
                if place or blank:
                    yield from _document(begins, kept)
                    kept, empty = [], True
                if empty and part.strip():
                    begins, kept, empty = number, [], False
                kept.append(part)
        yield from _document(begins, kept)

    @classmethod
    def sample(cls) -> Sample:
        return Sample("Once.\nTwice.\n\nThen.\n", ({"text": "Once.\nTwice."}, {"text": "Then."}))


def _document(begins: int, lines: list[str]) -> Iterator[Line]:
    text = "".join(lines).strip()
    if text:
        yield Line(begins, {"text": text.replace("\r\n", "\n")})
