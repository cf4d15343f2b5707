"""The overlay classes: they classify images on a PYNQ board, or on the simulated board with the same code."""

from __future__ import annotations

import os
from typing import Union

from .board_overlay import AUTO
from .devices import default_device
from .errors import BitstreamError
from .hardware.bitstream_files import DEFAULT_STEM, describe, find_bitfile
from .hardware.prepared_network import read_network
from .image_overlay import ImageOverlay
from .network import Network

__all__ = ["AUTO", "OVERLAYS", "LST1Overlay", "ResMLPOverlay", "open_overlay"]


class LST1Overlay(ImageOverlay):
    """A pynq.Overlay that checks the accelerator, sets its clock, loads a network and classifies images.

    Its images are (28, 28) unless the network says otherwise. Without arguments it opens the pixel-serial
    engine, which takes any LST network that its memories hold (docs/number_formats.md, section 6); `__init__`
    describes the arguments.
    """

    family = "lst"
    default_bitfile = DEFAULT_STEM


class ResMLPOverlay(ImageOverlay):
    """A pynq.Overlay that does with colour pictures and ResMLP networks what `LST1Overlay` does with digits.

    Its images are (32, 32, 3), the colours last, as CIFAR-10 has them. Without arguments it opens the engine
    resmlp_array, which takes any ResMLP network of its widths (docs/number_formats.md, section 8);
    'resmlp_array_int8-loadable' takes those of 8 bits. `__init__` describes the arguments.
    """

    family = "resmlp"
    default_bitfile = "resmlp_array-loadable"


OVERLAYS = {overlay.family: overlay for overlay in (LST1Overlay, ResMLPOverlay)}


def open_overlay(
    bitfile: Union[str, os.PathLike, None] = None, network: Union[str, os.PathLike, Network, None] = AUTO
) -> ImageOverlay:
    """Open a bitstream with the class for the networks of its engine; the arguments are those of the classes.

    Without a bitfile it opens the loadable engine for the network. Raises BitstreamError if there is no such
    class, else what the class raises.
    """
    device = default_device()
    if network is not None and network != AUTO:
        network = read_network(network)
    path = find_bitfile(bitfile, device, _default_bitfile(network))
    family = describe(path).family
    if family not in OVERLAYS:
        raise BitstreamError(
            f"{path.name} takes networks of the family {family!r}, this driver knows {', '.join(OVERLAYS)}: "
            "update lst-overlay"
        )
    return OVERLAYS[family](path, device, network=network)


def _default_bitfile(network: Union[str, Network, None]) -> str:
    """The stem of the bitstream of the first engine that can hold the network."""
    if not isinstance(network, Network):
        return DEFAULT_STEM
    able = network.declaration.able(network)
    return f"{able[0]}-loadable" if able else OVERLAYS[network.family].default_bitfile
