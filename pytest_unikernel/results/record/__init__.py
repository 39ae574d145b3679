"""The record of a load: its schema as types, the checks against it, and the JSON Schema made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]  # a decoded JSON object
