"""The registers on M_AXI_GP0: an AXI3 slave that answers every address with OKAY, at any time, whatever the engine does."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import FSM, Case, If, Mux, NextState, NextValue, Signal

from gateware.shell.axi.axi3 import BURST_INCR
from lst_overlay.registers import REGISTERS

_WORD_BITS = max(register.offset // 4 for register in REGISTERS).bit_length()
_WORDS = 1 << _WORD_BITS
_GROUP = 8  # words read through one two-level multiplexer


class RegisterSlave(LiteXModule):
    """value[name]:   what a read-only register reads (32 bits, an input).
    storage[name]: what a read-write register holds.
    written[name]: high for one clock when a write-only register was written; ``data`` then holds the value.
    Addresses without a register read 0 and ignore writes. A read takes four clocks. A write acts three clocks after its last beat
    and is answered two clocks later still, so that whoever has the answer reads what the write has done, STATUS included.
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

        # A beat is registered, decoded in two steps, then acted on: a clock each.
        beat_data = Signal(32)
        beat_strobes = Signal(4)
        known_data = Signal(32)
        known_strobes = Signal(4)
        known = Signal()
        word = Signal(_WORD_BITS)
        self.sync += [
            write.eq(w.valid & w.ready),
            beat_address.eq(address),
            beat_data.eq(w.data),
            beat_strobes.eq(w.strb),
            known.eq(write & (beat_address[2 + _WORD_BITS : 30] == 0)),
            word.eq(beat_address[2:]),
            known_data.eq(beat_data),
            known_strobes.eq(beat_strobes),
            self.data.eq(known_data),
            strobes.eq(known_strobes),
        ]
        for register in REGISTERS:
            if register.access == "read-only":
                continue
            here = Signal(name=f"write_{register.name.lower()}")
            self.sync += here.eq(known & (word == register.offset // 4))
            if register.access == "read-write":
                for byte in range((register.width + 7) // 8):
                    bits = slice(8 * byte, min(8 * byte + 8, register.width))
                    self.sync += If(
                        here & strobes[byte], self.storage[register.name][bits].eq(self.data[bits])
                    )
            else:
                self.comb += self.written[register.name].eq(here & strobes[0])


def _following(address, size, fixed):
    """Address of a burst's next beat."""
    return address + Mux(fixed, 0, 1 << size)
