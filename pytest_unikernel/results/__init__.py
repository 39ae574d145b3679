"""Measurements: rows of launches, quantiles, verdicts, the LoadResult, saved files, comparisons."""
