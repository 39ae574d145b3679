"""The quantiles that every summary reports."""

from __future__ import annotations

from collections.abc import Mapping

QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
