"""The registers on M_AXI_GP0: an AXI3 slave.

It answers every address with OKAY at any time, independently of the engine: an unanswered access would stop
the processor.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import FSM, Case, If, Mux, NextState, NextValue, Signal

from gateware.shell.axi.axi3 import BURST_INCR
from lst_overlay.registers import REGISTERS

_WORD_BITS = max(register.offset // 4 for register in REGISTERS).bit_length()
_WORDS = 1 << _WORD_BITS
_GROUP = 8  # Words per first-level read multiplexer.


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
        self.data = Signal(32)

        # # #

        self._add_read(port.ar, port.r)
        self._add_write(port.aw, port.w, port.b)

    def _add_read(self, ar, r):
        address = Signal(32)
        size = Signal(2)
        fixed = Signal()
        beats = Signal(4)
        groups = [Signal(32, reset_less=True, name=f"read_group{i}") for i in range(_WORDS // _GROUP)]
        group = Signal(max=max(2, len(groups)))
        hit = Signal()
        data = Signal(32)
        words = {
            register.offset // 4: {**self.value, **self.storage}.get(register.name, 0)
            for register in REGISTERS
        }
        for number, target in enumerate(groups):
            self.sync += Case(
                address[2:5], {i: target.eq(words.get(number * _GROUP + i, 0)) for i in range(_GROUP)}
            )
        self.sync += [group.eq(address[5:]), hit.eq(address[2 + _WORD_BITS : 30] == 0)]
        self.comb += Case(group, {i: data.eq(target) for i, target in enumerate(groups)})

        self.read_fsm = fsm = FSM(reset_state="IDLE")
        fsm.act(
            "IDLE",
            ar.ready.eq(1),
            If(
                ar.valid,
                NextValue(address, ar.addr),
                NextValue(size, ar.size),
                NextValue(fixed, ar.burst != BURST_INCR),
                NextValue(beats, ar.len),
                NextValue(r.id, ar.id),
                NextState("SELECT"),
            ),
        )
        fsm.act("SELECT", NextState("FETCH"))
        fsm.act(
            "FETCH",
            NextValue(r.data, 0),
            If(hit, NextValue(r.data, data)),
            NextValue(r.last, beats == 0),
            NextValue(r.valid, 1),
            NextState("ANSWER"),
        )
        fsm.act(
            "ANSWER",
            If(
                r.ready,
                NextValue(r.valid, 0),
                NextValue(beats, beats - 1),
                NextValue(address, _following(address, size, fixed)),
                If(r.last, NextState("IDLE")).Else(NextState("SELECT")),
            ),
        )

    def _add_write(self, aw, w, b):
        address = Signal(32)
        size = Signal(2)
        fixed = Signal()
        beat_address = Signal(32)
        strobes = Signal(4)
        write = Signal()
        self.write_fsm = fsm = FSM(reset_state="IDLE")
        fsm.act(
            "IDLE",
            aw.ready.eq(1),
            If(
                aw.valid,
                NextValue(address, aw.addr),
                NextValue(size, aw.size),
                NextValue(fixed, aw.burst != BURST_INCR),
                NextValue(b.id, aw.id),
                NextState("DATA"),
            ),
        )
        fsm.act(
            "DATA",
            w.ready.eq(1),
            If(w.valid, NextValue(address, _following(address, size, fixed)), If(w.last, NextState("ACT"))),
        )
        fsm.delayed_enter("ACT", "ACTED", 3)
        fsm.act("ACTED", NextValue(b.valid, 1), NextState("ANSWER"))
        fsm.act("ANSWER", If(b.ready, NextValue(b.valid, 0), NextState("IDLE")))

        # A beat is registered, decoded in two steps, then takes effect: one clock each.
        beat_data = Signal(32)
        beat_strobes = Signal(4)
        decoded_data = Signal(32)
        decoded_strobes = Signal(4)
        decoded = Signal()
        word = Signal(_WORD_BITS)
        self.sync += [
            write.eq(w.valid & w.ready),
            beat_address.eq(address),
            beat_data.eq(w.data),
            beat_strobes.eq(w.strb),
            decoded.eq(write & (beat_address[2 + _WORD_BITS : 30] == 0)),
            word.eq(beat_address[2:]),
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


def _following(address, size, fixed):
    """The address of the next beat of a burst."""
    return address + Mux(fixed, 0, 1 << size)
