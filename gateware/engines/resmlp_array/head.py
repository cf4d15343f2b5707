"""The mean over the tokens, and the classifier, one product per clock beside the passes of the next image.

x --> + --> sums (LUT RAM) --> shift, round, clip --> x weight --> + --> shift --> + bias --> argmax
      ^       2 x 64 x 14      code bits              5 registers  |  24           32
      +-------+                                       (no DSP)     +-- of all channels
"""

from __future__ import annotations

from functools import reduce
from operator import add

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import FSM, READ_FIRST, Case, Cat, If, Memory, Mux, NextState, NextValue, Signal

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.delay import delayed
from gateware.cores.product import product_by_additions
from gateware.cores.requantiser import Clip
from lst_overlay.network.resmlp.array_format import CLASSES, STREAM_BITS, ArrayFormat

_ACC_BITS = 26
_BIAS_BITS = 26


class Head(LiteXModule):
    """Average and classify the stream of an image's last pass, whose matrix sums over channels.

    sink:   x<a><b>, token, channel of lane 00; ends: the last of an image.
    begins: high for one clock before the first.
    free:   an image can begin.
    mean_shift, channels: shift - 1 of the mean, channels - 1; constant while an image is in the head.
    weights, bias: load endpoints; a word of ``bias`` has the bias in 26 bits, then the shift.
    source: word (32 bits): the logits, then the class with last; no back-pressure.
    """

    def __init__(self, fmt: ArrayFormat):
        channel_bits = (fmt.stream_channels - 1).bit_length()
        self.sink = sink = stream.Endpoint(
            [("token", 6), ("channel", channel_bits), ("ends", 1)]
            + [(f"x{a}{b}", (STREAM_BITS, True)) for a, b in fmt.lanes]
        )
        self.begins = Signal()
        self.free = Signal(reset=1)
        self.mean_shift = Signal(4)
        self.channels = Signal(channel_bits)
        self.weights = stream.Endpoint([("address", 4 + channel_bits), ("data", fmt.weight_bits)])
        self.bias = stream.Endpoint([("address", 4), ("data", 31)])
        self.classify = classify = Argmax(LOGIT_WIDTH, CLASSES)
        self.source = classify.source

        # # #

        self.comb += [sink.ready.eq(1), self.weights.ready.eq(1), self.bias.ready.eq(1)]
        channel = Signal(channel_bits)
        self.mean = Signal((fmt.code_bits, True))
        total = self._sums(sink, channel, fmt)
        mean, mean_latency = self._mean(total, fmt.code_bits)
        self.comb += self.mean.eq(mean)

        class_ = Signal(4)
        running = Signal()
        weight = self._word(self.weights, fmt.weight_bits, Cat(channel, class_), "weights")
        bias = self._word(self.bias, 31, class_, "bias")
        weight = delayed(self, weight, mean_latency - 1, name="weight")
        product = product_by_additions(self, mean, weight)
        latency = mean_latency + 1 + fmt.weight_bits
        valid = delayed(self, running, latency, name="valid", reset_less=False)
        begins = delayed(self, channel == 0, latency, name="begins")
        self.probe = {
            "valid": delayed(self, running & (class_ == 0), mean_latency + 1, name="probe_valid"),
            "value": self.mean,
        }
        acc = Signal((_ACC_BITS, True), reset_less=True)
        left = Signal(channel_bits + 1, reset_less=True)  # channels - 1; the highest bit is the sign
        shifts = Signal(2)  # of the logit, that is 0, 1, or more
        rounded = Signal((LOGIT_WIDTH, True), reset_less=True)
        biased = Signal((LOGIT_WIDTH, True), reset_less=True)
        logit = Signal((LOGIT_WIDTH, True), reset_less=True)
        shift = Signal(5)
        self.sync += If(valid, acc.eq(Mux(begins, 0, acc) + product))

        self.fsm = fsm = FSM(reset_state="IDLE")
        # The last sums are in their memory three clocks after the last result.
        averaged = delayed(self, sink.valid & sink.ends, 4, name="ends", reset_less=False)
        summed = Signal()
        drained = delayed(self, summed, latency + 2, name="summed", reset_less=False)
        fsm.act("IDLE", NextValue(class_, 0), If(averaged, NextState("BEGIN")))
        fsm.act("BEGIN", NextValue(channel, 0), NextValue(left, self.channels - 1), NextState("SUM"))
        fsm.act(
            "SUM",
            running.eq(1),
            NextValue(channel, channel + 1),
            NextValue(left, left - 1),
            If(left[-1], summed.eq(1), NextState("DRAIN")),
        )
        fsm.act("DRAIN", If(drained, NextState("LOGIT")))
        fsm.act("LOGIT", NextValue(logit, acc), NextValue(shift, bias[_BIAS_BITS:]), NextState("COMPARE"))
        # In these states the registers shifts, rounded and biased follow the logit.
        fsm.act("COMPARE", NextState("SHIFT"))
        fsm.act(
            "SHIFT",
            NextValue(shift, shift - 1),
            If(shifts == 0, NextState("ADD"))
            .Elif(shifts == 1, NextValue(logit, rounded), NextState("ROUND"))
            .Else(NextValue(logit, logit >> 1), NextState("COMPARE")),
        )
        fsm.act("ROUND", NextState("ADD"))
        signed_bias = Signal((_BIAS_BITS, True))
        self.comb += signed_bias.eq(bias)
        self.sync += [
            shifts.eq(Cat(shift == 1, shift[1:] != 0)),
            rounded.eq((logit + 1) >> 1),
            biased.eq(logit + signed_bias),
        ]
        fsm.act("ADD", NextValue(logit, biased), NextState("EMIT"))
        self.comb += classify.sink.acc.eq(logit)
        fsm.act(
            "EMIT",
            classify.sink.valid.eq(1),
            NextValue(class_, class_ + 1),
            NextState("BEGIN"),
            If(class_ == CLASSES - 1, NextState("FREE")),
        )
        fsm.act("FREE", NextValue(self.free, 1), NextState("IDLE"))
        self.sync += If(self.begins, self.free.eq(0))

    def _sums(self, sink, channel, fmt: ArrayFormat) -> Signal:
        """Add the memories of the sums over the tokens. Returns that of ``channel``, 1 clock later."""
        words, bits = [], (fmt.tokens - 1).bit_length() + STREAM_BITS
        pair = Signal(len(channel) - 1)
        asked = Signal(len(channel) - 1)
        self.comb += [
            pair.eq(Cat(sink.channel[:3], sink.channel[4:])),
            asked.eq(Cat(channel[:3], channel[4:])),
        ]
        valid = delayed(self, sink.valid, 1, name="sum_valid", reset_less=False)
        begins = delayed(self, sink.token == 0, 1, name="sum_begins")
        place = delayed(self, pair, 1, name="sum_place")
        valid2 = delayed(self, valid, 1, name="sum_valid2", reset_less=False)
        place2 = delayed(self, place, 1, name="sum_place2")
        for a in range(2):
            memory = Memory(bits, 1 << len(pair), name=f"sums{a}")
            write_port = memory.get_port(write_capable=True)
            before_port, read_port = memory.get_port(async_read=True), memory.get_port(async_read=True)
            self.specials += memory, write_port, before_port, read_port
            two = Signal((STREAM_BITS + 1, True), reset_less=True, name=f"two{a}")
            before = Signal((bits, True), name=f"before{a}")
            after = Signal((bits, True), reset_less=True, name=f"after{a}")
            word = Signal((bits, True), reset_less=True, name=f"sum{a}")
            self.comb += [
                before_port.adr.eq(place),
                before.eq(Mux(begins, 0, before_port.dat_r)),
                write_port.adr.eq(place2),
                write_port.dat_w.eq(after),
                write_port.we.eq(valid2),
                read_port.adr.eq(asked),
            ]
            self.sync += [
                two.eq(reduce(add, [getattr(sink, f"x{lane}{b}") for lane, b in fmt.lanes if lane == a])),
                after.eq(before + two),
                word.eq(read_port.dat_r),
            ]
            words.append(word)
        total = Signal((bits, True))
        lane = delayed(self, channel[3], 1, name="lane")
        self.comb += If(lane, total.eq(words[1])).Else(total.eq(words[0]))
        return total

    def _mean(self, total, bits: int):
        """Return the clipped mean and its latency after ``total``."""
        shifted = total
        for number, places in enumerate([(0, 1, 2, 3), (0, 4, 8, 12)]):
            stage = Signal((len(total), True), reset_less=True, name=f"shifted{number}")
            select = self.mean_shift[2 * number : 2 * number + 2]
            self.sync += Case(select, {n: stage.eq(shifted >> place) for n, place in enumerate(places)})
            shifted = stage
        half_up = Signal((len(total) + 1, True), reset_less=True)
        self.sync += half_up.eq(shifted + 1)
        self.clip = Clip(half_up[1:], bits)
        return self.clip.y, 3 + Clip.latency

    def _word(self, load, bits: int, address, name: str) -> Signal:
        """Add a memory behind a load endpoint. Returns the word, 2 clocks after its address."""
        memory = Memory(bits, 1 << len(load.address), name=name)
        write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
        self.specials += memory, write_port, read_port
        self.comb += [
            write_port.adr.eq(load.address),
            write_port.dat_w.eq(load.data),
            write_port.we.eq(load.valid),
            read_port.adr.eq(address),
        ]
        return delayed(self, read_port.dat_r, 1, name=f"{name}_word")
