"""The AXI3 ports of the Zynq-7000: channels as LiteX streams, with Arm's signal names."""

from __future__ import annotations

from litex.soc.interconnect import stream
from migen import Mux

from lst_overlay.registers import BEAT_BYTES, BURST_BEATS

BURST_INCR = 0b01
CACHE_NORMAL = 0b0011  # Modifiable and bufferable.
RESP_ERROR_BIT = 1  # This bit of RESP is set in SLVERR and DECERR.


class Axi3Port:
    """An AXI3 port with the channels aw, w, b, ar, r, each with ``id_width`` bits of ID."""

    def __init__(self, data_width: int, id_width: int):
        address = [
            ("addr", 32),
            ("len", 4),
            ("size", 2),
            ("burst", 2),
            ("lock", 2),
            ("cache", 4),
            ("prot", 3),
            ("qos", 4),
            ("id", id_width),
        ]
        self.aw = stream.Endpoint(address)
        self.ar = stream.Endpoint(address)
        self.w = stream.Endpoint([("data", data_width), ("strb", data_width // 8), ("id", id_width)])
        self.b = stream.Endpoint([("resp", 2), ("id", id_width)])
        self.r = stream.Endpoint([("data", data_width), ("resp", 2), ("id", id_width)])


def constant_address_fields(channel) -> list:
    """The statements for constant fields of aw and ar: 8-byte beats, INCR bursts, normal memory, ID 0."""
    return [
        channel.size.eq((BEAT_BYTES - 1).bit_length()),
        channel.burst.eq(BURST_INCR),
        channel.lock.eq(0),
        channel.cache.eq(CACHE_NORMAL),
        channel.prot.eq(0),
        channel.qos.eq(0),
        channel.id.eq(0),
    ]


def last_burst_length(beats):
    """The number of beats, 1 .. 16, of the last burst of a command of ``beats`` beats."""
    return Mux(beats[:4] == 0, BURST_BEATS, beats[:4])
