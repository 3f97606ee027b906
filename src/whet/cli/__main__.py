"""``python -m whet.cli``, where the command ``whet`` is not on the path."""

import sys

from whet.cli import main

sys.exit(main())
