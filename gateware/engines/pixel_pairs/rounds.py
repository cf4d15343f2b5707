"""The timetable of images that go through the rows stage again for each further pair of layers."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import If, Signal


class Rounds(LiteXModule):
    """The timetable of images that go round ``pairs`` times.

    An image takes the rows stage for a slot of ``interval`` clocks. ``places`` slots later its next one
    begins: so long it takes to be back. The slots between belong to other images, as many as there are
    places less one. After its last round, a new image may have its place.

    phase:   0 .. interval - 1, the clock of the slot.
    open:    in the last clocks of a slot: the next one is that of a new image, if there is one.
    valid:   input, a word enters the rows stage. No slot has a gap.
    pair:    the number of the pair of layers of this slot's image.
    returns: high for one clock, ``notice`` clocks before an image that was here before enters again.
    around:  0 .. places * interval - 1. Whatever passes a point again in an image's next round finds the same
             number there.
    """

    def __init__(self, pairs: int, interval: int, places: int, notice: int):
        self.places = places
        self.phase = Signal(max=interval)
        self.open = Signal()
        self.valid = Signal()
        self.pair = Signal(max=pairs)
        self.returns = Signal()
        self.around = Signal(max=places * interval)

        # # #

        # The pair of layers of each image, that of this slot first, then that of the slot before, and so on.
        following = [self.pair, *(Signal(max=pairs, name=f"pair{place}") for place in range(1, places))]
        at_end = Signal()
        self.comb += [
            self.open.eq(following[-1] == 0),
            self.returns.eq((self.phase == interval - notice) & ~self.open),
        ]
        self.sync += [
            self.phase.eq(self.phase + 1),
            self.around.eq(self.around + 1),
            If(self.around == places * interval - 1, self.around.eq(0)),
            at_end.eq(self.phase == interval - 2),
            If(
                at_end,
                self.phase.eq(0),
                *[later.eq(earlier) for earlier, later in zip(following, [*following[1:], self.pair])],
                following[1].eq(self.pair + 1),
                If(~self.valid | (self.pair == pairs - 1), following[1].eq(0)),
            ),
        ]
