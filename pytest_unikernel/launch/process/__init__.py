"""Instances that are child processes: spawn, pidfd, output pipe, readiness, end."""
