"""The targets: a module or a folder each, with one Target."""
