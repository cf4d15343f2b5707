"""The memory behind the simulated HP ports: what it holds, when it answers, which faults it can play."""

import numpy as np
import pytest

from lst_overlay.simulator.library import DDR_BYTES, MEMORY_MODELS
from tests.gateware.simulator.traffic_design import (
    BEATS,
    BUFFER,
    BUFFER_BYTES,
    BUSY,
    LAST,
    STEADY,
    STROBES,
    UNINITIALISED,
    TrafficDesign,
)

OTHER = BUFFER + 0x20_0000
TWO_PORTS = 1 << 8  # of MODE
IDEAL = MEMORY_MODELS["ideal"]


def beats_per_cycle(design, bursts=256, mode=0):
    design.transfer("read", bursts=bursts, mode=mode)
    return design.read32(BEATS) / design.read32(LAST)


@pytest.mark.parametrize("memory", ["ideal", "default"])
def test_copy_arrives_and_breaks_no_rule(memory):
    for seed in range(1, 6):
        with TrafficDesign(memory, seed) as design:
            design.map(OTHER, 4096)
            design.transfer("read", BUFFER + 256)
            design.transfer("write", OTHER)
            np.testing.assert_array_equal(
                design.read_memory(OTHER, 128), design.read_memory(BUFFER + 256, 128)
            )
            assert design.violations() == []


def test_ideal_memory_answers_after_25_cycles():
    with TrafficDesign("ideal") as design:
        assert design.transfer("read")[:2] == (25, 40)


def test_ideal_memory_moves_a_beat_per_cycle():
    with TrafficDesign("ideal") as design:
        design.transfer("read", bursts=64)
        assert design.read32(LAST) == 25 + 64 * 16 - 1


@pytest.mark.parametrize("fclk_mhz", [100.0, 200.0])
def test_default_latency_is_200_to_400_ns_at_any_clock(fclk_mhz):
    with TrafficDesign(STEADY, fclk_mhz=fclk_mhz) as design:
        waits = [design.transfer("read")[0] * 1000 / fclk_mhz for _ in range(60)]
    assert 200 <= min(waits) < 240 and 360 < max(waits) <= 400 + 1000 / fclk_mhz


def test_clock_change_changes_the_cycles_of_a_latency():
    with TrafficDesign(dict(STEADY, latency_low_ps=300_000, latency_high_ps=300_000)) as design:
        assert design.transfer("read")[0] == 60
        design.set_fclk(100)
        assert design.transfer("read")[0] == 30


def test_a_tenth_of_the_beats_is_withheld():
    with TrafficDesign(dict(IDEAL, withheld_per_256=26)) as design:
        assert 0.87 < beats_per_cycle(design) < 0.92


def test_no_data_move_during_refresh():
    with TrafficDesign(dict(IDEAL, refresh_interval_ps=7_800_000, refresh_ps=350_000)) as design:
        assert 0.94 < beats_per_cycle(design) < 0.965  # 1 - 350 ns / 7.8 us


@pytest.mark.parametrize("fclk_mhz, limit", [(200.0, 1600), (250.0, 3200)])
def test_ports_share_the_bandwidth(fclk_mhz, limit):
    with TrafficDesign(dict(IDEAL, bytes_per_us=limit), fclk_mhz=fclk_mhz) as design:
        rate = 8 * fclk_mhz * beats_per_cycle(design, mode=TWO_PORTS)
        assert 0.96 * limit < rate < 1.01 * limit


def test_two_ports_get_equal_shares():
    with TrafficDesign(dict(IDEAL, bytes_per_us=1600)) as design:
        design.start("read", bursts=256, mode=TWO_PORTS)
        design.run(2000)
        first, second = design.statistics(0).read_beats, design.statistics(2).read_beats
        assert abs(first - second) < 64 and first > 500


def test_eight_reads_are_outstanding_at_most():
    with TrafficDesign("ideal") as design:
        design.inject(memory_dead=True)
        design.start("read", bursts=100)
        design.run(1000)
        assert (design.statistics().most_reads_outstanding, design.statistics().read_bursts) == (8, 8)


def test_eight_writes_are_outstanding_at_most():
    with TrafficDesign("ideal") as design:
        design.inject(hold_write_responses=True)
        design.start("write", bursts=100)
        design.run(1000)
        assert (design.statistics().most_writes_outstanding, design.statistics().write_bursts) == (8, 8)


def test_dead_memory_never_answers():
    with TrafficDesign("ideal") as design:
        design.inject(memory_dead=True)
        for what in ("read", "write"):
            design.start(what)
            design.run(20_000)
        assert design.read32(BUSY) == 1 and design.read32(BEATS) == 0
        design.inject(memory_dead=False)
        design.poll(BUSY, 1, 0, 1000)


def test_outside_the_ddr_answers_decode_error_and_is_no_violation():
    with TrafficDesign("ideal") as design:
        assert design.transfer("read", DDR_BYTES)[2] == 3
        assert design.transfer("write", DDR_BYTES)[2] == 3
        assert design.violations() == []
        assert design.statistics().error_responses == 2


@pytest.mark.parametrize("decode, response", [(False, 2), (True, 3)])
def test_error_range_answers_as_asked(decode, response):
    with TrafficDesign("ideal") as design:
        design.inject_error(BUFFER + 128, 8, decode=decode)
        assert design.transfer("read", BUFFER)[2] == 0
        assert design.transfer("read", BUFFER + 128)[2] == response
        design.clear_errors()
        assert design.transfer("read", BUFFER + 128)[2] == 0


def test_refused_write_changes_nothing():
    with TrafficDesign("ideal") as design:
        design.inject_error(BUFFER, 128, reads=False)
        design.transfer("read", BUFFER + 1024)
        before = design.read_memory(BUFFER, 128)
        assert design.transfer("write", BUFFER)[2] == 2
        np.testing.assert_array_equal(design.read_memory(BUFFER, 128), before)


def test_data_are_in_memory_only_with_the_response():
    with TrafficDesign("ideal") as design:
        design.transfer("read", BUFFER + 1024)
        before = design.read_memory(BUFFER, 128)
        design.inject(hold_write_responses=True)
        design.start("write")
        design.run(5000)
        np.testing.assert_array_equal(design.read_memory(BUFFER, 128), before)
        design.inject(hold_write_responses=False)
        design.poll(BUSY, 1, 0, 100)
        np.testing.assert_array_equal(design.read_memory(BUFFER, 128), design.read_memory(BUFFER + 1024, 128))


def test_strobes_choose_the_bytes():
    with TrafficDesign("ideal") as design:
        design.transfer("read", BUFFER + 1024)
        expected = design.read_memory(BUFFER, 128).reshape(16, 8)
        expected[:, :3] = design.read_memory(BUFFER + 1024, 128).reshape(16, 8)[:, :3]
        design.write32(STROBES, 0b111)
        design.transfer("write")
        np.testing.assert_array_equal(design.read_memory(BUFFER, 128).reshape(16, 8), expected)


def test_read_outside_buffers_is_served_and_reported():
    with TrafficDesign("ideal") as design:
        assert design.transfer("read", OTHER)[2] == 0
        assert (
            design.broken_rules() == {"range"}
            and "HP0" in design.violations()[0]
            and "0x10200000" in design.violations()[0]
        )


def test_burst_past_the_end_of_a_buffer_is_reported():
    with TrafficDesign("ideal") as design:
        design.map(OTHER, 192)
        design.transfer("read", OTHER + 128)
        assert design.broken_rules() == {"range"}


@pytest.mark.parametrize("size, rules", [(121, set()), (120, {"range"})])
def test_only_the_last_8_bytes_may_be_read_beyond_the_end(size, rules):
    with TrafficDesign("ideal") as design:
        design.map(OTHER, size)
        design.transfer("read", OTHER)
        assert design.broken_rules() == rules


def test_only_written_bytes_must_be_inside():
    with TrafficDesign("ideal") as design:
        design.map(OTHER, 124)  # the last beat of a burst is half inside
        design.transfer("write", OTHER)
        assert len(design.violations()) == 1 and "strobes 0xFF at 0x10200078" in design.violations()[0]
        design.clear_violations()
        design.write32(STROBES, 0x0F)
        design.transfer("write", OTHER)
        assert design.violations() == []


def test_unmapped_buffer_is_out_of_range():
    with TrafficDesign("ideal") as design:
        design.unmap(BUFFER)
        design.transfer("read")
        assert design.broken_rules() == {"range"}


def test_memory_and_registers_are_random_by_seed():
    def power_up(seed):
        with TrafficDesign("ideal", seed) as design:
            return design.read32(UNINITIALISED), bytes(design.read_memory(BUFFER, 64))

    assert power_up(1) == power_up(1)
    assert all(a != b for a, b in zip(power_up(1), power_up(2)))


def test_same_seed_gives_the_same_cycles():
    def timing(seed):
        with TrafficDesign("default", seed) as design:
            return [design.transfer("read", bursts=4)[:2] for _ in range(5)], design.cycles

    assert timing(7) == timing(7) != timing(8)


@pytest.mark.parametrize(
    "address, data, message",
    [
        (DDR_BYTES - 8, 16, "leaves the 1024 MB"),
        (BUFFER + 8, 8, "overlaps"),
        (4, 8, "multiple of 8"),
        (0, 0, "empty"),
    ],
)
def test_impossible_buffers_are_refused(address, data, message):
    with TrafficDesign("ideal") as design, pytest.raises(ValueError, match=message):
        design.map(address, data)


def test_memory_outside_buffers_is_not_ours():
    with TrafficDesign("ideal") as design, pytest.raises(ValueError, match="not inside one buffer"):
        design.read_memory(BUFFER + BUFFER_BYTES - 4, 8)
