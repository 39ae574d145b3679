"""Reads the answers of container engines, by their clients and by their API."""

from __future__ import annotations

import json
from typing import Any


def json_object(answer: str | bytes) -> dict[str, Any]:
    """Return the JSON object that an answer is; an empty one if it is anything else."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
