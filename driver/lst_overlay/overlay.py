"""The overlay classes: they classify images on a PYNQ board, or on the simulated board with the same code."""

from __future__ import annotations

from .board_overlay import AUTO
from .hardware.bitstream_files import DEFAULT_STEM
from .image_overlay import ImageOverlay
from .samples import shipped_networks

__all__ = ["AUTO", "LST1Overlay"]


class LST1Overlay(ImageOverlay):
    """A pynq.Overlay that checks the accelerator, sets its clock, loads a network and classifies images.

    Its images are (28, 28), and its networks are LST-1. Without arguments it opens the pixel-serial engine,
    which takes any LST-1 network (docs/programmers_guide.md); `__init__` describes the arguments.
    """

    default_bitfile = DEFAULT_STEM
    default_network = shipped_networks.DEFAULT
