"""The simulated board as pynq sees it.

Its fabric is tests/gateware/simulator/simulator_top.v, a small design that violates bus rules on request.
"""

import shutil
from pathlib import Path

import numpy as np
import pynq
import pytest
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device, DeviceMeta

from gateware.shell.hwh import write_hwh
from lst_overlay.errors import BitstreamError
from lst_overlay.simulator import board as simulator
from lst_overlay.simulator.bit import read_bit, write_bit
from lst_overlay.simulator.board import CMA_BYTES, SimulatedBoard
from lst_overlay.simulator.library import BoardFrozen, SimulationError
from tests import ROOT
from tests.boards.fake import PIXEL_SERIAL
from tests.conftest import simulator_library

BASE = 0x4000_0000
ID, SCRATCH, UNINITIALISED, START, ADDRESS, BUSY, RESPONSE = (
    BASE + offset for offset in (0, 4, 8, 0xC, 0x10, 0x24, 0x28)
)
TIME = BASE + 0x40
FPGA0_CLK_CTRL, FPGA_RST_CTRL, LVL_SHFTR_EN, AFI0 = 0xF8000170, 0xF8000240, 0xF8000900, 0xF8008000


@pytest.fixture(scope="session")
def library():
    return simulator_library(ROOT / "tests" / "gateware" / "simulator" / "simulator_top.v")


@pytest.fixture
def bitfile(library, tmp_path):
    here = Path(shutil.copy(library, tmp_path))
    path = tmp_path / "traffic.bit"
    write_bit(path, here, 0xCAFE)
    write_hwh(path.with_suffix(".hwh"), "pixel_serial", 0xCAFE, PIXEL_SERIAL)
    return path


@pytest.fixture
def board(library):
    board = SimulatedBoard(memory="ideal")
    board.configure(library)
    return board


def read(board, address):
    return int.from_bytes(board.read_registers(address, 4), "little")


def write(board, address, value):
    board.write_registers(address, value.to_bytes(4, "little"))


def transfer(board, what, address):
    write(board, ADDRESS, address)
    write(board, START, {"read": 1, "write": 2}[what])
    while read(board, BUSY):
        pass
    return read(board, RESPONSE)


# The .bit file of the simulated board.


def test_bit_says_what_was_written(bitfile):
    bit = read_bit(bitfile)
    assert bit.build_hash == 0xCAFE and bit.library.parent == bitfile.parent and bit.library.suffix == ".so"


def test_same_build_gives_the_same_bit(bitfile):
    before = bitfile.read_bytes()
    write_bit(bitfile, read_bit(bitfile).library, 0xCAFE)
    assert bitfile.read_bytes() == before


def test_library_elsewhere_is_refused(bitfile, library):
    with pytest.raises(ValueError, match="the library must lie beside"):
        write_bit(bitfile, library, 0)


@pytest.mark.parametrize(
    "content, message",
    [
        (
            b"\x00\x09\x0f\xf0\x0f\xf0 a real one",
            "a bitstream for a real FPGA; the simulated board takes those of `make simulator`",
        ),
        (b"", "not the bitstream of a simulated board"),
        (b"LSTSIM2\n{}", "not the bitstream of a simulated board"),
        (b'LSTSIM1\n{"build_hash": 1', "damaged header"),
        (b"LSTSIM1\n\xff\xfe", "damaged header"),
        (b"LSTSIM1\n[]", "damaged header"),
        (b"LSTSIM1\n{}", "damaged header .KeyError: 'build_hash'"),
        (b'LSTSIM1\n{"build_hash": 1, "library": "../x.so", "library_sha256": ""}', "library a file name"),
        (
            b'LSTSIM1\n{"build_hash": 1, "library": "gone.so", "library_sha256": ""}',
            "its library gone.so does not lie beside it",
        ),
    ],
)
def test_foreign_or_damaged_bit_is_one_clear_error(bitfile, content, message):
    bitfile.write_bytes(content)
    with pytest.raises(BitstreamError, match=f"traffic.bit: .*{message}"):
        read_bit(bitfile)


def test_library_of_another_build_is_refused(bitfile):
    with open(read_bit(bitfile).library, "ab") as file:
        file.write(b"x")
    with pytest.raises(BitstreamError, match="is damaged or of another build"):
        read_bit(bitfile)


# The board as the device of an unmodified pynq.


def overlay_on(board, bitfile):
    overlay = pynq.Overlay(str(bitfile), device=board, download=False)
    # pynq 4.0.0 fails at disabled clocks, 3.0.1 at all clocks unless it runs on an ARM processor.
    overlay.clock_dict = {}
    overlay.download()
    return overlay


def test_overlay_of_pynq_runs_on_it(bitfile):
    overlay = overlay_on(SimulatedBoard(), bitfile)
    assert overlay.is_loaded()
    assert overlay.accelerator.read(0) == 0x54455354
    overlay.accelerator.write(4, 0x5A5A)
    assert int(overlay.accelerator.mmio.array[1]) == 0x5A5A


def test_changed_hwh_counts_although_the_bit_is_the_same(bitfile):
    board = SimulatedBoard()
    for build_hash in (1, 2):
        write_hwh(bitfile.with_suffix(".hwh"), "pixel_serial", build_hash, PIXEL_SERIAL)
        parser = board.get_bitfile_metadata(str(bitfile))
        assert parser.ip_dict["accelerator"]["parameters"]["BUILD_HASH"] == f"0x{build_hash:08X}"


def test_bit_without_hwh_is_refused(bitfile):
    bitfile.with_suffix(".hwh").unlink()
    with pytest.raises(BitstreamError, match="traffic.hwh does not lie beside it"):
        SimulatedBoard().get_bitfile_metadata(str(bitfile))


@pytest.mark.skipif(
    pynq.__version__.startswith("3.0"), reason="pynq 3.0's Clocks ask for the processor that Python runs on"
)
def test_clocks_of_pynq_set_the_clock_of_their_own_board(bitfile):
    # pynq keeps the Clocks of the first device that it used.
    for divisors, mhz in (
        ((6, 1), 500 / 3),
        ((7, 1), 1000 / 7),
    ):
        board = SimulatedBoard()
        overlay_on(board, bitfile)
        pynq.ps.Clocks.set_pl_clk(0, *divisors)
        assert board.fclk0_mhz == pytest.approx(mhz)
        assert board.fabric.parameters.period_ps == round(1e6 / mhz)


@pytest.mark.filterwarnings("ignore:No devices found")
def test_it_is_never_found_by_chance():
    assert SimulatedBoard not in DeviceMeta._subclasses.values()
    assert not any(isinstance(device, SimulatedBoard) for device in Device.devices)


def test_get_device_is_one_board_and_pynqs_active_one(monkeypatch):
    monkeypatch.setattr(simulator, "_board", None)
    monkeypatch.setattr(Device, "_active_device", None, raising=False)
    board = simulator.get_device()
    assert simulator.get_device() is board is Device.active_device
    assert pynq.allocate(4).device is board


# Memory.


def test_design_sees_the_processors_writes_only_after_flush(board):
    source, destination = board.allocate(16, np.uint64), board.allocate(16, np.uint64)
    source[:] = range(16)
    transfer(board, "read", source.physical_address)
    transfer(board, "write", destination.physical_address)
    destination.invalidate()
    assert not np.array_equal(destination, source)
    source.flush()
    transfer(board, "read", source.physical_address)
    transfer(board, "write", destination.physical_address)
    destination.invalidate()
    np.testing.assert_array_equal(destination, np.arange(16))


def test_processor_sees_the_designs_writes_only_after_invalidate(board):
    source, destination = board.allocate(16, np.uint64), board.allocate(16, np.uint64)
    destination[:] = 7
    transfer(board, "read", source.physical_address)
    transfer(board, "write", destination.physical_address)
    assert np.all(destination == 7)
    destination.invalidate()
    assert np.all(destination != 7)


def test_flush_of_a_view_copies_the_view(board):
    buffer = board.allocate((4, 8), np.uint8)
    buffer[:] = 1
    buffer.flush()
    buffer[:] = 2
    buffer[1:3].flush()
    buffer.invalidate()
    np.testing.assert_array_equal(buffer[:, 0], [1, 2, 2, 1])
    assert buffer[1:3].physical_address == buffer.physical_address + 8


def test_buffers_start_random_by_seed():
    def content(seed):
        buffer = SimulatedBoard(seed=seed).allocate(64, np.uint8)
        before = buffer.copy()
        buffer.invalidate()
        return bytes(before), bytes(buffer)

    assert content(1) == content(1)
    assert len(set(content(1) + content(2))) == 4


def test_buffers_are_pynqs_aligned_and_apart(board):
    buffers = [board.allocate(size, np.uint8) for size in (1, 4096, 4097)]
    assert all(isinstance(buffer, PynqBuffer) and buffer.physical_address % 4096 == 0 for buffer in buffers)
    ends = [buffer.physical_address + buffer.nbytes for buffer in buffers]
    assert all(end + 4096 <= after.physical_address for end, after in zip(ends, buffers[1:]))


@pytest.mark.parametrize(
    "release", [lambda buffer: buffer.freebuffer(), lambda buffer: buffer.__exit__(None, None, None)]
)
def test_freed_buffer_is_out_of_bounds_for_the_design(board, release):
    buffer = board.allocate(128, np.uint8)
    release(buffer)
    release(buffer)  # A second release has no effect.
    transfer(board, "read", buffer.physical_address)
    assert len(board.violations()) == 1 and "range" in board.violations()[0]
    with pytest.raises(SimulationError, match="was freed before"):
        buffer.flush()


def test_memory_returns_when_the_last_reference_goes(board):
    address = board.allocate(8 << 20, np.uint8).physical_address
    assert board.allocate(8 << 20, np.uint8).physical_address == address


def test_view_does_not_free_its_buffer(board):
    buffer = board.allocate(128, np.uint8)
    buffer[:64].freebuffer()
    transfer(board, "read", buffer.physical_address)
    assert board.violations() == []


def test_contiguous_memory_is_as_small_as_on_the_board(board):
    with pytest.raises(
        MemoryError, match=f"no room for a buffer of {CMA_BYTES + 1} bytes: 0 of the board's {CMA_BYTES}"
    ):
        board.allocate(CMA_BYTES + 1, np.uint8)


# Registers and time.


def test_download_is_a_fresh_power_up_and_buffers_stay(board, library):
    buffer = board.allocate(128, np.uint8)
    buffer[:] = 3
    buffer.flush()
    before = read(board, UNINITIALISED)
    board.configure(library)
    assert read(board, UNINITIALISED) != before
    transfer(board, "read", buffer.physical_address)
    assert board.violations() == []


def test_violations_survive_a_download(board, library):
    transfer(board, "read", 0x100)
    board.configure(library)
    assert len(board.violations()) == 1


def test_faults_are_injected_at_download(library):
    board = SimulatedBoard(memory="ideal", faults={"memory_dead": True})
    board.configure(library)
    write(board, ADDRESS, board.allocate(128, np.uint8).physical_address)
    write(board, START, 1)
    board.advance(1000)
    assert read(board, BUSY) == 1


def test_waiting_reads_let_time_pass(board):
    def cycles_of_reads(count):
        before = board.fabric.cycles
        for _ in range(count):
            read(board, ID)
        return board.fabric.cycles - before

    assert cycles_of_reads(1) < 50  # The value changes, so reads advance the clock as fast as a processor's.
    cycles_of_reads(20)
    assert 2500 <= cycles_of_reads(1) < 2600  # 25 us at 100 MHz.
    write(board, SCRATCH, 1)
    assert cycles_of_reads(1) < 50


def test_changing_register_is_no_wait(board):
    before = board.fabric.cycles
    for _ in range(50):
        read(board, TIME)
    assert board.fabric.cycles - before < 50 * 50


def test_clock_follows_the_divisors(board):
    assert board.fclk0_mhz == pytest.approx(100)
    write(board, FPGA0_CLK_CTRL, 1 << 20 | 5 << 8)
    assert board.fclk0_mhz == pytest.approx(200) and board.fabric.parameters.period_ps == 5000


def test_clock_with_a_divisor_of_0_stands_still(board):
    with pytest.raises(SimulationError, match="FPGA0_CLK_CTRL = 0x00100000 has a divisor of 0"):
        write(board, FPGA0_CLK_CTRL, 1 << 20)


def test_reset_of_the_fabric(board):
    board.advance(1000)
    write(board, FPGA_RST_CTRL, 1)
    board.advance(1)
    write(board, FPGA_RST_CTRL, 0)
    board.advance(1)
    assert read(board, TIME) < 200


def test_registers_of_the_ps_as_the_boot_image_leaves_them(board):
    assert read(board, LVL_SHFTR_EN) == 0xF and read(board, AFI0) & 1 == 0
    with pytest.raises(SimulationError, match="no register at 0xE0001000"):
        read(board, 0xE0001000)


def test_access_before_a_download_freezes_the_board():
    with pytest.raises(BoardFrozen, match="level shifters between PS and fabric are off"):
        read(SimulatedBoard(), ID)


def test_access_with_level_shifters_off_freezes_the_board(board):
    write(board, LVL_SHFTR_EN, 0)
    with pytest.raises(BoardFrozen, match="level shifters"):
        read(board, ID)
