"""Which frames a contact sheet shows, and how large."""

from __future__ import annotations

import math
from dataclasses import dataclass

CELL_LONGEST_SIDE = 320
"""Pixels of the longer side of one frame in the sheet."""


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """The frames to draw.

    Parameters:
        cell_width, cell_height: pixels of each in the sheet.
        frames: which ones, counted from 0.
        times: for each, the seconds to seek to.
    """

    cell_width: int
    cell_height: int
    frames: tuple[int, ...]
    times: tuple[float, ...]


def plan_sheet(shown_size: tuple[int, int], *, seconds: float, frames: int, wanted: int) -> SheetPlan:
    """Choose the frames: spread evenly, each from the middle of its share of the video.

    Parameters:
        shown_size: width and height in pixels, after rotation.
        seconds: how far the picture could be decoded; its sound may be longer.
        frames: pictures in it, at least 1; a sheet never shows more frames than there are.
        wanted: frames the sheet should show.
    """
    count = max(1, min(wanted, frames))
    rate = frames / seconds if seconds > 0 else 0.0
    chosen = tuple(int((cell + 0.5) * frames / count) for cell in range(count))
    # Half a frame early: a seek answers the first frame at or after the time, so rounding cannot skip it.
    times = tuple(round(max(0.0, (frame - 0.5) / rate), 3) if rate else 0.0 for frame in chosen)
    width, height = fitted(shown_size, CELL_LONGEST_SIDE)
    return SheetPlan(width, height, chosen, times)


def fitted(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """Shrink a width and height (pixels) so that the longer is `longest_side`; both stay even and at least 2."""
    width, height = size
    scale = min(1.0, longest_side / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def grid(count: int, cell_width: int, cell_height: int) -> tuple[int, int]:
    """Return columns and rows for `count` cells: no sheet is more than twice as long as it is wide (or the other
    way round) where that can be, then as few empty cells, then as near to a square as can be.
    """

    def badness(columns: int) -> tuple[bool, int, float]:
        rows = math.ceil(count / columns)
        stretch = abs(math.log2(columns * cell_width / (rows * cell_height)))
        return stretch > 1, columns * rows - count, stretch

    best = min(range(1, count + 1), key=badness)
    return best, math.ceil(count / best)
