"""The search for bitstream files, and the refusal of wrong ones."""

import re
from dataclasses import replace

import pytest
from pynq import Device

from gateware.shell import hwh
from lst_overlay import BitstreamError, LST1Overlay, LstOverlayError
from lst_overlay.hardware import bitstream_files
from tests.boards.fake import PIXEL_SERIAL, FakeBoard
from tests.driver.conftest import NETWORKS, write_bitstream


class Board:
    name = "Pynq-Z1"


def make(bitfile, device=None, **options):
    return LST1Overlay(bitfile, device or FakeBoard(NETWORKS), network=NETWORKS[0], **options)


@pytest.mark.parametrize(
    "variable, expected",
    [(None, "zybo_z7_10"), ("", "zybo_z7_10"), ("Zybo-Z7-10", "zybo_z7_10"), ("Pynq-Z2", "pynq_z2")],
)
def test_board_name(monkeypatch, variable, expected):
    monkeypatch.delenv("BOARD", raising=False)
    if variable is not None:
        monkeypatch.setenv("BOARD", variable)
    assert bitstream_files.board_name(Board()) == expected
    assert bitstream_files.board_name(FakeBoard()) == "simulated"


def test_bitstream_is_found_by_board(monkeypatch, tmp_path):
    monkeypatch.setattr(
        bitstream_files, "search_roots", lambda: [tmp_path / "package", tmp_path / "checkout"]
    )
    directory = tmp_path / "checkout" / "simulated"
    directory.mkdir(parents=True)
    expected = write_bitstream(directory)
    with LST1Overlay(device=FakeBoard(NETWORKS), network=NETWORKS[0]) as overlay:
        assert overlay.bitfile_name == str(expected)


@pytest.mark.parametrize(
    "device, board, stem, command",
    [
        (FakeBoard(), "simulated", "pixel_serial-loadable", "make simulator"),
        (Board(), "zybo_z7_10", "pixel_serial-loadable", "make bitstream"),
        (Board(), "zybo_z7_10", "resmlp_array-loadable", "make bitstream ENGINE=resmlp_array"),
        (Board(), "zybo_z7_10", "folded-a1", "make bitstream ENGINE=folded NETWORK=a1"),
    ],
)
def test_missing_bitstream_names_file_and_command(monkeypatch, tmp_path, device, board, stem, command):
    monkeypatch.delenv("BOARD", raising=False)
    monkeypatch.setattr(bitstream_files, "search_roots", lambda: [tmp_path])
    with pytest.raises(BitstreamError) as caught:
        bitstream_files.find_bitfile(None, device, stem)
    assert str(tmp_path / board / f"{stem}.bit") in str(caught.value)
    assert f"`{command}`" in str(caught.value)


def test_checkout_and_package_are_searched():
    roots = bitstream_files.search_roots()
    assert roots[0].name == "bitstreams" and roots[0].parent.name == "lst_overlay"
    if roots[0].parents[1].name == "driver":  # The package is in a checkout.
        assert roots[1].parent.joinpath("setup.py").is_file()


def test_named_bitstream_is_missing(tmp_path):
    with pytest.raises(BitstreamError, match="no bitstream at .*nowhere.bit"):
        make(tmp_path / "nowhere.bit")


def test_hwh_must_have_the_same_stem(tmp_path):
    bitfile = write_bitstream(tmp_path)
    bitfile.with_suffix(".hwh").rename(tmp_path / "design_1.hwh")
    with pytest.raises(
        BitstreamError,
        match="pixel_serial-loadable.hwh must lie beside it with the same stem .there: design_1.hwh",
    ):
        make(bitfile)


def test_an_earlier_hwh_that_names_no_family_is_that_of_an_lst_engine(tmp_path):
    bitfile = write_bitstream(tmp_path, family="resmlp", network="own", cycles_per_image=26_180)
    stated = ("family", "network", "cycles_per_image")
    described = bitstream_files.describe(bitfile)
    assert [getattr(described, name) for name in stated] == ["resmlp", "own", 26_180]
    lines = bitfile.with_suffix(".hwh").read_text().splitlines()
    kept = [line for line in lines if not any(f'"{name.upper()}"' in line for name in stated)]
    assert len(kept) == len(lines) - 3
    bitfile.with_suffix(".hwh").write_text("\n".join(kept))
    described = bitstream_files.describe(bitfile)
    assert [getattr(described, name) for name in stated] == ["lst", "lst1_w6a4p4", 0]


def test_a_built_in_network_must_have_its_file_beside_it(tmp_path):
    bitfile = write_bitstream(tmp_path, capabilities=replace(PIXEL_SERIAL, engine=1, loadable=False))
    device = FakeBoard(NETWORKS)
    with pytest.raises(
        BitstreamError,
        match=f"{bitfile} has its network built in.*: {bitfile.with_suffix('.npz')} must lie beside it "
        "with the same stem; copy it along with the .bit and the .hwh",
    ):
        LST1Overlay(bitfile, device)
    assert device.downloads == 0 and not device.written


@pytest.mark.parametrize("text", ["", "<EDKSYSTEM>", "\x00\x01"])
def test_damaged_hwh(tmp_path, text):
    bitfile = write_bitstream(tmp_path)
    bitfile.with_suffix(".hwh").write_text(text)
    with pytest.raises(BitstreamError, match="not a hardware description, or damaged"):
        make(bitfile)


def test_hwh_of_another_design(tmp_path):
    bitfile = write_bitstream(tmp_path)
    path = bitfile.with_suffix(".hwh")
    path.write_text(path.read_text().replace(hwh.VLNV, "xilinx.com:ip:axi_dma:7.1"))
    with pytest.raises(BitstreamError, match="is not an lst_overlay accelerator .found: .*axi_dma"):
        make(bitfile)


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            'NAME="BUILD_HASH" VALUE="0x1234ABCD"',
            'NAME="BUILD_HASH" VALUE="soon"',
            "BUILD_HASH must be a number, not 'soon'",
        ),
        ('NAME="DIVISOR1"', 'NAME="DIVISOR9"', "no parameter DIVISOR1"),
        ('NAME="DIVISOR0" VALUE="5"', 'NAME="DIVISOR0" VALUE="0"', "divisors must be 1..63, not 0 and 1"),
        ('NAME="COMPLETED"', 'NAME="ENDED"', "describes no register COMPLETED"),
    ],
)
def test_hwh_with_a_wrong_entry(tmp_path, old, new, message):
    bitfile = write_bitstream(tmp_path)
    path = bitfile.with_suffix(".hwh")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(LstOverlayError, match=message):
        make(bitfile)


def test_damaged_bitstream_is_never_downloaded(tmp_path):
    bitfile = write_bitstream(tmp_path, content=b"\x00" * 1000)
    bitfile.write_bytes(b"\x00" * 999 + b"\x01")
    device = FakeBoard(NETWORKS)
    with pytest.raises(
        BitstreamError,
        match="damaged, or not the bitstream that pixel_serial-loadable.hwh describes .SHA-256",
    ):
        make(bitfile, device)
    assert device.downloads == 0 and not device.written


def test_failed_download_names_the_file(tmp_path):
    device = FakeBoard(NETWORKS)

    def refuse(*_):
        raise OSError("fpga_manager: Invalid argument")

    device.download = refuse
    with pytest.raises(
        BitstreamError, match="pixel_serial-loadable.bit: download failed .OSError: fpga_manager"
    ):
        make(write_bitstream(tmp_path), device)


def test_build_hash_of_another_build(tmp_path):
    with pytest.raises(
        BitstreamError, match="do not belong together: BUILD_HASH reads 0x1234ABCD, the .hwh says 0x00000001"
    ):
        make(write_bitstream(tmp_path, build_hash=1))


@pytest.mark.parametrize(
    "register, value, message",
    [
        ("MAGIC", 0xDEADBEEF, "not an lst_overlay accelerator: MAGIC reads 0xDEADBEEF, not 0x4F54534C"),
        ("ABI_VERSION", 99, "ABI version 99, this driver knows 5: update lst-overlay"),
        ("IMAGE_SHAPE", 32, "IMAGE_SHAPE reads .'ROWS': 32, .*the .hwh says .'ROWS': 28"),
        ("RESULTS", 5, "RESULTS reads .'CLASSES': 5, .*the .hwh says .'CLASSES': 10"),
        ("CAPABILITIES", 1, "CAPABILITIES reads .'ENGINE': 1, .*the .hwh says .'ENGINE': 0"),
    ],
)
def test_hardware_that_is_something_else(tmp_path, register, value, message):
    device = FakeBoard(NETWORKS)
    device.faults.registers[register] = value
    with pytest.raises(BitstreamError, match=message):
        make(write_bitstream(tmp_path), device, download=False)
    assert not device.written


@pytest.mark.parametrize(
    "name, value, message",
    [
        (
            "ABI_VERSION",
            3,
            "has ABI version 3, this driver knows 5: update lst-overlay, or build the bitstream again",
        ),
        ("CAPABILITIES.PORTS", 3, "uint8 pixels 1, 2 or 4 ports, not 0 bits and 3 ports"),
        (
            "IMAGE_SHAPE.COLUMNS",
            27,
            r"uint8 images must fill whole beats of 8 bytes.*\(28, 27\) has 756 bytes",
        ),
        ("RESULTS.CLASSES", "ten", "parameter RESULTS.CLASSES must be a number, not 'ten'"),
    ],
)
def test_an_hwh_that_this_driver_does_not_understand(tmp_path, name, value, message):
    hwh = write_bitstream(tmp_path).with_suffix(".hwh")
    text, count = re.subn(f'NAME="{name}" VALUE="[^"]*"', f'NAME="{name}" VALUE="{value}"', hwh.read_text())
    assert count == 1
    hwh.write_text(text)
    with pytest.raises(BitstreamError, match=message):
        make(hwh.with_suffix(".bit"))


@pytest.mark.parametrize("source, name", [(2, "ARM PLL"), (3, "DDR PLL")])
def test_clock_from_another_pll_is_refused_before_the_download(tmp_path, source, name):
    device = FakeBoard(NETWORKS)
    device.clock |= source << 4
    with pytest.raises(LstOverlayError, match=f"FCLK0 must come from the IO PLL .* selects the {name}"):
        make(write_bitstream(tmp_path), device)
    assert device.downloads == 0


@pytest.mark.parametrize("source", [0, 1])
def test_both_codes_of_the_io_pll_are_taken_and_stay(tmp_path, source):
    device = FakeBoard(NETWORKS)
    device.clock |= source << 4
    with make(write_bitstream(tmp_path), device) as overlay:
        assert overlay.fclk_mhz == 200.0
    assert device.clock == source << 4 | 5 << 8 | 1 << 20


@pytest.mark.parametrize("divisors", [(7, 1), (1, 7), (3, 2), (2, 5), (63, 63)])
def test_both_divisors_come_from_the_hwh(tmp_path, divisors):
    device, fclk_mhz = FakeBoard(NETWORKS), 1000 / (divisors[0] * divisors[1])
    with make(write_bitstream(tmp_path, divisors=divisors), device) as overlay:
        assert device.clock == divisors[0] << 8 | divisors[1] << 20
        assert overlay.fclk_mhz == pytest.approx(fclk_mhz)
        assert f"FCLK0 {fclk_mhz:.3f} MHz" in repr(overlay)


def test_attach_leaves_the_clock_alone(tmp_path):
    device = FakeBoard(NETWORKS)
    with make(write_bitstream(tmp_path), device, download=False) as overlay:
        assert overlay.fclk_mhz == 50.0 and device.downloads == 0


@pytest.mark.parametrize("running", [(5, 1), (1, 5), (3, 2)])
def test_attach_refuses_a_clock_too_fast_for_the_design(tmp_path, running):
    device, mhz = FakeBoard(NETWORKS), 1000 / (running[0] * running[1])
    device.clock = running[0] << 8 | running[1] << 20
    with pytest.raises(
        BitstreamError, match=f"built for at most 142.857 MHz, FCLK0 runs at {mhz:.3f} MHz: download=True"
    ):
        make(write_bitstream(tmp_path, divisors=(1, 7)), device, download=False)


def test_no_board_at_all(monkeypatch):
    monkeypatch.delenv("LST_BOARD", raising=False)
    monkeypatch.delattr(Device, "_active_device", raising=False)  # the board that an earlier test simulated
    with pytest.raises(LstOverlayError, match="pynq finds no board here .*LST_BOARD=sim"):
        LST1Overlay()
    monkeypatch.setenv("LST_BOARD", "pynq")
    with pytest.raises(ValueError, match="LST_BOARD must be 'sim' or unset, not 'pynq'"):
        LST1Overlay()
