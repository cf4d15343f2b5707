"""The numbers, names and layouts in docs/programmers_guide.md are those of the code."""

import re

import numpy as np

from lst_overlay.memory.results import ResultRecord
from lst_overlay.network.lst.serial_format import (
    BIAS_WORDS,
    CLASS_WORDS,
    CLASSES,
    CODE_WIDTH,
    DESCRIPTOR,
    FEATURES,
    FIELDS,
    LAYOUT_MAGIC,
    MAX_LENGTHS,
    PASSES,
    SIDES,
    SUM_WIDTH,
    TABLE_BLOCKS,
    WEIGHT_WORDS,
    sections,
)
from lst_overlay.registers import ABI_VERSION, BASE_ADDRESS, BY_NAME, MAGIC
from tests import ROOT

GUIDE = (ROOT / "docs" / "programmers_guide.md").read_text(encoding="utf-8")
FORMATS = (ROOT / "docs" / "number_formats.md").read_text(encoding="utf-8")


def test_the_layout_of_parameters():
    section = FORMATS[FORMATS.index("## 6. ") : FORMATS.index("## 7. ")]
    rows = re.findall(r"^\| (\w+) \| (\d+) \| ([^|]+) \|", section, re.MULTILINE)
    lengths = dict.fromkeys(MAX_LENGTHS, 0)
    assert [(name, int(lanes)) for name, lanes, _ in rows] == [(s.name, s.lanes) for s in sections(lengths)]
    assert f"0x{LAYOUT_MAGIC:08X}" in section
    assert tuple((n, int(w)) for n, w in re.findall(r"^\| `(\w+)` \| (\d+) \|", section, re.M)) == DESCRIPTOR
    words = re.findall(r"^\d\. ((?:.|\n   )+)", section, re.MULTILINE)
    found = tuple(tuple((n, int(w)) for n, w in re.findall(r"`(\w+)` (\d+)", word)) for word in words)
    assert found == FIELDS


def test_the_limits_of_networks():
    sizes = (f"{SIDES[0]} .. {SIDES[1]}", f"2 .. {FEATURES}", f"2 .. {CLASSES}")
    widths = (f"{CODE_WIDTH} bits", f"{SUM_WIDTH} bits")
    memories = (PASSES, f"{WEIGHT_WORDS:,}", BIAS_WORDS, TABLE_BLOCKS, f"{CLASS_WORDS:,}")
    table = FORMATS[FORMATS.index("| what | limit |") :].split("\n\n")[0].splitlines()[2:]
    for row, limit in zip(table, map(str, (*sizes, *widths, *memories))):
        assert row.split(" | ")[1].startswith(limit)
    assert len(table) == 10


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
