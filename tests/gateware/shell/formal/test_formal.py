"""AXI3's rules, proved for the emitted masters and slave under any behaviour of the other side.

The proofs are by induction and hold for any time. Only the search for behaviours that must exist is bounded,
to CLOCKS
after reset: the effects of faults, and the cover statements.
"""

from dataclasses import replace

import pytest

from tests.gateware.shell.formal import bugs, pins
from tests.gateware.shell.formal.prover import Subject, broken_within, prove, reached_within, rules

CLOCKS = 40  # Enough for the addresses of two bursts and the data of one.


def reader(fifo_beats, stripe_bursts=1, skip_bursts=0):
    return Subject(
        "axi_master_read",
        "burst_reader_state",
        pins.reader(fifo_beats=fifo_beats, stripe_bursts=stripe_bursts, skip_bursts=skip_bursts),
        {"FIFO_BEATS": fifo_beats, "STRIPE_BURSTS": stripe_bursts, "SKIP_BURSTS": skip_bursts},
    )


def writer():
    return Subject("axi_master_write", "burst_writer_state", pins.writer())


def slave():
    return Subject("axi_slave", "register_slave_state", pins.slave())


def test_reader_keeps_the_rules(tmp_path):
    assert prove(reader(64), tmp_path, induction=1) == set()


@pytest.mark.slow
@pytest.mark.parametrize("stripe_bursts, skip_bursts", [(1, 0), (1, 1), (49, 49), (49, 147)])
def test_reader_with_block_ram_keeps_the_rules(tmp_path, stripe_bursts, skip_bursts):
    assert prove(reader(256, stripe_bursts, skip_bursts), tmp_path, induction=1) == set()


def test_writer_keeps_the_rules(tmp_path):
    assert prove(writer(), tmp_path, induction=2) == set()


def test_slave_keeps_the_rules(tmp_path):
    assert prove(slave(), tmp_path, induction=5) == set()


def test_the_proof_of_a_design_with_a_fault_fails(tmp_path):
    subject = slave()
    assert "r_ends" in prove(
        replace(subject, verilog=subject.verilog.replace(*bugs.SLAVE["r_ends"])), tmp_path, induction=5
    )


# Each fault takes a few seconds. Faults that are as plain in the text of the Verilog are marked slow.
LONG = {
    "ar_reset",
    "aw_reset",
    "w_reset",
    "r_reset",
    "b_reset",
    "ar_aligned",
    "aw_aligned",
    "ar_fields",
    "aw_fields",
    "w_one_id",
    "ar_one",
    "aw_one",
    "r_taken",
    "b_taken",
    "ar_comes",
    "aw_comes",
    "w_comes",
    "r_comes",
    "b_comes",
}


def faults(kinds):
    return [
        pytest.param(
            make, rule, *texts, id=f"{make.__name__}-{rule}", marks=[pytest.mark.slow] if rule in LONG else []
        )
        for make, kind in kinds.items()
        for rule, texts in kind.items()
    ]


def reader_64():
    return reader(64)


@pytest.mark.parametrize(
    "make, rule, piece, fault", faults({reader_64: bugs.READER, writer: bugs.WRITER, slave: bugs.SLAVE})
)
def test_a_fault_breaks_its_rule(tmp_path, make, rule, piece, fault):
    subject = make()
    assert subject.verilog.count(piece) == 1
    assert broken_within(
        replace(subject, verilog=subject.verilog.replace(piece, fault)), tmp_path, CLOCKS, rule
    ) == {rule}


@pytest.mark.parametrize("make, kind", [(reader_64, bugs.READER), (writer, bugs.WRITER), (slave, bugs.SLAVE)])
def test_every_rule_has_a_fault_that_breaks_it(make, kind):
    assert sorted(kind) == sorted(rules(make()))


WHOLE = {"whole_burst", "second_burst", "short_last_burst", "second_command", "error"}


@pytest.mark.parametrize(
    "make, clocks, reached",
    [(reader_64, 40, WHOLE), (writer, 56, WHOLE), (slave, 56, {"whole_read", "whole_write"})],
)
def test_whole_bursts_are_possible(tmp_path, make, clocks, reached):
    assert reached <= reached_within(make(), tmp_path, clocks, eager=True)


@pytest.mark.parametrize(
    "make, clocks, reached",
    [
        (reader_64, 12, {"address_waits", "abort_between", "drained", "error"}),
        (writer, 18, {"data_wait", "abort_between", "drained"}),
        (slave, 12, {"answer_waits", "early_data", "read_beside_write"}),
    ],
)
def test_waiting_and_aborting_are_possible(tmp_path, make, clocks, reached):
    assert reached <= reached_within(make(), tmp_path, clocks)
