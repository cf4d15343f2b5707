"""Photographs of handwritten digits, made from images of MNIST: papers, pens, lights, shadows and frames.

Each condition is a function that takes a random generator and one (28, 28) image and returns a picture.
``CONDITIONS`` have one whole digit, ``HELD_OUT`` too, on which `digit_of` was not tuned; of a picture of
``UNANSWERABLE`` only the refusal is right.
"""

import io
import itertools

import numpy as np
from PIL import Image, ImageFilter

import datasets
from datasets.mnist import mnist_is_here
from lst_overlay.samples import digits as sample_digits

# From the point to the north of each point, clockwise.
ROUND = [(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)]


def digits():
    """Return MNIST's test set, images and labels, or the package's digits where MNIST is not here."""
    if mnist_is_here():
        return datasets.load("mnist", "test")
    images, labels = sample_digits.load("digits")
    return np.pad(images, ((0, 0), (4, 4), (4, 4))), labels


def photographs(condition, count, seed=0):
    """Return ``count`` pictures of different digits under one condition, and the digits' labels."""
    images, labels = digits()
    every = {**CONDITIONS, **HELD_OUT, **UNANSWERABLE}
    rng = np.random.default_rng([seed, *condition.encode()])
    chosen = rng.choice(len(images), count, replace=False)
    return [every[condition](rng, images[number]) for number in chosen], labels[chosen]


# Pages: the share of light that each point reflects.


def stroke(rng, digit, size, pen=(0.3, 0.6)):
    """Return the ink of a digit that was scaled up to ``size`` pixels, (size, size) from 0 to 1.

    pen: the range of levels at which a stroke's slope is cut; a higher level makes the stroke thinner.
    """
    smooth = np.asarray(Image.fromarray(digit).resize((size, size), Image.BICUBIC)) / 255
    return np.clip((smooth - rng.uniform(*pen)) * 4 + 0.5, 0, 1)


def blank(rng):
    """Return a page without a digit."""
    return np.full(rng.integers(340, 640, 2), rng.uniform(0.75, 0.95))


def write(rng, page, ink, depth=None):
    """Write ink on a page at a random place, well inside; ``depth`` is the light that the ink absorbs."""
    depth = rng.uniform(0.65, 0.9) if depth is None else depth
    margin = 12
    top, left = (rng.integers(margin, side - len(ink) - margin) for side in page.shape)
    page = page.copy()
    page[top : top + len(ink), left : left + len(ink)] *= 1 - depth * ink
    return page


def written(rng, digit, share=(0.4, 0.9), pen=(0.3, 0.6), depth=None, page=None):
    """Return a page with a digit whose image takes a share of the shorter side."""
    page = blank(rng) if page is None else page
    size = int((min(page.shape) - 30) * rng.uniform(*share))
    return write(rng, page, stroke(rng, digit, size, pen), depth)


def exposed(rng, light, noise=2.0):
    """Return a picture of a page under light, (H, W) uint8, with the noise of a camera."""
    return np.clip(255 * light + rng.normal(0, noise, light.shape), 0, 255).astype(np.uint8)


def across(rng, shape):
    """Return the distance from a random line near the middle, as a share of the picture's size, (H, W)."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.indices(shape)
    middle = [side * rng.uniform(0.3, 0.7) for side in shape]
    return ((x - middle[1]) * np.cos(angle) + (y - middle[0]) * np.sin(angle)) / max(shape)


def lines(rng, page, both):
    """Rule a page."""
    pitch, width = rng.integers(24, 60), rng.integers(1, 4)
    depth = rng.uniform(0.15, 0.35)
    ruled = np.zeros(page.shape, bool)
    ruled |= (np.arange(page.shape[0]) % pitch < width)[:, None]
    if both:
        ruled |= (np.arange(page.shape[1]) % pitch < width)[None, :]
    return page * (1 - depth * ruled)


def jpeg(rng, picture, qualities):
    """Return an open JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=int(rng.integers(*qualities)))
    file.seek(0)
    return file


def blurred(page, radius):
    return (
        np.asarray(Image.fromarray((255 * page).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius)))
        / 255
    )


def skeleton(mask):
    """Thin a mask to the middle lines of its strokes (Zhang and Suen, 1984)."""
    mask = np.pad(mask, 1)
    for step in itertools.count():
        p = [np.roll(mask, move, (0, 1)) for move in ROUND]
        count = sum(neighbour.astype(int) for neighbour in p)
        rises = sum(~first & second for first, second in zip(p, p[1:] + p[:1]))
        north, east, south, west = p[::2]
        open_ = [~(north & east & south | east & south & west), ~(north & east & west | north & south & west)]
        gone = mask & (count >= 2) & (count <= 6) & (rises == 1) & open_[step % 2]
        mask = mask & ~gone
        if step % 2 and not gone.any():
            return mask[1:-1, 1:-1]


# Conditions.


def white_paper(rng, digit):
    return exposed(rng, written(rng, digit))


def uneven_light(rng, digit):
    page = written(rng, digit)
    return exposed(rng, page * np.clip(0.65 + rng.uniform(0.3, 0.6) * across(rng, page.shape), 0.1, 1))


def soft_shadow(rng, digit):
    page = written(rng, digit)
    edge = np.clip(across(rng, page.shape) / rng.uniform(0.05, 0.3) + 0.5, 0, 1)
    return exposed(rng, page * (1 - rng.uniform(0.3, 0.65) * edge))


def hard_shadow(rng, digit):
    page = written(rng, digit)
    edge = np.clip(across(rng, page.shape) * rng.uniform(100, 400) + 0.5, 0, 1)
    return exposed(rng, page * (1 - rng.uniform(0.3, 0.65) * edge))


def lined_paper(rng, digit):
    return exposed(rng, written(rng, digit, page=lines(rng, blank(rng), both=False)))


def squared_paper(rng, digit):
    return exposed(rng, written(rng, digit, page=lines(rng, blank(rng), both=True)))


def turned_page(rng, digit):
    """A page that lies askew on a dark or a light desk."""
    page = written(rng, digit, share=(0.3, 0.6))
    desk = rng.uniform(0.1, 0.6)
    turned = Image.fromarray((255 * page).astype(np.uint8)).rotate(
        rng.uniform(-12, 12), Image.BICUBIC, expand=rng.random() < 0.5, fillcolor=int(255 * desk)
    )
    return exposed(rng, np.asarray(turned) / 255)


def dust(rng, digit):
    page = written(rng, digit)
    for _ in range(rng.integers(3, 30)):
        size = rng.integers(1, 8)
        top, left = (rng.integers(0, side - size) for side in page.shape)
        page[top : top + size, left : left + size] *= rng.uniform(0.05, 0.6)
    return exposed(rng, page)


def noise(rng, digit):
    return exposed(rng, written(rng, digit) * rng.uniform(0.5, 1), noise=rng.uniform(8, 22))


def desk_edge(rng, digit):
    """A page that ends inside the picture, on one side or two, on a desk of another brightness."""
    page = written(rng, digit, share=(0.3, 0.7))
    desk = rng.uniform(0.05, 0.55)
    wide = [(rng.integers(4, 120), 0), (0, rng.integers(4, 120))][rng.integers(2)]
    high = [(rng.integers(4, 120), 0), (0, 0)][rng.integers(2)]
    return exposed(rng, np.pad(page, (high, wide), constant_values=desk))


def dark_corner(rng, digit):
    page = written(rng, digit)
    y, x = np.indices(page.shape)
    corner = (rng.integers(2) * page.shape[0], rng.integers(2) * page.shape[1])
    away = np.hypot(y - corner[0], x - corner[1]) / max(page.shape)
    edge = rng.uniform(0.02, 0.4)
    return exposed(rng, page * (1 - rng.uniform(0.4, 0.95) * np.clip((0.35 - away) / edge, 0, 1)))


def screenshot(rng, digit):
    """A window: a frame of one grey or two around the page, and no noise."""
    page = written(rng, digit)
    for _ in range(rng.integers(1, 3)):
        page = np.pad(page, rng.integers(1, 16), constant_values=rng.uniform(0.05, 0.7))
    if rng.random() < 0.5:
        page = np.pad(page, rng.integers(2, 20), constant_values=rng.uniform(0.8, 1))
    return exposed(rng, page, noise=0)


def light_on_dark(rng, digit):
    board = np.full(rng.integers(340, 640, 2), rng.uniform(0.05, 0.35))
    size = int((min(board.shape) - 30) * rng.uniform(0.4, 0.9))
    ink = 1 - write(rng, np.ones(board.shape), stroke(rng, digit, size), depth=1.0)
    light = 1 + rng.uniform(-0.4, 0.4) * across(rng, board.shape)
    return exposed(rng, (board + (rng.uniform(0.65, 0.95) - board) * ink) * light, noise=rng.uniform(1, 6))


def transparent(rng, digit):
    """A stroke of any colour on a canvas that is transparent; what colour that has says nothing."""
    drawn = np.zeros((*rng.integers(200, 500, 2), 4), np.uint8)
    size = int((min(drawn.shape[:2]) - 26) * rng.uniform(0.5, 0.95))
    drawn[..., 3] = 255 * (1 - write(rng, np.ones(drawn.shape[:2]), stroke(rng, digit, size), depth=1.0))
    drawn[..., :3] = rng.choice([0, 255]) if rng.random() < 0.7 else rng.integers(0, 256, 3)
    drawn[drawn[..., 3] == 0, :3] = rng.choice([0, 255])
    return Image.fromarray(drawn)


def twelve_bits(rng, digit):
    return Image.fromarray((exposed(rng, written(rng, digit)).astype(np.uint16) << 4) + 5)


def thin_pen(rng, digit):
    return exposed(rng, written(rng, digit, pen=(0.55, 0.75), depth=rng.uniform(0.4, 0.8)))


def ballpoint(rng, digit):
    """The middle lines of the strokes, as wide as a ballpoint draws."""
    size = int(rng.integers(150, 330))
    line = skeleton(np.asarray(Image.fromarray(digit).resize((100, 100), Image.BICUBIC)) > 100)
    pen = Image.fromarray((255 * line).astype(np.uint8)).filter(ImageFilter.MaxFilter(3)).resize((size, size))
    smooth = np.asarray(pen.filter(ImageFilter.GaussianBlur(size / 100))) / 255
    ink = np.clip((smooth - rng.uniform(0.5, 0.7)) * 4 + 0.5, 0, 1)
    return exposed(rng, write(rng, np.full(rng.integers(360, 640, 2), 0.85), ink), noise=3)


def thick_pen(rng, digit):
    return exposed(rng, written(rng, digit, pen=(0.1, 0.25)))


def pencil(rng, digit):
    page = written(rng, digit, depth=rng.uniform(0.2, 0.45))
    return exposed(rng, page * np.clip(0.75 + 0.3 * across(rng, page.shape), 0.1, 1), noise=rng.uniform(2, 5))


def uneven_pen(rng, digit):
    """A pen that was not pressed everywhere: strokes are fainter at one end of the digit, and soft."""
    page = blank(rng)
    size = int((min(page.shape) - 30) * rng.uniform(0.4, 0.9))
    smooth = np.asarray(Image.fromarray(digit).resize((size, size), Image.BICUBIC)) / 255
    pressure = np.clip(0.75 + rng.uniform(0.5, 1.5) * across(rng, (size, size)), 0.45, 1)
    return exposed(rng, write(rng, page, smooth.clip(0, 1) * pressure), noise=3)


def small_digit(rng, digit):
    page = np.full(rng.integers(900, 1600, 2), rng.uniform(0.75, 0.95))
    return exposed(rng, written(rng, digit, share=(0.1, 0.2), page=page), noise=4)


def compressed(rng, digit):
    return jpeg(rng, exposed(rng, written(rng, digit), noise=5), (8, 30))


def on_the_kitchen_table(rng, digit):
    """Ruled paper, askew, on a dark table, half in a shadow, with dust, out of focus, and compressed."""
    page = written(rng, digit, share=(0.35, 0.6), page=lines(rng, blank(rng), both=rng.random() < 0.3))
    for _ in range(10):
        top, left = (rng.integers(0, side - 3) for side in page.shape)
        page[top : top + 3, left : left + 3] *= 0.5
    turned = Image.fromarray((255 * page).astype(np.uint8)).rotate(
        rng.uniform(-8, 8), Image.BICUBIC, expand=True, fillcolor=int(rng.integers(20, 90))
    )
    page = blurred(np.asarray(turned) / 255, 1)
    edge = np.clip(across(rng, page.shape) / rng.uniform(0.01, 0.3) + 0.5, 0, 1)
    return jpeg(rng, exposed(rng, page * (1 - rng.uniform(0.2, 0.5) * edge), noise=4), (50, 90))


def filling_digit(rng, digit):
    """The digit takes almost the whole picture."""
    rows, columns = np.nonzero(digit > 60)
    digit = digit[rows.min() - 1 : rows.max() + 2, columns.min() - 1 : columns.max() + 2]
    scale = rng.integers(12, 24)
    tall, wide = (scale * side for side in digit.shape)
    smooth = np.asarray(Image.fromarray(digit).resize((wide, tall), Image.BICUBIC)) / 255
    ink = np.clip((smooth - 0.5) * 4 + 0.5, 0, 1)
    ink = np.pad(ink, rng.integers(5, 30))
    return exposed(rng, rng.uniform(0.75, 0.95) * (1 - rng.uniform(0.65, 0.9) * ink))


# Conditions on which digit_of was not tuned.


def shadow_of_a_hand(rng, digit):
    """A band of shadow, narrow or wide, across the page."""
    page = written(rng, digit)
    inside = np.abs(across(rng, page.shape)) < rng.uniform(0.03, 0.2)
    return exposed(rng, page * (1 - rng.uniform(0.3, 0.6) * blurred(inside.astype(float), rng.uniform(1, 8))))


def flash(rng, digit):
    """The middle of a flash is far brighter than the page around it."""
    page = written(rng, digit)
    y, x = np.indices(page.shape)
    middle = [side * rng.uniform(0.2, 0.8) for side in page.shape]
    away = np.hypot(y - middle[0], x - middle[1]) / max(page.shape)
    return exposed(rng, page * (0.45 + 0.7 * np.exp(-((away / rng.uniform(0.1, 0.3)) ** 2))), noise=4)


def folded_page(rng, digit):
    """Each side of a fold has its own light, and the fold itself is darker."""
    page = written(rng, digit)
    for _ in range(rng.integers(1, 3)):
        side = across(rng, page.shape)
        page = page * np.where(side > 0, 1.0, rng.uniform(0.75, 0.95))
        page = page * (1 - rng.uniform(0.05, 0.25) * np.exp(-((side * max(page.shape) / 2) ** 2)))
    return exposed(rng, page, noise=3)


def coffee_stain(rng, digit):
    """A ring or a blot, lighter than the ink, anywhere, often through the digit."""
    page = written(rng, digit)
    y, x = np.indices(page.shape)
    middle = [side * rng.uniform(0.1, 0.9) for side in page.shape]
    away = np.hypot(y - middle[0], x - middle[1])
    radius = rng.uniform(30, 120)
    inside = (away < radius) & ((away > radius - rng.uniform(3, 12)) | (rng.random() < 0.4))
    return exposed(rng, page * (1 - rng.uniform(0.1, 0.35) * blurred(inside.astype(float), 2)), noise=3)


def shaken(rng, digit):
    """The camera moved, or was out of focus."""
    page = written(rng, digit)
    page = blurred(page, rng.uniform(2, 6))
    length = rng.integers(2, 16)
    moved = [np.roll(page, step, axis=rng.integers(2)) for step in range(length)]
    return exposed(rng, np.mean(moved, axis=0), noise=4)


def oblique_view(rng, digit):
    """The page from one side: its far edge is shorter, and behind it is the desk."""
    page = Image.fromarray((255 * written(rng, digit)).astype(np.uint8))
    wide, high = page.size
    inset = rng.uniform(0.02, 0.15, 4)
    corners = [
        (-wide * inset[0], -high * inset[1]),
        (-wide * inset[2] / 3, high * 1.02),
        (wide * (1 + inset[2] / 3), high * 1.02),
        (wide * (1 + inset[3]), -high * inset[1]),
    ]
    view = page.transform((wide, high), Image.QUAD, sum(corners, ()), Image.BICUBIC, fillcolor=40)
    return exposed(rng, np.asarray(view) / 255, noise=3)


def coloured(rng, digit):
    """A coloured pen on coloured paper."""
    shape = rng.integers(340, 640, 2)
    size = int((min(shape) - 30) * rng.uniform(0.4, 0.9))
    ink = 1 - write(rng, np.ones(shape), stroke(rng, digit, size), depth=1.0)
    paper = np.array(
        [(0.95, 0.9, 0.45), (0.95, 0.7, 0.75), (0.7, 0.9, 0.7), (0.6, 0.75, 0.95)][rng.integers(4)]
    )
    pen = np.array([(0.1, 0.15, 0.6), (0.75, 0.1, 0.1), (0.05, 0.4, 0.1), (0.2, 0.2, 0.2)][rng.integers(4)])
    light = 1 + rng.uniform(-0.4, 0.0) * np.abs(across(rng, shape))
    return exposed(rng, (paper + (pen - paper) * ink[..., None]) * light[..., None], noise=4)


def show_through(rng, digit):
    """What is on the other side of the page shows through it, mirrored and faint."""
    images, _ = digits()
    page = blank(rng)
    behind = images[rng.integers(len(images))][:, ::-1]
    for _ in range(rng.integers(1, 4)):
        page = written(rng, behind, depth=rng.uniform(0.05, 0.2), page=page)
    return exposed(rng, written(rng, digit, page=blurred(page, 2)), noise=3)


# Pictures without one whole digit.


def two_digits(rng, digit):
    images, _ = digits()
    size = rng.integers(140, 260)
    pair = np.hstack([stroke(rng, one, size) for one in (digit, images[rng.integers(len(images))])])
    page = np.full((size + 60, 2 * size + 60), rng.uniform(0.75, 0.95))
    page[30 : 30 + size, 30 : 30 + 2 * size] *= 1 - rng.uniform(0.65, 0.9) * pair
    return exposed(rng, page)


def cut_off(rng, digit):
    """A digit that the picture's border cuts through the middle."""
    page = exposed(rng, written(rng, digit, share=(0.8, 0.9)))
    rows, columns = np.nonzero(page < 0.6 * np.median(page))
    middle = (rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2
    return [page[middle[0] :], page[: middle[0]]][rng.integers(2)]


def empty_page(rng, digit):
    page = [blank(rng), lines(rng, blank(rng), both=False)][rng.integers(2)]
    return exposed(rng, page * (0.7 + 0.3 * across(rng, page.shape)), noise=rng.uniform(1, 12))


def only_a_shadow(rng, digit):
    page = blank(rng)
    edge = np.clip(across(rng, page.shape) * rng.uniform(50, 400) + 0.5, 0, 1)
    return exposed(rng, page * (1 - rng.uniform(0.3, 0.65) * edge))


def empty_frame(rng, digit):
    """A window without anything in it."""
    page = np.pad(blank(rng), rng.integers(1, 10), constant_values=rng.uniform(0.05, 0.6))
    return exposed(rng, np.pad(page, rng.integers(1, 40), constant_values=0.95), noise=rng.uniform(0, 3))


def scribble(rng, digit):
    """A blot, or much text."""
    page = blank(rng)
    if rng.random() < 0.5:
        y, x = np.indices(page.shape)
        blot = np.hypot((y - page.shape[0] / 2) * rng.uniform(0.8, 1.3), x - page.shape[1] / 2) < rng.uniform(
            40, 90
        )
        return exposed(rng, page * (1 - 0.8 * blurred(blot.astype(float), 2)))
    images, _ = digits()
    for _ in range(20):
        page = write(rng, page, stroke(rng, images[rng.integers(len(images))], rng.integers(40, 80)))
    return exposed(rng, page)


CONDITIONS = {
    function.__name__: function
    for function in (
        white_paper,
        uneven_light,
        soft_shadow,
        hard_shadow,
        lined_paper,
        squared_paper,
        turned_page,
        dust,
        noise,
        desk_edge,
        dark_corner,
        screenshot,
        light_on_dark,
        transparent,
        twelve_bits,
        thin_pen,
        ballpoint,
        thick_pen,
        pencil,
        uneven_pen,
        small_digit,
        compressed,
        on_the_kitchen_table,
        filling_digit,
    )
}
HELD_OUT = {
    function.__name__: function
    for function in (
        shadow_of_a_hand,
        flash,
        folded_page,
        coffee_stain,
        shaken,
        oblique_view,
        coloured,
        show_through,
    )
}
UNANSWERABLE = {
    function.__name__: function
    for function in (two_digits, cut_off, empty_page, only_a_shadow, empty_frame, scribble)
}
