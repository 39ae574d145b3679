"""The summary's text about targets that could not run."""

from __future__ import annotations

from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.text.grid import WIDTH
from pytest_unikernel.text.missing import missing_report, names_text

NO_DOCKER = Unavailable("no docker on PATH", "apt-get install docker.io")
LONG = Unavailable("a reason of many words " * 20, "a cure of many words " * 20)


def test_each_reason_is_shown_once_with_all_its_targets() -> None:
    missing = [("docker", NO_DOCKER), ("podman", LONG), ("docker[api]", NO_DOCKER), ("docker", NO_DOCKER)]
    lines = missing_report(missing)
    assert lines[:2] == [
        "could not run here",
        "  docker (also [api]): no docker on PATH; apt-get install docker.io",
    ]
    assert lines[2].startswith("  podman: a reason of many words")
    assert sum("docker" in line for line in lines) == 1


def test_a_cure_that_does_not_fit_beside_its_reason_has_a_line_of_its_own() -> None:
    why = Unavailable("no urunc on PATH", "install urunc 0.5 or later (see its documentation, Installation)")
    assert missing_report([("urunc[ctr]", why), ("other", why), ("urunc", why)]) == [
        "could not run here",
        "  urunc (also [ctr]), other: no urunc on PATH",
        f"    cure: {why.cure}",
    ]


def test_a_variant_without_its_base_has_its_full_name() -> None:
    assert names_text(["docker[api]", "docker[cli]", "vm"]) == "docker[api] (also [cli]), vm"


def test_nothing_of_a_long_reason_or_cure_is_lost() -> None:
    lines = missing_report([("it", LONG)])
    assert max(map(len, lines)) <= WIDTH
    shown = " ".join(line.strip() for line in lines[1:])
    assert shown == f"it: {LONG.reason.strip()} ; cure: {LONG.cure.strip()}"


def test_what_a_client_said_does_not_steer_the_terminal() -> None:
    assert "\x1b" not in "".join(missing_report([("it", Unavailable("\x1b[2J", "\x1b[0m"))]))


def test_where_all_could_run_nothing_is_said() -> None:
    assert missing_report([]) == []
