"""The emulated 32-bit ARM: what is compared, and what is said if it cannot be. Nothing is emulated here."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find
from tests import ROOT
from tools import armhf, board_package
from tools.computed import computed, digest

NETWORK = str(find("lst1_w4a4p2"))


def test_every_network_layout_and_result_is_computed():
    found = computed([NETWORK, str(find("lst2_w6a4p4"))])
    assert {name.split(":")[0] for name in found if ":" in name} == {"lst1_w4a4p2", "lst2_w6a4p4"}
    assert len(found) == 3 + 3 + 5 + 2 and len(set(found.values())) == len(found)
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


@pytest.fixture
def kept(monkeypatch):
    """The figures that were kept."""
    figures = {}
    monkeypatch.setattr(board_package, "keep", lambda part, measured: figures.update({part: measured}))
    return figures


@pytest.mark.parametrize(
    "programs, keyring, message",
    [
        ({"apt-get", "dpkg-deb"}, True, "qemu-arm-static (Debian: apt install qemu-user-static)"),
        ({"qemu-arm", "dpkg-deb"}, True, "apt-get"),
        ({"qemu-arm-static", "apt-get"}, True, "dpkg-deb"),
        ({"qemu-arm", "apt-get", "dpkg-deb"}, False, "keyring.gpg (apt install debian-archive-keyring)"),
    ],
)
def test_what_is_missing_is_said(monkeypatch, tmp_path, capsys, kept, programs, keyring, message):
    monkeypatch.setattr(armhf.shutil, "which", lambda name: name if name in programs else None)
    monkeypatch.setattr(armhf, "KEYRING", tmp_path / "keyring.gpg")
    if keyring:
        armhf.KEYRING.touch()
    assert armhf.run() and not kept
    said = capsys.readouterr().out
    assert said.startswith("armhf: skipped: needs ") and said.endswith(f"{message}\n") and "," not in said


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Results of an emulated machine that differ from this one's, by name; a stand-in for its programs."""
    monkeypatch.setattr(armhf, "WORK", tmp_path / "armhf")
    monkeypatch.setattr(armhf, "missing", list)
    monkeypatch.setattr(armhf, "emulator", lambda: "qemu-arm")
    results, made = {}, []

    def call(command, environment=None):
        if command[0] in ("apt-get", "dpkg-deb"):
            if "install" in command:
                made.append(command)
                assert 'APT::Architecture "armhf"' in Path(environment["APT_CONFIG"]).read_text()
                (tmp_path / "armhf/cache/archives/numpy.deb").touch()
            return ""
        assert command[:3] == ["qemu-arm", "-L", str(tmp_path / "armhf/machine")] and len(made) == 1
        arguments = command[command.index(str(tmp_path / "armhf/machine" / armhf.PYTHON)) + 1 :]
        if arguments[0] == "-c":
            return "3.11.2 1.24.2"
        return json.dumps({**computed(arguments[1:]), **results})

    monkeypatch.setattr(armhf, "_call", call)
    return results


def test_an_equal_machine_passes_and_is_made_once(machine, kept, capsys):
    assert armhf.run() and armhf.run()
    figures = kept["armhf"]
    assert (figures["python"], figures["numpy"], figures["different"]) == ("3.11.2", "1.24.2", [])
    assert figures["results"] > 4 and "different: []" in capsys.readouterr().out


def test_a_machine_that_computes_something_else_fails_and_it_is_named(machine, kept):
    name = f"{load_network(NETWORK).name}: logits"
    machine[name] = "another"
    assert not armhf.run() and kept["armhf"]["different"] == [name]
    text = board_package.PAGE.text({**board_package.PAGE.figures(), **kept})
    count = kept["armhf"]["results"]
    assert f"Of {count} results, {count - 1} have" in " ".join(text.split()) and f"; not: {name}." in text


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
