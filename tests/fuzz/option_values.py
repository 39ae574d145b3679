"""Values of options, ini keys and the marker's keywords; descriptions of targets and of their readiness."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import damage
import pytest
from asked import sentence
from cases import Reader

from pytest_unikernel import Event, Http, Line, Port, Target
from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan import tolerances
from pytest_unikernel.plan.option_table import OPTIONS, Option
from pytest_unikernel.plan.origins import COMMAND_LINE, DEFAULT, INI_FILE
from pytest_unikernel.plan.schedule import ARRIVALS
from pytest_unikernel.plan.settings import Layer, Sources, SweepSettings
from pytest_unikernel.plugin import marker, options
from pytest_unikernel.run.request import settings_json
from pytest_unikernel.testing import FakeTarget
from pytest_unikernel.text.settings import values_by_origin

TEXTS = (
    *(
        "quick",
        "1:1/1024",
        "1,0.5,1/64",
        "4",
        "1/45.25",
        "2s",
        "0",
        "1",
        "600",
        "10",
        "fixed",
        "poisson",
        "7",
    ),
    *(
        "0-1,3",
        "0",
        "auto",
        "warn",
        "rounds",
        "rust_kernel,linux_vm[kvm]",
        "all",
        "out/x",
        "~",
        "~nobody/x",
    ),
    *("~no-such-user/x", "throughput:20%,p50:20%", "p99:0.5s,p50:20ms", "true", "off", "--", "=", "a" * 300),
    *(
        "1e9",
        "1e-9",
        "1e999999999",
        "1/3",
        "1/0",
        "0x10",
        "١",
        "1_000",
        "inf",
        "nan",
        "4:1:2",
        ",",
        "[",
        "µs",
        "250ms",
        "1min:100us",
        "1/64 s",
        "1h",
    ),
)
PIECES = (
    *(
        ":",
        ",",
        "/",
        "-",
        "1",
        "0",
        "9" * 40,
        "e",
        "e9",
        ".",
        "s",
        "ms",
        "min",
        "h",
        "\u03bcs",
        "%",
        "[",
        "]",
        " ",
        "~",
        "\0",
        "\n",
    ),
    *("\x1b[31m", "\ud800", "é", "٣", "\u2028", "1/", "p99", "{", "}", "x" * 5000, "+", "_", "=", "../"),
)


def changed_text(random: Random, text: str) -> str:
    """Return a text with one change: a piece put in, taken out, or another text."""
    place = random.randint(0, len(text))
    how = random.randrange(5)
    if how == 0:
        return random.choice(TEXTS)
    if how == 1:
        return text[:place] + text[place + random.choice((1, 2, 5)) :]
    if how == 2:
        return text + random.choice((",", ":", "")) + text
    return text[:place] + random.choice(PIECES) + text[place:]


# options and ini keys -----------------------------------------------------------------------------

Given = dict[str, Any]


def _givens() -> list[Given]:
    good = {
        "profile": "quick", "time_steps": "1:1/64", "warmup": "1", "window": "2", "min_launches": "10",
        "trials": "2", "order": "series", "drain_timeout": "60", "timeout": "5", "max_in_flight": "9",
        "arrivals": "poisson", "seed": "7", "cpus": "0", "realtime": "off", "quiet_host": "warn",
        "require": "rust_kernel,linux_vm[kvm]", "output": "out", "raw": "raw", "report": "r",
        "precision": "p50:3%", "max_trials": "8", "raw_format": "parquet",
        "summary": "s.md",
        "resume": "x.json", "compare_fail": "p50:20%",
        "compare_busy": "true", "benchmark_table": "true", "slo": "p99:0.5s", "knee": "true",
        "hosts": "local:2", "spread": "each", "hosts_lost": "go-on", "hosts_insecure": "true",
        "hosts_python": "/usr/bin/python3",
    }  # fmt: skip
    return [{each.name: good[each.name]} for each in OPTIONS] + [{}, {"profile": "paper"}]


def _change_given(random: Random, given: Given) -> Given:
    option = random.choice(OPTIONS) if random.random() < 0.3 or not given else None
    name = option.name if option is not None else random.choice(sorted(given))
    value = given.get(name, random.choice(TEXTS))
    return {**given, name: changed_text(random, value)}


def _values(given: Given, place: Path, origin: str) -> dict[str, Any]:
    named = {each.name: each for each in OPTIONS}
    return {
        name: options._value(named[name], value, named[name].flag, origin, place)
        for name, value in given.items()
    }


def _settings(given: Given, place: Path) -> None:
    """Read the options as the plugin does, and use what they say, or refuse them in a sentence."""
    try:
        values = _values(given, place, "command line")
        for sources in (Sources(Layer(COMMAND_LINE, values)), Sources(ini=Layer(INI_FILE, values))):
            used(sources.settings())
    except (pytest.UsageError, ValueError) as error:
        sentence(error)


def used(settings: SweepSettings) -> None:
    """Use every setting: the plans of loads, their first instants, the words and the record of them."""
    try:
        settings.check()
    except ValueError as error:
        sentence(error)
    target = FakeTarget()
    for step in settings.time_steps[:2]:
        plan = settings.load_plan(step)
        json.dumps(settings_json(target, plan), allow_nan=False)
        dues = ARRIVALS[settings.arrivals](step, settings.seed)
        assert all(due >= 0 for due in itertools.islice(dues, 3))
    json.dumps(settings_json(target, settings.cold_plan(1)), allow_nan=False)
    assert values_by_origin(settings)


# the marker ---------------------------------------------------------------------------------------


def _keywords() -> list[Given]:
    return [
        {"start": 1, "stop": 0.5}, {"time_steps": [1, 0.5]}, {"time_steps": "1:1/64", "knee": True},
        {"warmup": 0, "window": 2.5, "trials": 3}, {"arrivals": "poisson"}, {"start": Fraction(1, 3)},
        {"stop": "1/8"},
    ]  # fmt: skip


NAMES = (*marker.READERS, "seed", "start ", "")


def _odd(random: Random, value: object) -> object:
    if random.random() < 0.5:
        return changed_text(random, str(value))
    return random.choice(
        (*damage.ODD, Fraction(1, 7), b"1", 1j, {1, 2}, (1, 2), range(3), lambda: 1, 10**400)
    )


def _change_keywords(random: Random, given: Given) -> Given:
    name = random.choice(NAMES)
    return {**given, name: _odd(random, given.get(name, 1))}


def _marked(given: Given, place: Path) -> None:
    del place
    try:
        layer = marker.parse(pytest.mark.load_sweep(**given).mark, DEFAULT)
        used(Sources().settings(layer))
    except ValueError as error:
        sentence(error)


# one value by itself ------------------------------------------------------------------------------


def _readers() -> Sequence[tuple[str, object]]:
    return [(each.name, text) for each in OPTIONS for text in TEXTS[:4]] + [("tolerance", "p50:20%")]


def _change_value(random: Random, given: tuple[str, object]) -> tuple[str, object]:
    return given[0], _odd(random, given[1])


def _one_value(given: tuple[str, object], place: Path) -> None:
    """Read any object with the reader of one option."""
    del place
    found: dict[str, Option] = {each.name: each for each in OPTIONS}
    read: Callable[[object], Any] = found[given[0]].read if given[0] in found else tolerances.parse
    try:
        read(given[1])
    except ValueError as error:
        sentence(error)


# targets ------------------------------------------------------------------------------------------

KINDS: dict[str, Callable[..., Any]] = {
    "Line": Line,
    "Port": Port,
    "Http": Http,
    "Event": Event,
    "FakeTarget": FakeTarget,
}


def _descriptions() -> list[tuple[str, Given]]:
    fields: list[Given] = [
        {"argv": ["/bin/true", "{id}"], "env": {"A": "{dir}"}, "cwd": "/", "exit_codes": {0, 3}},
        {
            "argv": ["x"],
            "exit_reasons": {3: "guest-panic"},
            "failures": {b"panic": "guest-panic"},
            "marks": {"a": b"b"},
        },
        {"argv": ["x"], "ready": Line("up"), "long_lived": True, "stop_signal": 15, "stop_grace_s": 0.5},
        {"argv": ["x"], "intervals": (("a", "b"),), "phases": {"run": ("a", "b")}, "removal": ["rm", "{id}"]},
        {
            "argv": ["x"],
            "output": "up",
            "timeout_s": 5,
            "memory_bytes": 1 << 20,
            "processes": 2,
            "label": "big",
        },
    ]
    ready: list[tuple[str, Given]] = [
        ("Line", {"pattern": "up"}), ("Line", {"pattern": re.compile(b"up$")}), ("Event", {"name": "ready"}),
        ("Port", {"number": 80, "host": "127.0.0.1", "interval_s": 0.01}),
        ("Http", {"path": "/x", "statuses": (200,), "number": None}),
        ("FakeTarget", {"service_time_s": 0.01, "servers": 2, "stall": (1.0, 2.0), "fail_every": 3}),
        ("FakeTarget", {"fail_as": "signal", "spawn_s": 0.1, "never_exits_every": 2, "linger_s": 0.1}),
    ]  # fmt: skip
    return [("Target", each) for each in fields] + ready


def _change_description(random: Random, given: tuple[str, Given]) -> tuple[str, Given]:
    kind, fields = given
    name = random.choice(sorted(fields))
    value = fields[name]
    odd = damage.altered(random, value) if isinstance(value, (list, dict)) and random.random() < 0.6 else None
    return kind, {**fields, name: _odd(random, value) if odd is None else odd}


def _described(given: tuple[str, Given], place: Path) -> None:
    """Describe a target with any values; what is taken has a name and can be shown."""
    del place
    kind, fields = given
    try:
        if kind == "Target":
            made = Target("it", **fields)
            assert made(label="x").full_name == "it[x]"
        else:
            text = str(KINDS[kind](**fields))
            assert text
    except TargetError as error:
        sentence(error)


READERS = (
    Reader("settings", 2500, _givens, _change_given, _settings),
    Reader("marker", 2000, _keywords, _change_keywords, _marked),
    Reader("option", 3300, _readers, _change_value, _one_value),
    Reader("target", 3200, _descriptions, _change_description, _described),
)
