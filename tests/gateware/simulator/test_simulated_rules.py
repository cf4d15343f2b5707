"""Every bus rule that the simulated board watches: broken once on purpose, reported by name."""

from contextlib import suppress

import pytest

from lst_overlay.simulator.library import BoardFrozen, PollTimeout
from tests.gateware.simulator.traffic_design import (
    BASE,
    BUFFER,
    FIELD_BITS,
    FIELDS,
    GP_MODE,
    ID,
    INVERTED,
    SCRATCH,
    TIME,
    TrafficDesign,
)

DROP_ADDRESS, CHANGE_ADDRESS, EARLY_LAST, NO_LAST, WRONG_WID, DROP_DATA, CHANGE_DATA, DATA_FIRST = (
    1 << bit for bit in range(8)
)


@pytest.mark.parametrize("what", ["read", "write"])
@pytest.mark.parametrize(
    "fields, rule",
    [
        ({"size": 2}, "size"),
        ({"burst": 0}, "burst"),
        ({"lock": 1}, "lock"),
        ({"prot": 2}, "prot"),
        ({"cache": 0xF}, "cache"),
    ],
)
def test_address_fields(what, fields, rule):
    with TrafficDesign() as design:
        design.set_fields(**fields)
        design.transfer(what)
        assert design.broken_rules() == {rule}


@pytest.mark.parametrize("what", ["read", "write"])
@pytest.mark.parametrize("address, rule", [(BUFFER + 4096 - 64, "4 KiB"), (BUFFER + 4, "alignment")])
def test_address(what, address, rule):
    with TrafficDesign() as design:
        design.transfer(what, address)
        assert design.broken_rules() == {rule}


@pytest.mark.parametrize("what", ["read", "write"])
def test_second_id(what):
    with TrafficDesign() as design:
        design.transfer(what)
        design.set_fields(id=5)
        design.transfer(what)
        assert design.broken_rules() == {"one id"}


@pytest.mark.parametrize(
    "what, mode, rule, channel",
    [
        ("read", DROP_ADDRESS, "valid held", "ARVALID"),
        ("write", DROP_ADDRESS, "valid held", "AWVALID"),
        ("read", CHANGE_ADDRESS, "payload held", "AR payload"),
        ("write", CHANGE_ADDRESS, "payload held", "AW payload"),
        ("write", DROP_DATA, "valid held", "WVALID"),
        ("write", CHANGE_DATA, "payload held", "W payload"),
    ],
)
def test_what_waits_must_stay(what, mode, rule, channel):
    with TrafficDesign() as design:
        design.inject(withheld=0.9)
        design.start(what, bursts=8, mode=mode)
        design.run(5000)
        assert design.broken_rules() == {rule} and all(channel in text for text in design.violations())


@pytest.mark.parametrize("what, channel", [("read", "AR payload"), ("write", "AW payload")])
@pytest.mark.parametrize("field", FIELD_BITS)
def test_every_field_of_an_address_that_waits_must_stay(what, channel, field):
    with TrafficDesign() as design:
        design.write32(INVERTED, 1 << FIELD_BITS[field][0])
        design.inject(withheld=0.9)
        design.start(what, bursts=8)
        design.run(5000)
        assert any(f"{channel}" in text and "payload held" in text for text in design.violations())


@pytest.mark.parametrize("bit", [23, 24, 25], ids=["WSTRB", "WID", "WLAST"])
def test_what_goes_with_data_that_wait_must_stay(bit):
    with TrafficDesign() as design:
        design.write32(INVERTED, 1 << bit)
        design.inject(withheld=0.9)
        design.start("write", bursts=8)
        design.run(5000)
        assert any("W payload" in text and "payload held" in text for text in design.violations())


@pytest.mark.parametrize("mode, rules", [(EARLY_LAST, {"wlast"}), (NO_LAST, {"wlast"}), (WRONG_WID, {"wid"})])
def test_write_data(mode, rules):
    with TrafficDesign() as design:
        design.transfer("write", mode=mode)
        assert design.broken_rules() == rules


@pytest.mark.parametrize("length", [0, 6])
def test_short_bursts_need_last_too(length):
    with TrafficDesign() as design:
        design.set_fields(length=length)
        assert design.transfer("write")[2] == 0 and design.violations() == []
        design.transfer("write", mode=NO_LAST)
        assert design.broken_rules() == {"wlast"}


@pytest.mark.parametrize("memory", ["ideal", "default"])
def test_data_may_come_before_their_address(memory):
    with TrafficDesign(memory) as design:
        design.transfer("read", BUFFER + 1024)
        design.transfer("write", mode=DATA_FIRST)
        assert design.violations() == []
        assert bytes(design.read_memory(BUFFER, 128)) == bytes(design.read_memory(BUFFER + 1024, 128))


def test_report_names_port_rule_and_cycle():
    with TrafficDesign() as design:
        design.transfer("read", BUFFER + 4096 - 64)
        (text,) = design.violations()
        assert text.startswith("HP0 broke rule '4 KiB' in cycle ") and "16 beats at 0x10000FC0" in text


def test_reports_are_counted_but_not_kept_without_end():
    with TrafficDesign() as design:
        design.set_fields(cache=0)
        design.transfer("read", bursts=300)
        assert (len(design.violations()), design.violation_count) == (200, 300)
        design.clear_violations()
        assert (design.violations(), design.violation_count) == ([], 0)


@pytest.mark.parametrize(
    "mode, rule, text",
    [
        (1, "rid", "RID is"),
        (3, "rlast", "RLAST is 0 on beat 1 of 1"),
        (4, "okay", "RRESP is 2"),
        (5, "payload held", "R payload"),
        (6, "unasked", "RVALID without"),
        (10, "valid held", "RVALID dropped"),
    ],
)
def test_gp0_reads(mode, rule, text):
    with TrafficDesign("default") as design:
        design.write32(GP_MODE, mode)
        for _ in range(8):  # some of these need an RREADY that comes late
            with suppress(BoardFrozen):  # an answer that breaks the rules need not come at all
                design.read32(ID)
        assert rule in design.broken_rules() and any(text in report for report in design.violations())


@pytest.mark.parametrize("mode, rule, text", [(2, "bid", "BID is"), (7, "unasked", "BVALID before")])
def test_gp0_writes(mode, rule, text):
    with TrafficDesign("default") as design:
        design.write32(GP_MODE, mode)
        for value in range(4):
            design.write32(SCRATCH, value)
        assert rule in design.broken_rules() and any(text in report for report in design.violations())


@pytest.mark.parametrize("mode, access", [(8, "read"), (9, "write")])
def test_unanswered_access_freezes_the_board(mode, access):
    with TrafficDesign() as design:
        design.write32(GP_MODE, mode)
        with pytest.raises(
            BoardFrozen, match=f"GP0 {access} of 0x4000.* within 10000 cycles; on a board this stops the ARM"
        ):
            design.read32(ID) if access == "read" else design.write32(SCRATCH, 1)


@pytest.mark.parametrize("memory", ["ideal", "default"])
def test_gp0_bursts(memory):
    with TrafficDesign(memory) as design:
        design.write_burst(SCRATCH, [0x1234])
        words = design.read_burst(BASE, 16)
        assert words[:2] == [0x54455354, 0x1234] and words[(FIELDS - BASE) // 4] == design.read32(FIELDS)
        assert design.violations() == []


def test_gp0_read_and_write_together():
    with TrafficDesign("default") as design:
        for value in range(50):
            assert design.read_and_write32(ID, SCRATCH, value) == 0x54455354
            assert design.read32(SCRATCH) == value
        assert design.violations() == []


@pytest.mark.parametrize(
    "address, beats, message",
    [
        (BASE + 2, 1, "multiple of 4, not 0x40000002"),
        (BASE, 0, "1 .. 16 beats, not 0"),
        (BASE, 17, "1 .. 16 beats, not 17"),
    ],
)
def test_impossible_accesses_are_refused(address, beats, message):
    with TrafficDesign() as design, pytest.raises(ValueError, match=message):
        design.read_burst(address, beats)


def test_cpu_leaves_100_ns_between_accesses():
    with TrafficDesign("ideal") as design:
        before = design.cycles
        design.read32(ID)
        assert 20 < design.cycles - before < 30


def test_poll_gives_up():
    with TrafficDesign("ideal") as design:
        design.write32(SCRATCH, 5)
        with pytest.raises(
            PollTimeout, match="0x40000004 is 0x00000005 after 1000 cycles; masked with 0x1 it should be 0x0"
        ):
            design.poll(SCRATCH, 1, 0, 1000)


def test_reset_reaches_the_design():
    with TrafficDesign("ideal") as design:
        design.run(10_000)
        design.set_reset(True)
        design.run(10)
        design.set_reset(False)
        design.run(10)
        assert design.read32(TIME) < 30
