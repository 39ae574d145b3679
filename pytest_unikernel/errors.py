"""Every error the package raises on purpose.

    UnikernelError
    ├── TargetError        a target is described wrongly (also a TypeError)
    ├── LoadError          a load can't be run as asked
    ├── BuildError         a guest could not be built
    ├── LogError           a log of timestamps is missing, empty or lacks the container
    ├── ResultFileError    a file with results to import is malformed or of another kind
    ├── CompareError       a saved run can't be compared
    ├── ReportError        a report can't be made from these files, or in that directory
    ├── SettingError       a setting of Bench is wrong (also a ValueError)
    ├── MissingThereError  a target can't run on any host of --sweep-hosts: pytest skips the test
    ├── UnavailableError   a target can't run on this machine
    └── SessionError       the helper processes or the private directory failed

Wrong markers and options are ``pytest.UsageError`` (see ``usageerror.py``). A target that can't run on
this machine is an answer, :class:`pytest_unikernel.plan.target_fields.Unavailable`: pytest skips the test.
Without pytest it is an error, for there is no test to skip.
"""

from __future__ import annotations

from typing import ClassVar


class UnikernelError(Exception):
    """Base of all errors of this package; the text names cause, value, place and cure."""

    exit_status: ClassVar[int] = 1  # of the command line that ends with it


class TargetError(UnikernelError, TypeError):
    """A target was described or derived with parameters that can't be right."""


class LoadError(UnikernelError):
    """A load can't be run as asked: wrong moment, second one in a test, no marker."""


class BuildError(UnikernelError):
    """A guest could not be built; the text ends with the tool's own last lines.

    Attributes:
        cause: the text without the tool's lines.
        last_lines: the tool's lines, None if it was not called.
    """

    def __init__(self, cause: str, last_lines: str | None = None) -> None:
        super().__init__(cause if last_lines is None else f"{cause}; its last lines:\n{last_lines}")
        self.cause = cause
        self.last_lines = last_lines


class LogError(UnikernelError):
    """A log of timestamps is missing, empty, or lacks the container."""

    exit_status = 2


class ResultFileError(UnikernelError):
    """A file with results that others measured is malformed, unknown, or does not fit the options."""

    exit_status = 2


class CompareError(UnikernelError):
    """A saved run can't be read, or holds nothing to compare."""

    exit_status = 2


class ReportError(UnikernelError):
    """A report can't be made: a file that isn't one of results, a directory, a library that is missing."""

    exit_status = 2


class SettingError(UnikernelError, ValueError):
    """A setting of a load has an unknown name or a wrong value; the text states the rule."""

    exit_status = 2


class UnavailableError(UnikernelError):
    """A target can't run on this machine.

    Attributes:
        target: its full name.
        reason: what is missing or doesn't work.
        cure: a command, or a step in words.
    """

    def __init__(self, target: str, reason: str, cure: str) -> None:
        super().__init__(f"{target}: {reason}; {cure}")
        self.target, self.reason, self.cure = target, reason, cure


class MissingThereError(UnikernelError):
    """A target can't run on a host of ``--sweep-hosts``.

    Attributes:
        reason: what is missing or doesn't work, and on which host.
        cure: a command, or a step in words.
    """

    def __init__(self, host: str, reason: str, cure: str) -> None:
        super().__init__(f"{host}: the target can't run there: {reason}; {cure}")
        self.reason, self.cure = f"{host}: {reason}", cure


class SessionError(UnikernelError):
    """The private directory or a helper process of this session failed."""
