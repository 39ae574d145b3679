"""Whether a target can run here, asked before its load."""

from __future__ import annotations

from pytest_unikernel.errors import UnikernelError
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable


def why_unavailable(target: Target) -> Unavailable | None:
    """Return why a target can't run here, or None.

    Raises:
        UnikernelError: the target's own function raised something.
    """
    from pytest_unikernel.host.system_calls import first_refused  # noqa: PLC0415 - before a load only
    from pytest_unikernel.launch.availability import why_not  # noqa: PLC0415 - before a load only
    from pytest_unikernel.text.system_calls import refused_text  # noqa: PLC0415 - before a load only

    refused = first_refused()
    if refused is not None:
        return refused_text(refused)
    try:
        return why_not(target)
    except UnikernelError:
        raise
    except Exception as error:
        raise UnikernelError(f"{target.full_name}: probe() raised {error!r}") from error
