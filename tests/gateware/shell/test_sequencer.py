"""The beat counts of Sequencer in Migen's simulator, for layouts that no engine has.

Everything else that the sequencer does is tested with the whole design, in test_top_*.py.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from migen import Constant, Signal, run_simulation

from gateware.shell.sequencer import Sequencer
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import GROUP, ImageLayout
from lst_overlay.memory.results import ResultRecord
from lst_overlay.registers import BURST_BEATS, REGISTERS, ResultMode


def registers(access):
    return {r.name: Signal(r.width, name=r.name.lower()) for r in REGISTERS if r.access == access}


def port():
    """The signals that the sequencer uses of a reader or the writer, which is always idle."""
    return SimpleNamespace(
        start=Signal(),
        abort=Signal(),
        idle=Signal(reset=1),
        failed=Signal(),
        address=Signal(32),
        error_address=Signal(32),
        beats=Signal(23),
    )


def started_with(layout, record, images, mode, by_network=False, what="beats", sources=(0, 0)):
    """Start a batch and return ``what`` of each reader and the writer when it starts; None: not started."""
    slave = SimpleNamespace(
        value=registers("read-only"),
        storage=registers("read-write"),
        written=registers("write-only"),
        data=Signal(32),
    )
    engine = SimpleNamespace(
        capabilities=Capabilities(0, False, layout, record),
        parameter_bytes=0,
        image_beats=Constant(layout.beats_per_image, 8) if by_network else layout.beats_per_image,
        values=Constant(record.values, 6) if by_network else record.values,
        parameters=SimpleNamespace(loaded=Constant(1), bad=Constant(0), crc=Constant(0, 32)),
        starved=Signal(),
        blocked=Signal(),
    )
    packer = SimpleNamespace(start=Signal(), images=Signal(20), logits_mode=Signal())
    readers, writer = [port() for _ in range(layout.ports)], port()
    dut = Sequencer(slave, readers, writer, packer, engine)
    found = [None] * (layout.ports + 1)

    def process():
        for name, value in zip(("SOURCE", "SOURCE_1"), sources):
            yield slave.storage[name].eq(value)
        yield slave.storage["IMAGES"].eq(images)
        yield slave.storage["RESULT_MODE"].eq(mode)
        yield slave.data.eq(1)  # START
        yield slave.written["CONTROL"].eq(1)
        yield
        yield slave.written["CONTROL"].eq(0)
        for _ in range(40):
            yield
            for number, one in enumerate([*readers, writer]):
                if (yield one.start):
                    found[number] = yield getattr(one, what)

    run_simulation(dut, process())
    return found


# 10,922 and 5,461 beats are sums of seven powers of two. Their six additions take longer than the checks of
# the arguments; the additions of the real engines do not.
LAYOUTS = [*[ImageLayout((16, 5461), ports) for ports in (1, 2, 4)], ImageLayout((5461, 28), 4, 4)]
LAYOUTS += [ImageLayout((28, 28), 2, 2), ImageLayout((16, 28), 4, 4)]
CASES = [(layout, ResultRecord(10, 10)) for layout in LAYOUTS]
CASES.append((ImageLayout((28, 28)), ResultRecord(10, 2 * 5461 - 2)))


@pytest.mark.parametrize("mode", ResultMode)
@pytest.mark.parametrize("images", [1, 9, 16, 27, 35])
@pytest.mark.parametrize("layout, record", CASES, ids=str)
def test_beats_are_final_when_readers_and_writer_start(layout, record, images, mode):
    stripe = BURST_BEATS if layout.packed_bits else GROUP * layout.beats_per_image
    owners = np.arange(images * layout.beats_per_image) // stripe % layout.ports_per_buffer
    expected = [int((owners == port // layout.buffers).sum()) or None for port in range(layout.ports)]
    assert started_with(layout, record, images, mode) == [*expected, record.bytes(mode, images) // 8]


@pytest.mark.parametrize("ports, bits, stripe, first", [(4, 0, 8 * 784, 2), (4, 4, 128, 1)])
def test_the_third_and_the_fourth_port_begin_a_stripe_or_two_after_the_first_two(ports, bits, stripe, first):
    found = started_with(
        ImageLayout((28, 28), ports, bits),
        ResultRecord(10, 10),
        32,
        ResultMode.CLASSES,
        what="address",
        sources=(0x1000, 0x8_0000),
    )
    later = first * stripe
    assert found == [0x1000, 0x8_0000, 0x1000 + later, 0x8_0000 + later, 0]


@pytest.mark.parametrize("shape, classes", [((8, 8), 2), ((9, 9), 3), ((28, 28), 10), ((32, 32), 32)])
@pytest.mark.parametrize("mode", ResultMode)
def test_beats_are_those_of_the_shape_and_the_classes_of_the_loaded_network(shape, classes, mode):
    layout, record = ImageLayout(shape, padded=True), ResultRecord(classes, classes)
    found = started_with(layout, record, 10_001, mode, by_network=True)
    assert found == [10_001 * layout.beats_per_image, record.bytes(mode, 10_001) // 8]
