"""What can be launched: a module or a folder per target, each with one Target."""
