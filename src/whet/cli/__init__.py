"""The command line: one file a verb, which parses, calls the Python front door and prints.

``whet VERB`` imports that verb's file and no other; ``whet --help`` reads the first line of each file and
imports none, so that neither waits for torch. A file whose name begins with an underscore is no verb.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from whet.cli._faults import Session, explained
from whet.cli._show import Unread, abandon_output, utf8
from whet.cli._verbs import whet_group

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (the table stands in the reference).

    ``arguments`` are those of the process where they are not given. Standard output holds answers only;
    progress, notes and errors go to standard error. Traces are shown with ``--debug``.
    """
    utf8()
    session = Session()
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = whet_group().main(given, prog_name="whet", standalone_mode=False, obj=session)
        sys.stdout.flush()
    except (Unread, BrokenPipeError):
        abandon_output()
        return 0
    except (Exception, KeyboardInterrupt) as error:
        return explained(error, session.debug)
    return code if isinstance(code, int) else 0
