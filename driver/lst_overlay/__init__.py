"""LST networks on a PYNQ board: `from lst_overlay import LST1Overlay`."""

__version__ = "0.1.0"
