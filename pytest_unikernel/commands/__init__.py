"""The commands of ``pytest-unikernel``, one per module."""
