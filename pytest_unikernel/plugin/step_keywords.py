"""Lets ``-k`` find a time step by what the tables print: ``-k "rust_kernel and 1/64 s"``.

Ids are decimal (``0.015625s``), tables have ``1/64 s``. The name of a step is one more keyword of its item.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_unikernel.plan.step_names import step_id, step_text
from pytest_unikernel.plugin import marker

# Two words in a row are no expression of pytest's, so that no other expression is changed.
STEP = re.compile(r"(?<![\w:+./\\\[\]-])(\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)?) s(?![\w:+./\\\[\]-])")


class StepKeyword(str):
    """A keyword that is found whole only: ``1/1`` is not ``1/16s``, and ``4s`` is not ``1/64s``.

    pytest asks of each keyword whether it contains what ``-k`` names, in lower case.
    """

    __slots__ = ()

    def lower(self) -> StepKeyword:
        """Return the keyword, which has no capital letter."""
        return self

    def __contains__(self, wanted: Any) -> bool:
        return wanted in (str(self), str(self)[:-1])


def add(item: pytest.Item) -> None:
    """Give an item the name of its time step as a keyword, if its id has another name."""
    sweep = marker.sweep_of(item)
    if sweep is None or sweep.searches:
        return
    keyword = step_text(float(sweep.step)).replace(" ", "")
    if keyword != step_id(sweep.step):
        item.extra_keyword_matches.add(StepKeyword(keyword))


def join_names(config: pytest.Config) -> None:
    """Let the expression of ``-k`` have steps as the tables print them, with a space: ``1/64 s``."""
    config.option.keyword = STEP.sub(r"\1s", config.option.keyword)
