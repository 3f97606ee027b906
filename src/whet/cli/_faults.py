"""From an exception to an exit code and words: what is wrong, where, and the cure.

Whet's own errors carry all three; the rest of the world's are put into the same shape here.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import typer

from whet.core.errors import ResourceError, WhetError, lacks_memory, of_the_disk, of_the_place

Refusal = typer.BadParameter.__mro__[1]
"""The root of what the parser itself refuses; typer has no public name for it."""


@dataclass
class Session:
    """What one call of the command line knows about itself."""

    debug: bool = False
    as_json: bool = False


def explained(error: BaseException, debug: bool = False) -> int:
    """Say on standard error what went wrong and return the exit code."""
    if debug:
        traceback.print_exception(error)
    code, words = _sorted(error)
    if words:
        typer.echo(typer.style("error:", fg="red", bold=True) + " " + words, err=True)
    return code


def _sorted(error: BaseException) -> tuple[int, str]:
    if isinstance(error, WhetError):
        return error.exit_code, _listed(error)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return 130, "stopped"
    if isinstance(error, Refusal):
        return _misuse(error)
    if lacks_memory(error):
        cure = "lower train.tokens_per_batch, or take a smaller model"
        return ResourceError.exit_code, f"the memory does not suffice\n  cure: {cure}"
    if (broken := of_the_disk(error)) is not None:
        return broken.exit_code, str(broken)
    if (closed := of_the_place(error)) is not None:
        return closed.exit_code, str(closed)
    lines = str(error).strip().splitlines()
    said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return 1, f"{said} (unexpected; run again with --debug to see where)"


def _listed(error: WhetError) -> str:
    if len(error.faults) < 2:
        return str(error)
    return f"{len(error.faults)} things are wrong\n" + "\n".join(f"- {fault}" for fault in error.faults)


def _misuse(error: BaseException) -> tuple[int, str]:
    """The parser's own refusals; a bare ``whet`` is answered with the help, which is its message."""
    said: str = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(context.get_help() if context else said, err=True)
        return 2, ""
    command = context.command_path if context else "whet"
    return 2, f"{said}\n  cure: {command} --help"
