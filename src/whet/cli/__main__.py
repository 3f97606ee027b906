"""``python -m whet.cli``, where the command ``whet`` is not on the path."""

from whet.cli import main

main()
