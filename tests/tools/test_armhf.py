"""The emulated 32-bit ARM: what is compared, and what is said if it cannot be. Nothing is emulated here."""

import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find, names
from tests import ROOT
from tools import armhf, matrix
from tools.computed import computed, digest

NETWORK = str(find("lst1_w4a4p2"))


def test_every_network_layout_and_result_is_computed():
    found = computed([NETWORK, str(ROOT / "networks" / "lst2_w6a4p4.npz")])
    assert {name.split(":")[0] for name in found if ":" in name} == {"lst1_w4a4p2", "lst2_w6a4p4"}
    assert len(found) == 3 + 2 + 4 + 2 and len(set(found.values())) == len(found)
    assert computed([NETWORK])["lst1_w4a4p2: logits"] == found["lst1_w4a4p2: logits"]


def test_a_default_integer_of_32_bits_is_a_difference(monkeypatch):
    here = computed([NETWORK])
    monkeypatch.setattr("tools.computed.classify", lambda logits: logits.argmax(axis=1).astype(np.int32))
    assert armhf.different(here, computed([NETWORK])) == ["lst1_w4a4p2: classes"]


def test_the_type_and_the_shape_of_a_result_count():
    zeros = np.zeros(8, np.uint8)
    others = [zeros.view(np.int8), zeros.view(np.uint32), zeros.reshape(2, 4)]
    assert len({digest(array) for array in (zeros, *others)}) == 4 and digest(zeros) == digest(zeros.copy())


def test_what_is_on_one_machine_alone_differs():
    assert armhf.different({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == ["a", "c"]


@pytest.mark.parametrize(
    "user, program, binfmt, message",
    [
        (1000, "/usr/sbin/debootstrap", True, "needs root's rights"),
        (0, None, True, "needs debootstrap"),
        (0, None, False, r"needs debootstrap, .*qemu-arm \(qemu-user-static, binfmt-support\)"),
    ],
)
def test_the_matrix_says_what_is_missing(monkeypatch, tmp_path, user, program, binfmt, message):
    monkeypatch.setattr(armhf.os, "geteuid", lambda: user)
    monkeypatch.setattr(armhf.shutil, "which", lambda name: program)
    monkeypatch.setattr(armhf, "BINFMT", tmp_path / "qemu-arm")
    if binfmt:
        armhf.BINFMT.touch()
    row = matrix.emulated(tmp_path / "none.whl")
    assert row.python == "armhf" and not row.numpy and not row.passed
    assert re.fullmatch(f"skipped: {message}", row.tests)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """(wheel, results): a machine that answers as this one does, with the changes in ``results``."""
    monkeypatch.setattr(armhf, "missing", list)
    monkeypatch.setattr(matrix, "WORK", tmp_path)
    results = {}

    def call(command):
        if command[0] == "debootstrap":
            assert "--arch=armhf" in command
            (tmp_path / "armhf" / "machine").mkdir()
            return ""
        root, program, *arguments = command[1:]
        assert command[0] == "chroot" and program == "python3"
        if arguments[0] == "-c":
            return "3.11.2 1.24.2"
        place = tmp_path / "armhf" / "machine"
        assert (place / arguments[0][1:]).is_file() and (place / "opt/lst_overlay/inside.txt").is_file()
        return json.dumps({**computed(str(place / path[1:]) for path in arguments[1:]), **results})

    monkeypatch.setattr(armhf, "_call", call)
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("inside.txt", "")
    return wheel, results


def test_an_equal_machine_passes(machine):
    row = matrix.emulated(machine[0])
    assert row.passed and row.python == "3.11.2, armhf" and row.numpy == "1.24.2"
    count = row.tests.split()[0]
    assert row.tests.startswith(f"{count} of {count} results equal to ") and int(count) > 3 * len(names())


def test_a_machine_that_computes_something_else_fails_and_it_is_named(machine):
    name = f"{load_network(NETWORK).name}: logits"
    machine[1][name] = "another"
    row = matrix.emulated(machine[0])
    assert not row.passed and row.tests.endswith(f"; not: {name}")


def test_the_program_runs_alone(tmp_path):
    program = tmp_path / "computed.py"
    program.write_text((ROOT / "tools" / "computed.py").read_text())
    done = subprocess.run(
        [sys.executable, str(program), NETWORK],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "driver")},
        cwd=tmp_path,
        check=True,
    )
    assert json.loads(done.stdout) == computed([NETWORK])
