"""The record of a load: what it may hold, as types; checks by them; the JSON Schema that is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]  # as JSON has it
