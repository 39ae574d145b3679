"""Generated logs of urunc, and an oracle: the results of its scripts, written from their description."""

from __future__ import annotations

import json
import math
import pprint
from collections.abc import Iterable, Sequence
from fractions import Fraction

# The usual order since 0.5: create and reexec run concurrently, so ids are out of order in time.
USUAL_ORDER = (0, 1, 2, 3, 6, 7, 8, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
BEGIN_NS = 1_795_293_326_757_458_442
SEED_LINES = "".join(
    f'{{"containerID":"faaf830245ffab0df81927cebd7f11065e70c7703121fbc1b11d4bca49bab461",'
    f'"timestampID":"{stamp_id}","time":{at_ns}}}\n'
    for stamp_id, at_ns in (
        ("cTS00", 1703676366849599657),
        ("cTS01", 1703676366853466038),
        ("TS00", 1703676366853478852),
        ("TS01", 1703676366854590287),
        ("TS02", 1703676366854709857),
    )
)


def line(container_id: str, stamp_id: str, at_ns: int, name: str = "", order: int = 0) -> str:
    """Return a line of urunc's log; lines with a name are of 0.7 or later."""
    named = {"timestampName": name, "timestampOrder": order} if name else {}
    record = {"containerID": container_id, "timestampID": stamp_id, **named, "time": at_ns}
    return json.dumps(record, separators=(",", ":")) + "\n"


def life(
    container_id: str,
    order: Sequence[int] = USUAL_ORDER,
    *,
    begin_ns: int = BEGIN_NS,
    step_ns: int = 1_000_000,
    named: bool = False,
) -> str:
    """Return the lines of a container's life with its stamps in the given order, at equal intervals."""
    return "".join(
        line(container_id, f"TS{number:02}", begin_ns + place * step_ns, "XX.name" if named else "", number)
        for place, number in enumerate(order)
    )


def _differences(log: str, container_id: str) -> list[tuple[str, int]]:
    records = [json.loads(each) for each in log.splitlines() if container_id in each]
    series = sorted((each["time"], row, each["timestampID"]) for row, each in enumerate(records))
    series = [each for each in series if "cTS" not in each[2]]
    return [
        (f"{series[place - 1][2]} -> {series[place][2]}", series[place][0] - series[place - 1][0])
        for place in range(1, len(series))
    ]


def measure_single(log: str, container_id: str) -> str:
    """Return the output of measure_single.py."""
    return "\n".join("{}:\t{} ns".format(*each) for each in _differences(log, container_id)) + "\n"


def _collected(log: str, container_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    found: dict[str, list[int]] = {}
    for container_id in container_ids:
        for pair, lasted_ns in dict(_differences(log, container_id)).items():
            found.setdefault(pair, []).append(lasted_ns)
    return {
        pair: {
            "maximum": f"{max(values)} ns",
            "minimum": f"{min(values)} ns",
            "average": f"{math.trunc(float(Fraction(sum(values), len(values))))} ns",
        }
        for pair, values in found.items()
    }


def measure(log: str, container_ids: Iterable[str]) -> str:
    """Return the last output of measure.py."""
    return pprint.pformat(_collected(log, container_ids)) + "\n"


def measure_to_json(log: str, container_ids: Iterable[str]) -> str:
    """Return the file of measure_to_json.py."""
    return json.dumps(_collected(log, container_ids))
