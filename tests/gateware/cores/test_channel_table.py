"""ChannelTable in Migen's simulator: shift, saturation and the table of the channel."""

import numpy as np
import pytest

from gateware.cores.channel_table import ChannelTable
from lst_overlay.network import Activation
from tests.gateware.streams import clocks as idle
from tests.gateware.streams import feed, simulate, values, watch

ACC_WIDTH = 10


def activation(channels, index_width, shift):
    rng = np.random.default_rng(index_width)
    shape = (channels, 1 << index_width) if channels else (1 << index_width,)
    return Activation(shift, index_width, 1.0, rng.integers(-8, 8, shape), 4, 1.0)


@pytest.mark.parametrize(
    "index_width, shift", [(3, 0), (3, 2), (5, 1), (5, 7), (8, 0), (1, 0), (1, 31), (4, 10)]
)
@pytest.mark.parametrize("channels", [0, 6])
def test_codes_come_from_the_table_of_their_channel(channels, index_width, shift):
    function, chosen = activation(channels, index_width, shift), range(3, 6)
    accs = np.r_[-512, 511, -1, 0, np.random.default_rng(0).integers(-512, 512, 41)]
    dut, beats = ChannelTable(function, chosen, ACC_WIDTH), []

    def process():
        yield from feed(dut.sink, [{"acc": int(acc)} for acc in accs], [0, 1, 0, 3])
        yield from idle(ChannelTable.latency + 2)

    simulate(dut, process(), watch(dut.source, beats))
    half = 1 << index_width - 1
    entries = np.clip(accs >> shift, -half, half - 1) + half
    tables = (
        function.table_q[chosen.start + np.arange(len(accs)) % 3, entries]
        if channels
        else function.table_q[entries]
    )
    assert values(beats, "code") == tables.tolist()
