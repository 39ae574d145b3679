"""The user's container parameters and their validation. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build.container_image import hello_image

LABEL = "pytest-unikernel.session"
PULLS = ("missing", "always", "never")
# Options of the clients that we set ourselves or can't allow, each with the reason.
OURS = {
    **dict.fromkeys(("--name", "--cidfile"), "a container is named by its UNIKERNEL_ID"),
    **dict.fromkeys(("--rm", "--restart"), "containers are removed after each launch"),
    **dict.fromkeys(("-d", "--detach", "-i", "--interactive", "-t", "--tty"), "the client waits"),
    "--pull": "it is a parameter of its own",
    **dict.fromkeys(("--network", "--net"), "network= is a parameter of its own"),
    "--runtime": "runtime= is a parameter of its own",
    "--rmi": "the next launch needs the image",
    "--help": "it runs nothing",
}
# The clients' short options without a value: several may be one word, as in -dit.
SWITCHES = frozenset("ditPq")


@dataclass(frozen=True)
class Container:
    """A container to run.

    Attributes:
        image: None is our own small one.
        command: the image's own if there is none.
        network: the engine's own choice if None.
        runtime: likewise.
        pull: one of ``PULLS``: when the image is pulled, before a load.
        options: more arguments of ``run``, before the image.
    """

    image: str | None = None
    command: Sequence[str] = ()
    network: str | None = None
    runtime: str | None = None
    pull: str = "missing"
    options: Sequence[str] = ()

    @property
    def image_name(self) -> str:
        """The image's name for the engine."""
        return hello_image().tag if self.image is None else self.image

    def checked(self, target: str) -> Container:
        """Return the container if a target of that name can run it.

        Raises:
            TargetError: a parameter can't be right.
        """
        for key in ("image", "network", "runtime"):
            value = getattr(self, key)
            if value is not None and (not isinstance(value, str) or not value or value.startswith("-")):
                raise TargetError(f"{target}: {key} must be a name, got {value!r}")
        for key in ("command", "options"):
            value = getattr(self, key)
            if not isinstance(value, (list, tuple)) or not all(isinstance(part, str) for part in value):
                raise TargetError(
                    f"{target}: {key} must be a list of text, one entry per argument, got {value!r}"
                )
        if self.pull not in PULLS:
            raise TargetError(f"{target}: pull must be one of {', '.join(PULLS)}, got {self.pull!r}")
        _check_options(target, self.options)
        return dataclasses.replace(self, command=tuple(self.command), options=tuple(self.options))


def _check_options(target: str, options: Sequence[str]) -> None:
    if options and not options[0].startswith("-"):
        raise TargetError(
            f"{target}: options= must begin with a hyphen, or the engine takes it for an image, got "
            f"{options[0]!r}"
        )
    for option in options:
        why = next((OURS[word] for word in _said_by(option) if word in OURS), None)
        if LABEL in option:
            why = "that label marks the containers of a session"
        elif option.removeprefix("--pod=").startswith("new:"):
            why = "the new pod would not be removed; name an existing pod"
        if why is not None:
            raise TargetError(f"{target}: options= must not contain {option!r}: {why}")


def _said_by(word: str) -> Iterable[str]:
    """Yield the options that one word may hold: ``--rm=true`` for one, ``-dit`` for three."""
    if word.startswith("--"):
        yield word.partition("=")[0]
    elif word.startswith("-"):
        for letter in word[1:]:
            if letter not in SWITCHES:  # the rest of the word is its value
                break
            yield f"-{letter}"
