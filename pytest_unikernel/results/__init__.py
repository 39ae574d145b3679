"""What was measured: rows of launches, then quantiles, verdicts and the LoadResult; saved files."""
