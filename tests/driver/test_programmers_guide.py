"""The numbers, names and layouts in docs/programmers_guide.md are those of the code."""

import re

import numpy as np

from lst_overlay.memory.results import ResultRecord
from lst_overlay.network.lst.parameters import LAYOUT_MAGIC, PARAMETER_BYTES, SECTIONS
from lst_overlay.registers import ABI_VERSION, BASE_ADDRESS, BY_NAME, MAGIC
from tests import ROOT

GUIDE = (ROOT / "docs" / "programmers_guide.md").read_text(encoding="utf-8")


def test_parameter_image_table():
    rows = re.findall(r"^\| 0x([0-9A-F]{5}) \| (\w+) \| (\d+) \| (\d+) \|", GUIDE, re.MULTILINE)
    expected, offset = [], 0
    for section in SECTIONS:
        expected.append((f"{offset:05X}", section.name, str(section.lanes), str(section.depth)))
        offset += 4 * section.words
    assert rows == expected
    assert f"{PARAMETER_BYTES:,} bytes" in GUIDE
    assert f"0x{LAYOUT_MAGIC:08X}" in GUIDE


def test_every_field_named_exists():
    for register, field in re.findall(r"\b(CONTROL|STATUS|CAPABILITIES)\.([A-Z_]+)", GUIDE):
        assert field in {f.name for f in BY_NAME[register].fields}, f"{register}.{field}"


def test_every_entry_of_a_measurement_is_listed(fake):
    overlay = fake[1]
    throughput = [overlay.throughput_test(20), overlay.throughput_test(20, software=True)]
    profile = overlay.predict(np.zeros((20, 784), np.uint8), profile=True)[1]
    for caption, figures in (("throughput_test", throughput), ("profile=True", [profile])):
        rows = re.search(rf"^\| `{caption}` \| meaning \|\n.*\n((?:\|.*\n)+)", GUIDE, re.MULTILINE)[1]
        listed = [key for row in rows.splitlines() for key in re.findall("`(.+?)`", row.split("|")[1])]
        assert sorted(listed) == sorted({key for entries in figures for key in entries})


def test_fixed_numbers():
    assert f"0x{MAGIC:08X}" in GUIDE and f"0x{BASE_ADDRESS:08X}" in GUIDE
    assert f"ABI_VERSION: {ABI_VERSION}." in GUIDE
    record = ResultRecord(10, 10).dtype
    assert (record.fields["class"][1], record.fields["number"][1], record.itemsize) == (40, 44, 48)
    for name, bit in (("START", 0), ("LOAD", 1), ("SOFT_RESET", 2), ("SAMPLE", 3)):
        assert {f.name: f.offset for f in BY_NAME["CONTROL"].fields}[name] == bit
