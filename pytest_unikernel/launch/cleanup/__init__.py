"""The clean-up of instances, whatever happens to pytest: the reaper, the search by token, the removals."""
