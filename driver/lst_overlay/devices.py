"""The choice of the board: the simulated one if the environment asks for it, else the one that pynq finds."""

from __future__ import annotations

import os
import warnings

from pynq import Device

from .errors import LstOverlayError

VARIABLE = "LST_BOARD"


def default_device() -> Device:
    """Return the simulated board of this process if LST_BOARD=sim is set, pynq's active device if it is not.

    Raises ValueError for another value of LST_BOARD, LstOverlayError if pynq finds no device.
    """
    board = os.environ.get(VARIABLE, "")
    if board == "sim":
        from .simulator.board import get_device

        return get_device()
    if board:
        raise ValueError(f"{VARIABLE} must be 'sim' or unset, not {board!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pynq warns about XRT; the error below gives better advice.
            return Device.active_device
    except RuntimeError as error:
        raise LstOverlayError(
            f"pynq finds no board here ({error}): {VARIABLE}=sim in the environment takes the simulated one"
        ) from None
