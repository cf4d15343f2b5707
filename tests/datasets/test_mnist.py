"""The MNIST loader on small files of our own with their own checksums; nothing is fetched from outside."""

import gzip
import hashlib
import http.server
import struct
import threading

import numpy as np
import pytest

from datasets import DatasetError, mnist
from tests.images import test_images


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], dtype=np.uint8)
FILES = {name: idx(IMAGES if "images" in name else LABELS) for name in mnist.SHA256}
NAME = "t10k-images-idx3-ubyte"


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    monkeypatch.setattr(
        mnist, "SHA256", {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    )
    monkeypatch.delenv("LST_DATA_DIR", raising=False)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def mirror(tmp_path):
    """A directory that is served, and its address; `mirror.requests` lists what was asked for."""
    served = tmp_path / "served"
    served.mkdir()
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=served)

        def log_message(self, *args):
            requests.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.directory, server.url, server.requests = (
        served,
        f"http://127.0.0.1:{server.server_port}/",
        requests,
    )
    yield server
    server.shutdown()
    server.server_close()


def write(directory, packed):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (directory / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)


def assert_loaded(found):
    np.testing.assert_array_equal(found.images, IMAGES)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.images.dtype == np.uint8 and found.labels.dtype == np.int64


@pytest.mark.parametrize("layout", ["mnist", "MNIST/raw"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("part", ["train", "test"])
def test_lst_data_dir_is_read_in_every_layout(tmp_path, monkeypatch, cache, layout, packed, part):
    write(tmp_path / layout, packed)
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    assert_loaded(mnist.load_mnist(part, mirrors=(), cache=cache))


def test_the_cache_is_read_without_the_network(cache):
    write(cache, packed=False)
    assert mnist.mnist_is_here(cache)
    assert_loaded(mnist.load_mnist("test", mirrors=(), cache=cache))


def test_a_download_is_kept_unpacked_and_not_repeated(mirror, cache):
    write(mirror.directory, packed=True)
    assert not mnist.mnist_is_here(cache)
    assert_loaded(mnist.load_mnist("test", mirrors=(mirror.url,), cache=cache))
    asked = len(mirror.requests)
    assert_loaded(mnist.load_mnist("test", mirrors=(mirror.url,), cache=cache))
    assert len(mirror.requests) == asked == 2
    assert (cache / NAME).read_bytes() == FILES[NAME]


def test_the_next_mirror_is_asked_when_one_fails(mirror, cache):
    write(mirror.directory, packed=True)
    assert_loaded(mnist.load_mnist("test", mirrors=(mirror.url + "gone/", mirror.url), cache=cache))


@pytest.mark.parametrize(
    "content", [b"not gzip", gzip.compress(FILES[NAME])[:-40], gzip.compress(FILES[NAME] + b"x"), b""]
)
def test_a_damaged_download_is_not_kept(mirror, cache, content):
    write(mirror.directory, packed=True)
    (mirror.directory / f"{NAME}.gz").write_bytes(content)
    with pytest.raises(DatasetError, match=NAME):
        mnist.load_mnist("test", mirrors=(mirror.url,), cache=cache)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_file_is_named_in_one_line(tmp_path, monkeypatch, cache, packed):
    write(tmp_path / "mnist", packed)
    path = tmp_path / "mnist" / (NAME + ".gz" * packed)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    with pytest.raises(DatasetError, match="damaged") as error:
        mnist.load_mnist("test", mirrors=(), cache=cache)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_offline_the_error_says_what_to_put_where(cache):
    with pytest.raises(DatasetError) as error:
        mnist.load_mnist("test", mirrors=("http://127.0.0.1:9/",), cache=cache)
    message = str(error.value)
    assert "$LST_DATA_DIR/mnist" in message and str(cache) in message and "\n" not in message
    assert all(name in message for name in FILES)


def test_an_unknown_part_is_refused(cache):
    with pytest.raises(DatasetError, match="part must be one of train, test"):
        mnist.load_mnist("validation", cache=cache)


def test_the_real_test_set_has_10000_images(monkeypatch):
    monkeypatch.undo()  # the real checksums and LST_DATA_DIR
    images, labels = test_images("mnist")
    assert images.shape == (10000, 28, 28) and labels[:5].tolist() == [7, 2, 1, 0, 4]
