"""Write the golden losses anew: ``python tests/golden/write_losses.py``. Nothing else ever does.

Run it only where losses are meant to change, look at the difference, and say why in the changelog.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    from golden import losses

    found = {pair: [float(f"{loss:.7g}") for loss in losses.measured(pair)] for pair in losses.pairs()}
    lines = ",\n".join(f"    {json.dumps(pair)}: {json.dumps(values)}" for pair, values in found.items())
    text = f'{{\n  "tolerance": {losses.TOLERANCE},\n  "losses": {{\n{lines}\n  }}\n}}\n'
    losses.FILE.write_text(text, "utf-8")
    print(f"{len(found)} rows of {losses.STEPS} losses in {losses.FILE}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        os.environ["WHET_CACHE"] = place
        main()
