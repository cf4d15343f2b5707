"""manifest.json: an entry for each bitstream, and what happens to a damaged or foreign file."""

import pytest

from gateware.toolchain.manifest import NAME, ManifestError, add_entry, read_manifest


def test_a_directory_without_one_has_no_entries(tmp_path):
    assert read_manifest(tmp_path) == {}


def test_a_second_design_leaves_the_first_ones_entry(tmp_path):
    add_entry(tmp_path, "b", {"slack": 1})
    add_entry(tmp_path, "a", {"slack": 2})
    assert read_manifest(tmp_path) == {"a": {"slack": 2}, "b": {"slack": 1}}


def test_the_same_design_again_replaces_its_entry(tmp_path):
    add_entry(tmp_path, "a", {"slack": 1, "former": True})
    add_entry(tmp_path, "a", {"slack": 2})
    assert read_manifest(tmp_path) == {"a": {"slack": 2}}


@pytest.mark.parametrize(
    "text, message",
    [
        (b"", "is damaged .Expecting value"),
        (b'{"a": {"slack": 1}', "is damaged .Expecting ',' delimiter"),
        (b"\xff\xfe", "is damaged .*utf-8"),
        (b"[1]", "must hold one object per bitstream"),
        (b'{"board": "zybo_z7_10", "sha256": {}}', "must hold one object per bitstream"),
    ],
)
def test_a_damaged_or_foreign_one_is_named_and_left_alone(tmp_path, text, message):
    (tmp_path / NAME).write_bytes(text)
    with pytest.raises(ManifestError, match=f"{NAME} {message}.*: move it away") as error:
        add_entry(tmp_path, "a", {})
    assert str(tmp_path) in str(error.value)
    assert (tmp_path / NAME).read_bytes() == text


def test_a_write_that_fails_leaves_the_former_file(tmp_path):
    add_entry(tmp_path, "a", {"slack": 1})
    with pytest.raises(TypeError):
        add_entry(tmp_path, "b", {"slack": object()})
    assert read_manifest(tmp_path) == {"a": {"slack": 1}}
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
