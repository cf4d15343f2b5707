import numpy as np
import pytest
import torch

from lst_overlay.network import QFormat, classify, logits
from model.networks.lst import columns_first, parameters_of, pixel_values
from model.quantized.fixed_point import fixed_point, quantize_post_training, quantize_weights
from model.reports.study.confusion import confusion_point
from model.reports.study.fine_tuning import FixedPointTraining, fine_tune
from model.reports.study.fractions import fine_tuned_point, float_point, post_training_point
from model.reports.study.hidden import digits_point
from model.reports.study.subjects import Subject, train_recipe
from model.training.augment import Augmentation
from model.training.data import load_test
from tests.model.small import random_images, random_network, small_recipe, small_split

BINS = (32, 128)


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """A network, trained with all that makes fine-tuning differ from training."""
    directory = tmp_path_factory.mktemp("train")
    train_recipe(
        small_recipe(
            epochs=12, normalize=True, augmentation=Augmentation(2, 0.02, 0.02, 0.02), calm_epochs=6
        ),
        directory,
    )
    return Subject.of("small", "small", directory / "checkpoint.pt")


@pytest.mark.parametrize("rounding", ["nearest", "floor"])
def test_weights_only_have_the_weights_of_post_training(rounding):
    network, fmt = random_network(1), QFormat(2, 3)
    codes = [
        layer.weights_q for layer in quantize_post_training(network, fmt, rounding).export("n", {}).layers
    ]
    for stage, found, before in zip(
        quantize_weights(network, fmt, rounding).stages(), codes, network.stages()
    ):
        np.testing.assert_array_equal(
            stage.linear.weight.detach().numpy(), (found * fmt.step).astype(np.float32)
        )
        np.testing.assert_array_equal(stage.linear.bias.detach(), before.linear.bias.detach())


def test_weights_only_leave_the_network_alone():
    network = random_network(1)
    before = network.classifier.weight.detach().clone()
    quantize_weights(network, QFormat(6, 1))
    np.testing.assert_array_equal(network.classifier.weight.detach(), before)


def test_floor_is_below_nearest():
    network, fmt = random_network(1), QFormat(6, 3)
    down, near = (
        quantize_weights(network, fmt, rounding).classifier.weight for rounding in ("floor", "nearest")
    )
    assert (
        (down <= network.classifier.weight).all() and (down <= near).all() and (near - down <= fmt.step).all()
    )


@pytest.mark.parametrize("quantize", [quantize_weights, quantize_post_training])
def test_an_unknown_rounding_is_refused(quantize):
    with pytest.raises(ValueError, match="rounding must be nearest or floor, not 'up'"):
        quantize(random_network(1), QFormat(6, 7), "up")


def test_fixed_point_before_training_is_post_training():
    network, fmt, images = random_network(2), QFormat(6, 4), random_images(1, 5)
    np.testing.assert_array_equal(
        fixed_point(network, fmt).logits_q(images), quantize_post_training(network, fmt).logits_q(images)
    )


def test_fine_tuning_trains_weights_and_keeps_the_format():
    network, fmt, recipe = random_network(3), QFormat(6, 3), small_recipe(epochs=2, augmentation=None)
    before = network.classifier.weight.detach().clone()
    exported = fine_tune(network, fmt, recipe, small_split()).export("n", {})
    assert [layer.weights_step for layer in exported.layers] == [fmt.step] * 3
    assert [layer.activation.step for layer in exported.layers[:2]] == [fmt.step] * 2
    assert not np.array_equal(exported.layers[2].weights_q, fmt.quantize(before.numpy()))
    np.testing.assert_array_equal(network.classifier.weight.detach(), before)


def test_fine_tuning_lowers_the_loss():
    run = FixedPointTraining(
        random_network(3), QFormat(6, 3), small_recipe(epochs=4, augmentation=None), small_split()
    )
    first, *_, last = [run.run_epoch() for _ in range(4)]
    assert last < first


def test_more_bits_bring_the_float_accuracy_and_less_divergence(subject):
    real = float_point(subject, "digits", BINS)
    assert real["images"] == 360 and real["accuracy"] > 80 and real["layers"] == ["rows", "columns", "dense"]
    for method in ("post-training", "weights only"):
        found = [
            post_training_point(subject, "digits", QFormat(6, bits), method, "nearest", BINS)
            for bits in (1, 4, 10)
        ]
        assert found[0]["accuracy"] < found[2]["accuracy"] == pytest.approx(real["accuracy"], abs=0.6)
        for count in map(str, BINS):
            falling = [sum(each["divergence"][count]) for each in found]
            assert falling == sorted(falling, reverse=True) and len(found[0]["divergence"][count]) == 3


def test_a_point_counts_what_the_integer_reference_says(subject):
    fmt, part = QFormat(6, 3), load_test("digits")
    network = quantize_post_training(subject.load(), fmt, "floor").export("n", {})
    correct = (classify(logits(network, part.images.numpy())) == part.labels.numpy()).mean()
    assert post_training_point(subject, "digits", fmt, "post-training", "floor", BINS)["accuracy"] == round(
        100 * correct, 4
    )


def test_a_fine_tuned_point_says_how_it_fared(subject):
    torch.manual_seed(99)  # must not matter
    found = fine_tuned_point(subject, "digits", QFormat(6, 3), 1, 1e-3, BINS)
    assert (
        found["method"] == "fine-tuned"
        and 0 < found["validation_accuracy"] <= 100
        and found["format"] == "Q6.3"
    )
    assert found == fine_tuned_point(subject, "digits", QFormat(6, 3), 1, 1e-3, BINS)


def test_confusion_counts_every_image_and_every_difference(subject):
    found = confusion_point(subject, "digits", QFormat(6, 1))
    labels = load_test("digits").labels.numpy()
    for which in ("float", "integer"):
        matrix = np.array(found[which]["confusion"])
        np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(labels, minlength=10))
        assert np.trace(matrix) == found[which]["correct"]
    assert (
        found["float"]["correct"] - found["integer"]["correct"]
        == found["differing_float_right"] - found["differing_integer_right"]
    )
    assert (
        0 < found["differing"]
        and found["differing_float_right"] + found["differing_integer_right"] <= found["differing"] <= 360
    )


def test_a_subject_has_the_parameters_of_the_network_without_normalisation(subject):
    assert subject.describe()["parameters"] == parameters_of(subject.load()) == 9474


def test_the_digits_shown_are_the_first_of_each_class(subject):
    found, part = digits_point(subject, "digits", QFormat(6, 7)), load_test("digits")
    assert [int(part.labels[number]) for number in found["image_numbers"]] == list(range(10))
    np.testing.assert_array_equal(found["images"], part.images[found["image_numbers"]])
    assert np.array(found["rows"]).shape == np.array(found["columns"]).shape == (10, 28, 28)
    network = subject.load().fold_normalization()
    x = pixel_values(columns_first(part.images[found["image_numbers"]]))
    rows = network.lst[0].rows_activation(network.lst[0].rows(x.permute(1, 2, 0)), channel_axis=2)
    np.testing.assert_allclose(np.array(found["rows"]) / 128, rows.detach().numpy(), atol=0.1)
    np.testing.assert_allclose(
        np.array(found["columns"]) / 128, network.lst[0](x).detach().permute(1, 2, 0).numpy(), atol=0.2
    )
    assert found["one"] == 128 and np.abs(found["columns"]).max() <= 128
