"""LST networks on a PYNQ board: `from lst_overlay import LST1Overlay`.

`lst_overlay.network` needs numpy alone; pynq is imported when LST1Overlay is first asked for.
"""

from typing import TYPE_CHECKING

from .errors import BitstreamError, BusyError, HardwareError, HardwareTimeout, LstOverlayError

if TYPE_CHECKING:  # for editors, which complete names without running anything
    from .overlay import LST1Overlay

__version__ = "0.1.0"
__all__ = [
    "LST1Overlay",
    "LstOverlayError",
    "BitstreamError",
    "HardwareError",
    "HardwareTimeout",
    "BusyError",
]


def __getattr__(name):
    if name == "LST1Overlay":
        try:
            from .overlay import LST1Overlay
        except ModuleNotFoundError as error:
            if error.name != "pynq":
                raise
            raise ModuleNotFoundError(
                "no module named 'pynq': on a board, take the Python of its PYNQ image or pip install pynq; "
                "elsewhere, LST_BOARD=sim in a checkout takes the simulated board, after `make demo`",
                name="pynq",
            ) from None
        return LST1Overlay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), "LST1Overlay"])
