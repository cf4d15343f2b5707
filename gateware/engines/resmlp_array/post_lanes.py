"""What follows a matrix, for the results of a multiplier in each clock: four, or two.

    sums --> requant --> [a][b] --> affine --+                 +--> x (stream, mean)
     4 x 18  8 bits      lanes      8 bits   +--> sum, clip ---+
             stream z ------------> add -----+     8 bits      +--> table entries --> function --> code
                                    8 bits                          or x              code bits

Each of requant, affine, add and function is a multiplier and a clip. A step that a pass has not reads the
first word of its parameters, which changes nothing.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Case, Cat, Constant, If, Mux, Record, Replicate, Signal

from gateware.cores.delay import delayed
from gateware.cores.requantiser import Requantiser
from gateware.engines.resmlp_array.multiplier_array import sum_bits
from gateware.engines.resmlp_array.parameter_memory import ParameterMemory
from gateware.engines.resmlp_array.results import result_layout
from gateware.engines.resmlp_array.stream_memory import StreamMemory
from gateware.engines.resmlp_array.table_memory import INDEX_BITS, TableMemory
from lst_overlay.network.resmlp.array_format import MIN_TABLE_SHIFT, STREAM_BITS, UNIT_SHIFT, ArrayFormat

_FACTOR_BITS = 24
# Clocks after ``result``: the sums, and then what each step gives.
_SUMS = 4
_DIFFERENCES = _SUMS + 1
_REQUANTISED = _DIFFERENCES + Requantiser.latency
_ORIENTED = _REQUANTISED + 1
_ADDED = _ORIENTED + Requantiser.latency
_STREAM = _ADDED + 2
_INDEX = _STREAM + 1
_ENTRIES = _INDEX + TableMemory.latency
_OPERANDS = _ENTRIES + 1
_CODES = _OPERANDS + Requantiser.latency


class PostLanes(LiteXModule):
    """From sums to codes.

    result: the record of `Results`, 4 clocks before its sums.
    sums:   those of `MultiplierArray`.
    loads:  the endpoints of requant, affine, add, function and tables.

    stream: the values of the residual stream, x<a><b>, with valid, ends, is_last, token, channel.
    codes:  for `CodeMemory.write`.
    probe:  the outputs of each step with their place, for tests.
    """

    def __init__(self, fmt: ArrayFormat):
        self.result = Record(result_layout(fmt), name="result")
        self.sums = sums = {
            (i, j): Signal(sum_bits(fmt), name=f"sum{i}{j}")
            for i in range(2)
            for j in range(fmt.column_lanes)
        }
        place = [("over_tokens", 1), ("token", 6), ("channel", 8)]
        self.stream = stream_out = stream.Endpoint(
            [*place, ("ends", 1), ("is_last", 1)] + [(f"x{a}{b}", (STREAM_BITS, True)) for a, b in fmt.lanes]
        )
        self.codes = codes = stream.Endpoint(
            [("over_tokens", 1), ("slot", 5), ("token", 6), ("channel", 4)]
            + [(f"code{a}{b}", fmt.code_bits) for a, b in fmt.lanes]
        )
        self.requant_memory = ParameterMemory(24, 1, fmt.requant_words)
        self.affine_memory = ParameterMemory(32, 2, fmt.channel_words)
        self.add_memory = ParameterMemory(32, 2, fmt.channel_words)
        self.function_memory = ParameterMemory(32, 2, fmt.channel_words)
        self.tables = tables = TableMemory(fmt)
        self.memory = memory = StreamMemory(fmt)
        self.loads = {
            "requant": self.requant_memory.load,
            "affine": self.affine_memory.load,
            "add": self.add_memory.load,
            "function": self.function_memory.load,
            "tables": tables.load,
        }
        self._lines = {}

        # # #

        at = self._at
        y = self._requantised(sums, fmt)
        affine = self._channels("affine", self.affine_memory, _ORIENTED)
        add = self._channels("add", self.add_memory, _ORIENTED)
        self.comb += [
            memory.read.over_tokens.eq(at("over_tokens", _ORIENTED - memory.latency)),
            memory.read.token.eq(at("token", _ORIENTED - memory.latency)),
            memory.read.channel.eq(at("channel", _ORIENTED - memory.latency)),
        ]
        x, affined = {}, {}
        for a, b in fmt.lanes:
            affined[a, b] = self._requantiser(f"affine{a}{b}", affine[a], y[a, b], STREAM_BITS)
            added = self._requantiser(f"add{a}{b}", add[a], memory.z[a, b], STREAM_BITS)
            total = Signal((STREAM_BITS + 1, True), reset_less=True, name=f"total{a}{b}")
            clipped = Signal((STREAM_BITS, True), reset_less=True, name=f"x{a}{b}_")
            self.sync += [
                total.eq(affined[a, b] + added),
                clipped.eq(total),
                If(
                    total[-1] ^ total[-2],
                    clipped.eq(Cat(Replicate(~total[-1], STREAM_BITS - 1), total[-1])),
                ),
            ]
            x[a, b] = clipped
        for name in ("over_tokens", "token", "channel"):
            self.comb += [
                getattr(memory.write, name).eq(at(name, _STREAM)),
                getattr(stream_out, name).eq(at(name, _STREAM)),
            ]
        self.comb += [
            memory.write.valid.eq(at("valid", _STREAM) & at("writes_stream", _STREAM)),
            stream_out.valid.eq(at("valid", _STREAM)),
            stream_out.ends.eq(at("ends", _STREAM)),
            stream_out.is_last.eq(at("is_last", _STREAM)),
            *[getattr(memory.write, f"x{a}{b}").eq(x[a, b]) for a, b in fmt.lanes],
            *[getattr(stream_out, f"x{a}{b}").eq(x[a, b]) for a, b in fmt.lanes],
        ]
        code = self._codes(x, fmt)
        self.comb += [
            codes.valid.eq(at("valid", _CODES) & at("writes_codes", _CODES)),
            *[
                getattr(codes, name).eq(at(name, _CODES))
                for name in ("over_tokens", "token", "slot", "channel")
            ],
            *[getattr(codes, f"code{a}{b}").eq(code[a, b]) for a, b in fmt.lanes],
        ]
        probed = {
            "matrix": (y, _ORIENTED),
            "affine": (affined, _ADDED),
            "stream": (x, _STREAM),
            "code": (code, _CODES),
        }
        self.probe = {}
        for step, (values, clock) in probed.items():
            self.probe[step] = {
                name: at(name, clock) for name in ("valid", "over_tokens", "token", "channel")
            }
            self.probe[step].update({f"value{a}{b}": values[a, b] for a, b in fmt.lanes})

    def _at(self, name: str, clock: int) -> Signal:
        """A field of ``result``, ``clock`` clocks later."""
        line = self._lines.setdefault(name, [getattr(self.result, name)])
        while len(line) <= clock:
            starts = name in ("valid", "ends")
            line.append(delayed(self, line[-1], 1, name=f"{name}{len(line)}_", reset_less=not starts))
        return line[clock]

    def _requantised(self, sums: dict, fmt: ArrayFormat) -> dict:
        """The outputs of the matrix by (channel lane, token lane)."""
        memory = self.requant_memory
        self.comb += memory.address.eq(self._at("requant", _DIFFERENCES - 1 - memory.latency))
        offset = Signal((sum_bits(fmt) + 1, True), reset_less=True)
        # -2**(field_bits - 1) (last_step + 1)
        self.sync += offset.eq(
            Cat(Constant(0, fmt.field_bits - 1), ~self._at("last_step", _SUMS - 1), Constant(3, 2))
        )
        lanes = {}
        for i in range(2):
            word = memory.words[0][12 * i : 12 * (i + 1)]
            factor = Signal((UNIT_SHIFT + 1, True), reset_less=True, name=f"factor{i}")
            # 2**(16 - shift) of a word with shift - 1
            self.sync += Case(word[:4], {n: factor.eq(1 << UNIT_SHIFT - 1 - n) for n in range(16)})
            bias = delayed(self, word[4:], 2, name=f"requant_bias{i}_")
            for j in range(fmt.column_lanes):
                difference = Signal((len(offset), True), reset_less=True, name=f"difference{i}{j}")
                self.sync += difference.eq(sums[i, j] + offset)
                requantiser = Requantiser(
                    difference, factor, bias, STREAM_BITS, self._at("relu", _DIFFERENCES + 3)
                )
                setattr(self.submodules, f"requant{i}{j}", requantiser)
                lanes[i, j] = requantiser.y
        over_tokens = self._at("over_tokens", _REQUANTISED)
        y = {}
        for a, b in fmt.lanes:
            y[a, b] = Signal((STREAM_BITS, True), reset_less=True, name=f"y{a}{b}")
            if fmt.column_lanes == 2:
                self.sync += y[a, b].eq(Mux(over_tokens, lanes[b, a], lanes[a, b]))
            else:
                self.sync += y[a, b].eq(lanes[a, 0])
        return y

    def _channels(self, name: str, memory: ParameterMemory, clock: int) -> list:
        """(factor, bias) of each channel lane at a clock, the bias one clock later."""
        self.comb += memory.address.eq(self._at(name, clock - memory.latency))
        found = []
        for a, word in enumerate(memory.words):
            factor = Signal((_FACTOR_BITS, True), name=f"{name}_factor{a}")
            self.comb += factor.eq(word[:_FACTOR_BITS])
            found.append((factor, delayed(self, word[_FACTOR_BITS:], 1, name=f"{name}_bias{a}_")))
        return found

    def _requantiser(self, name: str, parameters, x, bits: int) -> Signal:
        factor, bias = parameters
        requantiser = Requantiser(factor, x, bias, bits)
        setattr(self.submodules, name, requantiser)
        return requantiser.y

    def _codes(self, x: dict, fmt: ArrayFormat) -> dict:
        """The function of each lane: an affine, or the line between two entries of a table."""
        at, tables = self._at, self.tables
        shift = at("table_shift", _STREAM)
        parameters = self._channels("function", self.function_memory, _OPERANDS)
        self.comb += [
            tables.sink.over_tokens.eq(at("over_tokens", _INDEX)),
            tables.sink.slot.eq(at("table_slot", _INDEX)),
        ]
        # Channel lane 0 has a 0 in the bit in which the lanes differ, so that its parity is the other bit.
        channel = at("channel", _INDEX - 1)
        self.sync += tables.sink.flip.eq(Mux(at("over_tokens", _INDEX - 1), channel[3], channel[0]))
        codes = {}
        for a, b in fmt.lanes:
            place = Signal(STREAM_BITS, name=f"place{a}{b}")  # the code, counted from the least one
            m = Signal(INDEX_BITS, reset_less=True, name=f"m{a}{b}")
            # The way from entry m to the next, as a fraction of 2**8; 0 if m is the last entry.
            part = Signal(STREAM_BITS, reset_less=True, name=f"part{a}{b}")
            is_last = Signal(reset_less=True, name=f"is_last{a}{b}")
            self.comb += place.eq(Cat(x[a, b][:-1], ~x[a, b][-1]))
            choices = {}
            for n in range(4):
                k = MIN_TABLE_SHIFT + n
                choices[n] = [
                    m.eq(place[k:]),
                    part.eq(Cat(Constant(0, STREAM_BITS - k), place[:k])),
                    is_last.eq(place[k:] == (1 << STREAM_BITS - k) - 1),
                ]
            self.sync += Case(shift, choices)
            self.comb += getattr(tables.sink, f"m{a}{b}").eq(m)
            low, high = tables.low[a, b], tables.high[a, b]
            rise = Signal((fmt.code_bits + 1, True), reset_less=True, name=f"rise{a}{b}")
            self.sync += rise.eq(high - low)
            fraction = Signal(UNIT_SHIFT, name=f"fraction{a}{b}")
            ends = delayed(self, is_last, _OPERANDS - 1 - _INDEX, name=f"is_last{a}{b}_")
            part = delayed(self, part, _OPERANDS - 1 - _INDEX, name=f"part{a}{b}_")
            same = delayed(self, x[a, b], _OPERANDS - 1 - _STREAM, name=f"x{a}{b}_")
            begin = delayed(self, low, 2, name=f"begin{a}{b}_")
            factor, bias = parameters[a]
            first = Signal((_FACTOR_BITS, True), name=f"first{a}{b}")
            second = Signal((UNIT_SHIFT + 1, True), reset_less=True, name=f"second{a}{b}")
            constant = Signal((STREAM_BITS, True), name=f"constant{a}{b}")
            self.sync += If(at("has_table", _OPERANDS - 1), second.eq(fraction)).Else(second.eq(same))
            self.comb += [
                fraction.eq(Mux(ends, 0, Cat(Constant(0, UNIT_SHIFT - STREAM_BITS), part))),
                If(at("has_table", _OPERANDS), first.eq(rise)).Else(first.eq(factor)),
                If(at("has_table", _OPERANDS + 1), constant.eq(begin)).Else(constant.eq(bias)),
            ]
            codes[a, b] = self._requantiser(f"function{a}{b}", (first, constant), second, fmt.code_bits)
        return codes
