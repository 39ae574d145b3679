"""Cases: a reader, one of its good inputs, and the seeds of the changes that are made to it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

MOST_CHANGES = 4


@dataclass(frozen=True)
class Reader:
    """A reader of input that others can damage, and its oracle.

    Attributes:
        name: its name in a case's text.
        share: the number of its cases among 20,000; the costly ones have few.
        inputs: returns good inputs.
        change: returns an input with one random change.
        read: reads an input, in an empty directory of its own; raises if the answer is wrong.
    """

    name: str
    share: int
    inputs: Callable[[], Sequence[Any]]
    change: Callable[[Random, Any], Any]
    read: Callable[[Any, Path], None]

    def input(self, case: Case) -> Any:
        """Return the changed input of a case."""
        value = _inputs(self)[case.number]
        for seed in case.seeds:
            value = self.change(Random(seed), value)
        return value

    def case(self, seed: int, number: int) -> Case:
        """Return the case of that number in the sequence of a seed."""
        random = Random(f"{seed} {self.name} {number}")
        seeds = (random.getrandbits(32) for _ in range(random.randint(1, MOST_CHANGES)))
        return Case(self.name, random.randrange(len(_inputs(self))), tuple(seeds))


@functools.cache
def _inputs(reader: Reader) -> Sequence[Any]:
    return reader.inputs()


class Case(NamedTuple):
    """A case as it is recorded: its text is enough to run it again."""

    reader: str
    number: int
    seeds: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.reader}:{self.number}:{','.join(map(str, self.seeds))}"

    @classmethod
    def parse(cls, text: str) -> Case:
        """Return the case of a text.

        Raises:
            ValueError: it is no case.
        """
        reader, number, seeds = text.split(":")
        return cls(reader, int(number), tuple(map(int, filter(None, seeds.split(",")))))
