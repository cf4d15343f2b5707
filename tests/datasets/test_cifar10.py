"""The CIFAR-10 loader on small files of our own with their own checksums; nothing is fetched from outside."""

import hashlib
import io
import tarfile

import numpy as np
import pytest

from datasets import DatasetError, cifar10, load

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], dtype=np.uint8)
COUNTS = {"train": 5, "test": 1}  # files, of two images each; those of the test part come last


def of(part):
    chosen = slice(0, 2 * COUNTS[part]) if part == "train" else slice(8, 10)
    return IMAGES[chosen], LABELS[chosen]


def parts(part):
    images, labels = of(part)
    return [(images[i : i + 2], labels[i : i + 2]) for i in range(0, len(images), 2)]


def binary(images, labels):
    return b"".join(
        bytes([label]) + image.transpose(2, 0, 1).tobytes() for image, label in zip(images, labels)
    )


def write_npz(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for part, names in cifar10._NPZ.items():
        for name, (images, labels) in zip(names, parts(part)):
            np.savez(directory / name, images=images, labels=labels)


def write_binary(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for part, names in cifar10._BINARY.items():
        for name, content in zip(names, parts(part)):
            (directory / name).write_bytes(binary(*content))


def write_archive(directory):
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(directory / cifar10.ARCHIVE, "w:gz") as tar:
        for part, names in cifar10._BINARY.items():
            for name, content in zip(names, parts(part)):
                data = binary(*content)
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    monkeypatch.setattr(
        cifar10,
        "SHA256",
        {
            part: hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
            for part in COUNTS
            for images, labels in [of(part)]
        },
    )
    monkeypatch.delenv("LST_DATA_DIR", raising=False)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def assert_right(part, found):
    images, labels = of(part)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.images.dtype == np.uint8 and found.labels.dtype == np.int64


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize(
    "write, where",
    [
        (write_npz, "cifar10"),
        (write_binary, "cifar10"),
        (write_binary, "cifar-10-batches-bin"),
        (write_binary, "cifar10/cifar-10-batches-bin"),
        (write_archive, "cifar10"),
        (write_archive, ""),
    ],
)
def test_every_layout_gives_the_same_images_and_is_kept_decoded(
    monkeypatch, tmp_path, cache, part, write, where
):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path / "data"))
    write(tmp_path / "data" / where)
    assert_right(part, cifar10.load_cifar10(part, (), cache))
    monkeypatch.delenv("LST_DATA_DIR")
    assert_right(part, cifar10.load_cifar10(part, (), cache))
    assert [path.name for path in cache.iterdir()] == [f"{part}.npz"]


def test_what_is_here_is_known(monkeypatch, tmp_path, cache):
    assert not cifar10.cifar10_is_here(cache)
    write_archive(cache)
    assert cifar10.cifar10_is_here(cache)


def test_a_download_is_checked_and_kept(tmp_path, cache, monkeypatch):
    write_archive(tmp_path / "served")

    def fetch(self, url, target, _):
        assert url == "http://good/"
        with open(target, "wb") as file:
            file.write((tmp_path / "served" / cifar10.ARCHIVE).read_bytes())

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", fetch)
    assert_right("test", cifar10.load_cifar10("test", ("http://good/",), cache))
    assert_right("train", cifar10.load_cifar10("train", (), cache))  # from the archive that was kept


def test_nothing_anywhere_says_what_to_put_where(cache):
    with pytest.raises(
        DatasetError,
        match=r"neither in LST_DATA_DIR \(not set\) nor in .*; put cifar-10-binary.tar.gz into "
        r"\$LST_DATA_DIR/cifar10",
    ):
        cifar10.load_cifar10("test", (), cache)


def test_a_file_that_is_missing_beside_others_is_named(monkeypatch, tmp_path, cache):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write_npz(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "train_3.npz").unlink()
    with pytest.raises(
        DatasetError, match=rf"neither in LST_DATA_DIR \({tmp_path}/cifar10 lacks train_3.npz\) nor in"
    ):
        cifar10.load_cifar10("train", (), cache)
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(
        DatasetError, match=rf"neither in LST_DATA_DIR \({tmp_path}/nowhere, which is no directory\)"
    ):
        cifar10.load_cifar10("train", (), cache)


@pytest.mark.parametrize(
    "write, name",
    [(write_npz, "test.npz"), (write_binary, "test_batch.bin"), (write_archive, cifar10.ARCHIVE)],
)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-100],
        lambda data: b"",
        lambda data: data[:-1000] + bytes([data[-1000] ^ 1]) + data[-999:],
    ],
    ids=["truncated", "empty", "altered"],
)
def test_a_damaged_file_is_one_clear_error(monkeypatch, tmp_path, cache, write, name, damage):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write(tmp_path / "cifar10")
    path = tmp_path / "cifar10" / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match="damaged.*delete it or put a good copy there") as caught:
        cifar10.load_cifar10("test", (), cache)
    assert "\n" not in str(caught.value) and not cache.exists()


def test_of_the_binary_batches_the_damaged_one_is_named(monkeypatch, tmp_path, cache):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write_binary(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "data_batch_2.bin").write_bytes(b"x" * 1000)
    with pytest.raises(
        DatasetError, match=r"data_batch_2.bin: damaged \(1,000 bytes are not a number of records of 3,073\)"
    ):
        cifar10.load_cifar10("train", (), cache)


def test_another_part_than_train_and_test():
    with pytest.raises(DatasetError, match="part must be one of train, test, not 'validation'"):
        load("cifar10", "validation")
