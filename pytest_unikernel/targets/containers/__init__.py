"""Containers by Docker, Podman or an OCI runtime."""
