"""What was measured: rows of launches, quantiles, verdicts, the LoadResult, saved files, comparisons."""
