"""SimdCascade in the emitted Verilog, with Yosys's model of the DSP48E1, and as mapped."""

import ctypes

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from migen import Module, Signal

from gateware.cores.simd_cascade import LANE_WIDTH, SimdCascade
from gateware.verilog import emit, forget_names
from tests.gateware.toolchain.mapped import netlist_library, netlist_of
from tests.gateware.verilated import verilated

TERMS = 5
BENCH = """
#include "Vunit.h"
#include "verilated.h"
// A word of x, and sums, in every clock.
extern "C" __attribute__((visibility("default")))
void run(const uint64_t* x, int count, int32_t* sums) {
    VerilatedContext context;
    Vunit top(&context);
    for (int i = 0; i < count; ++i) {
        top.x = x[i];
        top.sys_clk = 0; top.eval(); top.sys_clk = 1; top.eval();
        sums[i] = top.sums;
    }
}
"""


def unit_verilog():
    """Two sums, of two blocks: a + c and b + d, and a clock later + e and + a."""
    forget_names()
    module = Module()
    x, sums = Signal(TERMS * LANE_WIDTH, name="x"), Signal(2 * LANE_WIDTH, name="sums")
    a, b, c, d, e = terms = [Signal((LANE_WIDTH, True), name=name) for name in "abcde"]
    for place, term in enumerate(terms):
        module.comb += term.eq(x[LANE_WIDTH * place : LANE_WIDTH * (place + 1)])
    module.submodules.cascade = cascade = SimdCascade([[[a, b], [c, d]], [[e, a]]])
    for lane, total in enumerate(cascade.sums):
        module.comb += sums[LANE_WIDTH * lane : LANE_WIDTH * (lane + 1)].eq(total)
    return emit(module, "unit", {x, sums}), cascade.latency


@pytest.fixture(scope="module")
def library():
    return verilated("unit", unit_verilog()[0], BENCH)


def check(library, vectors):
    """vectors: (N, 5), one per clock."""
    latency = unit_verilog()[1]
    padded = np.vstack([vectors, np.zeros((latency + 1, TERMS), int)])
    mask = (1 << LANE_WIDTH) - 1
    words = ((padded & mask).astype(np.uint64) << np.arange(0, 60, 12, dtype=np.uint64)).sum(
        1, dtype=np.uint64
    )
    out = np.zeros(len(padded), np.int32)
    library.run(*(_pointer(words), len(padded), _pointer(out)))
    (a, b, c, d, _), following = padded[:-1].T, padded[1:].T
    expected = np.stack([a + c + following[4], b + d + following[0]], axis=1)[: len(vectors)]
    sums = np.stack([out & mask, out >> LANE_WIDTH & mask], axis=1)
    sums -= sums >> LANE_WIDTH - 1 << LANE_WIDTH
    np.testing.assert_array_equal(sums[latency - 1 :][: len(vectors)], expected)


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


third = st.integers(-682, 682)
LOW, HIGH = -(1 << LANE_WIDTH - 1), (1 << LANE_WIDTH - 1) - 1


@settings(max_examples=100, deadline=None)
@given(vectors=st.lists(st.tuples(*[third] * TERMS), min_size=1, max_size=9))
@example(vectors=[(0, HIGH, LOW, LOW, 0), (0, LOW, HIGH, 0, 0), (0, 0, 0, HIGH, LOW)])
@example(vectors=[(0, 0, LOW, LOW, 0), (0, 0, -1, HIGH, 1), (0, -1, 0, 0, HIGH)])
def test_sums_of_every_clock_do_not_disturb_each_other(library, vectors):
    check(library, np.array(vectors))


def test_the_netlist_computes_the_same_in_two_blocks_and_no_logic():
    netlist = netlist_of(unit_verilog()[0], "unit")
    assert netlist.count("DSP48E1 #") == 2 and "LUT" not in netlist and "CARRY4" not in netlist
    vectors = np.random.default_rng(1).integers(-682, 683, (300, TERMS))
    check(netlist_library(netlist, "unit", BENCH), vectors)
