"""Which board: the simulated one if the environment says so, else the one that pynq finds."""

from __future__ import annotations

import os
import warnings

from pynq import Device

from .errors import LstOverlayError

VARIABLE = "LST_BOARD"


def default_device() -> Device:
    """LST_BOARD=sim: the simulated board of this process. Unset: pynq's active device; LstOverlayError if there is none."""
    board = os.environ.get(VARIABLE, "")
    if board == "sim":
        from .simulator.board import get_device

        return get_device()
    if board:
        raise ValueError(f"{VARIABLE} must be 'sim' or unset, not {board!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pynq warns about XRT where the error below says what to do
            return Device.active_device
    except RuntimeError as error:
        raise LstOverlayError(
            f"pynq finds no board here ({error}): {VARIABLE}=sim in the environment takes the simulated one"
        ) from None
