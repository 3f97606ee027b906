"""Which keys the beginning of a JSON file has, and where: enough to tell formats apart before the file is read.

The beginning may break off anywhere, so it is walked token by token and never parsed.
"""

from __future__ import annotations

import re

from whet.prepare.readers._caps import DEEPEST

_TOKEN = re.compile(r'\s*(?:("[^"\\]*(?:\\.[^"\\]*)*")\s*(:)?|([{}\[\],])|([^\s{}\[\],:"]+))', re.DOTALL)
_WORDS = {"true": "bool", "false": "bool", "null": "null"}
MOST = 20_000
"""Tokens that are looked at."""


def shape(head: str) -> dict[str, set[str]]:
    """The paths of all keys that are seen, such as ``data[].title``, and which kinds of value each has.

    A list of objects and an object a line give the same paths. Kinds are ``object``, ``array``, ``text``,
    ``number``, ``bool`` and ``null``. A value that is nested too deeply to be read ends the walk: its paths would grow
    with every bracket, and so would the time that each takes.
    """
    found: dict[str, set[str]] = {}
    stack: list[tuple[str, str]] = []  # brackets that are open, and the path that each stands at
    path, at = "", 0
    for _ in range(MOST):
        token = _TOKEN.match(head, at)
        if not token or len(stack) > DEEPEST:
            break
        at = token.end()
        text, colon, mark, other = token.groups()
        opened, base = stack[-1] if stack else ("", "")
        if text and colon:
            path = f"{base}.{text[1:-1]}".lstrip(".")
        elif text or other:
            found.setdefault(path, set()).add("text" if text else _WORDS.get(other, "number"))
        elif mark in ("{", "["):
            found.setdefault(path, set()).add("object" if mark == "{" else "array")
            path = path if mark == "{" else f"{path}[]" * bool(stack)
            stack.append((mark, path))
        elif mark in ("}", "]"):
            if not stack or opened != {"}": "{", "]": "["}[mark]:
                break
            stack.pop()
            path = base
            if stack and stack[-1][0] == "[":
                path = stack[-1][1]
        elif opened == "[":
            path = base
    found.pop("", None)
    return found
