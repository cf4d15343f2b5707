"""Constants out of LUTs and block RAMs, and the multiplexer of many values."""

import numpy as np
import pytest
from litex.gen import LiteXModule
from migen import Instance, Module, Signal, run_simulation

from gateware.cores.constants import (
    BLOCK_LATENCY,
    LUT_LATENCY,
    block_constant,
    block_rows,
    blocks_of,
    chosen,
    chosen_latency,
    lut_constant,
    packed,
)
from gateware.cores.cycle import cycle
from gateware.cores.product import product_by_additions
from gateware.cores.stock import Stock


class _Lut:
    """LUT6 in Migen's simulator."""

    @staticmethod
    def lower(instance):
        module = Module()
        pins = {item.name: item.expr for item in instance.items if hasattr(item, "expr")}
        init = next(item.value for item in instance.items if item.name == "INIT").value
        address = Signal(6)
        module.comb += [address[n].eq(pins[f"I{n}"]) for n in range(6)]
        table = Signal(64, reset=init)
        module.comb += pins["O"].eq(table >> address)
        return module


def answers(dut, index, result, values, latency):
    found = []

    def process():
        for value in [*values, *[0] * latency]:
            yield index.eq(value)
            yield
            found.append((yield result))

    run_simulation(dut, process(), special_overrides={Instance: _Lut})
    return found[latency:]


@pytest.mark.parametrize("count", [1, 2, 40, 64, 65, 130])
def test_every_word_out_of_luts(count):
    dut, index = LiteXModule(), Signal(max=max(count, 2))
    words = np.random.default_rng(count).integers(-300, 300, count).tolist()
    word = lut_constant(dut, "word", index, words, 10)
    found = answers(dut, index, word, range(count), LUT_LATENCY)
    assert found == [value & 1023 for value in words]


def test_bits_that_are_equal_in_all_words_need_no_lut():
    dut, index = LiteXModule(), Signal(3)
    lut_constant(dut, "word", index, [0b1001, 0b1011] * 4, 4)
    assert sum(isinstance(special, Instance) for special in dut._fragment.specials) == 1


@pytest.mark.parametrize("count, bits", [(5, 4), (512, 40), (1536, 30), (700, 20)])
def test_every_word_out_of_block_rams(count, bits):
    dut, address = LiteXModule(), Signal(max=count)
    words = np.random.default_rng(count).integers(0, 1 << bits, count).tolist()
    word = block_constant(dut, "word", address, words, bits)
    assert answers(dut, address, word, range(count), BLOCK_LATENCY) == words


@pytest.mark.parametrize(
    "depth, bits, rows, blocks",
    [(1536, 30, (1024, 512), 3), (768, 60, (1024,), 4), (1024, 20, (1024,), 2), (6144, 8, (4096, 2048), 3)],
)
def test_the_fewest_block_rams(depth, bits, rows, blocks):
    assert block_rows(depth, bits) == rows and blocks_of(depth, bits) == blocks


@pytest.mark.parametrize("count", [1, 2, 4, 5, 16, 24, 96])
def test_each_of_many_inputs_is_chosen(count):
    dut, number = LiteXModule(), Signal(max=max(count, 2))
    inputs = [Signal(8, reset=3 * place + 1) for place in range(count)]
    value = chosen(dut, "value", number, inputs)
    latency = chosen_latency(count)
    assert answers(dut, number, value, range(count), latency) == [
        3 * place + 1 & 255 for place in range(count)
    ]


def test_fields_of_a_word_begin_at_its_lowest_bits():
    assert packed(np.array([[1, -1], [2, 3]]), 4) == [0xF1, 0x32]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_cycle_says_when_it_ends(count):
    dut, advance = LiteXModule(), Signal()
    value, ends = cycle(dut, count, advance, "value")
    found = []

    def process():
        for step in [1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1]:
            yield advance.eq(step)
            yield
            found.append(((yield value), (yield ends)))

    run_simulation(dut, process())
    assert all(flag == (number == count - 1) for number, flag in found)
    assert {number for number, _ in found} == set(range(count))


class Lender(LiteXModule):
    """Takes whenever it wants to and may."""

    def __init__(self, filled):
        self.stock = stock = Stock(2, filled)
        self.wants, self.gives = Signal(), Signal()
        self.comb += [stock.take.eq(self.wants & stock.available), stock.put.eq(self.gives)]


@pytest.mark.parametrize("filled", [False, True])
def test_a_stock_never_lends_more_than_there_is_and_in_time_all_of_it(filled):
    dut, have, lent = Lender(filled), [2 if filled else 0], [0]
    rng = np.random.default_rng(1)

    def process():
        for clock in range(400):
            have[0] -= yield dut.stock.take
            lent[0] += yield dut.stock.take
            assert have[0] >= 0
            have[0] += yield dut.stock.put
            yield dut.wants.eq(int(rng.integers(0, 2)) if clock < 380 else 1)
            # What is written here counts from the next clock on.
            yield dut.gives.eq(int(clock < 380 and have[0] == 0 and rng.integers(0, 2)))
            yield

    run_simulation(dut, process())
    assert have[0] == 0 and lent[0] > 50


@pytest.mark.parametrize("weight_bits, x_bits", [(5, 6), (8, 8)])
def test_a_product_by_additions(weight_bits, x_bits):
    dut = LiteXModule()
    x, weight = Signal((x_bits, True)), Signal((weight_bits, True))
    product = product_by_additions(dut, x, weight)
    rng = np.random.default_rng(2)
    pairs = [(-(1 << x_bits - 1), -(1 << weight_bits - 1)), (-(1 << x_bits - 1), (1 << weight_bits - 1) - 1)]
    pairs += [
        (
            int(rng.integers(-(1 << x_bits - 1), 1 << x_bits - 1)),
            int(rng.integers(-(1 << weight_bits - 1), 1 << weight_bits - 1)),
        )
        for _ in range(60)
    ]
    found = []

    def process():
        for a, b in [*pairs, *[(0, 0)] * weight_bits]:
            yield x.eq(a)
            yield weight.eq(b)
            yield
            found.append((yield product))

    run_simulation(dut, process())
    assert found[weight_bits:] == [a * b for a, b in pairs]
