"""LST and ResMLP networks on a PYNQ board: `from lst_overlay import LST1Overlay, ResMLPOverlay`.

`lst_overlay.network` needs numpy alone; pynq is imported when an overlay is first asked for.
"""

from typing import TYPE_CHECKING

from .errors import BitstreamError, BusyError, HardwareError, HardwareTimeout, LstOverlayError

if TYPE_CHECKING:  # for editors, which complete names without running anything
    from .overlay import LST1Overlay, ResMLPOverlay, open_overlay

__version__ = "0.1.0"
__all__ = [
    "LST1Overlay",
    "ResMLPOverlay",
    "open_overlay",
    "LstOverlayError",
    "BitstreamError",
    "HardwareError",
    "HardwareTimeout",
    "BusyError",
]
_NEED_PYNQ = ("LST1Overlay", "ResMLPOverlay", "open_overlay")


def __getattr__(name):
    if name in _NEED_PYNQ:
        try:
            from . import overlay
        except ModuleNotFoundError as error:
            if error.name != "pynq":
                raise
            raise ModuleNotFoundError(
                "no module named 'pynq': on a board, take the Python of its PYNQ image or pip install pynq; "
                "elsewhere, LST_BOARD=sim in a checkout takes the simulated board, after `make demo`",
                name="pynq",
            ) from None
        return getattr(overlay, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_NEED_PYNQ])
