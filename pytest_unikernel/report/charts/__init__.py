"""The figures of a report, each defined once: a Vega-Lite specification for the page and the files alike."""
