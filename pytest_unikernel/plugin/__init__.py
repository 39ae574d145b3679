"""pytest's face: marker, options, fixtures, hooks, terminal, pytest-benchmark; only this room knows it."""
