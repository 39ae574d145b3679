"""The page about the command ``pytest-unikernel``, from its parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from markdown_parts import code, page, table

from pytest_unikernel.commands.command import PROGRAM
from pytest_unikernel.commands.main import parser


def commands_page() -> str:
    """Return the page about the command, from its parser."""
    return page(
        "Commands",
        f"`{PROGRAM} --help` lists them, `{PROGRAM} COMMAND --help` explains one.",
        *(section for words, command in commands(parser()) for section in command_section(words, command)),
    )


def commands(
    made: argparse.ArgumentParser, words: str = PROGRAM
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield each command that does something, with its words."""
    groups = [action for action in actions(made) if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    if not groups:
        yield words, made
    for group in groups:
        for name, child in group.choices.items():
            yield from commands(child, f"{words} {name}")


def command_section(words: str, command: argparse.ArgumentParser) -> list[str]:
    """Return one command: its summary, its arguments, and what its help ends with."""
    rows = [argument_row(action) for action in actions(command) if action.dest != "help"]
    more = [] if command.epilog is None else [f"```text\n{command.epilog.strip()}\n```"]
    return [f"## {words}", str(command.description), table(("argument", "meaning"), rows), *more]


def argument_row(action: argparse.Action) -> list[str]:
    """Return an argument as it is typed, and its help."""
    value = action.metavar or (action.dest.upper() if action.choices is None else "|".join(action.choices))
    takes = "" if action.nargs == 0 else f" {value}"
    typed = ", ".join(f"{flag}{takes}" for flag in action.option_strings) or str(value)
    needed = " (required)" if action.required and action.option_strings else ""
    return [code(typed), (action.help or "").replace("%%", "%") + needed]  # argparse fills its texts by %


def actions(made: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    """Return a parser's arguments; argparse has no public name for them."""
    return made._actions  # noqa: SLF001
