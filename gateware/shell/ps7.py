"""The processing system as the primitive PS7.

No vendor IP is used, so simulator, Yosys and Vivado read the same netlist.
"""

from __future__ import annotations

from typing import Sequence

from litex.gen import LiteXModule
from migen import ClockDomain, ClockSignal, Constant, Instance, Signal

from gateware.shell.axi.axi3 import Axi3Port
from gateware.shell.ps7_ports import ps7_ports

_ADDRESS = {
    "addr": "ADDR",
    "len": "LEN",
    "size": "SIZE",
    "burst": "BURST",
    "lock": "LOCK",
    "cache": "CACHE",
    "prot": "PROT",
    "qos": "QOS",
    "id": "ID",
}
_CHANNELS = {
    "aw": ("AW", _ADDRESS, False),
    "ar": ("AR", _ADDRESS, False),
    "w": ("W", {"data": "DATA", "strb": "STRB", "id": "ID"}, True),
    "b": ("B", {"resp": "RESP", "id": "ID"}, False),
    "r": ("R", {"data": "DATA", "resp": "RESP", "id": "ID"}, True),
}
_FROM_MASTER = ("aw", "ar", "w")


class ProcessingSystem(LiteXModule):
    """The PS with the AXI ports that the design uses; ``numbers`` are those of the HP ports.

    gp0: M_AXI_GP0, 32 bits, 12-bit IDs; the PS is the master.
    hp:  a list of S_AXI_HP ports, 64 bits, 6-bit IDs; the PS is the slave.

    Clock domain ``sys`` is FCLK0 through a BUFG. It has no reset of its own: that of each room of the design
    is a register, set by the one before.

    reset: asserted with FCLK_RESET0_N and released two clocks after it.
    """

    def __init__(self, numbers: Sequence[int]):
        self.gp0 = Axi3Port(data_width=32, id_width=12)
        self.hp = [Axi3Port(data_width=64, id_width=6) for _ in numbers]
        self.cd_sys = ClockDomain("sys", reset_less=True)
        self.reset = Signal()

        # # #

        fclk = Signal(4)
        reset_n = Signal(4)
        self.specials += Instance("BUFG", i_I=fclk[0], o_O=self.cd_sys.clk)
        released = Signal()
        for name, (d, q) in {
            "reset_first": (0, released),
            "reset_second": (released, self.reset),
        }.items():
            self.specials += Instance(
                "FDPE", name=name, p_INIT=1, i_C=ClockSignal(), i_CE=1, i_PRE=~reset_n[0], i_D=d, o_Q=q
            )
        pins = {
            "o_FCLKCLK": fclk,
            "o_FCLKRESETN": reset_n,
            "i_MAXIGP0ACLK": ClockSignal(),
            **_pins("MAXIGP0", self.gp0, ps_is_master=True),
        }
        for number, port in zip(numbers, self.hp):
            pins.update(
                {f"i_SAXIHP{number}ACLK": ClockSignal(), **_pins(f"SAXIHP{number}", port, ps_is_master=False)}
            )
        # Every input that the design does not use is tied to 0.
        unused = {
            f"i_{port.name}": Constant(0, port.width) for port in ps7_ports() if port.direction == "input"
        }
        self.specials += Instance("PS7", name="ps7", **{**unused, **pins})


def _pins(prefix: str, port: Axi3Port, ps_is_master: bool) -> dict:
    """The Instance arguments for all AXI pins of one port."""
    pins = {}
    for channel, (letters, fields, has_last) in _CHANNELS.items():
        endpoint = getattr(port, channel)
        forward = "o" if (channel in _FROM_MASTER) == ps_is_master else "i"
        backward = "i" if forward == "o" else "o"
        pins[f"{forward}_{prefix}{letters}VALID"] = endpoint.valid
        pins[f"{backward}_{prefix}{letters}READY"] = endpoint.ready
        if has_last:
            pins[f"{forward}_{prefix}{letters}LAST"] = endpoint.last
        for field, pin in fields.items():
            pins[f"{forward}_{prefix}{letters}{pin}"] = getattr(endpoint, field)
    return pins
