"""BiasAdder in Migen's simulator."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.engines.pixel_serial.bias_adder import BiasAdder, BiasAdderConfig
from tests.gateware.streams import clocks as idle
from tests.gateware.streams import feed, simulate, values, watch

CFG = BiasAdderConfig(lanes=3, acc_width=6, bias_width=8)
BIASES = [-100, 0, 57]
LATENCY = 2


def run(biases, accs, gaps=(), cfg=CFG):
    dut, offered, beats = BiasAdder(cfg), [], []

    def process():
        yield from feed(dut.load, [{"address": address, "data": bias} for address, bias in enumerate(biases)])
        yield from feed(dut.sink, [{"acc": int(acc)} for acc in accs], gaps)
        yield from idle(LATENCY + 2)

    simulate(dut, process(), watch(dut.sink, offered), watch(dut.source, beats))
    assert [after - before for (before, _), (after, _) in zip(offered, beats)] == [LATENCY] * len(accs)
    return beats


def test_each_lane_has_its_own_bias_image_after_image():
    accs = np.arange(-8, 7).reshape(-1, 3)
    np.testing.assert_array_equal(
        np.reshape(values(run(BIASES, accs.ravel()), "acc"), (-1, 3)), accs + BIASES
    )


def test_lanes_come_one_after_another():
    assert values(run(BIASES, [0] * 7), "lane") == [0, 1, 2, 0, 1, 2, 0]


@settings(max_examples=25, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 3), max_size=9), accs=st.lists(st.integers(-28, 27), min_size=1, max_size=9)
)
def test_gaps_keep_lanes_and_biases_together(gaps, accs):
    beats = run(BIASES, accs, gaps)
    assert values(beats, "acc") == [acc + BIASES[i % 3] for i, acc in enumerate(accs)]
    assert values(beats, "lane") == [i % 3 for i in range(len(accs))]


def test_narrow_sums_keep_their_sign():
    assert values(run([0, 127 - 31, -128 + 32], [-32, 31, -32]), "acc") == [-32, 127, -128]


def test_a_sum_as_wide_as_the_bias():
    cfg = BiasAdderConfig(lanes=2, acc_width=32)
    assert values(run([1 << 30, -(1 << 30)], [(1 << 30) - 1, -(1 << 30)], cfg=cfg), "acc") == [
        2**31 - 1,
        -(2**31),
    ]
