"""The command line: python -m lst_overlay info, self-test, classify, benchmark.

Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from typing import Dict, List, Optional

from . import __version__
from .registers import MAX_IMAGES

BATCH_SIZES = (1, 10, 100, 1000, 10000)
REPEATS = 5
# LstOverlayError is a RuntimeError, like pynq's own errors; NetworkError is a ValueError.
_REFUSED = (RuntimeError, ValueError, OSError, ImportError, MemoryError)


def main(arguments: Optional[List[str]] = None) -> int:
    chosen = _parser().parse_args(arguments)
    try:
        from . import open_overlay  # not from .overlay: this says what to do if pynq is missing
        from .overlay import AUTO

        with open_overlay(chosen.bitfile, chosen.network or AUTO) as overlay:
            figures = chosen.command(overlay, chosen)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever reads standard output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _REFUSED as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return 1
    if chosen.json:
        print(json.dumps(figures, indent=1))
    return 0 if figures.get("passed", True) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lst_overlay",
        description="LST and ResMLP networks on this board; LST_BOARD=sim takes the simulated one.",
    )
    parser.add_argument("--version", action="version", version=f"lst-overlay {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--bitfile",
        help="a .bit with its .hwh beside it, or a name such as row_parallel-lst1_w4a4p2; without it the "
        "loadable engine for the network, pixel_serial-loadable if none is named",
    )
    common.add_argument("--network", help="a network file or a shipped network's name")
    common.add_argument(
        "--json", action="store_true", help="figures as JSON on standard output instead of text"
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    commands.required = True
    for name, command, text in (
        ("info", info, "board, bitstream, clock, network and versions"),
        ("self-test", self_test, "is everything as the design assumes?"),
        ("classify", classify, "the digit in each picture, or what the network tells apart"),
        ("benchmark", benchmark, "images per second over batch sizes, the processor beside it"),
    ):
        added = commands.add_parser(name, parents=[common], help=text, description=text)
        added.set_defaults(command=command)
        if command is classify:
            added.add_argument(
                "images",
                nargs="+",
                metavar="IMAGE",
                help="a picture of one digit, or of what the network tells apart (needs Pillow)",
            )
        if command is benchmark:
            added.add_argument(
                "--batch-size",
                type=_batch_size,
                action="append",
                metavar="N",
                help="images in a batch; give it again for each further size "
                f"(default: {', '.join(map(str, BATCH_SIZES))})",
            )
    return parser


def info(overlay, chosen) -> Dict:
    import numpy
    import pynq

    registers, network = overlay.accelerator.registers, overlay.network
    figures = {
        "board": overlay.device.name,
        "bitstream": overlay.bitfile_name,
        "engine": overlay.engine,
        "build_hash": f"0x{registers.read('BUILD_HASH'):08X}",
        "abi_version": registers.read("ABI_VERSION"),
        "fclk_mhz": overlay.fclk_mhz,
        "input_format": overlay.layout.name,
        "ports": overlay.layout.ports,
        "network": network.name,
        "network_kind": network.kind,
        "network_hash": f"0x{registers.read('NETWORK_HASH'):08X}",
        "lst_overlay": __version__,
        "pynq": pynq.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }
    _say(chosen, *(f"{name.replace('_', ' '):<14}{value}" for name, value in figures.items()))
    return figures


def self_test(overlay, chosen) -> Dict:
    checks = overlay.self_test()
    _say(chosen, *map(str, checks))
    return {"passed": all(check.passed for check in checks), "checks": [check._asdict() for check in checks]}


def classify(overlay, chosen) -> Dict:
    answers = []
    for path in chosen.images:
        try:
            image = _converted(path, overlay.network)
        except (OSError, ValueError) as error:  # of this picture; the others are still answered
            print(f"error: {_one_line(error)}", file=sys.stderr)
            answers.append({"image": path, "error": _one_line(error)})
            continue
        answer = overlay.classify(image)
        answers.append(
            {
                "image": path,
                "digit": answer.digit,
                "class": overlay.classes[answer.digit],
                "probabilities": answer.probabilities.tolist(),
                "time_s": answer.time_s,
                "time_source": answer.time_source,
            }
        )
        _say(
            chosen,
            f"{path}: {overlay.classes[answer.digit]} ({100 * answer.confidence:.1f} %, "
            f"{1e6 * answer.time_s:.0f} us by {answer.time_source})",
        )
    answered = all("error" not in answer for answer in answers)
    return {"network": overlay.network.name, "images": answers, "passed": answered}


def _converted(path: str, network):
    """Return the image of a picture as the network takes it. One that names its classes is not for digits."""
    from .samples.photo import digit_of
    from .samples.scene import scene_of
    from .samples.thing import image_of

    if len(network.image_shape) > 2:
        return scene_of(path)
    if "class_names" in network.provenance:
        return image_of(path, network.image_shape)
    return digit_of(path).image


def benchmark(overlay, chosen) -> Dict:
    from .hardware.bitstream_files import is_simulated
    from .hardware.measurements import processor, random_images

    sizes = chosen.batch_size or BATCH_SIZES
    real = not is_simulated(overlay.device)  # To simulate an array's images again takes long.
    memory = f"{overlay.layout.name} memory"
    _say(
        chosen,
        f"{'batch':>8}{memory:>16}{'uint8 array':>16}{'processor':>16}"
        f"   images/s, network {overlay.network.name}",
    )
    rows = []
    for size in sizes:
        print(f"batch of {size} ...", end="\r", file=sys.stderr, flush=True)
        rates = {
            "accelerator": overlay.throughput_test(size, repeats=REPEATS),
            "from_array": overlay.throughput_test(
                random_images(size, overlay.layout.image_bytes).reshape(-1, *overlay.layout.shape),
                repeats=REPEATS if real else 1,
            ),
            "processor": overlay.throughput_test(size, software=True, repeats=REPEATS),
        }
        rows.append(rates)
        _say(
            chosen,
            f"{size:>8}" + "".join(f"{rate['throughput[images/s]']:>16,.0f}" for rate in rates.values()),
        )
    first, copied = rows[0]["accelerator"], rows[0]["from_array"]
    clock = f"{first['fclk[mhz]']:.1f} MHz ({first['fclk_source']})"
    _say(
        chosen,
        f"{memory}: accelerator at {clock}, {first['scope']}, without the copying, "
        f"by {first['runtime_source']}",
        f"uint8 array: the same through Python on {processor()}, with the copying, "
        f"by {copied['runtime_source']}",
        f"processor: {processor()}, the integer reference in NumPy, by wall clock",
        f"each figure is the fastest of {REPEATS} runs"
        + ("" if real else "; what is simulated ran once, since its cycles are counted"),
    )
    return {"network": overlay.network.name, "rows": rows}


def _batch_size(text: str) -> int:
    try:
        size = int(text)
    except ValueError:
        size = 0
    if not 1 <= size <= MAX_IMAGES:
        raise argparse.ArgumentTypeError(f"must be an integer, 1..{MAX_IMAGES}, not {text}")
    return size


def _one_line(error: Exception) -> str:
    """Return the text of an exception; those of the operating system name the file before the fault."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _say(chosen, *lines: str) -> None:
    if not chosen.json:
        print(*lines, sep="\n")


if __name__ == "__main__":
    sys.exit(main())
