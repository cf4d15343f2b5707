"""Runs the commands START and LOAD one after the other, keeps the books, and cleans up after errors and resets."""
from __future__ import annotations

from litex.gen import LiteXModule
from migen import FSM, Case, If, NextState, NextValue, Signal

from gateware.axi.axi3 import BURST_BYTES
from gateware.register_table import BY_NAME, ErrorCode, ResultMode
from lst_overlay.network.parameter_image import IMAGE_BYTES, SIZE

_PIXEL_BEATS = SIZE * SIZE // 8
_LOAD_BEATS = IMAGE_BYTES // 8
_LOGITS_BEATS = 6
_STUCK_BITS = 16


class Sequencer(LiteXModule):
    """One command runs, one waits. Registers go in and out through ``slave``; reader, writer, packer and engine obey.

    A command ends when its last write response is in (START) or the network is complete (LOAD). An error ends it too:
    everything under way is abandoned, the bus drained, and commands are ignored until SOFT_RESET.
    """

    def __init__(self, slave, reader, writer, packer, engine):
        self.loading = loading = Signal()  # the reader's beats are parameters, not pixels
        self.flush = flush = Signal()      # forget what is under way

        # # #

        value, storage, written, data = slave.value, slave.storage, slave.written, slave.data
        control = BY_NAME["CONTROL"]
        pulse = {field.name: Signal(name=f"pulse_{field.name.lower()}") for field in control.fields}
        for field in control.fields:
            self.comb += pulse[field.name].eq(written["CONTROL"] & data[field.offset])

        # The waiting and the running command.
        waiting = Signal()
        waiting_load = Signal()
        load = Signal()
        images = Signal(len(storage["IMAGES"]))
        source = Signal(len(storage["SOURCE"]))
        destination = Signal(len(storage["DESTINATION"]))
        mode = Signal(len(storage["RESULT_MODE"]))
        next_images = Signal(len(images))
        next_source = Signal(len(source))
        next_destination = Signal(len(destination))
        next_mode = Signal(len(mode))
        error = Signal(4)
        error_address = Signal(32)
        done = Signal()
        idle = Signal()
        abort = Signal()
        accept = Signal()
        take = Signal()
        end = Signal()
        queue_ready = Signal()
        completed = Signal(32)
        accepted = Signal(32)
        self.comb += [
            queue_ready.eq(~waiting & ~abort & (error == 0)),
            accept.eq((pulse["START"] | pulse["LOAD"]) & queue_ready & ~pulse["SOFT_RESET"]),
        ]
        self.sync += [
            If(accept,
                waiting.eq(1), waiting_load.eq(pulse["LOAD"]),
                next_images.eq(storage["IMAGES"]), next_source.eq(storage["SOURCE"]),
                next_destination.eq(storage["DESTINATION"]), next_mode.eq(storage["RESULT_MODE"]),
                accepted.eq(accepted + 1), done.eq(0)),
            If(take,
                waiting.eq(0), load.eq(waiting_load), images.eq(next_images), source.eq(next_source),
                destination.eq(next_destination), mode.eq(next_mode)),
            If(end, completed.eq(completed + 1), If(~waiting & ~accept, done.eq(1))),
            If(abort, waiting.eq(0)),
        ]

        # What could be wrong with a command, and how much there is to do: found between `take` and CHECK.
        assert BURST_BYTES == 1 << 7 and _PIXEL_BEATS == 64 + 32 + 2 and _LOGITS_BEATS == 4 + 2
        misaligned_source = Signal()
        misaligned_destination = Signal()
        no_images = Signal()
        no_network = Signal()
        refusal = Signal(4)
        pixel_beats = Signal(len(reader.beats))
        result_beats = Signal(len(writer.beats))
        partial = Signal(len(reader.beats))
        logits_beats = Signal(len(writer.beats))
        classes_beats = Signal(len(writer.beats))
        self.sync += [
            misaligned_source.eq(source[:7] != 0),
            misaligned_destination.eq(~load & (destination[:7] != 0)),
            no_images.eq(~load & (images == 0)),
            no_network.eq(~load & ~engine.loader.loaded),
            If(misaligned_source, refusal.eq(ErrorCode.SOURCE_ALIGNMENT)
            ).Elif(no_network, refusal.eq(ErrorCode.NO_NETWORK)
            ).Elif(no_images, refusal.eq(ErrorCode.NO_IMAGES)
            ).Elif(misaligned_destination, refusal.eq(ErrorCode.DESTINATION_ALIGNMENT)
            ).Else(refusal.eq(ErrorCode.NONE)),
            partial.eq((images << 6) + (images << 5)),
            pixel_beats.eq(partial + (images << 1)),
            logits_beats.eq((images << 2) + (images << 1)), classes_beats.eq((images + 7)[3:]),
            If(mode == ResultMode.LOGITS, result_beats.eq(logits_beats)).Else(result_beats.eq(classes_beats)),
        ]
        self.comb += [
            reader.address.eq(source), writer.address.eq(destination), writer.beats.eq(result_beats),
            reader.beats.eq(pixel_beats), If(load, reader.beats.eq(_LOAD_BEATS)),
            packer.images.eq(images), packer.logits_mode.eq(mode), loading.eq(load),
        ]

        # The course of a command.
        go = Signal()
        started = Signal()
        finished = Signal()
        drained = Signal()
        failure = Signal(4)
        failure_address = Signal(32)
        step = Signal(2)
        settle = Signal(3)
        self.sync += [
            finished.eq(started & reader.idle & writer.idle & (~load | engine.loader.loaded)),
            failure.eq(ErrorCode.NONE),
            If(started & reader.failed, failure.eq(ErrorCode.READ_RESPONSE), failure_address.eq(reader.error_address)
            ).Elif(started & writer.failed, failure.eq(ErrorCode.WRITE_RESPONSE), failure_address.eq(writer.error_address)
            ).Elif(started & load & engine.loader.bad, failure.eq(ErrorCode.BAD_PARAMETERS), failure_address.eq(source)),
            drained.eq((settle == 7) & reader.idle & writer.idle),
        ]

        def fail(code, address):
            return [NextValue(error, code), NextValue(error_address, address), NextState("ABORT")]

        self.fsm = fsm = FSM(reset_state="IDLE")
        fsm.act("IDLE",
            idle.eq(~waiting), NextValue(step, 3), NextValue(settle, 0),
            If(waiting, take.eq(1), NextState("PREPARE")))
        fsm.act("PREPARE",
            NextValue(step, step - 1), NextValue(settle, 0),
            If(step == 0, NextState("CHECK")))
        fsm.act("CHECK",
            Case(refusal, {
                ErrorCode.NONE: [go.eq(1), NextState("RUN")],
                ErrorCode.SOURCE_ALIGNMENT: fail(refusal, source),
                ErrorCode.DESTINATION_ALIGNMENT: fail(refusal, destination),
                "default": fail(refusal, 0)}))
        fsm.act("RUN",
            NextValue(started, 1),
            If(failure != ErrorCode.NONE, *fail(failure, failure_address)
            ).Elif(finished, end.eq(1), NextState("IDLE")))
        fsm.act("ABORT",
            abort.eq(1),
            If(settle != 7, NextValue(settle, settle + 1)),
            If(drained, NextState("IDLE")))
        for state in ("IDLE", "ABORT"):
            fsm.act(state, NextValue(started, 0))
        soft_reset = Signal()
        self.sync += soft_reset.eq(pulse["SOFT_RESET"])
        for state in ("IDLE", "PREPARE", "CHECK", "RUN", "ABORT"):
            fsm.act(state, If(soft_reset, NextValue(error, 0), NextValue(error_address, 0), NextValue(settle, 0), NextState("ABORT")))
        # What the others obey comes from registers.
        self.sync += [flush.eq(abort), reader.start.eq(go), writer.start.eq(go & ~load), packer.start.eq(go & ~load),
                      engine.loader.start.eq(go & load)]
        self.comb += [reader.abort.eq(flush), writer.abort.eq(flush), engine.loader.abandon.eq(flush)]

        stuck = Signal(_STUCK_BITS)
        self.sync += If(~abort, stuck.eq(0)).Elif(stuck != 2**_STUCK_BITS - 1, stuck.eq(stuck + 1))

        self._add_counters(slave, end | pulse["SAMPLE"], running=~idle, clear=end | idle, engine=engine, feeding=~loading)
        status = {"IDLE": idle, "DONE": done, "QUEUE_READY": queue_ready, "LOADED": engine.loader.loaded, "ERROR": error != 0,
                  "DRAINING": abort, "DRAIN_STUCK": stuck == 2**_STUCK_BITS - 1}
        for field in BY_NAME["STATUS"].fields:
            self.sync += value["STATUS"][field.offset].eq(status[field.name])
        self.comb += [
            value["ERROR_CODE"].eq(error), value["ERROR_ADDRESS"].eq(error_address),
            value["ACCEPTED"].eq(accepted), value["COMPLETED"].eq(completed), value["NETWORK_HASH"].eq(engine.loader.crc),
        ]

    def _add_counters(self, slave, latch, running, clear, engine, feeding):
        starved = Signal()
        blocked = Signal()
        self.sync += [starved.eq(engine.starved & feeding), blocked.eq(engine.blocked & feeding)]
        for name, counts, restart in (("CYCLES", running, clear), ("STALL_INPUT", running & starved, clear),
                                      ("STALL_OUTPUT", running & blocked, clear), ("TIME", 1, 0)):
            counter = Signal(64, name=f"counter_{name.lower()}")
            latched = Signal(64, name=f"latched_{name.lower()}")
            self.sync += [
                If(counts, counter.eq(counter + 1)),
                If(restart, counter.eq(0)),
                If(latch, latched.eq(counter)),
            ]
            self.comb += [slave.value[f"{name}_LO"].eq(latched[:32]), slave.value[f"{name}_HI"].eq(latched[32:])]
