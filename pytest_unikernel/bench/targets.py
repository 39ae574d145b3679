"""The usual targets, by the names that records, the doctor and the fixtures have for them."""

from __future__ import annotations

from typing import Any

from pytest_unikernel.doctor.variants import VARIANTS
from pytest_unikernel.errors import SettingError, UnavailableError
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable


def target(name: str, /, **changes: Any) -> Target:
    """Return a usual target by its name, changed by the parameters of its fixture.

    ``target("rust_kernel[kvm]")``, ``target("docker_container", image="alpine", command=["true"])``.

    Raises:
        SettingError: no target has that name.
        TargetError: a parameter is unknown, or wrong.
        UnavailableError: the target can't even be described here, as without a kernel to boot.
    """
    known = {each.name: each for each in VARIANTS}
    variant = known.get(name) if isinstance(name, str) else None
    if variant is None:
        raise SettingError(f"expected a target among {', '.join(known)}, got {name!r}")
    made = variant.make()
    if isinstance(made, Unavailable):
        raise UnavailableError(name, made.reason, made.cure)
    return made(**changes) if changes else made
