"""`python -m datasets pack FOLDER --out FILE.npz`: data of the user's own as one file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import List, Optional

from datasets.arrays import DatasetError
from datasets.own import DEFAULT_SIDE, SIDES, SPLIT, SUFFIX, save_own
from datasets.pack import pack

DESCRIPTION = """\
Write a file of images and labels, which a recipe names with dataset =
"FILE.npz".

FOLDER holds a folder of pictures for each class, named after the class, or
folders train, test and perhaps validation that each hold such folders, or the
four files of a data set in IDX, the format of MNIST, such as Fashion-MNIST.

Each picture is converted as `python -m lst_overlay classify` converts it for
such a network: to grey, with the ground dark and what is drawn bright, cut
out, scaled to fit 20 x 20 pixels, its centre of mass in the middle of 28 x 28,
or in the same proportions in as many pixels as --side says.
Images in IDX files stay as they are. A picture that cannot be converted is
named and left out.

Exit status: 0 if all is in the file, 1 if a picture was left out or nothing
was written, 2 for wrong usage.
"""


def main(arguments: Optional[List[str]] = None) -> int:
    """The program. Returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m datasets", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    added = commands.add_parser(
        "pack",
        help="write a file of own data",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.add_argument("folder", metavar="FOLDER")
    added.add_argument("--out", metavar="FILE.npz", required=True, help="the file to write")
    added.add_argument("--names", metavar="A,B,...", help="the names of the classes of IDX files")
    low, high = SIDES
    added.add_argument(
        "--side",
        type=int,
        metavar="N",
        help=f"the rows and columns of the images of pictures, {low} to {high} (default: {DEFAULT_SIDE})",
    )
    chosen = parser.parse_args(arguments)
    if not chosen.out.endswith(SUFFIX):
        added.error(f"--out must end in {SUFFIX}, not {chosen.out!r}")
    if chosen.side is not None and not low <= chosen.side <= high:
        added.error(f"--side must be {low} to {high} pixels, not {chosen.side}")
    if not Path(chosen.out).parent.is_dir():
        added.error(f"--out: there is no folder {Path(chosen.out).parent}")
    left_out: List[str] = []

    def leave_out(line: str) -> None:
        left_out.append(line)
        print(f"left out: {line}", file=sys.stderr)

    try:
        data = pack(chosen.folder, leave_out, chosen.names and chosen.names.split(","), chosen.side)
        save_own(chosen.out, data)
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is missing; pictures need Pillow: pip install pillow", file=sys.stderr)
        return 1
    except (DatasetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    counts = ", ".join(f"{len(data.part(part).labels):,} for {part}" for part in SPLIT)
    print(f"{chosen.out}: {len(data.labels):,} images of {', '.join(data.names)}; {counts}")
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
