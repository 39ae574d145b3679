"""Names of settings in errors: those of pytest's options become those of ``Bench`` or ``run``. Pure."""

from __future__ import annotations

import re

OPTION = re.compile(r"--sweep-([a-z][a-z-]*)(?:=([\w.]+))?")


def without_options(text: str) -> str:
    """Return a text with keywords: ``quiet_host='fail'`` for ``--sweep-quiet-host=fail``."""
    return OPTION.sub(lambda found: _keyword(found[1], found[2]), text)


def _keyword(name: str, value: str | None) -> str:
    word = name.replace("-", "_")
    return f"{word}=" if value is None else f"{word}={value!r}"
