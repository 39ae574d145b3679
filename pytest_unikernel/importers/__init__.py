"""Results that others measured, read into our records: one format a module, each behind the same hook.

inputs -> format_*.py -> readings -> pool -> records -> document
files     readings                   by target and step    pytest-benchmark's JSON
"""
