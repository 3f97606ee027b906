"""The contract of strategies: every entry of the shelf, on an encoder, a decoder and an encoder-decoder.

``--run-whole`` of the runner (``make test-all``) asks the same of every family. A strategy that cannot serve a family refuses it with
a ModelError, and only where REFUSED says so.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import families
import pytest
import torch
import yaml
from pydantic import TypeAdapter
from strategies import exercise

from whet.core.errors import ModelError
from whet.core.fields import changed, fields_of
from whet.strategies.contract import STRATEGIES, Strategy
