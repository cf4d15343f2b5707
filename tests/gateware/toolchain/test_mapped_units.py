"""What Yosys maps computes what was written: the netlist of a MacArray, simulated with Yosys's own cells."""

import ctypes
import re

import numpy as np

from gateware.cores.mac_array import MacArray, MacArrayConfig
from gateware.verilog import emit, forget_names
from tests.gateware.toolchain.mapped import netlist_library, netlist_of

CONFIG = MacArrayConfig(lanes=5, depth=6, x_width=4, weight_width=5)
BENCH = """
#include "Vunit.h"
#include "verilated.h"
// Loads weights, sends x, and returns how many sums came. There is no reset: a register that has no initial
// value begins as the seed has it.
extern "C" __attribute__((visibility("default")))
int run(const int32_t* weights, int lanes, int depth, const int32_t* x, int count, int32_t* sums, int seed) {
    VerilatedContext context;
    context.randReset(2);
    context.randSeed(seed);
    Vunit top(&context);
    int found = 0;
    auto clock = [&] {
        top.sys_clk = 1; top.eval(); top.sys_clk = 0; top.eval();
        if (top.source_valid) sums[found++] = int32_t(top.source_payload_acc << 32 - WIDTH) >> 32 - WIDTH;
    };
    top.sys_clk = 0; top.sys_rst = 0; top.sink_valid = 0; top.load_valid = 0;
    top.eval();
    for (int lane = 0; lane < lanes; ++lane)
        for (int address = 0; address < depth; ++address) {
            top.load_valid = 1; top.load_payload_lane = lane; top.load_payload_address = address;
            top.load_payload_data = weights[lane * depth + address];
            clock();
        }
    top.load_valid = 0;
    for (int i = 0; i < 4; ++i) clock();
    for (int i = 0; i < count; ++i) {
        top.sink_valid = 1; top.sink_payload_x = x[i];
        clock();
        top.sink_valid = 0;
        for (int pause = i % 4 == 3; pause > 0; --pause) clock();
    }
    for (int i = 0; i < 30; ++i) clock();
    return found;
}
""".replace("WIDTH", str(CONFIG.acc_width))


def unit_verilog():
    forget_names()
    dut = MacArray(CONFIG)
    sink, source, load = dut.sink, dut.source, dut.load
    pins = {sink.valid, sink.x, source.valid, source.acc, load.valid, load.lane, load.address, load.data}
    return emit(dut, "unit", pins)


def sums_are_right(netlist, seed=1):
    library = netlist_library(netlist, "unit", BENCH)
    random = np.random.default_rng(seed)
    weights = random.integers(-16, 16, (CONFIG.lanes, CONFIG.depth), np.int32)
    x = random.integers(-8, 8, (7, CONFIG.depth), np.int32)
    sums = np.zeros((1000,), np.int32)
    count = library.run(*map(_pointer, (weights,)), *weights.shape, _pointer(x), x.size, _pointer(sums), seed)
    return count == 7 * CONFIG.lanes and (sums[:count].reshape(7, -1) == x @ weights.T).all()


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def test_the_netlist_of_a_mac_array_computes_its_sums():
    netlist = netlist_of(unit_verilog(), "unit")
    assert netlist.count("DSP48E1 #") == CONFIG.lanes and "RAM32" in netlist
    assert all(sums_are_right(netlist, seed) for seed in range(3))


def test_an_accumulator_whose_sum_is_chosen_by_a_high_signal_is_caught():
    """The Verilog is right, and Yosys maps it wrongly; should it ever map it rightly, this test fails."""
    inverted = re.sub(r"(begins_delayed0 <= )(.*);", r"\1~(\2);", unit_verilog())
    inverted, count = re.subn(r"if \((\w+_begins_lane\d)\) begin", r"if (~\1) begin", inverted)
    assert count == CONFIG.lanes
    assert not sums_are_right(netlist_of(inverted, "unit"))


def test_a_register_that_lost_its_initial_value_is_caught():
    netlist, count = re.subn(r"\.INIT\(1'h0\)", ".INIT(1'hx)", netlist_of(unit_verilog(), "unit"))
    assert count > 10
    assert not all(sums_are_right(netlist, seed) for seed in range(3))
