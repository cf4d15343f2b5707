"""LST networks on a PYNQ board: `from lst_overlay import LST1Overlay`.

`lst_overlay.network` needs numpy alone; pynq is imported when LST1Overlay is first asked for.
"""

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
        from .overlay import LST1Overlay

        return LST1Overlay
    if name in __all__:
        from . import errors

        return getattr(errors, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(list(globals()) + __all__)
