"""Fuzzes every reader: ``python tests/fuzz/fuzz.py --cases 1000000 --jobs 2``.

A case that fails is made smaller and named with the command that runs it again; its input is kept.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

FUZZ = Path(__file__).resolve().parent
sys.path.insert(0, str(FUZZ.parent / "support"))

import campaign  # noqa: E402 - found by the path above
from cases import Case  # noqa: E402
from everything import BY_NAME, READERS, SHARES  # noqa: E402

CHUNK = 500
DEFAULT_CASES = 20_000


class Chunk(NamedTuple):
    """Cases of one reader that a worker runs."""

    reader: str
    numbers: range
    seed: int
    kept: Path


def main() -> int:
    """Run cases; the status is 1 if one failed."""
    arguments = _parsed()
    if arguments.case is not None:
        return _again(Case.parse(arguments.case))
    chunks = list(_chunks(arguments))
    print(f"{sum(len(each.numbers) for each in chunks):,} cases, seed {arguments.seed}")
    began_s, found = time.monotonic(), 0
    # A worker that is killed ends the campaign with an error; a Pool would wait for it for ever.
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("fork")) as workers:
        for finding in _new(workers.map(_run, chunks)):
            found += 1
            print(finding, flush=True)
    print(f"{found} faults; {time.monotonic() - began_s:.0f} s")
    return 1 if found else 0


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cases", type=int, default=DEFAULT_CASES, help="how many, shared out among the readers"
    )
    parser.add_argument("--seed", type=int, default=0, help="the sequence of cases; CI's is 0")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument(
        "--reader", action="append", choices=sorted(BY_NAME), help="only this one; may be repeated"
    )
    parser.add_argument("--case", help="run this one case, as printed, and show the traceback")
    parser.add_argument(
        "--kept", type=Path, default=Path("fuzz-findings"), help="where failing inputs are kept"
    )
    return parser.parse_args()


def _again(case: Case) -> int:
    finding = campaign.run(BY_NAME[case.reader], case)
    print("passes" if finding is None else finding.text)
    return 0 if finding is None else 1


def _chunks(arguments: argparse.Namespace) -> Iterator[Chunk]:
    chosen = [each for each in READERS if arguments.reader is None or each.name in arguments.reader]
    shares = SHARES if arguments.reader is None else sum(each.share for each in chosen)
    for reader in chosen:
        cases = -(-arguments.cases * reader.share // shares)
        for begin in range(0, cases, CHUNK):
            numbers = range(begin, min(begin + CHUNK, cases))
            yield Chunk(reader.name, numbers, arguments.seed, arguments.kept)


def _run(chunk: Chunk) -> list[campaign.Finding]:
    return campaign.search(BY_NAME[chunk.reader], chunk.numbers, chunk.seed, chunk.kept)


def _new(findings: Iterator[Sequence[campaign.Finding]]) -> Iterator[campaign.Finding]:
    """Yield one finding of each kind."""
    known: set[str] = set()
    for each in findings:
        for finding in each:
            if finding.kind.partition(": ")[0] not in known:
                known.add(finding.kind.partition(": ")[0])
                yield finding


if __name__ == "__main__":
    sys.exit(main())
