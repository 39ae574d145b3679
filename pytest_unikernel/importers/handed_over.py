"""Reports faults of import formats, which other packages may provide, under the formats' names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pytest_unikernel.errors import ResultFileError, UnikernelError


@contextmanager
def handed_over_by(formats: Iterable[str]) -> Iterator[None]:
    """Convert unexpected errors in the block into errors that name the formats.

    Raises:
        ResultFileError: the block raised an error other than ours or an ``OSError``.
    """
    try:
        yield
    except (UnikernelError, OSError):
        raise
    except Exception as error:
        raise failed(formats, error) from error


def failed(formats: Iterable[str], error: Exception) -> ResultFileError:
    """Return the error for formats whose code failed or whose readings cannot be used."""
    names = ", ".join(dict.fromkeys(formats))
    return ResultFileError(f"the import format {names} failed: {type(error).__name__}: {error}")
