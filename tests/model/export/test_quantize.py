from pathlib import Path

import numpy as np
import pytest
from fxpmath import Fxp
from hypothesis import given, settings
from hypothesis import strategies as st

import model.export.quantize
from lst_overlay.network import QFormat, classify, load_network, logits
from model.export.quantize import (
    from_fxp,
    quantize_checkpoint,
    quantize_post_training,
    quantize_weights,
    to_fxp,
)
from model.training.augment import Augmentation
from model.training.checkpoint import CheckpointError
from model.training.recipe import Distillation, Widths
from model.training.train import train
from tests.model.small import (
    FUNCTIONS,
    KINDS,
    normalized_network,
    random_images,
    random_network,
    small_network,
    small_recipe,
    small_split,
    small_test,
)

formats = st.builds(QFormat, int_bits=st.integers(1, 12), frac_bits=st.integers(0, 12))


@pytest.fixture(autouse=True)
def small_data(monkeypatch, tmp_path):
    monkeypatch.setattr(model.export.quantize, "load_split", lambda dataset: small_split())
    monkeypatch.setattr(model.export.quantize, "load_test", small_test)
    monkeypatch.chdir(tmp_path)


def trained(name="float", **changes):
    train(small_recipe(name=name, **changes), name, split=small_split(), load_test=small_test)
    return f"{name}/checkpoint.pt"


@given(formats, st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_fxpmath_holds_the_codes_of_qformat(fmt, values):
    np.testing.assert_array_equal(to_fxp(values, fmt).val, fmt.quantize(values))


@given(formats, st.integers(-10, 10))
@settings(max_examples=50, deadline=None)
def test_fxpmath_holds_the_codes_of_qformat_on_ties(fmt, code):
    value = (code + 0.5) * fmt.step
    assert int(to_fxp(value, fmt).val) == fmt.quantize(value)


@given(formats)
@settings(max_examples=50, deadline=None)
def test_formats_convert_both_ways(fmt):
    assert from_fxp(to_fxp(0.0, fmt)) == fmt


def test_q6_7_is_fxp_s13_7():
    assert to_fxp(0.0, QFormat(6, 7)).dtype == "fxp-s13/7"


def test_one_bit_equals_fxpmath():
    values = [-2.0, -0.5, 0.0, 0.5, 2.0]
    np.testing.assert_array_equal(to_fxp(values, QFormat(1, 0)).val, QFormat(1, 0).quantize(values))


def test_an_unsigned_number_has_no_qformat():
    with pytest.raises(ValueError, match="a QFormat is signed"):
        from_fxp(Fxp(0, signed=False, n_word=8, n_frac=4))


@given(
    seed=st.integers(0, 10**6),
    fmt=st.builds(QFormat, int_bits=st.integers(2, 6), frac_bits=st.integers(1, 8)),
)
@settings(max_examples=25, deadline=None)
def test_post_training_torch_equals_the_reference(seed, fmt):
    quantized = quantize_post_training(random_network(seed, 4, 5, 3), fmt)
    images = random_images(seed, 5, 4)
    np.testing.assert_array_equal(
        quantized.logits_q(images).numpy(), logits(quantized.export("n", {}), images.numpy())
    )


def test_post_training_codes_are_the_formats():
    network, fmt = random_network(0), QFormat(6, 7)
    exported = quantize_post_training(network, fmt).export("n", {})
    np.testing.assert_array_equal(
        exported.layers[0].weights_q, fmt.quantize(network.lst[0].rows.weight.detach().numpy())
    )
    np.testing.assert_array_equal(
        exported.layers[2].weights_q, fmt.quantize(network.classifier.weight.detach().numpy())
    )
    np.testing.assert_array_equal(
        exported.layers[1].activation.table_q, fmt.quantize(np.tanh(np.arange(-512, 512) / 128))
    )


@given(
    seed=st.integers(0, 10**6),
    fmt=st.builds(QFormat, int_bits=st.integers(2, 6), frac_bits=st.integers(1, 8)),
    kind=st.sampled_from(list(KINDS)),
    function=st.sampled_from(list(FUNCTIONS)),
    rounding=st.sampled_from(["nearest", "floor"]),
)
@settings(max_examples=50, deadline=None)
def test_post_training_torch_equals_the_reference_for_every_network(seed, fmt, kind, function, rounding):
    quantized = quantize_post_training(small_network(kind, function, seed), fmt, rounding)
    images = random_images(seed, 5, 5)
    np.testing.assert_array_equal(
        quantized.logits_q(images).numpy(), logits(quantized.export("n", {}), images.numpy())
    )


def test_rounding_down_truncates_weights_and_table_entries():
    network, fmt = random_network(0), QFormat(6, 3)
    exported = quantize_post_training(network, fmt, "floor").export("n", {})
    np.testing.assert_array_equal(
        exported.layers[0].weights_q, np.floor(network.lst[0].rows.weight.detach().numpy() * 8)
    )
    index = np.arange(-512, 512) * exported.layers[0].activation.index_step
    np.testing.assert_array_equal(exported.layers[0].activation.table_q, np.floor(np.tanh(index) * 8))


def test_every_table_of_a_format_has_its_step():
    exported = quantize_post_training(small_network("reslst3", "relu"), QFormat(6, 7)).export("n", {})
    assert {layer.activation.step for layer in exported.layers[:-1]} == {2.0**-7}
    assert {layer.weights_step for layer in exported.layers} == {2.0**-7}


def test_another_rounding_is_refused():
    with pytest.raises(ValueError, match="rounding must be nearest or floor, not 'up'"):
        quantize_post_training(random_network(0), QFormat(6, 7), "up")


@pytest.mark.parametrize(
    "network",
    [random_network(0), *map(normalized_network, ("lst1", "reslst3", "784-40-10"))],
    ids=["lst1", "lst1 normalized", "reslst3 normalized", "784-40-10 normalized"],
)
@pytest.mark.parametrize("rounding", ["nearest", "floor"])
def test_weights_alone_are_those_of_the_whole_network(rounding, network):
    fmt = QFormat(2, 4)
    exported = quantize_post_training(network, fmt, rounding).export("n", {})
    for stage, layer in zip(quantize_weights(network, fmt, rounding).stages(), exported.layers):
        np.testing.assert_array_equal(stage.linear.weight.detach().numpy(), layer.weights_q * fmt.step)


def test_q6_7_has_the_published_index():
    for layer in quantize_post_training(random_network(0), QFormat(6, 7)).export("n", {}).layers[:2]:
        assert (layer.activation.shift, layer.activation.index_width, layer.activation.index_step) == (
            7,
            10,
            2.0**-7,
        )


def test_a_file_says_how_it_was_made():
    quantize_checkpoint(trained(), "n.npz", QFormat(6, 7))
    provenance = load_network("n.npz").provenance
    assert provenance["quantization"] == "post-training Q6.7"
    quantize = "python -m model quantize float/checkpoint.pt --format Q6.7 --out n.npz"
    assert provenance["command"] == ["python -m model train float.toml --seed 1", quantize]
    assert provenance["seed"] == 1 and provenance["dataset"] == "digits"


def test_accuracies_are_of_the_images_they_are_named_for():
    figures = quantize_checkpoint(trained(epochs=6), "n.npz", QFormat(6, 7))
    network, validation, test = load_network("n.npz"), small_split().validation, small_test("digits")
    for key, part in (("accuracy_validation", validation), ("accuracy_integer", test)):
        assert figures[key] == pytest.approx(
            100 * np.mean(classify(logits(network, part.images.numpy())) == part.labels.numpy()), abs=1e-3
        )
    assert figures["accuracy_validation"] != figures["accuracy_integer"]  # or this shows nothing


def test_a_quantisation_aware_file_names_its_parent():
    aware = trained("aware", init_from=trained(), widths=Widths(4, 3, 4), epochs=2)
    quantize_checkpoint(aware, "n.npz")
    provenance = load_network("n.npz").provenance
    assert provenance["quantization"] == "quantization-aware"
    assert provenance["parent"]["recipe_name"] == "float" and len(provenance["command"]) == 3
    assert [layer.weights_width for layer in load_network("n.npz").layers] == [4, 4, 4]


def test_a_distilled_file_names_its_teacher_and_how_to_make_it():
    Path("recipes").mkdir()
    Path("recipes/teacher.toml").touch()  # one of this checkout's; the other lies anywhere
    trained("teacher", network="784-10", epochs=1)
    distilled = trained(
        "taught",
        augmentation=Augmentation(copies=2),
        distillation=Distillation("teacher/checkpoint.pt"),
        epochs=1,
        seed=2,
    )
    quantize_checkpoint(distilled, "n.npz", QFormat(6, 7))
    provenance = load_network("n.npz").provenance
    assert provenance["teacher"]["recipe_name"] == "teacher" and provenance["parent"] is None
    assert provenance["command"][:2] == [
        "python -m model train recipes/teacher.toml --seed 1",
        "python -m model train taught.toml --seed 2",
    ]


def test_learned_functions_lie_in_the_provenance_channel_by_channel():
    quantize_checkpoint(
        trained(activation="piecewise_linear", knots=5, per_channel=True, epochs=1), "n.npz", QFormat(6, 7)
    )
    network = load_network("n.npz")
    assert [len(numbers) for numbers in network.provenance["functions"]] == [28 * 5, 28 * 5]
    assert network.layers[0].activation.table_q.shape == (28, 256)


def test_two_exports_give_the_same_bytes(tmp_path):
    checkpoint = trained()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        quantize_checkpoint(checkpoint, f"{name}/n.npz", QFormat(6, 7))
    assert (tmp_path / "a/n.npz").read_bytes() == (tmp_path / "b/n.npz").read_bytes()


def test_a_float_network_needs_a_format():
    with pytest.raises(CheckpointError, match="a float network, needs --format"):
        quantize_checkpoint(trained(), "n.npz")


def test_a_fake_quantised_network_takes_no_format():
    aware = trained("aware", init_from=trained(), widths=Widths(4, 3, 4), epochs=1)
    with pytest.raises(CheckpointError, match="already fake-quantised, takes no --format"):
        quantize_checkpoint(aware, "n.npz", QFormat(6, 7))


def test_an_unfinished_training_is_refused():
    train(small_recipe(name="half"), "half", split=small_split(), load_test=small_test, stop_after=1)
    with pytest.raises(CheckpointError, match="training stopped after 1 of 3 epochs"):
        quantize_checkpoint("half/checkpoint.pt", "n.npz", QFormat(6, 7))
