"""Conversations, as OpenAI (``messages``), ShareGPT (``conversations``) and Alpaca (``instruction``) write them.

All become ``messages``, a list of ``{"role", "content"}`` with the roles system, user, assistant and tool,
beside ``prompt``, the last user turn before the last answer, and ``response``, that answer. Other columns stay
as they are. No task of dialogue stands yet, but a classifier can read ``prompt``, and a language model
``response``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from whet.core.errors import DataError
from whet.prepare.readers._json import kind
from whet.prepare.readers._objects import made_of, objects
from whet.prepare.readers._shape import shape
from whet.prepare.readers.contract import Line, Reader, Sample

ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model", "function_call"), "assistant"),
    **dict.fromkeys(("tool", "observation", "function", "function_response"), "tool"),
}
"""What each format calls the four roles; a ``function_call`` is a turn of the assistant."""
PREFERENCES = ("chosen", "rejected", "kto_tag")
FORMS = "messages (OpenAI), conversations (ShareGPT), or instruction and output (Alpaca)"


class Messages(Reader):
    """Conversations of OpenAI, ShareGPT and Alpaca, a JSON object a line or in one array."""

    endings = (".json", ".jsonl", ".ndjson")
    telling = False
    made_for = "dialogue"
    signs = (frozenset({"messages"}), frozenset({"conversations"}), frozenset({"instruction", "output"}))
    lined = False

    def sniff(self, head: str) -> float:
        kinds = shape(head)
        if any(key in kinds for key in PREFERENCES) or kinds.get("label") == {"bool"}:
            return 0.0
        turns = any(f"{key}[].{role}" in kinds for key in ("messages", "conversations") for role in ("role", "from"))
        alpaca = all("text" in kinds.get(key, ()) for key in ("instruction", "output"))
        return 0.97 if turns or alpaca else 0.0

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        return made_of(objects(lines, name), _row)

    @classmethod
    def sample(cls) -> Sample:
        turns = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "Hello 🙂"}]
        row = {"id": 1, "messages": turns, "prompt": "你好", "response": "Hello 🙂"}
        return Sample(json.dumps({"id": 1, "messages": turns}, ensure_ascii=False) + "\n", (row,))


def _row(cells: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """One row and what was mended in it. Raises DataError with the first thing that is wrong."""
    if any(key in cells for key in PREFERENCES) or ("messages" in cells and isinstance(cells.get("label"), bool)):
        cure = "keep such rows out, or delete what says which answer is preferred: no task reads preferences yet"
        raise DataError("the row compares answers (chosen, rejected, or a label for the whole)", where, cure)
    mended: list[str] = []
    raw = _given(cells, where)
    turns = [turn for place, one in enumerate(raw, 1) if (turn := _turn(one, place, where, mended))]
    spoken = [place for place, turn in enumerate(turns) if turn["role"] == "assistant"]
    if not spoken:
        what = f"no turn is the assistant's: found {', '.join(turn['role'] for turn in turns) or 'no turns'}"
        raise DataError(what, where, "add the answer, or delete the row")
    if len(turns) > spoken[-1] + 1:
        mended.append(f"turns after the last answer are left out: {len(turns) - spoken[-1] - 1}")
        turns = turns[: spoken[-1] + 1]
    asked = [turn["content"] for turn in turns[:-1] if turn["role"] == "user"]
    if not asked:
        raise DataError("no user turn comes before the answer", where, "add what was asked, or delete the row")
    early = [place for place, turn in enumerate(turns[: spoken[0]], 1) if turn["role"] == "tool"]
    if early:
        cure = "begin with a user turn; a tool's answer follows the assistant's call"
        raise DataError(f"turn {early[0]} is a tool's, and nobody called one before", where, cure)
    made = {"messages": turns, "prompt": asked[-1], "response": turns[-1]["content"]}
    own = {key: value for key, value in cells.items() if key not in ("messages", "conversations")}
    return {f"input_{key}" if key in made else key: value for key, value in own.items()} | made, mended


def _given(cells: Mapping[str, Any], where: str) -> list[Any]:
    """The turns as the row's format has them."""
    for key in ("messages", "conversations"):
        turns = cells.get(key)
        if turns is None:
            continue
        if not isinstance(turns, list):
            raise DataError(f"{key} is {kind(turns)}, expected a list of turns", where, "write a list")
        system = cells.get("system")
        return [{"role": "system", "content": system}, *turns] if system else turns
    if "instruction" not in cells or "output" not in cells:
        found = ", ".join(cells) or "nothing"
        raise DataError(f"found the keys {found}; expected {FORMS}", where, "name the turns as one of these does")
    return _alpaca(cells, where)


def _alpaca(cells: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """An Alpaca row as turns: its input, where there is one, is the rest of what was asked."""
    for key in ("instruction", "input", "output", "system"):
        if not isinstance(cells.get(key), (str, type(None))):
            raise DataError(f"{key} is {kind(cells[key])}, expected a text", where, f"write the {key} as a text")
    turns = [{"role": "system", "content": cells["system"]}] if cells.get("system") else []
    history = cells.get("history") or []
    pairs = history if isinstance(history, list) else [history]
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise DataError("history is not a list of pairs", where, 'write [["question", "answer"], ...]')
    for asked, answered in pairs:
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    asked = "\n".join(part for key in ("instruction", "input") if (part := cells.get(key)))
    return [*turns, {"role": "user", "content": asked}, {"role": "assistant", "content": cells["output"]}]


def _turn(one: Any, place: int, where: str, mended: list[str]) -> dict[str, str] | None:
    """One turn with its role and text; None for an empty system turn."""
    if not isinstance(one, dict):
        raise DataError(f"turn {place} is {kind(one)}, expected an object", where, 'write {"role", "content"}')
    said, text = ("from", "value") if "from" in one else ("role", "content")
    called = one.get(said)
    role = ROLES.get(called) if isinstance(called, str) else None
    if role is None:
        what = f"turn {place} has the {said} {called!r}, expected one of {', '.join(ROLES)}"
        raise DataError(what, where, "write one of these")
    calls = one.get("tool_calls") or ([one["function_call"]] if one.get("function_call") else [])
    content = _text(one.get(text), f"turn {place} ({called})", where, mended)
    if calls:
        content = "\n".join([*([content] if content else []), *(_call(call) for call in calls)])
        mended.append("a tool call is written into its turn as JSON")
    unread = [key for key in one if key not in (said, text, "tool_calls", "function_call") and one[key] is not None]
    if unread:
        mended.append(f"of a turn is left out: {', '.join(unread)}")
    if content.strip():
        return {"role": role, "content": content}
    if role == "system":
        mended.append("an empty system turn is left out")
        return None
    raise DataError(f"turn {place} ({called}) is empty", where, "fill it in, or delete the row")


def _text(content: Any, turn: str, where: str, mended: list[str]) -> str:
    """A turn's text: itself, or its parts where all of them are text."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise DataError(f"{turn} holds {kind(content)}, expected a text", where, "write a text")
    texts = []
    for number, part in enumerate(content, 1):
        text = part if isinstance(part, str) else part.get("text") if isinstance(part, dict) else None
        if not isinstance(text, str):
            found = part.get("type", "no text") if isinstance(part, dict) else kind(part)
            cure = "whet reads text only: delete the part, or the row"
            raise DataError(f"{turn}: part {number} is {found}, not text", where, cure)
        texts.append(text)
    if len(texts) > 1:
        mended.append("a turn's parts of text are joined by line breaks")
    return "\n".join(texts)


def _call(call: Any) -> str:
    made = call.get("function", call) if isinstance(call, dict) else call
    return json.dumps(made, ensure_ascii=False)
