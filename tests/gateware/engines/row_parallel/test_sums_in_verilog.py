"""Constant matrices and sums in the emitted Verilog, which Migen's simulator does not see, and as mapped."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from migen import Array, Cat, Module, Signal

from gateware.engines.row_parallel.addition import Summand, registered_sum
from gateware.engines.row_parallel.constant_matrix import ConstantMatrix
from gateware.verilog import emit, forget_names
from tests.gateware.toolchain.mapped import netlist_library, netlist_of
from tests.gateware.verilated import verilated

INPUTS, WIDTH, CLOCKS = 4, 4, 12
BENCH = """
#include "Vunit.h"
#include "verilated.h"
extern "C" __attribute__((visibility("default")))
void run(const uint16_t* x, int count, int outputs, int32_t* y) {
    VerilatedContext context;
    Vunit top(&context);
    for (int i = 0; i < count; ++i) {
        top.x = x[i];
        for (int clock = 0; clock < CLOCKS; ++clock) {
            top.sys_clk = 0; top.eval(); top.sys_clk = 1; top.eval();
        }
        for (int number = 0; number < outputs; ++number) {
            top.number = number; top.eval();
            y[i * outputs + number] = int32_t(top.y);
        }
    }
}
""".replace("CLOCKS", str(CLOCKS))


def unit(make):
    """(Verilog of a module, what its outputs are for given x).

    make: a function (module, x) that returns the outputs, as (signal, function of x). x: unsigned signals.
    """
    forget_names()
    module = Module()
    x, number, y = (
        Signal(INPUTS * WIDTH, name="x"),
        Signal(max=256, name="number"),
        Signal((32, True), name="y"),
    )
    parts = [Signal(WIDTH, name=f"x{place}") for place in range(INPUTS)]
    module.comb += Cat(*parts).eq(x)
    outputs = make(module, parts)
    module.comb += y.eq(Array(extended(module, signal) for signal, _ in outputs)[number])
    return emit(module, "unit", {x, number, y}), [value for _, value in outputs]


def extended(module, signal):
    wide = Signal((32, True))
    module.comb += wide.eq(signal)
    return wide


def check(library, expected, x):
    """x: (N, INPUTS) codes."""
    words = (x << np.arange(0, INPUTS * WIDTH, WIDTH)).sum(1).astype(np.uint16)
    y = np.zeros((len(x), len(expected)), np.int32)
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (words, y)]
    library.run(pointers[0], len(x), len(expected), pointers[1])
    np.testing.assert_array_equal(y, np.stack([value(x) for value in expected], axis=1))


def signed(x):
    return x - (x >> WIDTH - 1 << WIDTH)


def matrices(module, x):
    """Matrices of small and large weights, of pixels and of codes."""
    outputs = []
    for number in range(12):
        rng = np.random.default_rng(number)
        pixels = number % 2 == 0
        high = (1, 7, 31)[number % 3]
        matrix = rng.integers(-high, high + 1, (5, INPUTS)) * rng.integers(0, 2, (5, INPUTS))
        bias = rng.integers(-60, 61, 5) * rng.integers(0, 2, 5)
        dut = ConstantMatrix(matrix, bias, (0, 3) if pixels else (-8, 7), 16)
        assert dut.latency < CLOCKS
        module.submodules += dut
        for place, signal in enumerate(x):
            module.comb += getattr(dut.sink, f"x{place}").eq(signal)
        for row, constant in enumerate(bias.tolist()):

            def value(x, row=matrix[row], constant=constant, pixels=pixels):
                return (x & 3 if pixels else signed(x)) @ row + constant

            outputs.append((getattr(dut.source, f"y{row}"), value))
    return outputs


def sums(module, x):
    """Sums of one to three summands of every sign, with shifts and constants, of mixed signedness."""
    outputs = []
    rng = np.random.default_rng(1)
    for number in range(60):
        count = 1 + number % 3
        constant = int(rng.integers(-40, 41)) * (count < 3 and number % 2)
        summands, values = [], []
        for place in range(count):
            bits, is_signed = int(rng.integers(1, WIDTH + 1)), bool(rng.integers(0, 2))
            signal = Signal((bits, is_signed))
            module.comb += signal.eq(x[place])
            shift, sign = int(rng.integers(0, 6)), int(rng.choice([-1, 1]))
            summands.append(Summand(signal, shift, sign))
            values.append((bits, is_signed, shift, sign))

        def value(x, values=values, constant=constant):
            total = constant
            for place, (bits, is_signed, shift, sign) in enumerate(values):
                code = x[:, place] & (1 << bits) - 1
                code = code - (code >> bits - 1 << bits) if is_signed else code
                total = total + sign * (code << shift)
            return total

        outputs.append((registered_sum(module, summands, constant, (14, True), f"sum{number}"), value))
    return outputs


@pytest.fixture(scope="module", params=(matrices, sums), ids=lambda make: make.__name__)
def made(request):
    verilog, expected = unit(request.param)
    return verilog, expected, verilated("unit", verilog, BENCH)


codes = st.lists(
    st.lists(st.sampled_from([0, 1, 3, 7, 8, 15]) | st.integers(0, 15), min_size=INPUTS, max_size=INPUTS),
    min_size=1,
    max_size=8,
)


@settings(max_examples=100, deadline=None)
@given(x=codes)
def test_the_emitted_verilog_computes_every_sum(made, x):
    check(made[2], made[1], np.array(x))


def test_the_netlist_computes_what_the_verilog_does(made):
    verilog, expected, _ = made
    x = np.random.default_rng(2).integers(0, 16, (500, INPUTS))
    check(netlist_library(netlist_of(verilog, "unit"), "unit", BENCH), expected, x)


def test_a_sum_of_three_takes_one_carry_chain():
    """Two chains of two numbers would take four CARRY4."""

    def make(module, x):
        summands = [Summand(signal, 0, 1) for signal in x[:3]]
        return [(registered_sum(module, summands, 0, (6, False), "sum"), None)]

    verilog, _ = unit(make)
    assert netlist_of(verilog, "unit").count("CARRY4 ") == 2


def test_a_sum_of_few_bits_takes_no_carry_chain():
    def make(module, x):
        few = [Signal(3) for _ in range(2)]
        module.comb += [part.eq(signal) for part, signal in zip(few, x)]
        summands = [Summand(signal, 0, sign) for signal, sign in zip(few, (1, -1))]
        return [(registered_sum(module, summands, 0, (5, True), "sum"), None)]

    verilog, _ = unit(make)
    assert "CARRY4" not in netlist_of(verilog, "unit")


def test_what_waits_for_a_sum_begins_and_ends_in_registers():
    """x19 waits three clocks, and its own sum as many for the other one."""
    forget_names()
    matrix = np.vstack([np.ones((1, 20), int), np.eye(20, dtype=int)[19:]])
    dut = ConstantMatrix(matrix, np.array([1, 3]), (-8, 7), 12)
    verilog = emit(dut, "unit", {*dut.sink.flatten(), *dut.source.flatten()})
    assert dut.latency == 4 and "SRL" not in netlist_of(verilog, "unit")
