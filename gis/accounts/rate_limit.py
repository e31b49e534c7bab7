"""Counters of requests a minute, shared by all worker processes of a machine.

They lie in a file of fixed size that every process maps: 16 bytes a slot (hash of the counter's
name, minute, count). No name is stored, and a slot is reused after its minute.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import threading
from functools import lru_cache
from pathlib import Path

from gis import private
from gis.errors import RateLimited
from gis.messages import Message

SLOT_COUNT = 1 << 16
# Slots a counter may lie in. If all are in use in this minute, the one with the lowest count is
# replaced.
PROBE_LENGTH = 8
WINDOW_S = 60
MAX_SLOT_COUNT = 2**32 - 1
_GENERATION = struct.Struct("<Q")  # behind the slots: how often rights changed
_SLOT = struct.Struct("<QII")  # hash of the name, minute since 1970, count


class Counters:
    """The counters in one file."""

    def __init__(self, file: Path) -> None:
        private.create_folder(file.parent)
        self._file = os.open(file, os.O_RDWR | os.O_CREAT, private.FILE_MODE)
        # allocate every block: writing to a hole would kill the process when the disk is full
        os.posix_fallocate(self._file, 0, SLOT_COUNT * _SLOT.size + _GENERATION.size)
        self._slots = mmap.mmap(self._file, SLOT_COUNT * _SLOT.size + _GENERATION.size)
        self._mine = threading.Lock()  # the file's lock keeps processes apart, not threads

    def increment(self, name: str, now: float, units: int = 1) -> int:
        """Add to a counter and return its count of this minute, the added units included.

        Parameters
        ----------
        now
            Seconds since 1970.
        units
            How much to add.
        """
        minute = int(now // WINDOW_S)
        number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
        with self._mine:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                return self._count(number, minute, units)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    @property
    def generation(self) -> int:
        """How often rights have changed since the file was created.

        Rights that were read under an earlier generation must be read again.
        """
        return int(_GENERATION.unpack_from(self._slots, SLOT_COUNT * _SLOT.size)[0])

    def advance(self) -> None:
        """Signal to every process that rights have changed."""
        with self._mine:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                _GENERATION.pack_into(self._slots, SLOT_COUNT * _SLOT.size, self.generation + 1)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _count(self, number: int, minute: int, units: int) -> int:
        worst, least = 0, None
        for step in range(PROBE_LENGTH):
            offset = (number + step) % SLOT_COUNT * _SLOT.size
            whose, when, count = _SLOT.unpack_from(self._slots, offset)
            if when == minute and whose == number:
                _SLOT.pack_into(
                    self._slots, offset, number, minute, min(count + units, MAX_SLOT_COUNT)
                )
                return int(count) + units
            used = count if when == minute else 0
            if least is None or used < least:
                worst, least = offset, used
        _SLOT.pack_into(self._slots, worst, number, minute, min(units, MAX_SLOT_COUNT))
        return units


@lru_cache(maxsize=8)
def counters(var: Path) -> Counters:
    """Return the counters of a deployment, under its folder."""
    return Counters(var / "limits")


def check_rate_limit(
    var: Path, name: str, limit: int, now: float, counted: Message | str, units: int = 1
) -> None:
    """Count one request; raise RateLimited if it exceeds the limit of its minute.

    Parameters
    ----------
    var
        Folder of the deployment.
    name
        Name of the counter, as "key 12" or "sign-in 10.0.0.7".
    limit
        Requests a minute.
    now
        Seconds since 1970.
    counted
        What is counted, as the message `counted.requests_with_key`.
    units
        What this request counts for.

    Raises
    ------
    RateLimited
        With `retry_after`, seconds until the next minute.
    """
    if counters(var).increment(name, now, units) > limit:
        wait = WINDOW_S - int(now) % WINDOW_S
        raise RateLimited(
            "rate_limit.exceeded",
            limit=limit,
            counted=counted,
            seconds=wait,
            extra={"retry_after": wait},
        )
