"""The knees of several hosts: of all together, and of each by its own launches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_unikernel.results.knee import Knee, find_knee

Record = Mapping[str, Any]


def knees(records: Iterable[Record]) -> dict[str, Any]:
    """Return the record's ``knees`` from the loads of one series; of loads of one step the last counts."""
    loads = _last_of_each_step(records)
    names = dict.fromkeys(str(host["name"]) for load in loads for host in load.get("hosts") or ())
    return {
        "fleet": _as_json(find_knee(loads), loads),
        "hosts": [{"name": name, **_as_json(*_knee_of(name, loads))} for name in names],
    }


def _last_of_each_step(records: Iterable[Record]) -> list[Record]:
    """Return a load of each step, the result of a search included; one that was cut short counts least."""
    found: dict[object, Record] = {}
    for record in (each for each in records if each["time_step_s"]):  # the others are cold starts
        known = found.get(record["time_step_s"])
        if known is None or not record["interrupted"] or known["interrupted"]:
            found[record["time_step_s"]] = record
    return list(found.values())


def _knee_of(name: str, loads: Iterable[Record]) -> tuple[Knee, Sequence[Record]]:
    rows = [row for load in loads for row in host_rows(load) if row["name"] == name]
    return find_knee(rows), rows


def host_rows(load: Record) -> Iterator[Record]:
    """Yield each host's share of a load with the keys that a knee needs; rates are the host's own."""
    hosts = load.get("hosts") or ()
    for host in hosts:
        yield {
            "name": str(host["name"]),
            "time_step_s": load["time_step_s"],
            "offered_rate_hz": load["offered_rate_hz"] / len(hosts),
            "verdict": host["verdict"],
            "completed": host.get("completed"),
            "interrupted": bool(host["lost"] or host.get("interrupted") or host["verdict"] is None),
        }


def _as_json(knee: Knee, rows: Sequence[Record]) -> dict[str, Any]:
    return {
        "fastest_ok_hz": knee.fastest_ok_hz,
        "fastest_ok_step_s": _step_s(rows, knee.fastest_ok_hz),
        "first_not_ok_hz": knee.first_not_ok_hz,
        "first_not_ok_step_s": _step_s(rows, knee.first_not_ok_hz),
        "verdict_of_first_not_ok": knee.verdict_of_first_not_ok or None,
        "lower_bound": knee.lower_bound,
    }


def _step_s(rows: Iterable[Record], rate_hz: float | None) -> float | None:
    """Return the time step of the load that was offered a rate; None for the rate that a search estimated."""
    return next((row["time_step_s"] for row in rows if row["offered_rate_hz"] == rate_hz), None)
