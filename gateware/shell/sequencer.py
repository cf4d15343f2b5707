"""Run the commands START and LOAD one after another, count their cycles, clean up after errors and resets.

    +----------+ START, LOAD +---------+ take +---------+      +--------+ refusal (6) +---------------+
    | register |------------>| waiting |----->| running |--+-->| checks |------------>| state machine |
    | slave    | arguments   | (118)   |      | (118)   |  |   +--------+             +---------------+
    +----------+ (117)       +---------+      +---------+  |                            ^     |   |
        ^  ^                                               |  idle, failed, loaded, bad |     |   |
        |  |                 +-----------------------------+            +---------------+  go |   | abort
        |  |                 v                                          |                     v   v
        |  |          +-------------+ beats (27)               +------------------------------------+
        |  |          | beat counts |------------------------->| readers --> engine --> packer      |
        |  |          |             | beats (23)               |                          |         |
        |  |          +-------------+------------------------->| writer <-----------------+         |
        |  |                                                   +------------------------------------+
        |  |          +-------------------+ starved, blocked                |
        |  +----------| counters (4 x 64) |<--------------------------------+
        |             +-------------------+
        +------ STATUS (7), ERROR_CODE (4), ERROR_ADDRESS (32), ACCEPTED (32), COMPLETED (32)

The state machine:

          has_waiting            counts ready             not failed             finished
    IDLE ------------> PREPARE ---------------> CHECK ------------------> RUN -------------> IDLE
             take                                 |           go           |       end
                                                  | failed                 | failed
                                                  v                        v
                     in any state, SOFT_RESET --> ABORT, 8 clocks at least -----------> IDLE
                                                                            drained
"""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import List, Tuple, Union

from litex.gen import LiteXModule
from migen import If, Mux, Record, Signal

from gateware.cores.delay import delayed
from gateware.cores.latched_counter import LatchedCounter
from gateware.cores.signed_digits import signed_digits
from gateware.engines.engine import Engine
from lst_overlay.memory.images import GROUP
from lst_overlay.memory.results import record_beats
from lst_overlay.registers import (
    ALIGNMENT,
    BEAT_BYTES,
    BURST_BEATS,
    BY_NAME,
    DRAIN_STUCK_CYCLES,
    ErrorCode,
    ResultMode,
)

# The arguments of a command, and the registers that hold them.
_ARGUMENTS = {
    "images": "IMAGES",
    "source": "SOURCE",
    "source_1": "SOURCE_1",
    "destination": "DESTINATION",
    "mode": "RESULT_MODE",
}


class Sequencer(LiteXModule):
    """Control the readers (one per port), writer, packer and engine by the registers of ``slave``.

    One command runs and one more can wait. A START ends with its last write response, a LOAD when the network
    is complete. An error ends a command too: the command is abandoned, the bus is drained, and further
    commands are ignored until SOFT_RESET.

    loading: high during LOAD: the beats of the first reader are parameters, not pixels.
    flush:   high during ABORT: engine and packer drop the images in them.
    """

    def __init__(self, slave, readers, writer, packer, engine: Engine):
        self.loading = Signal()
        self.flush = Signal()

        # # #

        layout = [("load", 1), *((name, BY_NAME[register].width) for name, register in _ARGUMENTS.items())]
        self.waiting = Record(layout, name="waiting", reset_less=True)
        self.running = Record(layout, name="running", reset_less=True)
        self.has_waiting = Signal()
        self.error = Signal(4)
        self.error_address = Signal(32, reset_less=True)
        self.refusal = Record(
            [(name, 1) for name in ("loading", "source", "source_1", "destination", "images", "network")],
            name="refusal",
        )
        self.idle = Signal()  # No command runs or waits.
        self.take = Signal()  # One clock: the waiting command becomes the running one.
        self.go = Signal()  # One clock: readers, writer, packer and engine start.
        self.ends = Signal()  # One clock: the running command is complete.
        self.end = Signal()  # ``ends`` one clock ago.
        self.abort = Signal()  # High until the bus is drained.
        self.pulse = {
            field.name: Signal(name=f"pulse_{field.name.lower()}") for field in BY_NAME["CONTROL"].fields
        }
        for field in BY_NAME["CONTROL"].fields:
            self.comb += self.pulse[field.name].eq(slave.written["CONTROL"] & slave.data[field.offset])

        self._add_queue(slave, engine)
        self._add_checks(engine)
        self._add_states(readers, writer, engine)
        self._add_controls(readers, writer, packer, engine)
        self._add_counters(slave, engine)

    def _add_queue(self, slave, engine):
        """The queue of one command, and the registers STATUS, ACCEPTED and COMPLETED."""
        value, pulse, waiting = slave.value, self.pulse, self.waiting
        queue_ready = Signal()
        accepting = Signal()  # ``queue_ready`` one clock ago; commands are further apart.
        accept = Signal()
        several_ports = engine.capabilities.layout.ports > 1
        done = Signal()
        accepted = Signal(32)
        completed = Signal(32)
        draining = Signal(max=DRAIN_STUCK_CYCLES)  # Clocks of ABORT so far.
        stuck = Signal()
        self.comb += [
            queue_ready.eq(~self.has_waiting & ~self.abort & (self.error == 0)),
            accept.eq((pulse["START"] | pulse["LOAD"]) & accepting & ~pulse["SOFT_RESET"]),
        ]
        self.sync += [
            accepting.eq(queue_ready),
            self.has_waiting.eq((accept | (self.has_waiting & ~self.take)) & ~self.abort),
            If(
                accept,
                waiting.load.eq(pulse["LOAD"]),
                *[
                    getattr(waiting, name).eq(slave.storage[register])
                    for name, register in _ARGUMENTS.items()
                    if not (several_ports and name == "source_1")
                ],
                accepted.eq(accepted + 1),
                done.eq(0),
            ),
            # While no command waits, this follows its register: ``accept`` has enough loads.
            *[If(~self.has_waiting, waiting.source_1.eq(slave.storage["SOURCE_1"]))] * several_ports,
            If(self.take, self.running.eq(waiting)),
            If(self.end, completed.eq(completed + 1), If(~self.has_waiting & ~accept, done.eq(1))),
            If(~self.abort, draining.eq(0), stuck.eq(0))
            .Elif(draining == DRAIN_STUCK_CYCLES - 1, stuck.eq(1))
            .Else(draining.eq(draining + 1)),
        ]
        status = {
            "IDLE": self.idle & ~self.end,  # not before DONE
            "DONE": done,
            "QUEUE_READY": queue_ready,
            "LOADED": engine.parameters.loaded,
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
            value["NETWORK_HASH"].eq(engine.parameters.crc),
        ]

    def _add_checks(self, engine):
        """The reasons to refuse the running command, which are valid two clocks after ``take``."""
        running, low = self.running, slice(ALIGNMENT.bit_length() - 1)
        self.sync += [
            self.refusal.loading.eq(running.load & (engine.parameter_bytes == 0)),
            self.refusal.source.eq(running.source[low] != 0),
            self.refusal.source_1.eq(
                ~running.load & (running.source_1[low] != 0) & (engine.capabilities.layout.ports > 1)
            ),
            self.refusal.destination.eq(~running.load & (running.destination[low] != 0)),
            self.refusal.images.eq(~running.load & (running.images == 0)),
            self.refusal.network.eq(~running.load & ~engine.parameters.loaded),
        ]

    def _add_states(self, readers, writer, engine):
        """The state machine and its inputs: the end of a command, its errors, the end of draining."""
        refusal, parameters = self.refusal, engine.parameters
        started = Signal()
        finished = Signal()
        drained = Signal()
        soft_reset = Signal()
        # Errors before and after ``go``, encoded outside the state machine to keep its logic shallow.
        failed = Signal()
        failing = Signal()  # One clock, the first of an ABORT that an error caused.
        failure = Signal(4)
        failure_address = Signal(32, reset_less=True)
        refused_address = Signal(32, reset_less=True)
        fault_address = Signal(32, reset_less=True)
        prepare = self._prepare_clocks(engine)
        step = Signal(max=prepare)
        prepared = Signal()  # ``step`` is 0.
        settle = Signal(3)
        quiet = reduce(and_, [reader.idle for reader in readers], writer.idle)
        fault = If(readers[0].failed, fault_address.eq(readers[0].error_address))
        for reader in (*readers[1:-1], readers[-1], writer):
            fault = fault.Elif(reader.failed, fault_address.eq(reader.error_address))
        complete = Signal()
        not_read = [Signal(name=f"not_read{number}") for number in range(len(readers))]
        not_written = Signal()
        not_loaded = Signal()
        self.sync += [
            complete.eq(started & quiet & (~self.running.load | parameters.loaded)),
            finished.eq(complete),
            *[flag.eq(started & reader.failed) for flag, reader in zip(not_read, readers)],
            not_written.eq(started & writer.failed),
            not_loaded.eq(started & self.running.load & parameters.bad),
            failed.eq(reduce(or_, [*not_read, not_written, not_loaded, refusal.raw_bits() != 0])),
            If(refusal.loading, failure.eq(ErrorCode.NOT_LOADABLE))
            .Elif(refusal.source | refusal.source_1, failure.eq(ErrorCode.SOURCE_ALIGNMENT))
            .Elif(refusal.network, failure.eq(ErrorCode.NO_NETWORK))
            .Elif(refusal.images, failure.eq(ErrorCode.NO_IMAGES))
            .Elif(refusal.destination, failure.eq(ErrorCode.DESTINATION_ALIGNMENT))
            .Elif(reduce(or_, not_read), failure.eq(ErrorCode.READ_RESPONSE))
            .Elif(not_written, failure.eq(ErrorCode.WRITE_RESPONSE))
            .Else(failure.eq(ErrorCode.BAD_PARAMETERS)),
            # ERROR_ADDRESS takes two clocks: one for the address of each kind of error, one to select. A
            # refusal is valid long before CHECK.
            refused_address.eq(0),
            If(refusal.loading)
            .Elif(refusal.source, refused_address.eq(self.running.source))
            .Elif(refusal.source_1, refused_address.eq(self.running.source_1))
            .Elif(refusal.network | refusal.images)
            .Elif(refusal.destination, refused_address.eq(self.running.destination)),
            fault.Else(fault_address.eq(self.running.source)),
            failure_address.eq(Mux(refusal.raw_bits() != 0, refused_address, fault_address)),
            drained.eq((settle == 7) & quiet & ~soft_reset),
            soft_reset.eq(self.pulse["SOFT_RESET"]),
            prepared.eq(step == 1),
            self.end.eq(self.ends),
            If(failing, self.error.eq(failure), self.error_address.eq(failure_address)),
            If(soft_reset, self.error.eq(ErrorCode.NONE), self.error_address.eq(0)),
        ]

        # One state is high: ``resting``, ``preparing``, ``checking``, ``runs`` or ``self.abort``.
        resting = Signal(reset=1)
        preparing = Signal()  # until checks and beat counts are valid
        checking = Signal()
        runs = Signal()
        fails = Signal()
        self.comb += [
            self.idle.eq(resting & ~self.has_waiting),
            self.take.eq(resting & self.has_waiting),
            fails.eq((checking | runs) & failed),
            self.go.eq(checking & ~failed),
            self.ends.eq(runs & ~failed & finished),
        ]
        self.sync += [
            resting.eq((self.idle | self.ends | (self.abort & drained)) & ~soft_reset),
            preparing.eq((self.take | (preparing & ~prepared)) & ~soft_reset),
            checking.eq(preparing & prepared & ~soft_reset),
            runs.eq((self.go | (runs & ~failed & ~finished)) & ~soft_reset),
            self.abort.eq(soft_reset | fails | (self.abort & ~drained)),
            failing.eq(fails & ~soft_reset),
            started.eq(runs),
            If(resting, step.eq(prepare - 1)).Elif(preparing, step.eq(step - 1)),
            # ABORT lasts at least eight clocks, so that ``idle`` of readers and writer includes its effect.
            If(~self.abort | soft_reset, settle.eq(0)).Elif(settle != 7, settle.eq(settle + 1)),
        ]

    def _add_controls(self, readers, writer, packer, engine):
        """The arguments and the registered start and stop signals of readers, writer, packer and engine."""
        running, images = self.running, self.running.images
        layout = engine.capabilities.layout
        logits_beats = self._times(images, record_beats(engine.values))
        classes_beats = Signal(len(writer.beats), reset_less=True)
        result_beats = Signal(len(writer.beats), reset_less=True)
        self.sync += [
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
            # The network of a LOAD that does not end is dropped, even if all its parameters have arrived.
            unfinished = Signal()
            self.sync += [
                engine.parameters.start.eq(self.go & running.load),
                If(self.take | self.ends, unfinished.eq(0)),
                If(self.go & running.load, unfinished.eq(1)),
            ]
            self.comb += engine.parameters.abandon.eq(self.flush & unfinished)
        sources = [running.source, running.source_1]
        for port in range(2, layout.ports):
            source = Signal(32, reset_less=True, name=f"source_{port}")
            distance = layout.offset_bytes(port) - layout.offset_bytes(port - 2)
            self.sync += source.eq(sources[port - 2] + distance)
            sources.append(source)
        if layout.packed_bits:
            total, unit = self._times(images, engine.image_beats), BURST_BEATS
        else:
            total, unit = images, GROUP
        shares = self._shares(total, unit, layout.ports_per_buffer)
        for number, (reader, source) in enumerate(zip(readers, sources)):
            share = shares[number // layout.buffers]
            product = share if layout.packed_bits else self._times(share, engine.image_beats)
            beats = Signal(len(reader.beats), reset_less=True)
            has_share = Signal()  # The running command needs this reader.
            self.sync += [
                beats.eq(product),
                has_share.eq(running.load if number == 0 else 0),
                If(~running.load, has_share.eq(share != 0)),
                reader.start.eq(self.go & has_share),
            ]
            self.comb += [reader.address.eq(source), reader.beats.eq(beats), reader.abort.eq(self.flush)]
            if number == 0:
                self.sync += If(running.load, beats.eq(engine.parameter_bytes // BEAT_BYTES))

    @staticmethod
    def _prepare_clocks(engine: Engine) -> int:
        """The number of clocks of PREPARE: enough for the checks and for the longest chain of `_times`."""
        pixels = _times_clocks(engine.image_beats) + (engine.capabilities.layout.ports_per_buffer > 1)
        return max(4, pixels + 1, _times_clocks(record_beats(engine.values)) + 2)

    def _shares(self, total, unit: int, ports: int):
        """The shares of ports in ``total``, of which they read ``unit`` each, one port after another.

        A single port has all; the shares of several come one clock later.
        """
        if ports == 1:
            return [total]
        unit_bits, port_bits = ((number - 1).bit_length() for number in (unit, ports))
        shares = [Signal(len(total), reset_less=True) for _ in range(ports)]
        # The incomplete unit at the end, the port that reads it, and the units that each port reads before.
        rest, last = total[:unit_bits], total[unit_bits : unit_bits + port_bits]
        rounds = total[unit_bits + port_bits :]
        for port, share in enumerate(shares):
            one_more = last > port if port < ports - 1 else 0
            self.sync += share.eq((rounds + one_more) * unit + Mux(last == port, rest, 0))
        return shares

    def _times(self, value, factor: Union[int, Signal]):
        """The product of a signal and a factor, delayed by `_times_clocks`."""
        if not isinstance(factor, int):
            # The registers of a DSP48E1: at its inputs, between its parts, and at its output.
            a, b = Signal(len(value), reset_less=True), Signal(len(factor), reset_less=True)
            product = Signal(len(value) + len(factor), reset_less=True)
            self.sync += [a.eq(value), b.eq(factor), product.eq(a * b)]
            return delayed(self, product, 1, "product")
        first, *others = sorted(_digits(factor), key=lambda digit: -digit[1])
        product = value << first[0]
        for shift, sign in others:
            total = Signal(len(value) + factor.bit_length(), reset_less=True)
            # ``value`` is constant while a command runs, so it need not be delayed.
            self.sync += total.eq(product + (value << shift) if sign > 0 else product - (value << shift))
            product = total
        return product

    def _add_counters(self, slave, engine):
        """The 64-bit counters of cycles, which are latched together. What moves them is registered."""
        busy = Signal()
        starved = Signal()
        blocked = Signal()
        stalled_input = Signal()
        stalled_output = Signal()
        clear = Signal()
        latch = Signal()
        self.sync += [
            busy.eq(~self.idle),
            starved.eq(engine.starved & ~self.loading),
            blocked.eq(engine.blocked & ~self.loading),
            stalled_input.eq(~self.idle & starved),
            stalled_output.eq(~self.idle & blocked),
            clear.eq(self.ends | self.idle),
            latch.eq(self.ends | self.pulse["SAMPLE"]),
        ]
        for name, counts, cleared in (
            ("CYCLES", busy, clear),
            ("STALL_INPUT", stalled_input, clear),
            ("STALL_OUTPUT", stalled_output, clear),
            ("TIME", 1, 0),
        ):
            counter = LatchedCounter(reset_less=name != "TIME")
            setattr(self.submodules, f"counter_{name.lower()}", counter)
            self.comb += [
                counter.counts.eq(counts),
                counter.clear.eq(cleared),
                counter.latch.eq(latch),
                slave.value[f"{name}_LO"].eq(counter.low),
                slave.value[f"{name}_HI"].eq(counter.high),
            ]


def _times_clocks(factor: Union[int, Signal]) -> int:
    """The clocks of a product: one for each of a constant's `_digits` but the first."""
    return len(_digits(factor)) - 1 if isinstance(factor, int) else 3


def _digits(factor: int) -> List[Tuple[int, int]]:
    """Write ``factor`` as the fewest signed powers of two: a list of (shift, sign).

    Of representations with equally many, the one with positive signs is chosen.
    """
    binary = [(shift, 1) for shift in range(factor.bit_length()) if factor >> shift & 1]
    signed = list(signed_digits(factor))
    return binary if len(binary) <= len(signed) else signed
