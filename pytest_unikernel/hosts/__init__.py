"""One sweep on many hosts at once: a cluster of dask.distributed carries it, a process on each host makes it.

Nothing here is imported without ``--sweep-hosts``.
"""
