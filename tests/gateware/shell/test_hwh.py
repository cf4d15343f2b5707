"""The .hwh as pynq's own parser sees it, and the generated register documents."""

import hashlib
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser
from pynqmetadata.frontends import Metadata

from gateware.reports import register_docs
from gateware.shell import hwh
from gateware.toolchain.csr_json import csr_json
from lst_overlay.registers import ABI_VERSION, BASE_ADDRESS, ERROR_TEXTS, REGISTERS, WINDOW_BYTES
from tests.boards.fake import PIXEL_SERIAL


@pytest.fixture
def parsed(tmp_path):
    path = tmp_path / "design.hwh"
    hwh.write_hwh(path, "pixel_serial", 0xCAFE0001, PIXEL_SERIAL, (6, 1))
    return RuntimeMetadataParser(Metadata(input=str(path)))


def test_accelerator_lies_where_the_table_says(parsed):
    entry = parsed.ip_dict[hwh.INSTANCE]
    assert (entry["phys_addr"], entry["addr_range"], entry["type"]) == (BASE_ADDRESS, WINDOW_BYTES, hwh.VLNV)


def test_every_register_and_field_arrives(parsed):
    found = parsed.ip_dict[hwh.INSTANCE]["registers"]
    assert list(found) == [register.name for register in REGISTERS]
    for register in REGISTERS:
        entry = found[register.name]
        assert (entry["address_offset"], entry["size"], entry["access"]) == (
            register.offset,
            32,
            register.access,
        )
        assert entry["description"] == register.description
        assert {
            name: (f["bit_offset"], f["bit_width"], f["access"], f["description"])
            for name, f in entry["fields"].items()
        } == {f.name: (f.offset, f.width, register.access, f.description) for f in register.fields}


def test_parameters_arrive(parsed):
    parameters = parsed.ip_dict[hwh.INSTANCE]["parameters"]
    assert parameters["BUILD_HASH"] == "0xCAFE0001" and parameters["ENGINE"] == "pixel_serial"
    assert (parameters["DIVISOR0"], parameters["DIVISOR1"], parameters["ABI_VERSION"]) == (
        "6",
        "1",
        str(ABI_VERSION),
    )
    assert {parameters[f"ERROR_TEXT_{int(code)}"] for code in ERROR_TEXTS} == set(ERROR_TEXTS.values())
    assert "BITSTREAM_SHA256" not in parameters


def test_only_fclk0_is_on(parsed):
    assert [bool(parsed.clock_dict[i]["enable"]) for i in range(4)] == [True, False, False, False]


@pytest.mark.parametrize(
    "divisors, mhz", [((6, 1), "166.666667"), ((1, 7), "142.857143"), ((3, 2), "166.666667")]
)
def test_both_divisors_of_fclk0_arrive_and_make_its_frequency(tmp_path, divisors, mhz):
    path = tmp_path / "design.hwh"
    hwh.write_hwh(path, "pixel_serial", 0, PIXEL_SERIAL, divisors)
    clock = RuntimeMetadataParser(Metadata(input=str(path))).clock_dict[0]
    assert (clock["divisor0"], clock["divisor1"]) == divisors
    assert f'NAME="PCW_FPGA0_PERIPHERAL_FREQMHZ" VALUE="{mhz}"' in path.read_text()


def test_checksum_of_the_bitstream(tmp_path):
    bitfile, path = tmp_path / "design.bit", tmp_path / "design.hwh"
    bitfile.write_bytes(b"bits")
    hwh.write_hwh(path, "folded", 0, replace(PIXEL_SERIAL, engine=2), bitstream=bitfile)
    parameters = RuntimeMetadataParser(Metadata(input=str(path))).ip_dict[hwh.INSTANCE]["parameters"]
    assert parameters["BITSTREAM_SHA256"] == hashlib.sha256(b"bits").hexdigest()


@pytest.mark.parametrize(
    "board, device", [("zybo_z7_10", "7z010"), ("zybo_z7_20", "7z020"), ("pynq_z1", "7z020")]
)
def test_the_device_is_that_of_the_board(tmp_path, board, device):
    hwh.write_hwh(tmp_path / "x.hwh", "pixel_serial", 7, PIXEL_SERIAL, board=board)
    about = ElementTree.parse(tmp_path / "x.hwh").getroot().find("SYSTEMINFO")
    assert [about.get(key) for key in ("DEVICE", "PACKAGE", "SPEEDGRADE")] == [device, "clg400", "-1"]


def test_same_design_gives_the_same_bytes(tmp_path):
    for name in "ab":
        hwh.write_hwh(tmp_path / name, "pixel_serial", 7, PIXEL_SERIAL)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "build_hash, divisors, message",
    [
        (1 << 32, (5, 1), "must fit 32 bits, not 0x100000000"),
        (-1, (5, 1), "must fit 32 bits"),
        (0, (0, 1), "must be 1..63, not 0"),
        (0, (5, 64), "must be 1..63, not 64"),
    ],
)
def test_bad_arguments(tmp_path, build_hash, divisors, message):
    with pytest.raises(ValueError, match=message):
        hwh.write_hwh(tmp_path / "x.hwh", "pixel_serial", build_hash, PIXEL_SERIAL, divisors)
    assert not (tmp_path / "x.hwh").exists()


def test_registers_md_is_not_stale():
    assert register_docs.main(["--check"]) == 0, "run python -m gateware.reports.register_docs"


def test_csr_json_names_every_register(tmp_path, monkeypatch):
    import json

    table = json.loads(csr_json())
    assert [(r["name"], r["address"]) for r in table["registers"]] == [
        (r.name, BASE_ADDRESS + r.offset) for r in REGISTERS
    ]
    assert len(table["error_codes"]) == len(ERROR_TEXTS)


def test_no_register_overlaps_another():
    assert len({register.offset for register in REGISTERS}) == len(REGISTERS)
    for register in REGISTERS:
        bits = [bit for f in register.fields for bit in range(f.offset, f.offset + f.width)]
        assert len(bits) == len(set(bits)) and all(bit < register.width for bit in bits), register.name
