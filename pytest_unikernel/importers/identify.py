"""The format of each file, and the readings of all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_unikernel.errors import ResultFileError, UnikernelError
from pytest_unikernel.importers.handed_over import failed, handed_over_by
from pytest_unikernel.importers.inputs import Folder, InputFile
from pytest_unikernel.importers.readings import ImportFormat, ImportOptions, Reading


class Identified(NamedTuple):
    """The files of one directory that are of one format."""

    format: ImportFormat
    files: list[InputFile]


class Sorted(NamedTuple):
    """All files by directory and format, and the paths of those that no format knows."""

    known: list[Identified]
    unknown: list[str]


def identify(folders: Iterable[Folder], formats: Sequence[ImportFormat]) -> Sorted:
    """Return the files by format; the first format that matches counts.

    Raises:
        ResultFileError: a named file has no known format, or a file among launches' files is no launch's.
    """
    result = Sorted([], [])
    for folder in folders:
        known: dict[str, Identified] = {}
        unknown = []
        for file in folder.files:
            found = next((each for each in formats if _matches(each, file)), None)
            if found is None:
                unknown.append(file)
            else:
                known.setdefault(found.name, Identified(found, [])).files.append(file)
        _refuse_unknown(folder, unknown, known.values(), formats)
        result.known.extend(known.values())
        result.unknown.extend(file.path for file in unknown)
    return result


def _matches(format_: ImportFormat, file: InputFile) -> bool:
    try:
        return format_.matches(file)
    except UnikernelError:
        raise
    except Exception as error:
        raise failed([format_.name], error) from error


def _refuse_unknown(
    folder: Folder,
    unknown: Sequence[InputFile],
    known: Iterable[Identified],
    formats: Sequence[ImportFormat],
) -> None:
    suffixes = {_suffix(file): each for each in known if each.format.per_launch for file in each.files}
    for file in unknown:
        if _suffix(file) in suffixes:
            like = suffixes[_suffix(file)]
            raise file.wrong(
                1,
                f"{like.format.name} as in {like.files[0].name}",
                _first_line(file),
                "remove the file if it has another format",
            )
        if folder.named:
            names = ", ".join(each.name for each in formats)
            raise file.wrong(1, f"one of {names}", _first_line(file))


def _suffix(file: InputFile) -> str:
    return os.path.splitext(file.name)[1]  # noqa: PTH122 - once per file of 200,000


def _first_line(file: InputFile) -> str:
    return file.head()[:80].partition(b"\n")[0].decode(errors="replace")


def readings(known: Iterable[Identified], options: ImportOptions) -> Iterator[tuple[str, Reading]]:
    """Yield the readings of the files, each with the name of its format.

    Raises:
        ResultFileError: a file is malformed, or its format failed.
    """
    for each in known:
        name = each.format.name
        with handed_over_by([name]):
            for reading in each.format.read(each.files, options):
                if not isinstance(reading, Reading):
                    raise ResultFileError(
                        f"expected the import format {name} to give a Reading, got {reading!r}"
                    )
                yield name, reading
