"""The verbs of this folder, found by file name and imported only when called."""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from whet.core.errors import Interrupted, UsageError, nearest


class Verbs(TyperGroup):
    """A group of commands that answers an unknown one with the nearest."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names. Raises UsageError where there is none."""
        word = args[0]
        if not word.startswith("-") and word not in self.list_commands(ctx) and not ctx.resilient_parsing:
            cure = f"whet run {word}" if Path(word).exists() else nearest(word, self.list_commands(ctx))
            raise UsageError(f"there is no command '{ctx.command_path} {word}'", cure=cure)
        return super().resolve_command(ctx, args)


class Folder(Verbs):
    """The verbs of this folder: a file is one, its docstring is its help."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every verb's name, in the order in which a newcomer needs them, others by name."""
        return names()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb's command, imported now; None where there is none."""
        return command(cmd_name) if cmd_name in names() else None

    def invoke(self, ctx: Any) -> Any:
        """Run a verb. On some errors the parser would end the process in silence; they are renamed here."""
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, EOFError) as error:
            raise RuntimeError(f"a pipe or file ended too early ({error or type(error).__name__})") from error
        except KeyboardInterrupt as error:
            raise Interrupted("stopped") from error

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of verbs without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in names()])


_FIRST = ("run", "plan", "resume", "predict", "evaluate", "compare")


@cache
def names() -> list[str]:
    """Every verb's name: the road first, the rest in alphabetical order."""
    found = {path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_")}
    return [name for name in _FIRST if name in found] + sorted(found - set(_FIRST))


def summary(name: str) -> str:
    """The first line of a verb's docstring, read from its file."""
    source = (Path(__file__).parent / f"{name}.py").read_text("utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0].rstrip(".")


def command(name: str) -> Any:
    """A verb's command, with its file's docstring as the help."""
    module = importlib.import_module(f"whet.cli.{name}")
    found = typer.main.get_command(module.app)
    found.name = name
    found.help = kept(inspect.cleandoc(module.__doc__ or ""))
    return found


def kept(doc: str) -> str:
    """A docstring for the help page: indented paragraphs (the examples) keep their lines."""
    paragraphs = doc.split("\n\n")
    return "\n\n".join(f"\b\n{part}" if part.startswith("    ") else part for part in paragraphs)


def whet_group() -> Any:
    """The whole command line as one command."""
    return typer.main.get_command(_app)


_app = typer.Typer(name="whet", cls=Folder, no_args_is_help=True, rich_markup_mode=None, add_completion=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"whet {version('whet')}")
        raise typer.Exit


@_app.callback()
def _whet(
    ctx: typer.Context,
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_show_version),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False,
) -> None:
    """Fine-tune a language model on your data, and know how good it is.

    \b
        whet run reviews.csv          train, measure, report
        whet predict runs/NAME 'Good coffee, slow service.'

    `whet COMMAND --help` explains a command. Exit codes: 0 done, 1 internal error, 2 wrong use, 3 data,
    4 model refused, 5 training failed, 6 out of memory or disk, 75 preempted, 130 stopped.
    """
    ctx.obj.debug = ctx.obj.debug or debug
