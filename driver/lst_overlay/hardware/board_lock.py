"""One user of a board at a time, whichever overlay, thread or process it is."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from typing import Callable, Optional, TypeVar

from ..errors import BusyError, LstOverlayError
from .bitstream_files import is_simulated

# The first that exists has the file, so that all processes choose the same.
DIRECTORIES = ("/run/lock", "/tmp")
Result = TypeVar("Result")


class BoardLock:
    """The right to use a board, for the time of one call.

    Threads are kept apart by a lock that belongs to the pynq Device. Processes are kept apart by flock on a
    file that is named after the device; the system takes it back when a process ends, in whatever way. The
    simulated board belongs to one process and has no file.
    """

    def __init__(self, device):
        self._thread_lock = vars(device).setdefault("_lst_overlay_lock", threading.Lock())
        self._path: Optional[str] = None if is_simulated(device) else _path(device)

    def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of work(), during which nobody else uses the board.

        Raises BusyError at once if somebody else does, LstOverlayError if the file cannot be opened.
        """
        # An exception that a signal raises, such as KeyboardInterrupt, must not leave a lock behind. It can
        # appear after any call, so no statement may lie between taking a lock and the block that gives it
        # back: `with` takes the one, and unlocking the other needs not know whether it was taken.
        if self._thread_lock.locked():
            raise BusyError(
                "the board is busy: another thread is in predict, logits, load_network or download"
            )
        with self._thread_lock:  # A thread that comes between the question and this line waits.
            if self._path is None:
                return work()
            with os.fdopen(_open(self._path)) as file:
                try:
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        raise BusyError(
                            f"the board is busy: another process or overlay uses it and holds {self._path}; "
                            "call again when it has finished"
                        ) from None
                    return work()
                finally:
                    fcntl.flock(file, fcntl.LOCK_UN)  # A forked process may have the file open, too.


def _path(device) -> str:
    directory = next((name for name in DIRECTORIES if os.path.isdir(name)), DIRECTORIES[-1])
    return os.path.join(directory, f"lst_overlay-{re.sub(r'[^A-Za-z0-9_.-]', '_', device.tag)}.lock")


def _open(path: str) -> int:
    """Open the file, which any user may lock, and make it if there is none."""
    try:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_CREAT, 0o644)
    except OSError as error:
        raise LstOverlayError(
            f"the board cannot be locked against other processes: {path}: {error.strerror}; "
            "run as root, as PYNQ's notebooks do"
        ) from None
