"""What can be launched: one module per target, each with one :class:`~pytest_unikernel.target.Target`."""
