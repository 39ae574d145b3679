"""An epoll for tests that says how it was asked."""

from __future__ import annotations

import select


class Polls:
    """An epoll that remembers its time-outs: 0 is a look, -1 sleeps."""

    def __init__(self, epoll: select.epoll) -> None:
        self._epoll = epoll
        self.timeouts: set[int] = set()

    def poll(self, timeout: int, most: int) -> list[tuple[int, int]]:
        self.timeouts.add(timeout)
        return self._epoll.poll(timeout, most)

    def close(self) -> None:
        self._epoll.close()
