"""Facts in names: the time step and the type in a file's, the test in a record's. Never a guess."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator
from fractions import Fraction

from pytest_unikernel.errors import ResultFileError
from pytest_unikernel.importers.readings import ImportOptions, Subject
from pytest_unikernel.plan.schedule import parse_step
from pytest_unikernel.plan.step_names import step_id, step_text, text

# The scripts' -r is in the names that users give, rust-output-r0.5; bc writes .5 for 0.5.
STEP = re.compile(r"(?<![A-Za-z0-9])r([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?![A-Za-z0-9_])")
SEPARATORS = re.compile(r"[-_.\s]+")
OWN_LINE = {"linux": "VM successfully running", "process": "Hello World!"}
LINUX_KVM = "linux-kvm"
SUBJECTS = {
    "process": Subject("linux_process", "linux_process", ready=f"line {OWN_LINE['process']!r}"),
    "rust": Subject("rust_kernel", "rust_kernel", ready="exit"),
    "docker": Subject("docker_container", "docker_container", ready="exit"),
    "podman": Subject("podman_container", "podman_container", ready="exit"),
    "osv": Subject("osv", "osv"),
    LINUX_KVM: Subject("linux_vm[kvm]", "linux_vm", {"kvm": True}, f"line {OWN_LINE['linux']!r}"),
    "linux": Subject("linux_vm", "linux_vm", ready=f"line {OWN_LINE['linux']!r}"),
}
TYPES = tuple(SUBJECTS)
# The tests of the suite in benchmarks/, so that imported results are compared with its next run.
SUITE, CONTAINERS = "benchmarks/test_sweeps.py", "benchmarks/test_sweeps_containers.py"
SUITE_TESTS = {
    "linux_process": f"{SUITE}::test_linux_process",
    "rust_kernel": f"{SUITE}::test_rust_kernel",
    "linux_vm": f"{SUITE}::test_linux_vm",
    "linux_vm[kvm]": f"{SUITE}::test_linux_vm_kvm",
    "docker_container": f"{CONTAINERS}::test_docker",
    "urunc_container": f"{CONTAINERS}::test_urunc",
}
FIELDS = ("target", "fixture", "timestep")
STEP_PART = "[{timestep}]"


# files ---------------------------------------------------------------------------------------------


def time_step_of(path: str, options: ImportOptions) -> Fraction | None:
    """Return the time step of a file or directory; None where the user declared that there was none.

    Raises:
        ResultFileError: neither option nor name has one, or they differ.
    """
    named = _step_in(path)
    if options.cold:
        return None
    if named is None and options.time_step is None:
        raise ResultFileError(
            f"{path}: expected the time step in the name, as in rust-output-r0.5, got none; "
            "give --time-step=SECONDS, or --cold for launches without contention"
        )
    if named is not None and options.time_step not in (None, named):
        raise ResultFileError(
            f"{path}: expected one time step, got {step_text(float(named))} in its name and "
            f"--time-step={text(options.time_step or named)}; import this file without --time-step"
        )
    return options.time_step or named


def _step_in(path: str) -> Fraction | None:
    """Return the step in the innermost name that has one."""
    for name in _last_names(path):
        steps = set(STEP.findall(name))
        if len(steps) > 1:
            raise ResultFileError(
                f"{path}: expected one time step in the name, got {', '.join(sorted(steps))}; "
                "give --time-step=SECONDS"
            )
        if steps:
            return _parsed(path, steps.pop())
    return None


def _parsed(path: str, step: str) -> Fraction:
    try:
        return parse_step(step)
    except ValueError as error:
        raise ResultFileError(f"{path}: {error}") from None


def _last_names(path: str) -> Iterator[str]:
    """Yield the name of a directory, or of a file and then of its directory; farther ones aren't about it."""
    whole = os.path.realpath(path or os.curdir)
    yield os.path.basename(whole)  # noqa: PTH119
    if not os.path.isdir(whole):  # noqa: PTH112
        yield os.path.basename(os.path.dirname(whole))  # noqa: PTH119, PTH120


def type_of(path: str, options: ImportOptions) -> str:
    """Return the type from ``--type`` or the name.

    Raises:
        ResultFileError: neither does.
    """
    told = [[options.type]] if options.type is not None else map(_types_in, _last_names(path))
    for types in told:
        if types == ["linux"] and has_kvm(path):
            return LINUX_KVM
        if len(types) == 1:
            return types[0]
    raise ResultFileError(
        f"{path}: expected one of linux, rust, docker and process in the name, got none or several; "
        f"give --type={'|'.join(TYPES)}"
    )


def _types_in(name: str) -> list[str]:
    words = words_of(name)
    return [each for each in TYPES if each in words]


def words_of(name: str) -> set[str]:
    """Return the words of a file's or directory's name."""
    return set(SEPARATORS.split(name.lower()))


def has_kvm(path: str) -> bool:
    """Return whether KVM was on, by the name of a file or directory: ``kvm``, or the scripts' ``-k``."""
    return not words_of(next(_last_names(path))).isdisjoint({"kvm", "k"})


def column_subject(head: str) -> Subject:
    """Return the subject of a column of the published tables: ``Linux KVM``; others keep their name."""
    slug = "-".join(head.lower().split())
    return SUBJECTS.get(slug) or Subject(_identifier(head), _identifier(head))


def named_subject(name: str, subject: Subject) -> Subject:
    """Return a subject under the name that the user gave it."""
    return Subject(name, name.partition("[")[0], subject.variant, subject.ready)


# tests ---------------------------------------------------------------------------------------------


def check_template(template: str) -> None:
    """Refuse a template of full names that can't be filled in.

    Raises:
        ResultFileError: a brace is unmatched, or its content isn't just one of ``FIELDS``; a width could fill
            the memory.
    """
    try:
        parts = [part for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ResultFileError(f"--fullname: {error}, got {template!r}") from None
    known_only = all(name in FIELDS and not how and not conversion for _, name, how, conversion in parts)
    if not known_only or "::" not in template:
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        raise ResultFileError(f"--fullname: expected FILE::TEST with {known}, got {template!r}")


def fullname(subject: Subject, step: Fraction | None, template: str | None = None) -> str:
    """Return the node id of the test that would measure the same today.

    A launch without contention has no time step: ``[{timestep}]`` becomes ``_cold``.
    """
    if template is None:
        template = SUITE_TESTS.get(subject.target, f"{SUITE}::test_{_identifier(subject.target)}") + STEP_PART
    if step is None:
        template = template.replace(STEP_PART, "_cold")
    return template.format(
        target=_identifier(subject.target),
        fixture=_identifier(subject.fixture),
        timestep="cold" if step is None else step_id(step),
    )


def _identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_") or "unnamed"
