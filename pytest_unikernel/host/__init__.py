"""This machine: facts, limits, quietness, tuning for a load, samples, clocks. Knows nothing of loads."""
