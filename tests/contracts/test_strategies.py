"""The contract of strategies: every entry of the shelf, on an encoder, a decoder and an encoder-decoder.

``--run-whole`` of the runner (``make test-all``) asks the same of every family. A strategy that cannot serve a family refuses it with
a ModelError, and only where REFUSED says so.
"""

from __future__ import annotations
