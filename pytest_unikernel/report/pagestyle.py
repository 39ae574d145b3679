"""The style of the page: light and dark, on a phone and on paper. Pure."""

from __future__ import annotations

from pytest_unikernel.report.style import DARK, GRID, INK, PAPER, SOFT
from pytest_unikernel.report.verdicts import LOOKS, css_class

NARROW_SCREEN = "44rem"

PAGE = """
:root { color-scheme: light dark; --ink: %(ink)s; --soft: %(soft)s; --line: %(line)s; --paper: %(paper)s }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: %(dark_ink)s; --soft: %(dark_soft)s; --line: %(dark_line)s; --paper: %(dark_paper)s }
  %(charts)s
}
* { box-sizing: border-box }
html { background: var(--paper); color: var(--ink) }
html { font: 16px/1.5 system-ui, "Liberation Sans", Arial, sans-serif }
body { margin: 0 auto; max-width: 82rem; padding: 1.5rem clamp(.75rem, 3vw, 2rem) 3rem }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere }
h2 { scroll-margin-top: 7rem }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1rem }
p { margin: .25rem 0 .75rem; max-width: 52rem; color: var(--soft); overflow-wrap: anywhere }
nav { margin: .75rem 0 0; font-size: .9rem } nav a { color: inherit; margin-right: 1rem }
figure { margin: 0; min-width: 0 }
figcaption { color: var(--soft); font-size: .85rem; max-width: 52rem }
.charts { display: grid; gap: 1.25rem 1rem }
.charts { grid-template-columns: repeat(auto-fill, minmax(min(100%%, 24rem), 1fr)) }
.charts > .whole { grid-column: 1 / -1 }
.chart svg { display: block; max-width: 100%%; height: auto; overflow: visible }
.chart [class*="role-axis"], .chart .role-legend { pointer-events: none }
.narrow { display: none }
.off { display: none }
.lit { stroke: var(--ink); stroke-width: 2.5px; stroke-opacity: 1 }
.tip { position: absolute; z-index: 2; max-width: min(26rem, 92vw); pointer-events: none }
.tip { background: var(--ink); color: var(--paper); border-radius: .3rem; padding: .4rem .6rem }
.tip { font-size: .85rem; line-height: 1.35 }
.tip { white-space: pre-line; overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
.tip[hidden], .filter[hidden], .hint[hidden], .unshown:empty { display: none }
.filter { position: sticky; top: 0; z-index: 1; background: var(--paper) }
.filter { border-bottom: 1px solid var(--line) }
.filter fieldset { display: flex; flex-wrap: wrap; gap: .3rem; border: 0; margin: 0; padding: .5rem 0 }
.filter fieldset { min-width: 0 }
.filter legend { float: left; padding: 0 .5rem 0 0; font-size: .9rem; line-height: 1.8rem }
.filter label, .filter button { display: inline-flex; gap: .35rem; align-items: center; white-space: nowrap }
.filter label, .filter button { border: 1px solid var(--line); border-radius: 1rem; padding: 0 .6rem }
.filter label, .filter button { font: inherit; font-size: .85rem; line-height: 1.7rem; cursor: pointer }
.filter button { background: none; color: inherit } .filter input { margin: 0; accent-color: var(--soft) }
.filter label:not(:has(:checked)) { color: var(--soft); text-decoration: line-through }
.scroll { overflow: auto; max-height: 34rem; border: 1px solid var(--line); border-radius: .3rem }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; width: 100%% }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line) }
th { position: sticky; top: 0; background: var(--paper); font-weight: 600 }
th.word, td.word { text-align: left }
td.long { white-space: normal; min-width: 16rem; overflow-wrap: anywhere }
%(verdicts)s
@media (max-width: %(narrow)s) {
  .filter fieldset { flex-wrap: nowrap; overflow-x: auto } h2 { scroll-margin-top: 3rem }
  .has-narrow .wide { display: none } .has-narrow .narrow { display: block }
}
@media print {
  html { font-size: 11px } body { padding: 0; max-width: none } nav, .tip, .hint, .filter { display: none }
  .scroll { max-height: none; overflow: visible; border: 0 } th { position: static }
  figure, tr { break-inside: avoid } h2 { break-after: avoid }
  table { table-layout: auto } th, td { padding: .15rem .3rem; white-space: normal }
}
"""


def css() -> str:
    """Return the whole style sheet; in the dark each colour of a figure has another in its place."""
    names = {"ink": INK, "soft": SOFT, "line": GRID, "paper": PAPER}
    dark = {f"dark_{name}": DARK[light] for name, light in names.items()}
    return PAGE % {
        **names,
        **dark,
        "verdicts": "\n".join(_verdict_rules()),
        "charts": "\n  ".join(_dark_rules()),
        "narrow": NARROW_SCREEN,
    }


def _verdict_rules() -> list[str]:
    """Return the rules of cells with a verdict: its colour, and its sign in front."""
    return [
        rule
        for verdict, look in LOOKS.items()
        for name in [f".{css_class(verdict)}"]
        for rule in (
            f"{name} {{ color: {look.color} }} {name}::before {{ content: '{look.sign} ' }}",
            f"@media screen and (prefers-color-scheme: dark) {{ {name} {{ color: {DARK[look.color]} }} }}",
        )
    ]


def _dark_rules() -> list[str]:
    return [
        f'svg [{name}="{light}"] {{ {name}: {dark} }}'
        for light, dark in DARK.items()
        for name in ("fill", "stroke")
    ]
