"""Files of the user's own data: what is read, how it is split, and what is refused in one line."""

import numpy as np
import pytest

from datasets import DatasetError, load, load_own
from datasets.own import SPLIT, checked, save_own

COUNTS = (30, 12, 3)  # images of each class
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (sum(COUNTS), 28, 28), dtype=np.uint8)
LABELS = np.repeat(np.arange(3, dtype=np.uint8), COUNTS)
NAMES = np.array(["circle", "square", "Größe"])


@pytest.fixture
def save(tmp_path):
    """Writes a file of these arrays, others in their place; None leaves one out."""

    def write(**changed):
        arrays = {"images": IMAGES, "labels": LABELS, "names": NAMES, **changed}
        np.savez(tmp_path / "my.npz", **{name: array for name, array in arrays.items() if array is not None})
        return tmp_path / "my.npz"

    return write


def counts(data):
    return {part: np.bincount(data.part(part).labels, minlength=3).tolist() for part in SPLIT}


def test_a_file_is_read_by_its_name(save):
    train, test = (load(str(save()), part) for part in ("train", "test"))
    assert train.images.dtype == np.uint8 and train.images.shape[1:] == (28, 28)
    assert train.labels.dtype == np.int64 and len(train.labels) + len(test.labels) == len(LABELS)
    assert load_own(save()).names == ("circle", "square", "Größe")


def test_every_class_is_split_the_same_way():
    assert counts(checked(IMAGES, LABELS)) == {
        "train": [22, 9, 1],
        "validation": [2, 1, 1],
        "test": [6, 2, 1],
    }


def test_the_parts_share_no_image():
    data = checked(IMAGES, LABELS)
    parts = [{image.tobytes() for image in data.part(part).images} for part in SPLIT]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(IMAGES)


def test_the_split_does_not_depend_on_the_order_of_the_images():
    order = RANDOM.permutation(len(LABELS))
    here, there = checked(IMAGES, LABELS), checked(IMAGES[order], LABELS[order])
    np.testing.assert_array_equal(here.split[order], there.split)


def test_the_split_is_not_simply_the_order_of_the_file():
    split = checked(IMAGES, LABELS).split[: COUNTS[0]]
    assert set(split[:10]) != {"test"} and "test" in split[10:]


def test_a_split_of_the_file_is_kept(save):
    split = np.array(["test", "train", "validation"] * 15)
    data = load_own(save(split=split))
    np.testing.assert_array_equal(data.split, split)


def test_without_validation_images_a_tenth_of_each_class_is_taken_from_training(save):
    split = np.array(["test", "train", "train"] * 15)
    data = load_own(save(split=split))
    assert counts(data) == {"train": [18, 7, 1], "validation": [2, 1, 1], "test": [10, 4, 1]}
    assert (data.part("test").images == IMAGES[::3]).all()


def test_what_is_written_is_read_again(tmp_path):
    data = checked(IMAGES, LABELS, NAMES)
    save_own(tmp_path / "again.npz", data)
    again = load_own(tmp_path / "again.npz")
    assert again.names == data.names and again.sha256 == data.sha256
    for here, there in zip(data[:2], again[:2]):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize(
    "changed",
    [
        {"images": IMAGES ^ 1},
        {"labels": np.roll(LABELS, 1)},
        {"names": NAMES[::-1]},
        {"split": np.array(["test", "train", "validation"] * 15)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_checksum_covers_all_that_training_sees(save, changed):
    assert load_own(save()).sha256 != load_own(save(**changed)).sha256


@pytest.mark.parametrize("side", [8, 32])
def test_images_have_any_side_that_the_loadable_engine_takes(save, side):
    images = np.resize(IMAGES, (45, side, side))
    data = load_own(save(images=images))
    assert data.side == side
    np.testing.assert_array_equal(data.images, images)


def test_there_may_be_as_many_classes_as_the_loadable_engine_has():
    images = RANDOM.integers(0, 256, (96, 8, 8), dtype=np.uint8)
    assert len(checked(images, np.arange(96) % 32).names) == 32


def test_classes_without_names_have_their_numbers(save):
    assert load_own(save(names=None)).names == ("0", "1", "2")


@pytest.mark.parametrize(
    "changed, message",
    [
        (
            {"images": np.zeros((45, 32, 32, 3), np.uint8)},
            r"images must be \(N, side, side\) uint8, not \(45, 32, 32, 3\) uint8",
        ),
        ({"images": IMAGES[:, :24]}, r"images must be \(N, side, side\) uint8, not \(45, 24, 28\) uint8"),
        ({"images": IMAGES[:, :7, :7]}, "images must have sides of 8 to 32 pixels, not 7"),
        ({"images": np.zeros((45, 33, 33), np.uint8)}, "images must have sides of 8 to 32 pixels, not 33"),
        ({"images": IMAGES / 255}, r"images must be .* not \(45, 28, 28\) float64"),
        ({"labels": LABELS[1:]}, r"labels must be \(45,\) integers, one for each image, not \(44,\) uint8"),
        (
            {"labels": LABELS * 1.0},
            r"labels must be \(45,\) integers, one for each image, not \(45,\) float64",
        ),
        ({"labels": LABELS - 1, "names": None}, "there must be 2 to 32 classes, not 256"),
        (
            {"labels": LABELS.astype(np.uint64) << np.uint64(50), "names": None},
            "there must be 2 to 32 classes, not 2251799813685249",
        ),
        ({"labels": LABELS.astype(int) - 1}, r"labels must lie in 0\.\.2, found -1\.\.1"),
        ({"labels": LABELS + 1}, r"labels must lie in 0\.\.2, found 1\.\.3"),
        ({"labels": LABELS * 0, "names": None}, "there must be 2 to 32 classes, not 1$"),
        ({"names": np.array(["a", "b", "a"])}, r"names must be different texts.* not \['a', 'b', 'a'\]"),
        ({"names": np.arange(3)}, r"names must be different texts.* not \[0, 1, 2\]"),
        ({"names": np.arange(33).astype(str)}, "there must be 2 to 32 classes, not 33"),
        ({"names": np.array([*"abcd"])}, "class 'd' has 0 images and none of them for train"),
        (
            {"split": np.array(["train", "valid"] * 22 + ["test"])},
            "texts of train, validation, test, not .*valid",
        ),
        (
            {"split": np.zeros(45, int)},
            r"split must be \(45,\) texts of train, validation, test, not \(45,\) of 0",
        ),
        ({"split": np.array(["train"] * 45)}, "class 'circle' has 30 images and none of them for test"),
        ({"labels": None}, "has no array labels; it holds images, names"),
        ({"images": None, "labels": None}, "has no array images and no labels; it holds names"),
        ({"names": np.array(["a", "b", "c"], dtype=object)}, r"or damaged \(Object arrays cannot be loaded"),
    ],
)
def test_what_is_not_supported_is_one_line(save, changed, message):
    with pytest.raises(DatasetError, match=message) as error:
        load_own(save(**changed))
    assert str(error.value).startswith(f"{save()}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("images, labels"),
        lambda path: path.write_bytes(path.read_bytes()[:-300]),
        lambda path: path.write_bytes(path.read_bytes()[:3000] + b"\0\0\0" + path.read_bytes()[3003:]),
        lambda path: np.save(open(path, "wb"), IMAGES),
    ],
    ids=["empty", "text", "cut off", "altered", "one array"],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_file_of_another_kind_is_one_line(save, write):
    path = save()
    write(path)
    with pytest.raises(DatasetError, match=f"{path}: no .npz file of images and labels, or damaged") as error:
        load_own(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named():
    with pytest.raises(DatasetError, match="nowhere.npz: no such file"):
        load("nowhere.npz", "train")
