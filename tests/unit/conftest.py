"""Shared by unit tests."""

from __future__ import annotations

import pluggy
import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow; that proves nothing about the code.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return the entry points of our group that installed packages have."""
    plugins: list[object] = []

    def load(manager: pluggy.PluginManager, group: str) -> int:
        assert group == "pytest_unikernel"
        for plugin in plugins:
            manager.register(plugin)
        return len(plugins)

    monkeypatch.setattr(pluggy.PluginManager, "load_setuptools_entrypoints", load)
    return plugins
