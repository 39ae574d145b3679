"""Containers by Docker's Engine API: a supervisor that asks the engine itself, without a client per launch.

Source: Docker Engine API v1.41, https://docs.docker.com/reference/api/engine/version/v1.41/; the paths here
name no version, so that each engine is spoken to in its own.
"""
