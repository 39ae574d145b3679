"""How errors name calls and settings: ``Bench``'s keywords, or another face's options. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from pytest_unikernel.plan.origins import BENCH, CALL, Origin

PYTEST_OPTION = re.compile(r"--sweep-([a-z][a-z-]*)(?:=([\w.]+))?")


class Wording(NamedTuple):
    """The words of a face.

    Attributes:
        call: names a call by its method.
        setting: names a setting of a call, by both.
        option: names a setting, with its value if there is one; pytest's options become that.
        origin: the origin of the values that all loads share.
        origin_of_call: the origin of the values of one load.
        load_names: what the rate and the time step of a load are called.
    """

    call: Callable[[str], str]
    setting: Callable[[str, str], str]
    option: Callable[[str, str | None], str]
    origin: Origin
    origin_of_call: Origin
    load_names: tuple[str, str]

    def without_pytest(self, text: str) -> str:
        """Return a text without pytest's options: ``quiet_host='fail'`` for ``--sweep-quiet-host=fail``."""
        return PYTEST_OPTION.sub(lambda found: self.option(found[1].replace("-", "_"), found[2]), text)


def _keyword(name: str, value: str | None) -> str:
    return f"{name}=…" if value is None else f"{name}={value!r}"


KEYWORDS = Wording(
    lambda call: f"Bench.{call}" if call else "Bench",
    lambda call, name: f"Bench.{call}({name}=…)" if call else f"Bench({name}=…)",
    _keyword,
    BENCH,
    CALL,
    ("rate_hz", "time_step"),
)
