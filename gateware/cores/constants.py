"""Memories of constants, in LUTs or in block RAM, and the multiplexer of many values."""

from __future__ import annotations

from functools import lru_cache
from typing import List, Optional, Sequence, Tuple

import numpy as np
from migen import READ_FIRST, Case, Cat, Constant, Instance, Memory, Module, Signal

from gateware.cores.delay import delayed

BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4))  # words and their bits of a RAMB18
BLOCK_LATENCY = 3
LUT_INPUTS = 6
LUT_LATENCY = 2


def lut_constant(
    module: Module, name: str, index, words: Sequence[int], bits: int, hidden: Optional[int] = None
) -> Signal:
    """Word ``index``, `LUT_LATENCY` clocks later. They may be negative; a word beyond them is undefined.

    hidden: a bit that has LUTs though all words be equal in it: Yosys does not see that it is constant.

    The LUTs are instances: Yosys would share logic among the bits, by several LUTs one after another.
    """
    size, parts = 1 << LUT_INPUTS, []
    for place, first in enumerate(range(0, len(words), size)):
        part = [int(word) for word in words[first : first + size]]
        value = Signal(bits, reset_less=True, name=f"{name}{place}_part")
        columns = [sum((word >> bit & 1) << n for n, word in enumerate(part)) for bit in range(bits)]
        outputs = {
            (column, bit == hidden): _lut(
                module, f"{name}{place}_{bit}", index[:LUT_INPUTS], column, len(part), bit == hidden
            )
            for bit, column in reversed(list(enumerate(columns)))
        }
        module.sync += value.eq(Cat(*[outputs[column, bit == hidden] for bit, column in enumerate(columns)]))
        parts.append(value)
    word = Signal(bits, reset_less=True, name=f"{name}_word")
    if len(parts) == 1:
        module.sync += word.eq(parts[0])
    else:
        part = delayed(module, index[LUT_INPUTS:], 1, name=f"{name}_part")
        cases = dict(enumerate(map(word.eq, parts[:-1])))
        module.sync += Case(part, {**cases, "default": word.eq(parts[-1])})
    return word


def _lut(module: Module, name: str, inputs, column: int, count: int, hidden: bool):
    """Bit ``inputs`` of the column, whose bits from ``count`` on do not matter."""
    if column in (0, (1 << count) - 1) and not hidden:
        return Constant(column & 1)
    output = Signal(name=name)
    pins = {f"i_I{n}": inputs[n] if n < len(inputs) else 0 for n in range(LUT_INPUTS)}
    module.specials += Instance("LUT6", name=f"{name}_lut", p_INIT=Constant(column, 64), o_O=output, **pins)
    return output


def block_constant(module: Module, name: str, address: Signal, words: Sequence[int], bits: int) -> Signal:
    """Word ``address`` out of block RAM, `BLOCK_LATENCY` clocks later."""
    rows, first = [], 0
    for place, depth in enumerate(block_rows(len(words), bits)):
        part = list(words[first : first + depth])
        memory = Memory(bits, len(part), init=part, name=f"{name}{place}")
        port = memory.get_port(mode=READ_FIRST)
        module.specials += memory, port
        module.comb += port.adr.eq(address[: (depth - 1).bit_length()])  # rows begin at multiples of it
        rows.append((first, delayed(module, port.dat_r, 1, name=f"{name}{place}_word")))
        first += depth
    if len(rows) == 1:
        return delayed(module, rows[0][1], 1, name=f"{name}_word")
    row = Signal(max=len(rows), reset_less=True, name=f"{name}_row")
    late = delayed(module, address, 1, name=f"{name}_address")
    module.sync += row.eq(sum((late >= first for first, _ in rows[1:]), 0))
    word = Signal(bits, reset_less=True, name=f"{name}_word")
    module.sync += Case(row, {place: word.eq(value) for place, (_, value) in enumerate(rows)})
    return word


@lru_cache(maxsize=None)
def block_rows(depth: int, bits: int) -> Tuple[int, ...]:
    """The depths of the rows of block RAMs, the deepest first, that hold the words in the fewest blocks."""
    best = None
    for words, width in BLOCK_SHAPES:
        blocks = -(-bits // width)
        rest = block_rows(depth - words, bits) if depth > words else ()
        count = blocks + (row_blocks(rest, bits) if rest else 0)
        if best is None or (count, 1 + len(rest)) < best[:2]:
            best = count, 1 + len(rest), tuple(sorted((words, *rest), reverse=True))
    return best[2]


def row_blocks(rows: Sequence[int], bits: int) -> int:
    """RAMB18 of the rows."""
    return sum(-(-bits // dict(BLOCK_SHAPES)[words]) for words in rows)


def blocks_of(depth: int, bits: int) -> int:
    """RAMB18 that `block_constant` takes for words of ``bits`` bits."""
    return row_blocks(block_rows(depth, bits), bits)


def chosen(module: Module, name: str, number: Signal, inputs: List[Signal]) -> Signal:
    """Input ``number``, by multiplexers of four, each with a register: `chosen_latency` clocks later."""
    level = 0
    while len(inputs) > 1:
        digit = number[2 * level : 2 * level + 2]
        digit = delayed(module, digit, level, name=f"{name}_digit{level}_")
        groups = [inputs[place : place + 4] for place in range(0, len(inputs), 4)]
        inputs = []
        for place, group in enumerate(groups):
            value = Signal(len(group[0]), reset_less=True, name=f"{name}{level}_{place}_")
            module.sync += Case(
                digit,
                {**dict(enumerate(map(value.eq, group[:-1]))), "default": value.eq(group[-1])},
            )
            inputs.append(value)
        level += 1
    return inputs[0]


def chosen_latency(count: int) -> int:
    """The levels of the multiplexer of ``count`` inputs."""
    return 0 if count == 1 else 1 + chosen_latency(-(-count // 4))


def packed(values: np.ndarray, bits: int) -> List[int]:
    """(words, fields) -> a number for each word, the first field in the lowest bits."""
    mask = (1 << bits) - 1
    return [sum((int(field) & mask) << bits * place for place, field in enumerate(word)) for word in values]
