"""The driver's exceptions. Wrong arguments raise ValueError or TypeError, bad networks NetworkError."""

from __future__ import annotations

from contextlib import contextmanager


class LstOverlayError(RuntimeError):
    """The base class of the driver's exceptions.

    The overlay stays usable after each of them unless the message says otherwise.
    """


class BitstreamError(LstOverlayError):
    """The bitstream or its .hwh is missing, damaged, of another project, or does not match the other."""


class BusyError(LstOverlayError):
    """The board is in use by another thread, overlay or process: call again when it has finished."""


class HardwareError(LstOverlayError):
    """The accelerator reported an error or gave an answer that its specification excludes.

    code:    the value of register ERROR_CODE; 0 if the accelerator reported no error.
    address: the value of register ERROR_ADDRESS.
    """

    def __init__(self, message: str, code: int = 0, address: int = 0):
        super().__init__(message)
        self.code = code
        self.address = address


class HardwareTimeout(LstOverlayError, TimeoutError):
    """The accelerator did not reach a state in time; the message ends with the values of all registers."""


@contextmanager
def bitstream_errors(what: str):
    """Turn every exception of pynq into a BitstreamError that begins with ``what``.

    pynq reports a damaged .bit or .hwh by whatever exception its XML, struct and dict accesses raise.
    """
    try:
        yield
    except LstOverlayError:
        raise
    except Exception as error:
        raise BitstreamError(f"{what} ({type(error).__name__}: {error})") from error
