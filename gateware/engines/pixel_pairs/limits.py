"""Limits of the pixel-pairs engine, checked before synthesis: those of a multiplier and of the part."""

from __future__ import annotations

from migen import Memory

from gateware.cores.cascade import MAX_WEIGHT_WIDTH, sum_width
from gateware.device import DEVICE
from gateware.engines.pixel_pairs.classifier import LANES, multipliers
from gateware.engines.pixel_pairs.pipeline import Pipeline
from gateware.engines.square_engine import check_shape, padded, side
from lst_overlay.network import Network, NetworkError

_WIDTHS = (1, 2, 4, 9, 18, 36)  # of a RAMB18 with 16,384 words, 8,192, ..
_BUFFER_RAMB18 = 2  # of the image buffer, at most


def check(network: Network) -> None:
    """Raise NetworkError, with the rule and the value, for a network that this engine cannot hold."""
    check_shape(network, LANES)
    for number, (layer, codes) in enumerate(zip(network.layers[:-1], network.input_ranges)):
        sums, weights = sum_width(layer, codes), layer.weights_width
        if sums + weights > MAX_WEIGHT_WIDTH:
            raise NetworkError(
                f"network {network.name!r}: layer {number} ({layer.axis.value}): a sum ({sums} bits) and a "
                f"weight ({weights} bits) must fit the {MAX_WEIGHT_WIDTH} bits of a multiplier: "
                "fewer bits of pixels, activations or weights, or the engine pixel_serial"
            )
    size = side(network)
    count = LANES * (size + multipliers(network.layers[-1], network.input_ranges[-1]))
    if count > DEVICE["dsp48e1"]:
        raise NetworkError(
            f"network {network.name!r} needs {count} multipliers for matrices of {size} x {size} and "
            f"{network.classes} classes, the XC7Z010 has {DEVICE['dsp48e1']}: fewer classes, or the engine "
            "pixel_serial"
        )
    rams = ramb18(network)
    if rams > DEVICE["ramb18"]:
        raise NetworkError(
            f"network {network.name!r} needs about {rams} RAMB18, the XC7Z010 has {DEVICE['ramb18']}: fewer "
            "layers, or the engine pixel_serial"
        )


def ramb18(network: Network) -> int:
    """Return the RAMB18 of the engine's memories, each in its best shape."""
    pipeline = Pipeline(padded(network, side(network)))
    memories = [special for special in pipeline.get_fragment().specials if isinstance(special, Memory)]
    return _BUFFER_RAMB18 + sum(
        min(
            -(-memory.width // width) * -(-memory.depth * 2**place // 16_384)
            for place, width in enumerate(_WIDTHS)
        )
        for memory in memories
    )
