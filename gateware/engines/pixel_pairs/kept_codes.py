"""Keep codes of an image until its codes of a later layer pass, and add them."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, If, Memory, Signal

from gateware.cores.delay import delayed


class KeptCodes(LiteXModule):
    """Sums of two codes per clock and of those that were kept, a clock later.

    No back-pressure: ``ready`` is ignored on both sides.

    places: the number of values of ``place``.
    sink:   x0, x1 (in_width bits, signed); adds: what was kept at this place is added to them; stores: the
            sums are kept in its stead.
    place:  input, READ_LATENCY clocks ahead of the codes that belong there.
    source: y0, y1 (out_width bits, signed).
    """

    READ_LATENCY = 2

    def __init__(self, places: int, in_width: int, out_width: int):
        self.sink = sink = stream.Endpoint(
            [("x0", (in_width, True)), ("x1", (in_width, True)), ("adds", 1), ("stores", 1)]
        )
        self.source = source = stream.Endpoint([("y0", (out_width, True)), ("y1", (out_width, True))])
        self.place = place = Signal(max=places)

        # # #

        memory = Memory(2 * out_width, places, name="kept")
        write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
        self.specials += memory, write_port, read_port
        word = delayed(self, read_port.dat_r, 1, name="word")  # the block RAM's output register
        for number, (x, y) in enumerate(((sink.x0, source.y0), (sink.x1, source.y1))):
            kept = Signal((out_width, True), name=f"kept{number}")
            self.comb += If(sink.adds, kept.eq(word[out_width * number : out_width * (number + 1)]))
            self.sync += y.eq(x + kept)
        self.comb += [
            sink.ready.eq(1),
            source.valid.eq(delayed(self, sink.valid, 1, reset_less=False)),
            read_port.adr.eq(place),
            write_port.adr.eq(delayed(self, place, self.READ_LATENCY + 1)),
            write_port.dat_w.eq(Cat(source.y0, source.y1)),
            write_port.we.eq(delayed(self, sink.valid & sink.stores, 1, reset_less=False)),
        ]
