"""Networks of either family as values: numbers of any type go in, and nothing changes them afterwards."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from lst_overlay.network import NetworkError, classify, load_network, logits, outputs, save_network
from tests.driver.network.lst.networks import random_network as random_lst
from tests.driver.network.resmlp.networks import random_images, random_network

LST, RESMLP = random_lst(1), random_network(1, narrow=True, with_golden=True)
EITHER = pytest.mark.parametrize("network", [LST, RESMLP], ids=["lst", "resmlp"])


def rebuilt(value, convert):
    """The value made anew by its constructors, with convert(member) in the place of each member."""
    if isinstance(value, tuple):
        return tuple(rebuilt(member, convert) for member in value)
    if not dataclasses.is_dataclass(value):
        return convert(value)
    members = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return type(value)(**{name: rebuilt(member, convert) for name, member in members.items()})


def members_of(network):
    found = []
    rebuilt(network, lambda member: found.append(member) or member)
    return found


def arrays_of(network):
    return [member for member in members_of(network) if isinstance(member, np.ndarray)]


def with_type(array_type, number_type):
    def convert(member):
        if isinstance(member, np.ndarray) and member.dtype == np.int64:
            return member.astype(array_type)
        return number_type(member) if type(member) is int else member

    return convert


@EITHER
@pytest.mark.parametrize("array_type", [np.int32, np.intp, ">i4"])
@pytest.mark.parametrize("number_type", [np.int32, np.int64, np.uint16])
def test_integers_of_any_type_make_the_same_network(network, array_type, number_type):
    """NumPy's default integer is int32 on a 32-bit processor, and who computes a width has NumPy's number."""
    made = rebuilt(network, with_type(array_type, number_type))
    assert [array.dtype for array in arrays_of(made)] == [array.dtype for array in arrays_of(network)]
    assert not [member for member in members_of(made) if isinstance(member, np.generic)]
    assert made.content_hash == network.content_hash


@EITHER
def test_lists_of_integers_make_the_same_network(network):
    layers = rebuilt(network.layers, lambda m: m.tolist() if isinstance(m, np.ndarray) else m)
    assert dataclasses.replace(network, layers=list(layers)).content_hash == network.content_hash


@EITHER
@pytest.mark.parametrize("number_type", [np.float32, np.float64, int])
def test_steps_of_any_real_type_make_the_same_network(network, number_type):
    def convert_to(kind):
        def convert(member):
            if isinstance(member, np.ndarray) and member.dtype.kind == "f":
                return np.ones(member.shape, kind)
            return kind(1) if isinstance(member, float) else member

        return convert

    made, expected = rebuilt(network, convert_to(number_type)), rebuilt(network, convert_to(float))
    assert made.content_hash == expected.content_hash


@EITHER
def test_numbers_of_numpy_in_the_provenance_are_written_as_numbers(network, tmp_path):
    made = dataclasses.replace(
        network, provenance={"seed": np.int64(3), "accuracy": np.float32(0.5), "best": np.arange(2)}
    )
    save_network(made, tmp_path / "n.npz")
    assert load_network(tmp_path / "n.npz").provenance == {"seed": 3, "accuracy": 0.5, "best": [0, 1]}


@EITHER
@pytest.mark.parametrize("provenance", [{"a": object()}, {"a": float("nan")}])
def test_a_provenance_that_no_file_can_hold_is_refused_at_once(network, provenance):
    with pytest.raises(NetworkError, match="provenance must be what JSON can hold"):
        dataclasses.replace(network, provenance=provenance)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float64])
def test_classes_are_int64_on_every_processor(dtype, monkeypatch):
    argmax = np.argmax
    monkeypatch.setattr(np, "argmax", lambda *args, **named: argmax(*args, **named).astype(np.int32))
    classes = classify(np.array([[1, 3, 3], [5, 4, 0]], dtype))
    assert classes.dtype == np.int64 and classes.tolist() == [1, 0]


@EITHER
def test_equal_networks_are_equal_and_hash_alike(network, tmp_path):
    save_network(network, tmp_path / "n.npz")
    for other in (load_network(tmp_path / "n.npz"), dataclasses.replace(network)):
        assert other is not network and other == network and len({other, network}) == 1
        for layer, same in zip(network.layers, other.layers):
            assert layer == same and hash(layer) == hash(same)


@EITHER
def test_networks_that_differ_in_one_number_are_not_equal(network):
    first = network.layers[0]
    bias_q = first.bias_q.copy()
    bias_q[0] += 1 if bias_q[0] < 1 else -1
    layer = dataclasses.replace(first, bias_q=bias_q)
    other = dataclasses.replace(network, layers=(layer, *network.layers[1:]))
    assert layer != first and other != network and len({other, network}) == 2
    assert network != "network" and first != network


@EITHER
def test_the_callers_arrays_and_objects_are_copied(network):
    mine, provenance = [], {"seeds": [1]}

    def convert(member):
        if isinstance(member, np.ndarray):
            mine.append(member.copy())
            return mine[-1]
        return member

    made = dataclasses.replace(rebuilt(network, convert), provenance=provenance)
    expected = dataclasses.replace(network, provenance={"seeds": [1]}).content_hash
    for array in mine:
        array[...] = 0
    provenance["seeds"].append(2)
    assert made.content_hash == expected


@EITHER
def test_a_view_that_cannot_be_written_to_is_copied_if_what_it_views_can(network):
    weights_q = network.layers[0].weights_q.copy()
    view = weights_q[:]
    view.setflags(write=False)
    layer = dataclasses.replace(network.layers[0], weights_q=view)
    weights_q[...] = 0
    assert layer == network.layers[0]


@EITHER
@pytest.mark.parametrize(
    "copied", [dataclasses.replace, copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_no_copy_of_a_network_can_be_written_to(network, copied):
    made = copied(network)
    assert made == network and len(arrays_of(made)) >= 8
    assert not [array for array in arrays_of(made) if array.flags.writeable]


@EITHER
def test_a_loaded_network_cannot_be_written_to(network, tmp_path):
    save_network(network, tmp_path / "n.npz")
    assert not [array for array in arrays_of(load_network(tmp_path / "n.npz")) if array.flags.writeable]


@EITHER
def test_replacing_a_member_copies_no_array(network):
    renamed = dataclasses.replace(network, layers=rebuilt(network.layers, lambda member: member))
    assert all(a is b for a, b in zip(arrays_of(renamed), arrays_of(network)))


@EITHER
def test_the_reference_refuses_masked_images(network):
    """What lies below a mask is no pixel."""
    images = np.ma.masked_array(np.zeros((2, *network.image_shape), np.uint8), mask=True)
    for compute in (logits, outputs):
        with pytest.raises(ValueError, match="images must not be a masked array"):
            compute(network, images)


def test_a_masked_golden_image_is_refused():
    image = np.ma.masked_array(random_images(1)[0], mask=True)
    with pytest.raises(NetworkError, match="golden image must not be a masked array"):
        dataclasses.replace(RESMLP.golden, image=image)
