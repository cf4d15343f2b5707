"""Own data on their way through training, quantisation and evaluation."""

import numpy as np
import pytest

from datasets import load_digits, load_own
from lst_overlay.network import classify, load_network, logits
from model.training.data import load_split
from tests.model.test_commands import command

NAMES = ("zero", "one", "two")
RECIPE = 'dataset = "{data}"\nepochs = {epochs}\nbatch = 60\n'


def write(path, names=NAMES, side=28):
    """The digits of as many classes as there are names, or the upper left of them."""
    images, labels = load_digits("train")
    chosen = labels < len(names)
    np.savez(path, images=images[chosen, :side, :side], labels=labels[chosen], names=np.array(names))


def train(directory, epochs=3, **options):
    directory.joinpath("mine.toml").write_text(RECIPE.format(data="my.npz", epochs=epochs))
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    return command("train", "mine.toml", "--out", "run", *flags)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A directory with own data, a checkpoint of three epochs and its network file."""
    directory = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        write("my.npz")
        assert train(directory).returncode == 0
        done = command("quantize", "run/checkpoint.pt", "--format", "Q4.6", "--out", "net.npz")
        assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture
def here(trained, monkeypatch):
    """The directory of the trained network, as the present one, with its data restored afterwards."""
    monkeypatch.chdir(trained)
    yield trained
    write(trained / "my.npz")


def test_the_network_has_the_classes_of_the_data(here):
    network = load_network("net.npz")
    assert network.classes == 3 and network.class_names == NAMES
    assert network.provenance["dataset"] == "my.npz"
    images, labels = load_digits("test")
    chosen = labels < 3
    assert np.mean(classify(logits(network, images[chosen])) == labels[chosen]) > 0.9


def test_quantize_names_all_classes_on_one_line(here):
    done = command("quantize", "run/checkpoint.pt", "--format", "Q4.6", "--out", "again.npz")
    assert f"class_names: {', '.join(NAMES)}" in done.stdout.splitlines()[-1]


def test_training_and_validation_images_are_those_of_the_file(here):
    data, split = load_own("my.npz"), load_split("my.npz")
    for part, expected in zip(split, (data.part("train"), data.part("validation"))):
        np.testing.assert_array_equal(part.images.numpy(), expected.images)
        np.testing.assert_array_equal(part.labels.numpy(), expected.labels)


@pytest.mark.parametrize("file", ["net.npz", "run/checkpoint.pt"])
def test_evaluate_takes_the_test_part_and_shows_the_names(here, file):
    done = command("evaluate", file, "--json", "evaluation.json")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert ", my.npz test set: " in lines[0]
    assert [line.split()[0] for line in lines[-3:]] == list(NAMES)
    assert all(len(line.split()) == 4 for line in lines[-3:])


def test_torch_and_the_reference_agree_on_fewer_classes(here):
    shown = command("evaluate", "net.npz").stdout
    images = shown.split("correct")[0].split(" of ")[-1].strip()
    assert f"logits of torch equal to the integer reference: {images} of {images} images" in shown


def test_evaluate_takes_data_from_another_place(here, tmp_path):
    (here / "my.npz").rename(tmp_path / "moved.npz")
    done = command("evaluate", "net.npz")
    assert done.returncode == 1 and done.stderr.startswith("error: my.npz: no such file")
    done = command("evaluate", "net.npz", "--data", tmp_path / "moved.npz")
    assert done.returncode == 0 and f"{tmp_path}/moved.npz test set" in done.stdout


@pytest.mark.parametrize(
    "names, message",
    [
        (("zero", "one"), "net.npz: has 3 classes, other.npz has 2"),
        (
            ("one", "zero", "two"),
            "net.npz: its classes are zero, one, two, in this order, those of other.npz",
        ),
    ],
)
def test_data_of_other_classes_are_refused(here, names, message):
    write("other.npz", names)
    done = command("evaluate", "net.npz", "--data", "other.npz")
    assert done.returncode == 1 and done.stderr.startswith(f"error: {message}")


def test_data_of_another_shape_are_refused(here):
    write("other.npz", side=24)
    done = command("evaluate", "net.npz", "--data", "other.npz")
    message = "error: net.npz: takes images of 28 x 28, other.npz has 24 x 24; leave out --data\n"
    assert done.returncode == 1 and done.stderr == message


def test_a_data_set_of_ten_classes_is_refused(here):
    done = command("evaluate", "net.npz", "--dataset", "digits")
    assert done.returncode == 1 and "net.npz: has 3 classes, digits has 10" in done.stderr


@pytest.mark.parametrize(
    "options, message",
    [
        (("--data", "my.csv"), "must be a file .npz, not my.csv"),
        (("--data", "my.npz", "--dataset", "mnist"), "leave one out"),
    ],
)
def test_wrong_options_are_usage_errors(here, options, message):
    done = command("evaluate", "net.npz", *options)
    assert done.returncode == 2 and message in " ".join(done.stderr.replace("│", " ").split())


def test_a_run_does_not_go_on_with_changed_data(here):
    write("my.npz", ("one", "zero", "two"))
    done = train(here)
    assert (
        done.returncode == 1 and "was made with other data (my.npz has changed); --out names" in done.stderr
    )


def test_a_checkpoint_is_not_quantised_for_changed_data(here):
    with np.load("my.npz") as file:
        arrays = dict(file)
    arrays["images"][0, 0, 0] ^= 1
    np.savez("my.npz", **arrays)
    done = command("quantize", "run/checkpoint.pt", "--format", "Q4.6", "--out", "other_net.npz")
    assert done.returncode == 1 and "my.npz has changed since it was trained" in done.stderr
    assert not (here / "other_net.npz").exists()


def test_a_parent_must_have_as_many_classes(here):
    write("my.npz", ("zero", "one"))
    (here / "child.toml").write_text('dataset = "my.npz"\nepochs = 1\ninit_from = "run/checkpoint.pt"\n')
    done = command("train", "child.toml", "--out", "child")
    assert done.returncode == 1
    assert "recipe child: init_from must have 2 classes, as my.npz has; mine has 3" in done.stderr


def test_a_parent_must_take_images_of_the_same_shape(here):
    write("my.npz", side=24)
    (here / "child.toml").write_text('dataset = "my.npz"\nepochs = 1\ninit_from = "run/checkpoint.pt"\n')
    done = command("train", "child.toml", "--out", "small_child")
    assert done.returncode == 1
    assert "init_from must take images of 24 x 24, as network lst1 does for my.npz; mine is" in done.stderr


def test_missing_data_are_one_line_before_training(here):
    (here / "my.npz").unlink()
    done = train(here)
    assert done.returncode == 1 and done.stderr.startswith("error: my.npz: no such file")


def test_a_page_about_the_network_names_its_classes(here):
    assert command("describe", "net.npz", "--out", "pages").returncode == 0
    assert (
        "It was trained on images of zero, one, two, in this order" in (here / "pages" / "net.md").read_text()
    )
