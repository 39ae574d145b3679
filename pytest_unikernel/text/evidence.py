"""The reason of a judgement on a metric, in words."""

from __future__ import annotations

from pytest_unikernel.results.evidence import Cause, Why
from pytest_unikernel.text.comparable import differences_text

REASONS = {
    Cause.NOISE: "within the noise",
    Cause.VERDICT_CHANGED: "was {verdicts[0]}, now {verdicts[1]}",
    Cause.MISSING_BEFORE: "missing in the baseline",
    Cause.FEW_TRIALS: "{trials}",
    Cause.FEW_LAUNCHES: "too few launches",
    Cause.VERDICT: "{verdicts[0]}",
    Cause.BEYOND_TIMEOUT: "beyond the time-out",
    Cause.NOT_RECORDED: "not recorded",
    Cause.SATURATED: "saturated in both runs",
    Cause.OTHER_WORK: "other work took {figures[0]:.0f} % of the CPU time, {figures[1]:.0f} % in the "
    "baseline",
    Cause.HOST_SPEED: "the host was {speed}: time to start a process {figures[0]:+.0f} %",
    Cause.CONDITIONS: "{differences}",
    Cause.MEANS_ONLY: "one side has means only",
    Cause.NO_VERDICT: "imported, without a verdict",
    Cause.NO_COMMON_STEP: "no common time step",
}


def why_text(why: Why | None) -> str:
    """Return the reason of a judgement; empty where there is none."""
    if why is None:
        return ""
    figure = why.figures[0] if why.figures else 0.0
    return REASONS[why.cause].format(
        figures=why.figures,
        verdicts=why.verdicts,
        trials=_trials(round(figure)),
        speed="slower" if figure > 0 else "faster",
        differences=differences_text(why.differences),
    )


def _trials(count: int) -> str:
    return "one trial" if count == 1 else f"{count or 'no'} trials"


def trials_needed(why: Why | None) -> int:
    """Return how many trials would give evidence; 0 where more would not: imported runs have none."""
    curable = why is not None and why.cause is Cause.FEW_TRIALS and why.figures[0] > 0
    return round(why.figures[1]) if why is not None and curable else 0
