"""Registers of the whole design: every address answers in every state; counters."""

import numpy as np
import pytest

from gateware.designs import make_design
from gateware.toolchain.standalone import standalone_engine_verilog
from lst_overlay.network import PARAMETER_BYTES, parameter_words
from lst_overlay.registers import ABI_VERSION, BASE_ADDRESS, BY_NAME, MAGIC, REGISTERS
from tests.gateware.shell.top_bench import (
    LOAD,
    PARAMETERS,
    PIXELS,
    PROMPT,
    SAMPLE,
    SOFT_RESET,
    START,
    random_images,
    random_network,
)

NETWORK = random_network(1)
WINDOW_END = 0x8000_0000  # The end of M_AXI_GP0's range.
LAST = max(register.offset for register in REGISTERS)
COUNTERS = ("CYCLES", "STALL_INPUT", "STALL_OUTPUT", "TIME")
# An access that takes more clocks counts as a hang. Delays of the simulated processor are included.
ANSWERED_WITHIN = 250


def storm(board, seed, accesses, may_write=lambda offset: True):
    """Make random reads and writes, single and in bursts, a third of them beside the registers.

    Raises BoardFrozen if one is not answered.
    """
    random = np.random.default_rng(seed)
    for _ in range(accesses):
        offset = (
            4 * int(random.integers(0, LAST // 4 + 8))
            if random.integers(3)
            else 4 * int(random.integers(0, 1 << 28))
        )
        beats = int(random.integers(1, min(16, (4096 - offset % 4096) // 4) + 1)) if random.integers(2) else 1
        address = BASE_ADDRESS + offset
        values = [int(value) for value in random.integers(0, 1 << 32, beats)]
        writable = all(may_write(offset + 4 * beat) for beat in range(beats))
        before = board.cycles
        kind = random.integers(3)
        if kind == 0 and writable:
            board.write_burst(address, values, int(random.integers(0, 16)))
        elif kind == 1 and may_write(offset):
            board.read_and_write32(
                BASE_ADDRESS + 4 * int(random.integers(0, LAST // 4 + 1)), address, values[0]
            )
        else:
            board.read_burst(address, beats)
        assert board.cycles - before < 70 + 20 * beats  # The delays of the processor are included.


def not_control(offset):
    return offset != BY_NAME["CONTROL"].offset


@pytest.mark.parametrize("seed", range(4))
def test_any_access_is_answered_while_memory_is_dead(top, seed):
    board = top(seed=seed + 1, network=NETWORK, cpu_timeout_cycles=ANSWERED_WITHIN)
    board.start(5)
    board.inject(memory_dead=True)
    storm(board, seed, 1000, not_control)
    assert board.status("IDLE") == 0


@pytest.mark.parametrize("seed", range(4))
def test_any_access_is_answered_while_loading(top, seed):
    board = top(seed=seed + 1, cpu_timeout_cycles=ANSWERED_WITHIN)
    board.write_memory(PARAMETERS, parameter_words(NETWORK))
    board.write("SOURCE", PARAMETERS)
    board.write("CONTROL", LOAD)
    storm(board, seed, 300, not_control)
    assert board.status("LOADED") == 0
    board.wait_completed(1)
    board.assert_works(NETWORK)


@pytest.mark.parametrize("seed", range(4))
def test_any_access_is_answered_during_a_batch(top, seed):
    board = top(seed=seed + 1, network=NETWORK, cpu_timeout_cycles=ANSWERED_WITHIN)
    board.write_memory(PIXELS, random_images(60))
    done = board.read("COMPLETED")
    board.start(60)
    storm(board, seed, 500, not_control)
    assert (board.status("IDLE"), board.read("COMPLETED")) == (0, done)
    board.wait_completed(done + 1)


@pytest.mark.parametrize("seed", range(4))
def test_any_access_is_answered_while_the_bus_drains(top, seed):
    board = top(seed=seed + 1, network=NETWORK, cpu_timeout_cycles=ANSWERED_WITHIN)
    board.start(60)
    board.run(3000)
    board.inject(memory_dead=True)
    board.run(500)
    board.write("CONTROL", SOFT_RESET)
    storm(board, seed, 1000)
    assert board.status("DRAINING") == 1


@pytest.mark.parametrize("seed", range(4))
def test_any_access_is_answered_after_an_error(top, seed):
    board = top(seed=seed + 1, cpu_timeout_cycles=ANSWERED_WITHIN)
    board.start(1)
    assert board.error()
    storm(board, seed, 500, not_control)
    assert board.status("ERROR") == 1


@pytest.mark.parametrize("seed", range(8))
def test_any_access_is_answered_whatever_runs(top, seed):
    """CONTROL is accessed too: random commands with random arguments, with a memory that refuses them all."""
    board = top(seed=seed + 1, network=NETWORK, cpu_timeout_cycles=ANSWERED_WITHIN)
    board.inject_error(0, 0x4000_0000)
    storm(board, seed, 1000)
    board.write("CONTROL", SOFT_RESET)
    board.wait_status(IDLE=1, ERROR=0)
    # Random addresses are in no buffer, which is the only rule that software can violate.
    assert all("'range'" in text for text in board.violations())
    board.clear_violations()
    board.clear_errors()
    board.load(NETWORK)
    board.assert_works(NETWORK)


def test_unmapped_addresses_read_zero_and_ignore_writes(top):
    board = top(network=NETWORK)
    before = board.read_burst(BASE_ADDRESS, 16)
    random = np.random.default_rng(0)
    control = BY_NAME["CONTROL"].offset
    offsets = [
        LAST + 4,
        0x7C,
        0x80,
        0x98,
        0x100,
        0xFFC,
        0x1000,
        0x1000 | control,
        0xFFFC,
        0x1_0000,
        0x1_0000 | control,
    ]
    offsets += (
        [1 << bit for bit in range(7, 30)]
        + [control | 1 << bit for bit in range(7, 30)]
        + [WINDOW_END - BASE_ADDRESS - 4]
    )
    for offset in offsets + [4 * int(word) for word in random.integers(32, 1 << 28, 100)]:
        assert board.read32(BASE_ADDRESS + offset) == 0, hex(offset)
        board.write32(BASE_ADDRESS + offset, 0xFFFF_FFFF)
    assert board.read_burst(BASE_ADDRESS, 16) == before


def test_read_only_registers_ignore_writes(top):
    board = top()
    for register in REGISTERS:
        if register.access == "read-only":
            before = board.read(register.name)
            board.write(register.name, ~before & 0xFFFF_FFFF)
            assert board.read(register.name) == before


def test_control_reads_zero(top):
    board = top()
    board.write("CONTROL", SAMPLE)
    assert board.read("CONTROL") == 0


def test_byte_strobes_write_their_bytes_only(top):
    board = top()
    for name in ("SOURCE", "DESTINATION", "IMAGES", "RESULT_MODE"):
        limit = (1 << BY_NAME[name].width) - 1
        expected = 0
        for strobes in range(16):
            value = 0x1111_1111 * ((strobes + 7) % 16) ^ 0x0F0F_F0F0
            mask = sum(0xFF << 8 * lane for lane in range(4) if strobes >> lane & 1)
            board.write32(BASE_ADDRESS + BY_NAME[name].offset, value, strobes)
            expected = (expected & ~mask | value & mask) & limit
            assert board.read(name) == expected


def test_control_acts_only_with_its_strobe(top):
    board = top()
    for strobes in range(0, 16, 2):
        board.write32(BASE_ADDRESS + BY_NAME["CONTROL"].offset, START, strobes)
    board.run(50)
    assert board.read("ACCEPTED") == 0
    board.write32(BASE_ADDRESS + BY_NAME["CONTROL"].offset, START, 1)
    assert board.read("ACCEPTED") == 1


def test_bursts_write_and_read_registers_in_order(top):
    board = top()
    board.write_burst(BASE_ADDRESS + BY_NAME["IMAGES"].offset, [5, 0x1234_5680, 0xABCD_EF00, 1])
    assert board.read_burst(BASE_ADDRESS + BY_NAME["IMAGES"].offset, 4) == [5, 0x1234_5680, 0xABCD_EF00, 1]
    assert board.read_burst(BASE_ADDRESS, 16)[10:14] == [5, 0x1234_5680, 0xABCD_EF00, 1]


def test_one_burst_can_set_up_nothing_by_accident(top):
    """A burst over all registers writes CONTROL too: START, LOAD and SOFT_RESET in one word are a reset."""
    board = top(network=NETWORK)
    board.write_burst(BASE_ADDRESS, [0xFFFF_FFFF] * 16)
    board.wait_status(IDLE=1, ERROR=0, LOADED=1)
    assert board.read("ACCEPTED") == 1


def test_design_is_emitted_the_same_every_time():
    """The build hash names the design, so the Verilog must not depend on designs emitted earlier."""
    first = make_design("pixel_serial")
    standalone_engine_verilog()
    assert make_design("pixel_serial") == first


def test_constants(top):
    board = top()
    assert board.read_burst(BASE_ADDRESS, 4) == [
        MAGIC,
        ABI_VERSION,
        0x130,
        make_design("pixel_serial").build_hash,
    ]
    assert board.read("PARAMETER_BYTES") == PARAMETER_BYTES


def test_whoever_has_a_write_response_reads_what_the_write_did(top):
    board = top(**PROMPT)
    for value in (1, 2, 3):
        board.write("IMAGES", value)
        assert board.read("IMAGES") == value
    board.write("CONTROL", SOFT_RESET)
    assert board.status("IDLE", "DRAINING", "QUEUE_READY") == (0, 1, 0)
    board.wait_status(IDLE=1)
    board.load(NETWORK)
    board.write("CONTROL", START)
    assert board.status("IDLE", "DONE") == (0, 0)


# Counters.


@pytest.mark.parametrize("memory", ["ideal", "default"])
def test_cycles_count_the_time_between_start_and_completed(top, memory):
    board = top(memory, network=NETWORK, **PROMPT)
    board.write_memory(PIXELS, random_images(5))
    done = board.read("COMPLETED")
    board.start(5)
    before = board.cycles
    while board.read("COMPLETED") == done:
        pass
    # START takes effect two clocks before its response; the read of COMPLETED takes seven clocks.
    assert -10 <= board.cycles - before - board.counter("CYCLES") <= 10


def test_cycles_of_a_queued_batch_begin_when_it_is_taken_up(top):
    board = top("ideal", network=NETWORK, **PROMPT)
    board.write_memory(PIXELS, random_images(2))
    board.run_batch(random_images(2))
    alone = board.counter("CYCLES")
    done = board.read("COMPLETED")
    board.start(2)
    board.start(2)
    board.wait_completed(done + 1)
    first = board.counter("CYCLES")
    board.wait_completed(done + 2)
    assert first == alone and abs(board.counter("CYCLES") - alone) <= 2


def test_cycles_of_a_running_batch_can_be_sampled(top):
    board = top(network=NETWORK, **PROMPT)
    board.start(20)
    board.write("CONTROL", SAMPLE)
    first = board.counter("CYCLES")
    board.run(1000)
    board.write("CONTROL", SAMPLE)
    assert 1000 <= board.counter("CYCLES") - first < 1000 + 80


def test_counters_stand_still_between_samples(top):
    board = top(network=NETWORK)
    board.write("CONTROL", SAMPLE)
    before = [board.counter(name) for name in COUNTERS]
    board.run(1000)
    assert [board.counter(name) for name in COUNTERS] == before


def test_time_runs_freely(top):
    board = top(network=NETWORK, **PROMPT)
    samples = []
    for clocks in (0, 1000, 12_345):
        board.run(clocks)
        before = board.cycles
        board.write("CONTROL", SAMPLE)
        samples.append((before, board.counter("TIME")))
        board.write("CONTROL", SOFT_RESET)
    for (before, start), (after, end) in zip(samples, samples[1:]):
        assert end - start == after - before
    # TIME counts from the reset of the PL, 16 clocks after configuration.
    assert 0 <= samples[0][0] - samples[0][1] < 30


def test_stall_input_counts_what_memory_withholds(top):
    stalls = []
    for withheld in (0, 0.9, 0.97):
        board = top("ideal", network=NETWORK)
        board.inject(withheld=withheld)
        board.run_batch(random_images(6))
        stalls.append((board.counter("STALL_INPUT"), board.counter("CYCLES")))
    # In a batch at full speed, the only stalls are before the first pixels and after the last results.
    assert 800 < stalls[0][0] < 1100 and stalls[0][0] + 6 * 784 <= stalls[0][1]
    assert stalls[0][0] < stalls[1][0] - 500 < stalls[2][0] - 1000
    for stalled, cycles in stalls:
        assert stalled < cycles


def test_stall_output_counts_results_that_are_not_taken(top):
    board = top("ideal", network=NETWORK)
    images = random_images(60)
    board.run_batch(images)
    assert board.counter("STALL_OUTPUT") < 10
    done = board.read("COMPLETED")
    board.inject(hold_write_responses=True)
    board.start(60)
    board.run(60_000)
    board.inject(hold_write_responses=False)
    board.wait_completed(done + 1)
    assert 20_000 < board.counter("STALL_OUTPUT") < board.counter("CYCLES")


def test_load_stalls_nothing(top):
    board = top(network=NETWORK)
    assert (
        board.counter("STALL_INPUT") < 4
        and board.counter("STALL_OUTPUT") == 0
        and board.counter("CYCLES") > 34_000
    )
