"""The registers on M_AXI_GP0: an AXI3 slave.

It answers every address with OKAY at any time, independently of the engine: an unanswered access would stop
the processor.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import FSM, If, Mux, NextState, NextValue, Signal

from gateware.shell.axi.axi3 import BURST_INCR
from lst_overlay.registers import REGISTERS

_WORD_BITS = max(register.offset // 4 for register in REGISTERS).bit_length()
_WORDS = 1 << _WORD_BITS
_GROUP_BITS = 2
_GROUP = 1 << _GROUP_BITS  # Words per first-level read multiplexer.
_PAGE_BITS = 12
_DECODED_BITS = 30  # The highest bits of an address lead to this port.


class RegisterSlave(LiteXModule):
    """The register slave on an `Axi3Port`.

    value[name]:   input, 32 bits: the value of a read-only register.
    storage[name]: output: the value of a read-write register.
    written[name]: output: high for one clock after a write to a write-only register; ``data`` then has the
                   value.

    Addresses without a register read 0 and ignore writes. A read takes four clocks. A write takes effect
    three clocks after its last beat and is answered two clocks later, so that a read after the answer sees
    its effect, also in STATUS.
    """

    def __init__(self, port):
        self.value = {
            r.name: Signal(32, name=f"value_{r.name.lower()}") for r in REGISTERS if r.access == "read-only"
        }
        self.storage = {
            r.name: Signal(r.width, name=f"storage_{r.name.lower()}")
            for r in REGISTERS
            if r.access == "read-write"
        }
        self.written = {
            r.name: Signal(name=f"written_{r.name.lower()}") for r in REGISTERS if r.access == "write-only"
        }
        self.data = Signal(32, reset_less=True)

        # # #

        self._add_read(port.ar, port.r)
        self._add_write(port.aw, port.w, port.b)

    def _add_read(self, ar, r):
        stream.set_reset_less(r.payload)
        low = Signal(_PAGE_BITS, reset_less=True)  # of the address; a burst stays in its page of 4 KiB
        page = Signal(_DECODED_BITS - _PAGE_BITS, reset_less=True)
        size = Signal(2, reset_less=True)
        burst = Signal(2, reset_less=True)
        beats = Signal(4, reset_less=True)
        groups = [Signal(32, reset_less=True, name=f"read_group{i}") for i in range(_WORDS // _GROUP)]
        group = Signal(max=max(2, len(groups)), reset_less=True)
        hit = Signal(reset_less=True)
        words = {
            register.offset // 4: {**self.value, **self.storage}.get(register.name, 0)
            for register in REGISTERS
        }
        for number, target in enumerate(groups):
            members = [words.get(_GROUP * number + i, 0) for i in range(_GROUP)]
            self.sync += target.eq(_selected(members, low[2 : 2 + _GROUP_BITS]))
        self.sync += [
            group.eq(low[2 + _GROUP_BITS : 2 + _WORD_BITS]),
            hit.eq((low[2 + _WORD_BITS :] == 0) & (page == 0)),
        ]
        step = self._step(size, burst)

        self.read_fsm = fsm = FSM(reset_state="IDLE")
        fsm.act(
            "IDLE",
            NextValue(ar.ready, 1),
            If(
                ar.ready,
                NextValue(low, ar.addr),
                NextValue(page, ar.addr[_PAGE_BITS:_DECODED_BITS]),
                NextValue(size, ar.size),
                NextValue(burst, ar.burst),
                NextValue(beats, ar.len),
                NextValue(r.id, ar.id),
                If(ar.valid, NextValue(ar.ready, 0), NextState("SELECT")),
            ),
        )
        fsm.act("SELECT", NextState("FETCH"))
        fsm.act(
            "FETCH",
            NextValue(r.data, Mux(hit, _selected(groups, group), 0)),
            NextValue(r.last, beats == 0),
            NextValue(r.valid, 1),
            NextValue(beats, beats - 1),
            NextValue(low, low + step),
            NextState("ANSWER"),
        )
        fsm.act(
            "ANSWER",
            If(
                r.ready,
                NextValue(r.valid, 0),
                If(r.last, NextValue(ar.ready, 1), NextState("IDLE")).Else(NextState("SELECT")),
            ),
        )

    def _add_write(self, aw, w, b):
        stream.set_reset_less(b.payload)
        low = Signal(_PAGE_BITS, reset_less=True)
        page = Signal(_DECODED_BITS - _PAGE_BITS, reset_less=True)
        size = Signal(2, reset_less=True)
        burst = Signal(2, reset_less=True)
        strobes = Signal(4, reset_less=True)
        write = Signal()
        step = self._step(size, burst)
        self.write_fsm = fsm = FSM(reset_state="IDLE")
        fsm.act(
            "IDLE",
            NextValue(aw.ready, 1),
            If(
                aw.ready,
                NextValue(low, aw.addr),
                NextValue(page, aw.addr[_PAGE_BITS:_DECODED_BITS]),
                NextValue(size, aw.size),
                NextValue(burst, aw.burst),
                NextValue(b.id, aw.id),
                If(aw.valid, NextValue(aw.ready, 0), NextState("DATA")),
            ),
        )
        # At most every other clock takes a beat, so that the address has one for its addition.
        fsm.act(
            "DATA",
            NextValue(w.ready, ~(w.ready & w.valid)),
            If(write, NextValue(low, low + step)),
            If(w.valid & w.ready & w.last, NextState("ACT")),
        )
        fsm.delayed_enter("ACT", "ACTED", 3)
        fsm.act("ACTED", NextValue(b.valid, 1), NextState("ANSWER"))
        fsm.act(
            "ANSWER",
            If(b.ready, NextValue(b.valid, 0), NextValue(aw.ready, 1), NextState("IDLE")),
        )

        # A beat is registered, decoded in two steps, then takes effect: one clock each.
        beat_data = Signal(32, reset_less=True)
        beat_strobes = Signal(4, reset_less=True)
        decoded_data = Signal(32, reset_less=True)
        decoded_strobes = Signal(4, reset_less=True)
        decoded = Signal()
        word = Signal(_WORD_BITS, reset_less=True)
        self.sync += [
            write.eq(w.valid & w.ready),
            beat_data.eq(w.data),
            beat_strobes.eq(w.strb),
            decoded.eq(write & (low[2 + _WORD_BITS :] == 0) & (page == 0)),
            word.eq(low[2:]),
            decoded_data.eq(beat_data),
            decoded_strobes.eq(beat_strobes),
            self.data.eq(decoded_data),
            strobes.eq(decoded_strobes),
        ]
        for register in REGISTERS:
            if register.access == "read-only":
                continue
            hit = Signal(name=f"write_{register.name.lower()}")
            self.sync += hit.eq(decoded & (word == register.offset // 4))
            if register.access == "read-write":
                for byte in range((register.width + 7) // 8):
                    bits = slice(8 * byte, min(8 * byte + 8, register.width))
                    storage = self.storage[register.name]
                    self.sync += If(hit & strobes[byte], storage[bits].eq(self.data[bits]))
            else:
                self.comb += self.written[register.name].eq(hit & strobes[0])

    def _step(self, size, burst) -> Signal:
        """The difference of the addresses of two beats of a burst, one clock after the arguments."""
        step = Signal(4, reset_less=True)
        self.sync += step.eq(Mux(burst == BURST_INCR, 1 << size, 0))
        return step


def _selected(words: list, address):
    """An expression for words[address], as multiplexers of two inputs: four of them fit a LUT."""
    for bit in range(len(address)):
        words = [Mux(address[bit], high, low) for low, high in zip(words[::2], words[1::2])]
    return words[0]
