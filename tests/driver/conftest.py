"""The driver's fixtures: `board` runs a test on both kinds of board, `fake` on the board that can fail."""

import dataclasses

import pytest

from gateware.shell.hwh import write_hwh
from lst_overlay import LST1Overlay
from lst_overlay.simulator.board import SimulatedBoard
from tests.boards.fake import BUILD_HASH, FOUR_PORTS, PIXEL_SERIAL, RESMLP_ARRAY, FakeBoard
from tests.driver.random_network import corner_lst1, random_lst1, with_channel_tables

NETWORKS = [random_lst1(seed) for seed in (1, 2)]
# Networks with channel tables in either stage, in both, and with tables of the most extreme codes.
CHANNEL_NETWORKS = [with_channel_tables(random_lst1(3), *numbers) for numbers in ((0,), (1,), (0, 1))] + [
    corner_lst1()
]


@pytest.fixture(autouse=True)
def lock_directory(tmp_path_factory, monkeypatch):
    """The directory with the locks of boards that the driver takes for real."""
    directory = tmp_path_factory.mktemp("locks")
    monkeypatch.setattr("lst_overlay.hardware.board_lock.DIRECTORIES", (str(directory),))
    return directory


def write_bitstream(
    directory, build_hash=BUILD_HASH, content=b"a bitstream", checksum=True, engine="pixel_serial", **hwh
):
    """Write a .bit of arbitrary bytes and its .hwh, and return the path of the .bit."""
    bitfile = directory / "pixel_serial-loadable.bit"
    bitfile.write_bytes(content)
    write_hwh(
        bitfile.with_suffix(".hwh"),
        engine,
        build_hash,
        hwh.pop("capabilities", PIXEL_SERIAL),
        bitstream=bitfile if checksum else None,
        **hwh,
    )
    return bitfile


def array_bitstream(directory, engine="resmlp_array", **hwh):
    """Write the .bit and the .hwh of an array for ResMLP networks."""
    return write_bitstream(directory, capabilities=RESMLP_ARRAY, family="resmlp", engine=engine, **hwh)


def fake_board(tmp_path, networks, design=PIXEL_SERIAL):
    return FakeBoard(networks, design), write_bitstream(tmp_path, capabilities=design)


def network_for(design):
    """NETWORKS[0], with as many bits in a pixel as the design reads."""
    return dataclasses.replace(NETWORKS[0], pixel_bits=design.layout.packed_bits or 8)


@pytest.fixture(params=["fake", "rtl"])
def board(request, tmp_path):
    """(device, bitfile) of the fake board, then of the verilated design, which must obey the bus rules."""
    if request.param == "fake":
        yield fake_board(tmp_path, NETWORKS + CHANNEL_NETWORKS)
        return
    device = SimulatedBoard()
    yield device, request.getfixturevalue("simulated_bit")
    assert device.violations() == []


@pytest.fixture
def overlay(board):
    """An LST1Overlay with NETWORKS[0], once on each kind of board."""
    device, bitfile = board
    with LST1Overlay(bitfile, device, network=NETWORKS[0]) as made:
        yield made


@pytest.fixture
def fake(tmp_path):
    """(board, overlay): a fake board, and an overlay on it."""
    device, bitfile = fake_board(tmp_path, NETWORKS)
    with LST1Overlay(bitfile, device, network=NETWORKS[0]) as made:
        yield device, made


@pytest.fixture
def four_ports(tmp_path):
    """(board, overlay): a fake board with a design that reads packed pixels over HP0 .. HP3."""
    network = network_for(FOUR_PORTS)
    device, bitfile = fake_board(tmp_path, [network], FOUR_PORTS)
    with LST1Overlay(bitfile, device, network=network) as made:
        yield device, made
