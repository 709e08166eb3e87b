"""Graphs from left to right: boxes and the lines between them, in user units of an SVG."""

from __future__ import annotations

from itertools import pairwise

from kunsthalle.core.records import dataclass

WIDTH, LINE, PAD = 190, 18, 10
ACROSS, BETWEEN = 70, 14
LONGEST = 24
"""Characters of a line in a box; of longer ones the beginning is shown."""
Lines = list[str]


@dataclass(frozen=True, slots=True)
class Box:
    """A box with its lines of text: the first is the name."""

    x: int
    y: int
    lines: tuple[str, ...]

    @property
    def height(self) -> int:
        return len(self.lines) * LINE + 2 * PAD

    @property
    def texts(self) -> list[tuple[int, str]]:
        """Each line with its baseline."""
        return [(self.y + PAD + LINE * (at + 1) - 5, line) for at, line in enumerate(self.lines)]

    @property
    def middle(self) -> int:
        return self.y + self.height // 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes, lines as paths, and the size of the whole."""

    boxes: tuple[Box, ...]
    paths: tuple[str, ...]
    width: int
    height: int
    box_width: int = WIDTH
    pad: int = PAD


def arranged(chain: list[list[Lines]], rows: list[Lines], ends: list[Lines]) -> Drawing:
    """A chain of single boxes, then a row for each of `rows`, with what ends it beside it."""
    at, top, pairs = len(chain), PAD, list[tuple[Box, Box | None]]()
    for row, end in zip(rows, ends, strict=True):
        first = _box(at, top, row)
        second = _box(at + 1, top, end) if end else None
        tallest = max(first.height, second.height if second else 0)
        pairs.append((_centred(first, top, tallest), _centred(second, top, tallest) if second else None))
        top += tallest + BETWEEN
    height = max(top - BETWEEN + PAD, 2 * PAD + max(_box(0, 0, lines[0]).height for lines in chain))
    line = [_centred(_box(number, 0, lines[0]), 0, height) for number, lines in enumerate(chain)]
    links = [*pairwise(line), *((line[-1], first) for first, _ in pairs)]
    links += [(first, second) for first, second in pairs if second]
    boxes = (*line, *(box for pair in pairs for box in pair if box))
    width = max(box.x for box in boxes) + WIDTH + PAD
    return Drawing(boxes, tuple(_path(left, right) for left, right in links), width, height)


def _box(column: int, y: int, lines: Lines) -> Box:
    return Box(PAD + column * (WIDTH + ACROSS), y, tuple(_short(line) for line in lines))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _centred(box: Box, top: int, height: int) -> Box:
    return Box(box.x, top + (height - box.height) // 2, box.lines)


def _path(left: Box, right: Box) -> str:
    start, end = left.x + WIDTH, right.x
    half = (start + end) // 2
    return f"M{start} {left.middle}C{half} {left.middle} {half} {right.middle} {end} {right.middle}"
