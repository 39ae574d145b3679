"""The content of the documentation: its pages, their code blocks, the commands in the blocks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml
from places import CONTRIBUTING, DOCS, README, REPOSITORY

FENCE = re.compile(r"^```([^\s`]*).*$")
COMMENT = re.compile(r"^<!-- (.+) -->$")
SEPARATORS = {"&&", "||", ";", "|", "(", ")", "&"}
KEYWORDS = {"do", "if", "then", "else", "done", "fi"}
ASSIGNMENT = re.compile(r"\w+=")
SUDO = "$(command -v sudo) "


class Block(NamedTuple):
    """A fenced block of code.

    Attributes:
        language: the text after the opening fence.
        comment: the text of the comment on the line before; empty without a comment.
    """

    path: Path
    line: int
    language: str
    text: str
    comment: str

    @property
    def place(self) -> str:
        """The page and the line, as a text."""
        return f"{self.path.relative_to(REPOSITORY)}:{self.line}"


class Typed(NamedTuple):
    """A simple command: its words and its place."""

    words: tuple[str, ...]
    place: str


def pages() -> list[Path]:
    """Return every page that people read, generated ones too."""
    return [README, CONTRIBUTING, *sorted(DOCS.rglob("*.md"))]


def blocks(path: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    lines = path.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        if fence := FENCE.match(lines[number]):
            end = lines.index("```", number + 1)
            comment = COMMENT.match(lines[number - 1])
            text = "\n".join(lines[number + 1 : end]) + "\n"
            yield Block(path, number + 1, fence[1], text, comment[1] if comment else "")
            number = end
        number += 1


def all_blocks(*languages: str) -> list[Block]:
    """Return the blocks of all pages in the languages; all blocks if none is given."""
    found = [block for path in pages() for block in blocks(path)]
    return [block for block in found if block.language in languages] if languages else found


def named_block(path: Path, comment: str) -> str:
    """Return the text of the block below ``<!-- COMMENT -->``."""
    [found] = [block for block in blocks(path) if block.comment == comment]
    return found.text


def commands(script: str, place: str) -> Iterator[Typed]:
    """Yield the simple commands of a shell script, without assignments, sudo and redirections."""
    for line in script.replace(SUDO, "").replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in [*_split(line), ";"]:
            if word not in SEPARATORS:
                words.append(word)
                continue
            if command := _simple(words):
                yield Typed(command, place)
            words = []


def all_commands() -> list[Typed]:
    """Return the commands of all shell blocks, and of the steps of workflow files."""
    scripts = [(block.text, block.place) for block in all_blocks("sh")]
    for block in all_blocks("yaml"):
        scripts += [(script, block.place) for script in _steps(yaml.safe_load(block.text))]
    return [command for script, place in scripts for command in commands(script, place)]


def _split(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();|&<>")
    lexer.whitespace_split = True
    return list(lexer)


def _simple(words: list[str]) -> tuple[str, ...]:
    """Return a command without its shell syntax; empty for shell keywords such as ``for``."""
    while words and (words[0] in KEYWORDS or words[0] == "sudo" or ASSIGNMENT.match(words[0])):
        words = words[1:]
    if not words or words[0] == "for":
        return ()
    for redirection in (">", ">>"):
        if redirection in words:
            words = words[: words.index(redirection)]
    return tuple(words)


def _steps(workflow: dict[str, dict[str, dict[str, list[dict[str, str]]]]]) -> Iterator[str]:
    for job in workflow["jobs"].values():
        yield from (step["run"] for step in job["steps"] if "run" in step)
