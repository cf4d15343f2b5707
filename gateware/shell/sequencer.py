"""Runs the commands START and LOAD one after the other, keeps the books, and cleans up after errors and resets."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_

from litex.gen import LiteXModule
from migen import FSM, If, Mux, NextState, NextValue, Record, Signal

from gateware.cores.signed_digits import signed_digits
from gateware.shell.axi.axi3 import BURST_BYTES
from lst_overlay.memory.images import GROUP
from lst_overlay.network.lst.parameters import IMAGE_BYTES
from lst_overlay.registers import BY_NAME, DRAIN_STUCK_CYCLES, ErrorCode, ResultMode

_LOAD_BEATS = IMAGE_BYTES // 8
_LOGITS_BEATS = 6
# A command's arguments, and the registers that they are taken from.
_ARGUMENTS = {
    "images": "IMAGES",
    "source": "SOURCE",
    "source_1": "SOURCE_1",
    "destination": "DESTINATION",
    "mode": "RESULT_MODE",
}


class Sequencer(LiteXModule):
    """One command runs, one waits. Registers go in and out through ``slave``; readers (one per port), writer, packer and engine obey.

    A command ends when its last write response is in (START) or the network is complete (LOAD). An error ends it too:
    everything under way is abandoned, the bus drained, and commands are ignored until SOFT_RESET.

    loading: the first reader's beats are parameters, not pixels. flush: forget what is under way.
    """

    def __init__(self, slave, readers, writer, packer, engine):
        self.loading = Signal()
        self.flush = Signal()

        # # #

        layout = [("load", 1), *((name, BY_NAME[register].width) for name, register in _ARGUMENTS.items())]
        self.waiting = Record(layout, name="waiting")
        self.running = Record(layout, name="running")
        self.has_waiting = Signal()
        self.error = Signal(4)
        self.error_address = Signal(32)
        self.refusal = Record(
            [(name, 1) for name in ("loading", "source", "source_1", "destination", "images", "network")],
            name="refusal",
        )
        self.idle = Signal()  # nothing runs or waits
        self.take = Signal()  # the waiting command begins
        self.go = Signal()  # the others begin
        self.end = Signal()  # the running command is complete
        self.abort = Signal()  # everything stops until the bus is drained
        self.pulse = {
            field.name: Signal(name=f"pulse_{field.name.lower()}") for field in BY_NAME["CONTROL"].fields
        }
        for field in BY_NAME["CONTROL"].fields:
            self.comb += self.pulse[field.name].eq(slave.written["CONTROL"] & slave.data[field.offset])

        self._add_queue(slave, engine)
        self._add_checks(engine)
        self._add_course(readers, writer, engine.loader)
        self._add_orders(readers, writer, packer, engine)
        self._add_counters(slave, engine)

    def _add_queue(self, slave, engine):
        """Commands in, COMPLETED and STATUS out."""
        value, pulse, waiting = slave.value, self.pulse, self.waiting
        queue_ready = Signal()
        accept = Signal()
        done = Signal()
        accepted = Signal(32)
        completed = Signal(32)
        draining = Signal(max=DRAIN_STUCK_CYCLES)  # clocks so far
        stuck = Signal()
        self.comb += [
            queue_ready.eq(~self.has_waiting & ~self.abort & (self.error == 0)),
            accept.eq((pulse["START"] | pulse["LOAD"]) & queue_ready & ~pulse["SOFT_RESET"]),
        ]
        self.sync += [
            If(
                accept,
                self.has_waiting.eq(1),
                waiting.load.eq(pulse["LOAD"]),
                *[
                    getattr(waiting, name).eq(slave.storage[register])
                    for name, register in _ARGUMENTS.items()
                ],
                accepted.eq(accepted + 1),
                done.eq(0),
            ),
            If(self.take, self.has_waiting.eq(0), self.running.eq(waiting)),
            If(self.end, completed.eq(completed + 1), If(~self.has_waiting & ~accept, done.eq(1))),
            If(self.abort, self.has_waiting.eq(0)),
            If(~self.abort, draining.eq(0), stuck.eq(0))
            .Elif(draining == DRAIN_STUCK_CYCLES - 1, stuck.eq(1))
            .Else(draining.eq(draining + 1)),
        ]
        status = {
            "IDLE": self.idle,
            "DONE": done,
            "QUEUE_READY": queue_ready,
            "LOADED": engine.loader.loaded,
            "ERROR": self.error != 0,
            "DRAINING": self.abort,
            "DRAIN_STUCK": stuck,
        }
        for field in BY_NAME["STATUS"].fields:
            self.sync += value["STATUS"][field.offset].eq(status[field.name])
        self.comb += [
            value["ERROR_CODE"].eq(self.error),
            value["ERROR_ADDRESS"].eq(self.error_address),
            value["ACCEPTED"].eq(accepted),
            value["COMPLETED"].eq(completed),
            value["NETWORK_HASH"].eq(engine.loader.crc),
        ]

    def _add_checks(self, engine):
        """What is wrong with the running command's arguments, two clocks after ``take``."""
        assert BURST_BYTES == 1 << 7
        running = self.running
        self.sync += [
            self.refusal.loading.eq(running.load & (engine.parameter_bytes == 0)),
            self.refusal.source.eq(running.source[:7] != 0),
            self.refusal.source_1.eq(
                ~running.load & (running.source_1[:7] != 0) & (engine.layout.ports == 2)
            ),
            self.refusal.destination.eq(~running.load & (running.destination[:7] != 0)),
            self.refusal.images.eq(~running.load & (running.images == 0)),
            self.refusal.network.eq(~running.load & ~engine.loader.loaded),
        ]

    def _add_course(self, readers, writer, loader):
        """The state machine, from IDLE over checks to the end or to ABORT."""
        refusal = self.refusal
        started = Signal()
        finished = Signal()
        drained = Signal()
        soft_reset = Signal()
        # What is wrong, before and after the start. Encoded outside the state machine, to keep its logic shallow.
        failed = Signal()
        failure = Signal(4)
        failure_address = Signal(32)
        refused_address = Signal(32)
        fault_address = Signal(32)
        step = Signal(2)
        settle = Signal(3)
        quiet = reduce(and_, [reader.idle for reader in readers], writer.idle)
        complete = Signal()
        not_read = [Signal(name=f"not_read{number}") for number in range(len(readers))]
        not_written = Signal()
        not_loaded = Signal()
        self.sync += [
            complete.eq(started & quiet & (~self.running.load | loader.loaded)),
            finished.eq(complete),
            *[flag.eq(started & reader.failed) for flag, reader in zip(not_read, readers)],
            not_written.eq(started & writer.failed),
            not_loaded.eq(started & self.running.load & loader.bad),
            failed.eq(reduce(or_, [*not_read, not_written, not_loaded, refusal.raw_bits() != 0])),
            If(refusal.loading, failure.eq(ErrorCode.NOT_LOADABLE))
            .Elif(refusal.source | refusal.source_1, failure.eq(ErrorCode.SOURCE_ALIGNMENT))
            .Elif(refusal.network, failure.eq(ErrorCode.NO_NETWORK))
            .Elif(refusal.images, failure.eq(ErrorCode.NO_IMAGES))
            .Elif(refusal.destination, failure.eq(ErrorCode.DESTINATION_ALIGNMENT))
            .Elif(reduce(or_, not_read), failure.eq(ErrorCode.READ_RESPONSE))
            .Elif(not_written, failure.eq(ErrorCode.WRITE_RESPONSE))
            .Else(failure.eq(ErrorCode.BAD_PARAMETERS)),
            # The address that belongs to it, a clock for each kind and one to choose; refusals are known long before CHECK.
            refused_address.eq(0),
            If(refusal.loading)
            .Elif(refusal.source, refused_address.eq(self.running.source))
            .Elif(refusal.source_1, refused_address.eq(self.running.source_1))
            .Elif(refusal.network | refusal.images)
            .Elif(refusal.destination, refused_address.eq(self.running.destination)),
            If(readers[0].failed, fault_address.eq(readers[0].error_address))
            .Elif(readers[-1].failed, fault_address.eq(readers[-1].error_address))
            .Elif(writer.failed, fault_address.eq(writer.error_address))
            .Else(fault_address.eq(self.running.source)),
            failure_address.eq(Mux(refusal.raw_bits() != 0, refused_address, fault_address)),
            drained.eq((settle == 7) & quiet & ~soft_reset),
            soft_reset.eq(self.pulse["SOFT_RESET"]),
        ]

        def fail(code, address):
            return [NextValue(self.error, code), NextValue(self.error_address, address), NextState("ABORT")]

        self.fsm = fsm = FSM(reset_state="IDLE")
        fsm.act(
            "IDLE",
            self.idle.eq(~self.has_waiting),
            NextValue(started, 0),
            NextValue(step, 3),
            NextValue(settle, 0),
            If(self.has_waiting, self.take.eq(1), NextState("PREPARE")),
        )
        fsm.act(
            "PREPARE",  # until the checks and the beat counts have caught up
            NextValue(step, step - 1),
            NextValue(settle, 0),
            If(step == 0, NextState("CHECK")),
        )
        fsm.act("CHECK", If(failed, *fail(failure, failure_address)).Else(self.go.eq(1), NextState("RUN")))
        fsm.act(
            "RUN",
            NextValue(started, 1),
            If(failed, *fail(failure, failure_address)).Elif(finished, self.end.eq(1), NextState("IDLE")),
        )
        fsm.act(
            "ABORT",  # at least eight clocks, in which the others have seen it
            self.abort.eq(1),
            NextValue(started, 0),
            If(settle != 7, NextValue(settle, settle + 1)),
            If(drained, NextState("IDLE")),
        )
        for state in ("IDLE", "PREPARE", "CHECK", "RUN", "ABORT"):
            fsm.act(state, If(soft_reset, *fail(ErrorCode.NONE, 0), NextValue(settle, 0)))

    def _add_orders(self, readers, writer, packer, engine):
        """What the others obey: arguments, and registered signals to begin and to stop."""
        assert _LOGITS_BEATS == 4 + 2
        running, images = self.running, self.running.images
        logits_beats = Signal(len(writer.beats))
        classes_beats = Signal(len(writer.beats))
        result_beats = Signal(len(writer.beats))
        self.sync += [
            logits_beats.eq((images << 2) + (images << 1)),
            classes_beats.eq((images + 7)[3:]),
            If(running.mode == ResultMode.LOGITS, result_beats.eq(logits_beats)).Else(
                result_beats.eq(classes_beats)
            ),
            self.flush.eq(self.abort),
            writer.start.eq(self.go & ~running.load),
            packer.start.eq(self.go & ~running.load),
        ]
        self.comb += [
            self.loading.eq(running.load),
            writer.address.eq(running.destination),
            writer.beats.eq(result_beats),
            writer.abort.eq(self.flush),
            packer.images.eq(images),
            packer.logits_mode.eq(running.mode),
        ]
        if engine.parameter_bytes:
            self.sync += engine.loader.start.eq(self.go & running.load)
            self.comb += engine.loader.abandon.eq(self.flush)
        sources = (running.source, running.source_1)
        for number, (reader, source, share) in enumerate(
            zip(readers, sources, self._shares(images, engine.layout))
        ):
            beats = self._times(share, engine.layout.beats_per_image, len(reader.beats))
            wanted = Signal()  # by the running command
            self.sync += [
                wanted.eq(running.load if number == 0 else 0),
                If(~running.load, wanted.eq(share != 0)),
                reader.start.eq(self.go & wanted),
            ]
            self.comb += [reader.address.eq(source), reader.beats.eq(beats), reader.abort.eq(self.flush)]
            if number == 0:
                self.comb += If(running.load, reader.beats.eq(_LOAD_BEATS))

    def _shares(self, images, layout):
        """Images that each port reads."""
        if not layout.take_turns:
            return [images] * layout.ports
        shares = [Signal(len(images)) for _ in range(2)]
        turns, left = images[GROUP.bit_length() :], images[: GROUP.bit_length() - 1]
        second = images[
            GROUP.bit_length() - 1
        ]  # the last turn is the second port's, and the first's before it is whole
        self.sync += [
            shares[0].eq((turns + second) * GROUP + Mux(second, 0, left)),
            shares[1].eq(turns * GROUP + Mux(second, left, 0)),
        ]
        return shares

    def _times(self, value, factor: int, width: int):
        """value * factor, a clock for each of its signed digits but the first."""
        first, *others = sorted(signed_digits(factor), key=lambda digit: -digit[1])
        product = value << first[0]
        for shift, sign in others:
            total = Signal(width)
            # ``value`` is constant long before it counts, so it need not be delayed.
            self.sync += total.eq(product + (value << shift) if sign > 0 else product - (value << shift))
            product = total
        return product

    def _add_counters(self, slave, engine):
        """64-bit counters, latched together."""
        counting = Signal()
        starved = Signal()
        blocked = Signal()
        clear = Signal()
        latch = Signal()
        self.comb += [
            counting.eq(~self.idle),
            clear.eq(self.end | self.idle),
            latch.eq(self.end | self.pulse["SAMPLE"]),
        ]
        self.sync += [starved.eq(engine.starved & ~self.loading), blocked.eq(engine.blocked & ~self.loading)]
        for name, counts, restart in (
            ("CYCLES", counting, clear),
            ("STALL_INPUT", counting & starved, clear),
            ("STALL_OUTPUT", counting & blocked, clear),
            ("TIME", 1, 0),
        ):
            counter = Signal(64, name=f"counter_{name.lower()}")
            latched = Signal(64, name=f"latched_{name.lower()}")
            self.sync += [
                If(counts, counter.eq(counter + 1)),
                If(restart, counter.eq(0)),
                If(latch, latched.eq(counter)),
            ]
            self.comb += [
                slave.value[f"{name}_LO"].eq(latched[:32]),
                slave.value[f"{name}_HI"].eq(latched[32:]),
            ]
