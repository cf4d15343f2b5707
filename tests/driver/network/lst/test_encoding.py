import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst_overlay.network import NetworkFileError, content_hash, load_network, logits, save_network
from lst_overlay.network import archive as network_file
from tests.driver.network.lst.networks import SHIPPED, networks_of_any_kind, random_network, random_network_of

VERSION_1 = (
    Path(__file__).parent / "data" / "version1.npz"
)  # random_network(1), as the first release wrote it
VERSION_1_HASH = "92d9ac2c69c63144ea81a4a7266e14eb296f6237be6cf5e1c0ef5cbe607d9516"
VERSION_2 = (
    Path(__file__).parent / "data" / "version2.npz"
)  # random_network_of("ResLST-3", 4, per_channel=True), as first written
VERSION_2_HASH = "5722f99143e8e22c84ffd90db0219518f9d3a8a426a6d6b0afabeb8ca711f600"
VERSION_2_LOGITS = [[-447, 69, -198], [-443, 105, -182]]
VERSION_5 = (
    Path(__file__).parent / "data" / "version5.npz"
)  # random_network_of("LST-1", 4, rows_per_vector=2), as first written
VERSION_5_HASH = "0a52b8bb07e34120f2e6f7dc74475af74404ff23b59c630a3e5a4bfbbc4773c4"
VERSION_5_LOGITS = [[-296, 314, 151], [-480, 391, 125]]


def members(path):
    """Name -> bytes of each member of the archive."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "n.npz"
    save_network(random_network(1), path)
    return path


def rewritten(path, change, change_arrays=lambda arrays: None):
    """Save the file again with its header or arrays changed and the hash made right."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays.pop("header").tobytes())
    del header["content_sha256"]
    change(header)
    change_arrays(arrays)
    header["content_sha256"] = network_file.hash_of(header, arrays)
    np.savez(path, header=np.frombuffer(network_file._json(header), np.uint8), **arrays)
    return path


def test_load_returns_what_was_saved(saved):
    assert content_hash(load_network(saved)) == content_hash(random_network(1))


def test_save_returns_the_content_hash(tmp_path):
    network = random_network(2)
    assert save_network(network, tmp_path / "n.npz") == content_hash(network)


def test_two_saves_give_the_same_bytes(saved, tmp_path):
    again = tmp_path / "again.npz"
    save_network(load_network(saved), again)
    assert again.read_bytes() == saved.read_bytes()


def test_save_leaves_nothing_beside_the_file(saved):
    assert [path.name for path in saved.parent.iterdir()] == ["n.npz"]


def test_version_1_is_still_read():
    network = load_network(VERSION_1)
    assert content_hash(network) == VERSION_1_HASH
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 10
    np.testing.assert_array_equal(logits(network, images), [[-37, -546, -64], [-243, -527, -215]])


def test_version_2_is_read():
    network = load_network(VERSION_2)
    assert content_hash(network) == VERSION_2_HASH
    assert any(layer.activation is not None and layer.activation.per_channel for layer in network.layers)
    assert [layer.add for layer in network.layers] == [None] * 5 + [1, None]
    images = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14
    np.testing.assert_array_equal(logits(network, images), VERSION_2_LOGITS)


def test_version_5_is_read():
    network = load_network(VERSION_5)
    assert content_hash(network) == VERSION_5_HASH
    assert (network.image_shape, network.rows_per_vector) == ((6, 3), 2)
    images = np.arange(36, dtype=np.uint8).reshape(2, 6, 3) * 7
    np.testing.assert_array_equal(logits(network, images), VERSION_5_LOGITS)


@pytest.mark.parametrize("path", [VERSION_1, VERSION_2, VERSION_5, *SHIPPED], ids=lambda path: path.stem)
def test_a_file_is_written_as_it_was_read(tmp_path, path):
    """Member for member: how they are deflated is zlib's. A plain network is still a version 1 file."""
    save_network(load_network(path), tmp_path / "again.npz")
    assert members(tmp_path / "again.npz") == members(path)


@pytest.mark.parametrize(
    "network, version",
    [
        (random_network(1), 1),
        (random_network_of("LST-2", 1), 1),
        (random_network_of("MLP", 1), 2),
        (random_network_of("ResLST-3", 1), 2),
        (random_network_of("LST-1", 3, per_channel=True), 2),
        (random_network_of("LST-1", 3, rows_per_vector=2), 5),
        (random_network_of("ResLST-3", 3, per_channel=True, rows_per_vector=3), 5),
    ],
    ids=["plain", "two transforms", "sum of dense", "sum", "per channel", "row pairs", "all"],
)
def test_only_what_needs_a_later_version_is_written_as_such(tmp_path, network, version):
    save_network(network, tmp_path / "n.npz")
    assert json.loads(members(tmp_path / "n.npz")["header.npy"].split(b"\n", 1)[1])["version"] == version


@given(network=networks_of_any_kind)
@settings(max_examples=50, deadline=None)
def test_every_kind_survives_its_file(tmp_path_factory, network):
    path = tmp_path_factory.mktemp("network") / "n.npz"
    content = save_network(network, path)
    again = load_network(path)
    assert content_hash(again) == content == content_hash(network)
    assert again.rows_per_vector == network.rows_per_vector
    for layer, same in zip(network.layers, again.layers):
        assert layer.add == same.add and (layer.activation is None) == (same.activation is None)
        if layer.activation is not None:
            np.testing.assert_array_equal(same.activation.table_q, layer.activation.table_q)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, part):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(NetworkFileError, match="n.npz: .*(truncated|damaged)"):
        load_network(saved)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_one_altered_bit_is_refused_or_changes_nothing(tmp_path_factory, data):
    """Some bits of a zip archive say nothing about its content, such as its dates."""
    path = tmp_path_factory.mktemp("altered") / "n.npz"
    content = bytearray(VERSION_1.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        network = load_network(path)
    except NetworkFileError as error:
        assert str(path) in str(error)
    else:
        assert content_hash(network) == VERSION_1_HASH


@pytest.mark.parametrize("name", ["layer0.weights_q", "layer1.bias_q", "layer1.table_q", "layer2.weights_q"])
def test_one_altered_code_is_refused(saved, name):
    with np.load(saved) as archive:
        arrays = {key: archive[key] for key in archive.files}
    arrays[name].flat[0] ^= 1
    np.savez(saved, **arrays)
    with pytest.raises(NetworkFileError, match="the file was altered"):
        load_network(saved)


def with_header(path, change):
    """The file with other bytes for a header, its arrays as they were."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["header"] = np.frombuffer(change(arrays["header"].tobytes()), np.uint8)
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda header: header.replace(b'"random"', b'"rendom"'), "the file was altered"),
        (
            lambda header: header.replace(b'"pixel_bits":', b'"pixel_bits":NaN,"x":'),
            "n.npz: the header is damaged",
        ),
        (lambda header: b"[" * 100_000, "n.npz: an .npz file, but not a network file"),
    ],
    ids=["altered", "not JSON", "nested without end"],
)
def test_a_wrong_header_is_refused(saved, change, message):
    with pytest.raises(NetworkFileError, match=message):
        load_network(with_header(saved, change))


def test_a_foreign_npz_is_refused(tmp_path):
    np.savez(tmp_path / "foreign.npz", weights=np.zeros(3))
    with pytest.raises(NetworkFileError, match="an .npz file, but not a network file"):
        load_network(tmp_path / "foreign.npz")


def test_a_file_of_torch_is_named_as_such(tmp_path):
    with zipfile.ZipFile(tmp_path / "checkpoint.pt", "w") as file:
        file.writestr("checkpoint/data.pkl", b"weights")
    with pytest.raises(NetworkFileError, match="checkpoint.pt: a file of torch, .*quantize. makes one"):
        load_network(tmp_path / "checkpoint.pt")


class Trap:
    """Unpickling one makes a directory."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


def test_a_pickle_in_a_file_is_not_run(tmp_path):
    np.savez(tmp_path / "pickle.npz", header=np.array([Trap(tmp_path / "sprung")], dtype=object))
    with pytest.raises(NetworkFileError, match="not a network file"):
        load_network(tmp_path / "pickle.npz")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "n.npz"
    path.write_bytes(content)
    with pytest.raises(NetworkFileError, match="n.npz"):
        load_network(path)


@pytest.mark.parametrize("version", [6, 0, "1", None])
def test_an_unknown_version_is_refused_by_its_number(saved, version):
    with pytest.raises(NetworkFileError, match=f"format version {version}; this lst_overlay reads 1..5"):
        load_network(rewritten(saved, lambda header: header.update(version=version)))


def test_a_header_that_lacks_a_key_is_refused_by_its_name(saved):
    with pytest.raises(NetworkFileError, match="header lacks or misstates 'pixel_bits'"):
        load_network(rewritten(saved, lambda header: header.pop("pixel_bits")))


def test_a_file_that_breaks_a_rule_is_refused_with_the_rule(saved):
    with pytest.raises(NetworkFileError, match="n.npz: pixel_bits must be a whole number in 1..8, not 9"):
        load_network(rewritten(saved, lambda header: header.update(pixel_bits=9)))


@pytest.mark.parametrize(
    "rows, message",
    [
        (2, "rows_per_vector must divide the rows of an image, 3, not 2"),
        (4, r"rows_per_vector must be a whole number in 1\.\.3, not 4"),
        (1.0, r"rows_per_vector must be a whole number in 1\.\.3, not 1.0"),
    ],
)
def test_rows_that_fill_no_vectors_are_refused(saved, rows, message):
    with pytest.raises(NetworkFileError, match=f"n.npz: {message}"):
        load_network(rewritten(saved, lambda header: header.update(version=5, rows_per_vector=rows)))


@pytest.mark.parametrize("axis", ["diagonal", None])
def test_an_unknown_axis_is_refused(saved, axis):
    with pytest.raises(
        NetworkFileError, match=f"n.npz: header lacks or misstates .*{axis}.* is not a valid Axis"
    ):
        load_network(rewritten(saved, lambda header: header["layers"][0].update(axis=axis)))


def test_a_shape_that_contradicts_the_header_is_refused(saved):
    with pytest.raises(
        NetworkFileError, match=r"layer0.weights_q must have shape \(\d+, 5\) as the header says"
    ):
        load_network(rewritten(saved, lambda header: header["layers"][0].update(fan_in=5)))


@pytest.mark.parametrize("name, dtype", [("weights_q", "<f4"), ("bias_q", "<i8"), ("table_q", ">i2")])
def test_an_array_of_another_type_is_refused(saved, name, dtype):
    name = f"layer0.{name}"
    with pytest.raises(NetworkFileError, match=f"{name} must be stored as <i., not {dtype}"):
        load_network(
            rewritten(
                saved, lambda header: None, lambda arrays: arrays.update({name: arrays[name].astype(dtype)})
            )
        )


def test_a_missing_file_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_network(tmp_path / "none.npz")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_hold_no_absolute_paths_and_no_dates(path):
    network = load_network(path)
    text = json.dumps(network.provenance)
    assert " /" not in text and '"/' not in text
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_say_how_they_were_made(path):
    provenance = load_network(path).provenance
    assert provenance["command"][-1].endswith(f"--out {path.name}")
    assert {
        "seed",
        "recipe",
        "dataset",
        "accuracy_float",
        "accuracy_integer",
        "torch",
        "device",
    } <= provenance.keys()
