"""What formats hand over may come from other packages: their faults are reported under their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pytest_unikernel.errors import ResultFileError, UnikernelError


@contextmanager
def handed_over_by(formats: Iterable[str]) -> Iterator[None]:
    """Name the formats in the error of whatever goes wrong with what they hand over.

    Raises:
        ResultFileError: anything else than an error of ours was raised.
    """
    try:
        yield
    except (UnikernelError, OSError):
        raise
    except Exception as error:
        raise failed(formats, error) from error


def failed(formats: Iterable[str], error: Exception) -> ResultFileError:
    """Return the error for a format's own code that raised one, or for readings that can't be used."""
    names = ", ".join(dict.fromkeys(formats))
    return ResultFileError(f"the import format {names} failed: {type(error).__name__}: {error}")
