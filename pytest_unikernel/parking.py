"""Descriptors of instances in flight, put where a launch doesn't copy them.

An instance in flight holds a pidfd and a pipe, and vfork copies the table that they are in. Each
descriptor costs the generator 6 ns per launch, and the launched instance, which closes its copy at
its exec, 90 ns of the service time that we measure: 0.35 ms with 2,000 others in flight. So those of
the older instances wait in the queues of sockets, a batch in each, and only the sockets are open here.

Three facts make that work:

- An epoll item lives until its open file does, not until its descriptor is closed, and goes on
  reporting. Source: epoll(7), questions and answers: "will closing a file descriptor cause it to be
  removed from all epoll interest lists?"
- A message that isn't received yet keeps the files in it open. Source: unix(7), SCM_RIGHTS.
- MSG_PEEK gives new descriptors for the files of a message and leaves it in the queue.
  Source: net/unix/af_unix.c, unix_peek_fds().

The parked items report a key instead of a descriptor number, which by then is another file's.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import select
import socket
import struct
from array import array
from collections.abc import Sequence

from pytest_unikernel.child import Child

# Parking takes the generator 4 µs a child, at a stretch: more would delay other events, fewer leave more sockets.
BATCH = 16
# Above any descriptor's number (at most INT_MAX / 8, fs/file.c), within the int that epoll.poll returns.
FIRST_KEY = 1 << 28
EPOLL_CTL_MOD = 3
# struct epoll_event is packed on x86-64 alone. Source: <sys/epoll.h>
EPOLL_EVENT = struct.Struct("=IQ" if os.uname().machine == "x86_64" else "=I4xQ")
# Told once: a parked item can't be deleted, and a pidfd stays readable until the batch is gone.
PIDFD_EVENTS = int(select.EPOLLIN | select.EPOLLONESHOT)
PIPE_EVENTS = int(select.EPOLLIN | select.EPOLLET)

_libc = ctypes.CDLL(None, use_errno=True)


class _Batch:
    """A socket whose queue holds the children's descriptors: pidfd, pipe, pidfd, pipe ..."""

    __slots__ = ("in_flight", "keys", "socket")

    def __init__(self, queue: socket.socket, in_flight: int) -> None:
        self.socket = queue
        self.in_flight = in_flight
        self.keys: list[int] = []


class Parking:
    """Parks children that are quiet; one that prints gets its pipe back, once and for all.

    A parked child has keys instead of descriptors, under which ``children`` finds it.
    """

    def __init__(self, epoll: select.epoll, children: dict[int, Child]) -> None:
        self.young: list[Child] = []  # not parked, the oldest first; some have ended
        self.round_at = 2 * BATCH  # so many young children make the next round due
        self._epoll = epoll
        self._children = children
        self._batches: dict[Child, _Batch] = {}
        self._keys = itertools.count(FIRST_KEY)  # never used again: an event may come when its child is gone

    def round(self) -> None:
        """Park those that are neither new nor have printed since the last round.

        Two batches at most: a backlog shrinks, but the loop isn't held up.
        """
        young = [child for child in self.young if child.pidfd >= 0]
        quiet = []
        for child in young[:-BATCH]:
            if not child.has_printed:
                quiet.append(child)
            child.has_printed = False
        for begin in range(0, min(len(quiet), 2 * BATCH) - BATCH + 1, BATCH):
            self._park(quiet[begin : begin + BATCH])
        self.young[:] = (child for child in young if child.pidfd < FIRST_KEY)
        self.round_at = len(self.young) + BATCH

    def _park(self, children: Sequence[Child]) -> None:
        """Park the children, unless the kernel refuses.

        It does without descriptors for a socket (EMFILE), and without privilege to have more than
        RLIMIT_NOFILE files in queues (ETOOMANYREFS): it is all the same, but for the cost.
        """
        numbers = [number for child in children for number in (child.pidfd, child.pipe) if number >= 0]
        try:
            batch = _Batch(_queue(numbers), len(children))
        except OSError:
            return
        for child in children:
            self._batches[child] = batch
            child.pidfd = self._rekey(child, child.pidfd, PIDFD_EVENTS, batch)
            if child.pipe >= 0:
                child.pipe = self._rekey(child, child.pipe, PIPE_EVENTS, batch)

    def _rekey(self, child: Child, descriptor: int, events: int, batch: _Batch) -> int:
        """Have a descriptor's events reported under a key, and close it; what is pending is reported anew."""
        key = next(self._keys)
        if _libc.epoll_ctl(self._epoll.fileno(), EPOLL_CTL_MOD, descriptor, EPOLL_EVENT.pack(events, key)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        os.close(descriptor)
        del self._children[descriptor]
        self._children[key] = child
        batch.keys.append(key)
        return key

    def take_back(self, child: Child, key: int, events: int) -> int:
        """Open and register again what is parked under the key; return its new descriptor.

        Raises:
            OSError: no descriptors are left (EMFILE).
        """
        batch = self._batches[child]
        opened = _peek(batch.socket, len(batch.keys))
        wanted = opened.pop(batch.keys.index(key)) if len(opened) == len(batch.keys) else -1
        for descriptor in opened:
            os.close(descriptor)
        if wanted < 0:
            raise OSError(errno.EMFILE, "too many open files to look at what an instance printed")
        try:
            self._epoll.register(wanted, events)
        except FileExistsError:  # under its old number, which is in the item's identity: epoll(7)
            self._epoll.modify(wanted, events)
        del self._children[key]
        self._children[wanted] = child
        return wanted

    def leave(self, child: Child) -> None:
        """Forget a child that has ended; the last of a batch closes it, and with it the epoll items go."""
        batch = self._batches.pop(child, None)
        if batch is not None:
            batch.in_flight -= 1
            if not batch.in_flight:
                batch.socket.close()


def _queue(descriptors: Sequence[int]) -> socket.socket:
    """Return a socket whose queue holds the files; its peer isn't needed any more once it has sent them."""
    sender, queue = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender:
        try:
            socket.send_fds(sender, [b"!"], list(descriptors))
        except OSError:
            queue.close()
            raise
    return queue


def _peek(queue: socket.socket, most: int) -> list[int]:
    """Return new descriptors for the files in the queue; fewer, if the table is full."""
    numbers = array("i")
    room = socket.CMSG_SPACE(most * numbers.itemsize)
    _, ancillary, _, _ = queue.recvmsg(1, room, socket.MSG_PEEK | socket.MSG_CMSG_CLOEXEC)
    for _, _, data in ancillary:
        numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    return numbers.tolist()
