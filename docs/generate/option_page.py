"""The page about the options, the ini keys, the marker and the profiles."""

from __future__ import annotations

from markdown_parts import code, page, paragraph, sentence, table

from pytest_unikernel.plan.option_table import OPTIONS, Option
from pytest_unikernel.plan.profiles import MAX_WARMUP_S, PROFILES
from pytest_unikernel.plan.step_names import step_id
from pytest_unikernel.plugin import marker


def options_page() -> str:
    """Return the page about the options, the ini keys, the marker and the profiles."""
    return page(
        "Options and the marker",
        paragraph(OPTIONS_INTRODUCTION),
        "## The marker load_sweep",
        f"`@pytest.mark.{marker.CALL}`",
        paragraph(MARKER_INTRODUCTION),
        table(("keyword", "meaning"), ([code(name), text] for name, text in marker.KEYWORDS.items())),
        "## The profiles",
        profile_table(),
        "## The options",
        *(section for option in OPTIONS for section in option_section(option)),
    )


OPTIONS_INTRODUCTION = """\
Each option has an ini key of the same name, for `pyproject.toml` or `pytest.ini`. Precedence: command line,
marker, profile named on the command line, ini file, profile named in the ini file, `quick`. A run prints
the effective values and where each came from. Durations take `s`, fractions (`1/64`) and decimals."""
MARKER_INTRODUCTION = """\
The marker parametrizes a test over `timestep`, from slow to fast, and adds the marker `sweep`, so that `-m
sweep` selects every swept test. The ids are `4s`, `0.5s`, `0.0009765625s`. Of several markers on a test the
closest counts, alone."""


def profile_table() -> str:
    """Return what the profiles set, with the time steps as their ends."""
    rows = []
    for key in PROFILES["quick"]:
        values = (profile[key] for profile in PROFILES.values())
        shown = (
            f"{step_id(each[0])} … {step_id(each[-1])}" if key == "time_steps" else each for each in values
        )
        rows.append([code(key), *(f"{each:g}" if isinstance(each, float) else str(each) for each in shown)])
    rows.append(["longest warm-up (s)", *(f"{seconds:g}" for seconds in MAX_WARMUP_S.values())])
    return table(("", *map(code, PROFILES)), rows)


def option_section(option: Option) -> list[str]:
    """Return one option: what it means, its default, where else it can be set."""
    value = "" if option.is_switch else f"={option.metavar}"
    facts = [
        f"- Default: {option.shown}",
        f"- Ini key: `{option.ini}`{' (true or false)' * option.is_switch}",
    ]
    facts += [f"- Marker: `load_sweep({option.name}=…)`"] * option.in_marker
    return [f"### {option.flag}", f"`{option.flag}{value}`: {sentence(option.help)}", "\n".join(facts)]
