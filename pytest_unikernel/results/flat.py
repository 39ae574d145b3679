"""A record as one flat row, and rows as a data frame. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_unikernel.errors import LoadError

# Objects of objects: their keys would be columns that only some loads have.
LEFT_OUT = frozenset(
    {
        "distribution",
        "settings",
        "variant",
        "knee",
        "slo",
        "first_attempt",
        "partition",
        "quiescence",
        "knees",
    }
)
Row = Mapping[str, Any]


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the single values of a record; a key in an object is joined to it by a dot.

    ``response_time_s.p50``, ``host.cpu_percent``: the names are those of the record's reference.
    """
    return dict(_flat(record, ""))


def _flat(record: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if key in LEFT_OUT:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        elif not isinstance(value, Sequence) or isinstance(value, str):
            yield f"{before}{key}", value


def data_frame(rows: Iterable[Row], columns: Sequence[str] | None = None) -> Any:
    """Return rows as a pandas ``DataFrame``; a missing value is NaN.

    Raises:
        LoadError: pandas is not installed.
    """
    try:
        import pandas  # noqa: ICN001, PLC0415 - optional, and slow to import
    except ImportError as error:
        raise LoadError(
            f"to_pandas() needs pandas, which can't be imported ({error}): "
            "pip install 'pytest-unikernel[pandas]'"
        ) from error
    return pandas.DataFrame(list(rows), columns=None if columns is None else list(columns))
