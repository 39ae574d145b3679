"""Unikernels in containers by urunc, and the reader of its log."""
