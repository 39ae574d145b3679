"""Builders of the guests: each gives the path of a file that QEMU boots."""
