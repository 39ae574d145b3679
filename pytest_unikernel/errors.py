"""Every error the package raises on purpose.

    UnikernelError
    ├── TargetError        a target is described wrongly (also a TypeError)
    ├── LoadError          a load can't be run as asked
    ├── BuildError         a guest could not be built
    └── SessionError       the helper processes or the private directory failed

Wrong markers and options are ``pytest.UsageError`` (see ``usageerror.py``). A target that can't run on
this machine is not an error but an answer: :class:`pytest_unikernel.target.Unavailable`.
"""

from __future__ import annotations


class UnikernelError(Exception):
    """Base of all errors of this package; the text names cause, value, place and cure."""


class TargetError(UnikernelError, TypeError):
    """A target was described or derived with parameters that can't be right."""


class LoadError(UnikernelError):
    """A load can't be run as asked: wrong moment, second one in a test, no marker."""


class BuildError(UnikernelError):
    """A guest could not be built; the text ends with the tool's own last lines."""


class SessionError(UnikernelError):
    """The private directory or a helper process of this session failed."""
