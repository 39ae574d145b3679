"""Host against host as a table, and as rows of numbers. Pure."""

from __future__ import annotations

from pytest_unikernel.report import cells as cell
from pytest_unikernel.report.hosts import ReportedHost, hosts_of, room_for, worst_first
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.overview import NOTE_COLUMNS, Table
from pytest_unikernel.report.series import Results
from pytest_unikernel.text.grid import Cells, cut, printable
from pytest_unikernel.text.table_cells import NONE

MOST_HOSTS = 16  # of a load; hosts.csv has them all
HEADS = [
    "target", "time step", "host", "CPUs", "scheduled", "completed", "unfinished", "p50", "p99", "late p99",
    "clock error", "window skew", "verdict", "reason", "lost",
]  # fmt: skip
NOTE = (
    "The hosts that made a load's launches together: those that were lost, then from the slowest to the "
    "fastest. Clock error: the error with which a host's clock is known, 0 where it is pytest's own. Window "
    "skew: by how much its window began after the agreed instant."
)


def hosts(results: Results) -> Table | None:
    """Return a row for each host of each load of the current run; None where one host made them all."""
    loads = [(series, load) for series in results.sweeps if series.run == "current" for load in series.loads]
    room = room_for(results, MOST_HOSTS)
    rows = [
        [series.label, cell.step(load), *_row(host)]
        for series, load in loads
        for host in worst_first(hosts_of(load))[:room]
    ]
    most = max((len(hosts_of(load)) for _, load in loads), default=0)
    more = f" The slowest {room} of {most} at each time step; hosts.csv has them all."
    note = NOTE + (more if most > room else "")
    return Table("Hosts", HEADS, rows, 3, note) if rows else None


def _row(host: ReportedHost) -> Cells:
    own = host.load
    counts = (own.number(key) for key in ("cpus", "scheduled", "completed", "unfinished"))
    skew_s = own.number("window_skew_s")
    skew = NONE if skew_s is None else f"{'-' * (skew_s < 0)}{cell.duration(abs(skew_s))}"
    return [
        host.name,
        *(NONE if count is None else f"{count:,g}" for count in counts),
        *(cell.moment(own, name) for name in ("p50", "p99")),
        cell.lateness(own),
        cell.duration(own.number("clock_error_s")),
        skew,
        own.verdict or NONE,
        _long(own, "verdict_reason"),
        _long(own, "lost"),
    ]


def _long(load: ReportedLoad, key: str) -> str:
    return cut(printable(str(load.record.get(key) or "")), NOTE_COLUMNS) or NONE
