"""Loads without pytest: ``Bench`` for scripts and notebooks; the command ``run`` is a face of it."""
