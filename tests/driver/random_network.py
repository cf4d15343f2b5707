"""Small helpers shared by the driver's tests: a network nobody trained, images nobody drew."""
import numpy as np

from lst_overlay.network import Activation, Axis, Layer, Network


def random_lst1(seed: int) -> Network:
    """An LST-1 network of random codes within the published 13 bits."""
    random = np.random.default_rng(seed)

    def activation() -> Activation:
        table = np.sort(random.integers(-128, 128, 1024)).astype(np.int64)
        return Activation(shift=6, index_width=10, index_step=2.0 ** -6, table_q=table, width=8, step=2.0 ** -7)

    def layer(axis: Axis, fan_out: int, fan_in: int, table) -> Layer:
        return Layer(axis, random.integers(-127, 128, (fan_out, fan_in)), random.integers(-2000, 2001, fan_out), 8, 2.0 ** -7, table)

    return Network(f"random-{seed}", "lst1", 8, (28, 28),
                   (layer(Axis.ROWS, 28, 28, activation()), layer(Axis.COLUMNS, 28, 28, activation()),
                    layer(Axis.DENSE, 10, 784, None)), {"seed": seed})


def random_images(count: int, seed: int = 0) -> np.ndarray:
    """(count, 28, 28) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)
