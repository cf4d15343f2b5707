"""The models of RAMB18E1 and RAMB36E1 by the rules of UG473, each rule on a small configuration."""

import ctypes

import numpy as np
import pytest

from gateware.simulator.block_ram import block_ram_verilog
from tests.gateware.verilated import verilated

PINS = {  # bits of a RAMB36E1's inputs
    "ADDRARDADDR": 16,
    "ADDRBWRADDR": 16,
    "ENARDEN": 1,
    "ENBWREN": 1,
    "WEA": 4,
    "WEBWE": 8,
    "DIADI": 32,
    "DIBDI": 32,
    "DIPADIP": 4,
    "DIPBDIP": 4,
    "RSTRAMARSTRAM": 1,
    "RSTRAMB": 1,
    "REGCEAREGCE": 1,
    "REGCEB": 1,
    "RSTREGARSTREG": 1,
    "RSTREGB": 1,
}
OUTPUTS = ("DOADO", "DOPADOP", "DOBDO", "DOPBDOP")


def contents(bits, parity):
    """Parameters INIT_xx and INITP_xx of random contents, and the bits: (data, parity)."""
    random = np.random.default_rng(bits + parity)
    both = random.integers(0, 2, bits), random.integers(0, 2, parity)
    parameters = {}
    for prefix, values in zip(("INIT", "INITP"), both):
        for index, part in enumerate(values.reshape(-1, 256)):
            parameters[f"{prefix}_{index:02X}"] = "256'b" + "".join(map(str, part[::-1]))
    return parameters, both


INIT_18, (DATA_18, PARITY_18) = contents(16384, 2048)
INIT_36, (DATA_36, PARITY_36) = contents(32768, 4096)


def tdp(width, mode='"WRITE_FIRST"', **others):
    widths = {f"{way}_WIDTH_{port}": width for way in ("READ", "WRITE") for port in "AB"}
    return {**widths, "WRITE_MODE_A": mode, "WRITE_MODE_B": mode, **others}


# name -> (primitive, parameters)
INSTANCES = {
    "write_first": ("RAMB18E1", {**tdp(18), **INIT_18}),
    "read_first": ("RAMB18E1", {**tdp(18, '"READ_FIRST"'), **INIT_18}),
    "no_change": ("RAMB18E1", {**tdp(18, '"NO_CHANGE"'), **INIT_18}),
    "bits": ("RAMB18E1", {**tdp(1), **INIT_18}),
    "nibbles": ("RAMB18E1", {**tdp(4), **INIT_18}),
    "bytes": ("RAMB18E1", {**tdp(9), **INIT_18}),
    "mixed": ("RAMB18E1", {**tdp(18), **INIT_18, "READ_WIDTH_B": 2, "WRITE_WIDTH_A": 9}),
    "simple": (
        "RAMB18E1",
        {
            "RAM_MODE": '"SDP"',
            "READ_WIDTH_A": 36,
            "WRITE_WIDTH_B": 36,
            "WRITE_MODE_B": '"READ_FIRST"',
            **INIT_18,
        }
        | {"INIT_A": "18'h21234", "INIT_B": "18'h15678"},
    ),
    "half_simple": ("RAMB18E1", {"RAM_MODE": '"SDP"', "READ_WIDTH_A": 36, "WRITE_WIDTH_B": 18, **INIT_18}),
    "words": ("RAMB36E1", {**tdp(36), **INIT_36}),
    "wide": ("RAMB36E1", {"RAM_MODE": '"SDP"', "READ_WIDTH_A": 72, "WRITE_WIDTH_B": 72, **INIT_36}),
    "registered": (
        "RAMB36E1",
        {**tdp(36), **INIT_36, "DOA_REG": 1, "DOB_REG": 1, "RSTREG_PRIORITY_B": '"REGCE"'}
        | {"INIT_A": "36'h9_1111_2222", "SRVAL_A": "36'hA_3333_4444", "SRVAL_B": "36'h5_5555_6666"},
    ),
    "read_port_b_alone": ("RAMB18E1", {"READ_WIDTH_B": 18, **INIT_18}),
}


def top_verilog():
    text = "module top(input clk, "
    text += ", ".join(f"input [{bits - 1}:0] {pin}" for pin, bits in PINS.items())
    text += ", output [" + f"{72 * len(INSTANCES) - 1}:0] answers);\n"
    for place, (name, (primitive, parameters)) in enumerate(INSTANCES.items()):
        small = primitive == "RAMB18E1"
        cut = {"ADDRARDADDR": "[13:0]", "ADDRBWRADDR": "[13:0]", "WEA": "[1:0]", "WEBWE": "[3:0]"}
        cut.update({"DIADI": "[15:0]", "DIBDI": "[15:0]", "DIPADIP": "[1:0]", "DIPBDIP": "[1:0]"})
        ports = [f".{pin}({pin}{cut.get(pin, '') if small else ''})" for pin in PINS]
        clock_a = "clk" if parameters.get("READ_WIDTH_A", 0) else "1'b0"
        ports += [f".CLKARDCLK({clock_a})", ".CLKBWRCLK(clk)"]
        bounds = (("DOADO", 0, 32), ("DOPADOP", 32, 4), ("DOBDO", 36, 32), ("DOPBDOP", 68, 4))
        for pin, first, bits in bounds:
            taken = bits // 2 if small else bits
            ports.append(f".{pin}(answers[{72 * place + first + taken - 1}:{72 * place + first}])")
            if small:
                high = 72 * place + first + bits
                text += f"assign answers[{high - 1}:{high - taken}] = 0;\n"
        chosen = ", ".join(f".{key}({value})" for key, value in parameters.items())
        text += f"{primitive} #({chosen}) {name}({', '.join(ports)});\n"
    return text + "endmodule\n" + block_ram_verilog()


BENCH = """
#include "Vtop.h"
#include "verilated.h"
// inputs: the values of every pin in each clock. answers: the words of all instances after each clock.
extern "C" __attribute__((visibility("default")))
void run(const uint32_t* inputs, uint32_t* answers, int clocks, int words) {
    VerilatedContext context;
    Vtop top(&context);
    top.clk = 0;
    top.eval();
    for (int clock = -1; clock < clocks; ++clock) {
        if (clock >= 0) {
            ASSIGNMENTS
            top.clk = 1; top.eval(); top.clk = 0; top.eval();
        }
        for (int i = 0; i < words; ++i) *answers++ = top.answers[i];
    }
}
""".replace("ASSIGNMENTS", " ".join(f"top.{pin} = *inputs++;" for pin in PINS))
NEEDED = ("-Wno-PINMISSING", "-Wno-UNUSEDSIGNAL")


@pytest.fixture(scope="module")
def run():
    """run(name, clocks) -> a dict of outputs before the first and after each clock; clocks: dicts of inputs.

    Both ports are enabled unless a clock says otherwise.
    """
    library = verilated("top", top_verilog(), BENCH)

    def run(name, clocks):
        given = [{"ENARDEN": 1, "ENBWREN": 1, **clock} for clock in clocks]
        assert all(set(clock) <= set(PINS) for clock in given)
        inputs = np.array([[clock.get(pin, 0) for pin in PINS] for clock in given], np.uint32)
        words = -(-72 * len(INSTANCES) // 32)
        answers = np.zeros((len(clocks) + 1, words), np.uint32)
        library.run(_pointer(inputs), _pointer(answers), len(clocks), words)
        found = []
        for row in answers:
            value = int.from_bytes(row.tobytes(), "little") >> 72 * list(INSTANCES).index(name)
            bounds = zip(OUTPUTS, (0, 32, 36, 68), (32, 4, 32, 4))
            found.append({pin: value >> first & (1 << bits) - 1 for pin, first, bits in bounds})
        return found

    return run


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def stored(data, parity, at, bits):
    """(data, parity) of the word of ``bits`` data bits at data bit ``at``."""
    number = sum(int(bit) << place for place, bit in enumerate(data[at : at + bits]))
    own = parity[at // 8 : (at + bits) // 8] if bits >= 8 else []
    return number, sum(int(bit) << place for place, bit in enumerate(own))


@pytest.mark.parametrize(
    "name, bits, data, parity",
    [
        ("bits", 1, DATA_18, PARITY_18),
        ("nibbles", 4, DATA_18, PARITY_18),
        ("bytes", 8, DATA_18, PARITY_18),
        ("write_first", 16, DATA_18, PARITY_18),
        ("words", 32, DATA_36, PARITY_36),
    ],
)
def test_initial_contents_at_any_width(run, name, bits, data, parity):
    """The low bits of an address, which count bits of a word, are ignored."""
    addresses = [bits * 3, bits * 3 + bits - 1, len(data) - bits, 5 * bits, 0]
    clocks = [{"ADDRARDADDR": at, "ADDRBWRADDR": addresses[0]} for at in addresses]
    for at, found in zip(addresses, run(name, clocks)[1:]):
        assert (found["DOADO"], found["DOPADOP"]) == stored(data, parity, at // bits * bits, bits)
        assert (found["DOBDO"], found["DOPBDOP"]) == stored(data, parity, addresses[0], bits)


@pytest.mark.parametrize("name, data, parity", [("simple", DATA_18, PARITY_18), ("wide", DATA_36, PARITY_36)])
def test_a_simple_dual_port_word_comes_out_of_both_ports(run, name, data, parity):
    half = len(data) // 1024
    found = run(name, [{"ADDRARDADDR": 2 * half * 7}])[1]
    assert (found["DOADO"], found["DOPADOP"]) == stored(data, parity, 2 * half * 7, half)
    assert (found["DOBDO"], found["DOPBDOP"]) == stored(data, parity, 2 * half * 7 + half, half)


@pytest.mark.parametrize("name, bytes_", [("simple", 4), ("wide", 8)])
def test_a_simple_dual_port_word_is_written_by_bytes(run, name, bytes_):
    """Port B writes; data and parity of a word are joined from both ports' inputs, port A's low."""
    half, mask = 4 * bytes_, 0b0101
    written = {"DIADI": 0x5A5AA5A5, "DIBDI": 0x12345678, "DIPADIP": 0b0010, "DIPBDIP": 0b1100}
    clocks = [{"ADDRBWRADDR": 6 * half, "ADDRARDADDR": 0, "WEBWE": mask << bytes_ // 2, **written}]
    clocks += [{"ADDRARDADDR": 6 * half}]
    data, parity = (DATA_18, PARITY_18) if bytes_ == 4 else (DATA_36, PARITY_36)
    found = run(name, clocks)[2]
    assert (found["DOADO"], found["DOPADOP"]) == stored(data, parity, 6 * half, half)
    high, high_parity = stored(data, parity, 7 * half, half)
    for place in range(bytes_ // 2):
        if mask >> place & 1:
            high = high & ~(0xFF << 8 * place) | written["DIBDI"] & 0xFF << 8 * place
            high_parity = high_parity & ~(1 << place) | written["DIPBDIP"] & 1 << place
    assert (found["DOBDO"], found["DOPBDOP"]) == (high, high_parity)


def test_a_narrow_write_into_a_wide_read_goes_through_port_b(run):
    clocks = [{"ADDRBWRADDR": 16 * 9, "WEBWE": 0b11, "DIBDI": 0xBEEF, "DIADI": 0x1111, "DIPBDIP": 2}]
    found = run("half_simple", [*clocks, {"ADDRARDADDR": 32 * 4}])[2]
    assert (found["DOADO"], found["DOPADOP"]) == stored(DATA_18, PARITY_18, 32 * 4, 16)
    assert (found["DOBDO"], found["DOPBDOP"]) == (0xBEEF, 2)


OLD, NEW = stored(DATA_18, PARITY_18, 160, 16), (0xCAFE, 1)
WRITE_A = {"ADDRARDADDR": 160, "WEA": 3, "DIADI": NEW[0], "DIPADIP": NEW[1]}
BEFORE = {"ADDRARDADDR": 320}


@pytest.mark.parametrize(
    "name, at_once",
    [("write_first", NEW), ("read_first", OLD), ("no_change", stored(DATA_18, PARITY_18, 320, 16))],
)
def test_what_a_writing_port_reads(run, name, at_once):
    """The written word, the old one, or still what it read before."""
    found = run(name, [BEFORE, WRITE_A, {"ADDRARDADDR": 160}])
    assert (found[2]["DOADO"], found[2]["DOPADOP"]) == at_once
    assert (found[3]["DOADO"], found[3]["DOPADOP"]) == NEW


def test_one_byte_of_a_word_is_written(run):
    found = run("write_first", [{**WRITE_A, "WEA": 2}])[1]
    assert (found["DOADO"], found["DOPADOP"]) == (NEW[0] & 0xFF00 | OLD[0] & 0xFF, OLD[1] & 1)


def test_a_port_that_is_not_enabled_does_nothing(run):
    found = run("write_first", [BEFORE, {**WRITE_A, "ENARDEN": 0}, {"ADDRARDADDR": 160}])
    assert found[2]["DOADO"] == found[1]["DOADO"]
    assert (found[3]["DOADO"], found[3]["DOPADOP"]) == OLD


def test_ports_of_different_widths(run):
    """Port A writes bytes and reads words of 16 bits, port B reads 2 bits."""
    clocks = [{"ADDRARDADDR": 168, "ADDRBWRADDR": 0, "WEA": 1, "DIADI": 0x1B, "DIPADIP": 1}]
    clocks += [{"ADDRARDADDR": 160, "ADDRBWRADDR": 168 + 2 * place} for place in range(4)]
    found = run("mixed", clocks)
    assert found[2]["DOADO"] == 0x1B00 | OLD[0] & 0xFF and found[2]["DOPADOP"] == 2 | OLD[1] & 1
    assert [answer["DOBDO"] for answer in found[2:]] == [3, 2, 1, 0]


@pytest.mark.parametrize("name, known", [("read_first", True), ("write_first", False), ("no_change", False)])
def test_reading_what_the_other_port_writes(run, name, known):
    """The old word if the writing port reads first, else an unknown one: the inverse of the old one."""
    found = run(name, [{**WRITE_A, "ADDRBWRADDR": 160}, {"ADDRBWRADDR": 160}])
    unknown = OLD[0] ^ 0xFFFF
    assert found[1]["DOBDO"] == (OLD[0] if known else unknown)
    assert (found[2]["DOBDO"], found[2]["DOPBDOP"]) == NEW


def test_reading_beside_what_the_other_port_writes_is_no_collision(run):
    found = run("write_first", [{**WRITE_A, "ADDRBWRADDR": 176}])[1]
    assert (found["DOBDO"], found["DOPBDOP"]) == stored(DATA_18, PARITY_18, 176, 16)


def test_both_ports_write_one_location(run):
    """Its contents are unknown: the inverse of what was written last."""
    write_b = {"ADDRBWRADDR": 160, "WEBWE": 3, "DIBDI": 0x1234}
    found = run("read_first", [{**WRITE_A, **write_b}, {"ADDRARDADDR": 160}])
    assert found[2]["DOADO"] == 0x1234 ^ 0xFFFF


def test_an_output_register_is_one_clock_later_and_has_an_enable(run):
    word = stored(DATA_36, PARITY_36, 32 * 5, 32)[0]
    other = stored(DATA_36, PARITY_36, 32 * 6, 32)[0]
    clocks = [{"ADDRARDADDR": 32 * 5, "REGCEAREGCE": 1}, {"ADDRARDADDR": 32 * 6, "REGCEAREGCE": 1}]
    clocks += [{"REGCEAREGCE": 0}, {"REGCEAREGCE": 1}]
    found = [answer["DOADO"] for answer in run("registered", clocks)]
    assert found[2:4] == [word, word]
    assert found[4] != other and found[1] == 0x11112222


def test_initial_and_reset_values_of_the_output(run):
    found = run("registered", [{"RSTREGARSTREG": 1}, {"RSTRAMARSTRAM": 1}, {"REGCEAREGCE": 1}])
    assert (found[0]["DOADO"], found[0]["DOPADOP"]) == (0x11112222, 9)
    assert (found[1]["DOADO"], found[1]["DOPADOP"]) == (0x33334444, 0xA)
    assert (found[3]["DOADO"], found[3]["DOPADOP"]) == (0x33334444, 0xA)
    found = run("simple", [])[0]
    assert (found["DOADO"], found["DOPADOP"]) == (0x1234, 2)
    assert (found["DOBDO"], found["DOPBDOP"]) == (0x5678, 1)


def test_a_register_with_priority_of_its_enable_is_reset_with_it_alone(run):
    found = [answer["DOBDO"] for answer in run("registered", [{"RSTREGB": 1}, {"RSTREGB": 1, "REGCEB": 1}])]
    assert found[1] == 0 and found[2] == 0x55556666


def test_a_port_without_the_other_has_its_own_clock(run):
    found = run("read_port_b_alone", [{"ADDRBWRADDR": 160}])[1]
    assert (found["DOBDO"], found["DOPBDOP"]) == OLD
