"""The command line and the ini file: adds the options of the table and reads their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.bench.option_values import check_usable, located
from pytest_unikernel.plan import readers
from pytest_unikernel.plan.option_table import OPTIONS, Option
from pytest_unikernel.plan.origins import COMMAND_LINE, INI_FILE
from pytest_unikernel.plan.settings import Layer, Sources, SweepSettings
from pytest_unikernel.plugin.usage_error import SweepUsageError

GROUP = "unikernel load sweeps"
SOURCES = pytest.StashKey[Sources]()


def add_options(parser: pytest.Parser) -> None:
    """Add ``--sweep-...`` and the ini keys; values stay text, so that all errors have the same wording."""
    group = parser.getgroup("unikernel", GROUP)
    for option in OPTIONS:
        how: dict[str, Any] = {"metavar": option.metavar}
        if option.is_switch:
            how = {"action": "store_const", "const": "true"}
        group.addoption(option.flag, dest=option.ini, default=None, help=_help(option), **how)
        parser.addini(option.ini, _ini_help(option), type="string", default=None)


def _help(option: Option) -> str:
    return f"{option.help} (default: {option.shown})".replace("%", "%%")


def _ini_help(option: Option) -> str:
    values = "true or false: " if option.is_switch else ""
    return f"{values}{option.help} (default: {option.shown}; {option.flag} overrides it)"


def read(config: pytest.Config) -> None:
    """Read and check every given option and ini value and keep them for the session.

    Raises:
        SweepUsageError: a value is wrong; the text names the option or the ini key and its file.
    """
    line, ini = {}, {}
    for option in OPTIONS:
        if (given := config.getoption(option.ini)) is not None:
            line[option.name] = _value(
                option, given, option.flag, "command line", config.invocation_params.dir
            )
        if (given := config.getini(option.ini)) is not None:
            ini[option.name] = _value(option, given, option.ini, *_ini_place(config, option))
    config.stash[SOURCES] = Sources(Layer(COMMAND_LINE, line), Layer(INI_FILE, ini))


def _ini_place(config: pytest.Config, option: Option) -> tuple[str, Path]:
    """Return a text for the place of an ini value, and the base directory of relative paths in it."""
    overrides: list[str] = config.getoption("override_ini") or []
    if config.inipath is None or any(text.startswith(f"{option.ini}=") for text in overrides):
        return f"-o {option.ini}=...", config.invocation_params.dir
    return f"ini file {config.inipath}", config.inipath.parent


def _value(option: Option, given: object, name: str, place: str, base: Path) -> Any:
    try:
        if option.is_switch and isinstance(given, str):
            given = readers.switch_of_text(option.name, given)
        if isinstance(given, list):  # argparse's answer to --option=--
            raise ValueError(f"{option.name} must have a value, got '--'")  # noqa: TRY301, TRY004 - as the readers do
        value = option.read(given)
        if option.name == "cpus":
            check_usable(value, given)
        return located(option, base / value) if isinstance(value, Path) else value
    except ValueError as error:
        raise SweepUsageError(f"{name}: {error} ({place})") from error
    except OSError as error:  # a path that is too long, or a loop of links
        raise SweepUsageError(f"{name}: {error.strerror}, got {given!r} ({place})") from error


def settings(config: pytest.Config) -> SweepSettings:
    """Return the settings from the command line and the ini file, which apply to tests without a marker."""
    return config.stash[SOURCES].settings()
