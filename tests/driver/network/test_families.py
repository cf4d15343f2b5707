"""The one door: networks of every family through the same functions."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, Tuple

import numpy as np
import pytest

import lst_overlay.network
from lst_overlay.network import (
    Network,
    NetworkError,
    NetworkFileError,
    archive,
    check_family,
    classify,
    content_hash,
    families,
    load_network,
    logits,
    outputs,
    parameter_words,
    save_network,
    with_golden,
)
from lst_overlay.network.family import Family
from tests import ROOT
from tests.driver.network.lst.networks import SHIPPED
from tests.driver.network.lst.networks import random_network as random_lst
from tests.driver.network.resmlp.networks import random_network as random_resmlp

OTHERS = sorted((ROOT / "networks").glob("*.npz"))
EITHER = pytest.mark.parametrize("network", [random_lst(1), random_resmlp(1)], ids=["lst", "resmlp"])
# The first digits of every shipped file's content hash: the stored logits name networks by it.
SHIPPED_HASHES = {
    "lst1_digits": "619108db",
    "lst1_q6.7": "af5eda87",
    "lst1_w4a4p2": "2de735a1",
    "lst1_w5c4a4p4": "f5a45f52",
    "lst1_w6a4p4": "1340b920",
    "lst1_row_pairs_w4a4p2": "df088dde",
    "lst2_w3c4a4p4": "38d86601",
    "lst2_w6a4p4": "26d151c3",
    "reslst3_w6a4p4": "156defd0",
    "resmlp_lerp_psa_h0.5": "36f07e69",
    "resmlp_lerp_psa_h1_int8": "ce656091",
    "resmlp_relu_h1": "d90fc968",
    "resmlp_lerp_psa_h1_w5a6": "f23137a1",
    "resmlp_relu_h2_w5a6": "370546f6",
}


def images_of(network, count=3):
    return np.random.default_rng(2).integers(0, 256, (count, *network.image_shape), dtype=np.uint8)


@EITHER
def test_a_file_of_either_family_comes_back_as_it_went(tmp_path, network):
    saved = save_network(network, tmp_path / "n.npz")
    loaded = load_network(tmp_path / "n.npz")
    assert type(loaded) is type(network) and saved == loaded.content_hash == content_hash(network)
    for name in (
        "name",
        "kind",
        "family",
        "image_shape",
        "classes",
        "parameters",
        "provenance",
        "logit_step",
    ):
        assert getattr(loaded, name) == getattr(network, name)
    np.testing.assert_array_equal(logits(loaded, images_of(network)), logits(network, images_of(network)))


@EITHER
def test_outputs_are_those_of_every_layer_and_end_with_the_logits(network):
    images = images_of(network)
    found = outputs(network, images)
    assert len(found) == len(network.layers) and all(len(output) == len(images) for output in found)
    assert all(np.issubdtype(output.dtype, np.integer) for output in found)
    np.testing.assert_array_equal(found[-1], logits(network, images))
    assert classify(found[-1]).max() < network.classes


@pytest.mark.parametrize("path", [*SHIPPED, *OTHERS], ids=lambda path: path.stem)
def test_shipped_files_keep_their_content_hash(path):
    network = load_network(path)
    assert network.content_hash.startswith(SHIPPED_HASHES[path.stem])
    assert replace(network).content_hash == network.content_hash  # a copy computes it anew


@pytest.mark.parametrize("path", [SHIPPED[0], OTHERS[-1]], ids=["lst", "resmlp"])
def test_a_file_is_read_and_hashed_once(monkeypatch, path):
    reads, hashes = [], []
    read, hashed = Path.read_bytes, archive.hash_of
    monkeypatch.setattr(Path, "read_bytes", lambda self: reads.append(self) or read(self))
    for module in (archive, lst_overlay.network.family):
        monkeypatch.setattr(module, "hash_of", lambda *content: hashes.append(1) or hashed(*content))
    network = load_network(path)
    assert len(network.content_hash) == 64 and content_hash(network) == network.content_hash
    assert reads == [path] and len(hashes) == 1
    replace(network, name="another").content_hash  # noqa: B018 (the hash is what is counted)
    assert len(hashes) == 2


def test_a_changed_network_has_another_hash(tmp_path):
    save_network(random_lst(1), tmp_path / "n.npz")
    loaded = load_network(tmp_path / "n.npz")
    changed = replace(loaded, provenance={"seed": 2})
    assert changed.content_hash == save_network(changed, tmp_path / "n.npz") != loaded.content_hash


def test_every_file_version_belongs_to_one_family():
    versions = [version for family in families.FAMILIES for version in family.versions]
    assert sorted(versions) == [1, 2, 3, 4, 5]


def test_only_a_file_with_a_place_for_it_takes_a_golden_image():
    network = random_resmlp(1)
    image = images_of(network, 1)[0]
    golden = with_golden(network, image).golden
    np.testing.assert_array_equal(golden.image, image)
    for kept, found in zip(golden.outputs, outputs(network, image[None])):
        np.testing.assert_array_equal(kept, found[0])
    assert (
        with_golden(random_lst(1), images_of(random_lst(1), 1)[0]).content_hash == random_lst(1).content_hash
    )


def test_what_takes_one_family_names_the_other():
    message = r"network 'small' \(ResMLP\) is of the family resmlp, where one of the family lst is needed"
    for use in (lambda network: check_family(network, "lst"), parameter_words):
        with pytest.raises(NetworkError, match=message):
            use(random_resmlp(1))
    check_family(random_lst(1), "lst")


@dataclass(frozen=True, eq=False)
class Threshold(Network):
    """The smallest third family: its logits count the pixels on either side of a threshold."""

    name: str
    threshold: int
    kind: str = "threshold"
    image_shape: Tuple[int, ...] = (2, 2)
    provenance: Dict = field(default_factory=dict)
    classes = 2
    parameters = 1
    logit_step = 1.0


def threshold_outputs(network, images):
    above = (images > network.threshold).reshape(len(images), -1).sum(axis=1)
    return [np.stack([4 - above, above], axis=1)]


def test_a_third_family_is_one_declaration(monkeypatch, tmp_path):
    declared = Family(
        "threshold",
        (6,),
        Threshold,
        lambda network: (
            {"format": archive.FORMAT, "version": 6, "name": network.name},
            {"threshold": np.array([network.threshold])},
        ),
        lambda header, arrays: Threshold(header["name"], int(arrays["threshold"][0])),
        lambda network, images: threshold_outputs(network, images)[-1],
        threshold_outputs,
    )
    network, images = Threshold("third", 100), np.array([[[0, 101], [200, 7]]], np.uint8)
    assert network.family == "threshold" and logits(network, images).tolist() == [[2, 2]]
    saved = save_network(network, tmp_path / "third.npz")
    with pytest.raises(NetworkFileError, match="format version 6; this lst_overlay reads 1..5"):
        load_network(tmp_path / "third.npz")
    monkeypatch.setitem(families._OF_VERSION, 6, declared)
    loaded = load_network(tmp_path / "third.npz")
    assert loaded == network and loaded.content_hash == saved
    assert [output.tolist() for output in outputs(loaded, images)] == [[[2, 2]]]
