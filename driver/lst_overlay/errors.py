"""What can go wrong besides a wrong argument (ValueError, TypeError) or a bad network file (NetworkFileError)."""

from __future__ import annotations


class LstOverlayError(RuntimeError):
    """Base of the driver's own errors. The overlay stays usable after each unless the message says otherwise."""


class BitstreamError(LstOverlayError):
    """The bitstream or its .hwh is missing, damaged, not ours, or they do not belong together."""


class BusyError(LstOverlayError):
    """Another thread is using the same overlay."""


class HardwareError(LstOverlayError):
    """The accelerator reported an error or answered what it must not. code: ERROR_CODE, 0 if it reported none."""

    def __init__(self, message: str, code: int = 0, address: int = 0):
        super().__init__(message)
        self.code = code
        self.address = address


class HardwareTimeout(LstOverlayError, TimeoutError):
    """The accelerator did not reach a state in time; the message ends with every register."""
