"""Descriptors of instances in flight, put where a launch doesn't copy them.

An instance in flight holds a pidfd and a pipe, and vfork copies the table that they are in. Each
descriptor costs the generator some 6 ns per launch, and the launched instance, which closes its copy
at its exec, some 90 ns of the service time that we measure: a third of a millisecond with 2,000 others
in flight. So in a crowd those of the older instances wait in the queues of sockets, a batch in each,
and only the sockets are open here.

- An epoll item lives as long as its open file, not its descriptor, and goes on reporting. Source:
  epoll(7), "will closing a file descriptor cause it to be removed from all epoll interest lists?"
- A message that isn't received yet keeps the files in it open. Source: unix(7), SCM_RIGHTS.
- MSG_PEEK opens them again and leaves the message. Source: net/unix/af_unix.c, unix_peek_fds().

A parked item reports a key instead of its descriptor's number, which by then is another file's.
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
from dataclasses import dataclass, field

from pytest_unikernel.launch.process.child import Child

# Parking a batch holds up the loop: more would delay other events, fewer would leave more sockets open.
BATCH = 16
# Above any descriptor's number (at most INT_MAX / 8, fs/file.c), within the int that epoll.poll returns.
FIRST_KEY = 1 << 28
EPOLL_CTL_MOD = 3
# struct epoll_event is packed on x86-64 alone. Source: <sys/epoll.h>
EPOLL_EVENT = struct.Struct("=IQ" if os.uname().machine == "x86_64" else "=I4xQ")
# Reported once: a parked item can't be deleted, and a pidfd stays readable until the batch is gone.
PIDFD_EVENTS = int(select.EPOLLIN | select.EPOLLONESHOT)
PIPE_EVENTS = int(select.EPOLLIN | select.EPOLLET)

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class _Batch:
    """A socket whose queue holds the children's descriptors: pidfd, pipe, pidfd, pipe ..."""

    queue: socket.socket
    in_flight: int
    keys: list[int] = field(default_factory=list)


class Parking:
    """Parks quiet children: they have keys for descriptors then. A child that prints gets its pipe back."""

    def __init__(self, epoll: select.epoll, children: dict[int, Child]) -> None:
        self.young: list[Child] = []  # not parked, the oldest first; some have ended
        self.round_at = 2 * BATCH  # this many young children make the next round due
        self._epoll = epoll
        self._children = children
        self.batches: dict[Child, _Batch] = {}
        self._keys = itertools.count(FIRST_KEY)  # never used again: an event may come when its child is gone

    def round(self) -> None:
        """Park those that are neither new nor have printed since the last round: two batches at most."""
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
        numbers = [number for child in children for number in (child.pidfd, child.pipe) if number >= 0]
        try:
            batch = _Batch(_queue(numbers), len(children))
        except OSError:  # EMFILE; ETOOMANYREFS: more in queues than RLIMIT_NOFILE, without privilege, unix(7)
            return  # all goes on as without parking, but for the cost
        self.batches.update(dict.fromkeys(children, batch))
        for child in children:
            child.pidfd = self._rekey(child, child.pidfd, PIDFD_EVENTS, batch)
            if child.pipe >= 0:
                child.pipe = self._rekey(child, child.pipe, PIPE_EVENTS, batch)

    def _rekey(self, child: Child, descriptor: int, events: int, batch: _Batch) -> int:
        """Have a descriptor's events reported under a key, and close it; pending events come again."""
        key = next(self._keys)
        if _libc.epoll_ctl(self._epoll.fileno(), EPOLL_CTL_MOD, descriptor, EPOLL_EVENT.pack(events, key)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        os.close(descriptor)
        del self._children[descriptor]
        self._children[key] = child
        batch.keys.append(key)
        return key

    def take_back(self, child: Child, key: int, events: int) -> int:
        """Open and register again the descriptor of the key; return it, or raise EMFILE."""
        batch = self.batches[child]
        opened = _peek(batch.queue, len(batch.keys))
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
        batch = self.batches.pop(child, None)
        if batch is not None:
            batch.in_flight -= 1
            if not batch.in_flight:
                batch.queue.close()


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
