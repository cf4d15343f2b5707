"""The ports of the Zynq-7000 primitive PS7; a test compares them with Yosys's xilinx/cells_xtra.v."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple

HP_PORTS = 4


class Port(NamedTuple):
    """A port of the primitive; ``direction`` is 'input', 'output' or 'inout' as the primitive sees it."""

    name: str
    direction: str
    width: int = 1


def _axi3(prefix: str, role: str, data_width: int, id_width: int, user_width: int = 0) -> Iterator[Port]:
    """The pins of an AXI3 port of the PS; ``role`` is the PS's role, 'master' or 'slave'."""
    asks, answers = ("output", "input") if role == "master" else ("input", "output")
    for channel in ("AR", "AW"):
        for field, width in (
            ("ADDR", 32),
            ("BURST", 2),
            ("CACHE", 4),
            ("ID", id_width),
            ("LEN", 4),
            ("LOCK", 2),
            ("PROT", 3),
            ("QOS", 4),
            ("SIZE", 2),
            ("VALID", 1),
        ):
            yield Port(prefix + channel + field, asks, width)
        if user_width:
            yield Port(f"{prefix}{channel}USER", asks, user_width)
        yield Port(f"{prefix}{channel}READY", answers)
    for field, width in (
        ("DATA", data_width),
        ("ID", id_width),
        ("LAST", 1),
        ("STRB", data_width // 8),
        ("VALID", 1),
    ):
        yield Port(f"{prefix}W{field}", asks, width)
    for field, width in (("DATA", data_width), ("ID", id_width), ("LAST", 1), ("RESP", 2), ("VALID", 1)):
        yield Port(f"{prefix}R{field}", answers, width)
    for field, width in (("ID", id_width), ("RESP", 2), ("VALID", 1)):
        yield Port(f"{prefix}B{field}", answers, width)
    yield Port(f"{prefix}WREADY", answers)
    yield Port(f"{prefix}RREADY", asks)
    yield Port(f"{prefix}BREADY", asks)
    yield Port(f"{prefix}ACLK", "input")
    yield Port(f"{prefix}ARESETN", "output")


def _named(prefix: str, direction: str, fields: str) -> Iterator[Port]:
    """The pins in ``fields``, names separated by blanks; ``NAME:4`` has four bits."""
    for field in fields.split():
        name, _, width = field.partition(":")
        yield Port(prefix + name, direction, int(width or 1))


# Peripherals that can be routed to the fabric, unused here: (prefix, instances, inputs, outputs).
_PERIPHERALS = (
    ("DMA", 4, "ACLK DAREADY DRLAST DRVALID DRTYPE:2", "DATYPE:2 DAVALID DRREADY RSTN"),
    ("EMIOCAN", 2, "PHYRX", "PHYTX"),
    (
        "EMIOENET",
        2,
        "EXTINTIN GMIICOL GMIICRS GMIIRXCLK GMIIRXD:8 GMIIRXDV GMIIRXER GMIITXCLK MDIOI",
        "GMIITXD:8 GMIITXEN GMIITXER MDIOMDC MDIOO MDIOTN PTPDELAYREQRX PTPDELAYREQTX PTPPDELAYREQRX "
        "PTPPDELAYREQTX PTPPDELAYRESPRX PTPPDELAYRESPTX PTPSYNCFRAMERX PTPSYNCFRAMETX SOFRX SOFTX",
    ),
    ("EMIOGPIO", 0, "I:64", "O:64 TN:64"),
    ("EMIOI2C", 2, "SCLI SDAI", "SCLO SCLTN SDAO SDATN"),
    ("EMIOPJTAG", 0, "TCK TDI TMS", "TDO TDTN"),
    ("EMIOSDIO", 2, "CDN CLKFB CMDI DATAI:4 WP", "BUSPOW BUSVOLT:3 CLK CMDO CMDTN DATAO:4 DATATN:4 LED"),
    ("EMIOSPI", 2, "MI SCLKI SI SSIN", "MO MOTN SCLKO SCLKTN SO SSNTN SSON:3 STN"),
    ("EMIOSRAM", 0, "INTIN", ""),
    ("EMIOTRACE", 0, "CLK", "CTL DATA:32"),
    ("EMIOTTC", 2, "CLKI:3", "WAVEO:3"),
    ("EMIOUART", 2, "CTSN DCDN DSRN RIN RX", "DTRN RTSN TX"),
    ("EMIOUSB", 2, "VBUSPWRFAULT", "PORTINDCTL:2 VBUSPWRSELECT"),
    ("EMIOWDT", 0, "CLKI", "RSTO"),
    ("EVENT", 0, "EVENTI", "EVENTO STANDBYWFE:2 STANDBYWFI:2"),
    ("FCLK", 0, "CLKTRIGN:4", "CLK:4 RESETN:4"),
    ("FPGA", 0, "IDLEN", ""),
    ("FTMD", 0, "TRACEINATID:4 TRACEINCLOCK TRACEINDATA:32 TRACEINVALID", ""),
    ("FTMT", 0, "F2PDEBUG:32 F2PTRIG:4 P2FTRIGACK:4", "F2PTRIGACK:4 P2FDEBUG:32 P2FTRIG:4"),
    ("IRQ", 0, "F2P:20", "P2F:29"),
)


def ps7_ports() -> List[Port]:
    """All ports of the primitive PS7."""
    ports: List[Port] = []
    for prefix, count, inputs, outputs in _PERIPHERALS:
        for instance in [str(i) for i in range(count)] or [""]:
            ports += _named(prefix + instance, "input", inputs)
            ports += _named(prefix + instance, "output", outputs)
    for index in (0, 1):
        ports += _axi3(f"MAXIGP{index}", "master", 32, 12)
        ports += _axi3(f"SAXIGP{index}", "slave", 32, 6)
    ports += _axi3("SAXIACP", "slave", 64, 3, user_width=5)
    for index in range(HP_PORTS):
        prefix = f"SAXIHP{index}"
        ports += _axi3(prefix, "slave", 64, 6)
        ports += _named(prefix, "input", "RDISSUECAP1EN WRISSUECAP1EN")
        ports += _named(prefix, "output", "RACOUNT:3 RCOUNT:8 WACOUNT:6 WCOUNT:8")
    ports += _named("DDR", "input", "ARB:4")
    ports += _named(
        "DDR", "inout", "A:15 BA:3 CASB CKE CKN CKP CSB DM:4 DQ:32 DQSN:4 DQSP:4 DRSTB ODT RASB VRN VRP WEB"
    )
    ports += _named("", "inout", "MIO:54 PSCLK PSPORB PSSRSTB")
    return ports
