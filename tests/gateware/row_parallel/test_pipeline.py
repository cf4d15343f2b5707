"""The three stages on small networks: Migen's simulator and the emitted Verilog, both against the integer reference."""
import ctypes

import numpy as np
import pytest
from migen import run_simulation

from gateware.row_parallel.pipeline import Pipeline
from gateware.verilog import emit, forget_names
from lst_overlay.network import Activation, Axis, Layer, Network, code_range, logits, pixel_codes
from tests.gateware.verilated import verilated

SIZE, CLASSES = 6, 4


def network(seed, pixel_bits=2, weights=4, codes=4, per_channel=True, extreme=False):
    """6 x 6 pixels, four classes; with ``extreme`` every code is the least or the greatest."""
    rng = np.random.default_rng(seed)

    def some(high, shape):
        return rng.choice([-high, high], shape) if extreme else rng.integers(-high, high + 1, shape)

    def layer(axis, fan_in, fan_out, activated):
        activation = None
        if activated:
            low, high = code_range(codes)
            shape = (fan_out, 32) if per_channel else (32,)
            table = rng.choice([low, high], shape) if extreme else rng.integers(low, high + 1, shape)
            activation = Activation(1, 5, 1.0, table, codes, 1.0)
        return Layer(axis, some(code_range(weights)[1], (fan_out, fan_in)), rng.integers(-30, 31, fan_out), weights, 1.0, activation)

    return Network("small", "lst1", pixel_bits, (SIZE, SIZE), (
        layer(Axis.ROWS, SIZE, SIZE, True), layer(Axis.COLUMNS, SIZE, SIZE, True), layer(Axis.DENSE, SIZE * SIZE, CLASSES, False)))


def rows_of(images, bits):
    return [sum(int(code) << bits * place for place, code in enumerate(row)) for image in pixel_codes(images, bits) for row in image]


def random_images(count, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE), dtype=np.uint8)
    images[0], images[-1] = 0, 255
    return images


def expected(net, images):
    values = logits(net, images)
    return np.hstack([values, values.argmax(axis=1)[:, None]])


def in_migen(net, images, slots):
    """slots: for each 6 clocks the number of an image, or None."""
    dut, rows, out = Pipeline(net), np.reshape(rows_of(images, net.pixel_bits), (len(images), SIZE)), []

    def process():
        for clock in range(len(slots) * SIZE + dut.latency + 3 * SIZE):
            phase = ((yield dut.phase) + 1) % SIZE  # of the clock that follows
            slot = (clock + 1) // SIZE
            image = slots[slot] if slot < len(slots) else None
            assert phase == (clock + 1) % SIZE
            yield dut.sink.valid.eq(image is not None)
            yield dut.sink.row.eq(0x5A5 if image is None else int(rows[image, phase]))
            yield
            if (yield dut.source.valid):
                word = (yield dut.source.word)
                out.append(word - (word >> 31 << 32))

    run_simulation(dut, process())
    return np.reshape(out, (-1, CLASSES + 1))


@pytest.mark.parametrize("settings", [{}, {"per_channel": False}, {"pixel_bits": 4, "weights": 6}, {"codes": 3}, {"extreme": True},
                                      {"pixel_bits": 4, "weights": 6, "extreme": True}], ids=str)
def test_images_right_behind_each_other_and_after_pauses(settings):
    net, images = network(1, **settings), random_images(5)
    slots = [None, 0, 1, 2, None, 3, None, None, 4]
    np.testing.assert_array_equal(in_migen(net, images, slots), expected(net, images))


BENCH = """
#include "Vpipeline.h"
#include "verilated.h"
// Images one after the other; returns how many words came. What has no reset value begins as the seed has it.
extern "C" __attribute__((visibility("default"))) int run(const uint64_t* rows, int count, int32_t* words, int limit, int seed) {
    VerilatedContext context;
    context.randReset(2);
    context.randSeed(seed);
    Vpipeline top(&context);
    auto clock = [&] { top.sys_clk = 1; top.eval(); top.sys_clk = 0; top.eval(); };
    top.sys_rst = 1;
    for (int i = 0; i < 4; ++i) clock();
    top.sys_rst = 0;
    top.eval();
    int at = 0, got = 0;
    bool entering = false;
    for (int cycle = 0; cycle < 200 + count; ++cycle) {
        if (top.phase == 0) entering = at < count;
        top.sink_valid = entering;
        top.sink_payload_row = entering ? rows[at++] : 0x5A5;
        top.eval();
        if (top.source_valid && got < limit) words[got++] = int32_t(top.source_payload_word);
        clock();
    }
    return got;
}
"""


@pytest.mark.parametrize("settings", [{}, {"pixel_bits": 4, "weights": 6, "extreme": True}], ids=str)
def test_the_emitted_verilog_computes_the_same(settings):
    net, images = network(2, **settings), random_images(40)
    forget_names()
    dut = Pipeline(net)
    dut.phase.name_override = "phase"
    library = verilated("pipeline", emit(dut, "pipeline", {dut.phase, *dut.sink.flatten(), *dut.source.flatten()}), BENCH)
    rows, words = np.array(rows_of(images, net.pixel_bits), np.uint64), np.zeros((len(images), CLASSES + 1), np.int32)
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (rows, words)]
    assert library.run(pointers[0], len(rows), pointers[1], words.size, 1) == words.size
    np.testing.assert_array_equal(words, expected(net, images))
