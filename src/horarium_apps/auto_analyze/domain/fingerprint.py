"""Fingerprints of pictures, by which copies of a video are found although no byte of them is the same.

A frame's hash is the difference hash (dHash) of Neal Krawetz, "Kind of Like That" (hackerfactor.com, 21 January 2013):
the picture shrunk to 9x8 grey pixels, and one bit for each two neighbours in a row that says whether it gets brighter.
Scaling, another codec or bit rate, and more or less light change few of its 64 bits.

A video's fingerprint is the hashes of `FRAMES` frames spread evenly over its length, not at fixed seconds, so that
a copy that lost its end still has like frames at like places. Two videos are compared frame by frame, each frame with
the five of the other at and around its own place: a trimmed or slower copy is a little out of step.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

FRAMES = 32
"""Frames that are hashed, each from the middle of its share of the video."""

WIDTH, HEIGHT = 9, 8
"""Grey pixels that a frame is shrunk to before it is hashed."""

NEAR_DUPLICATE = 0.68
"""The `similarity` from which two videos count as copies of one.

Found by trial on 19 real and rendered clips. Copies at half the size, in other codecs, at a tenth of the bit rate,
at half the frames a second, brighter, with a watermark, or with a twentieth cut off either end measure 0.74 to 1.0;
two exceptions: coloured noise (0.4), and a dim clip whose light parts were burnt out (0.61). Different videos measure
at most 0.53, those with the same layout and the same backgrounds; half of a video is like the whole at 0.2 to 0.8. A
crop of 5 % is found mostly, one of 10 % mostly not, a mirrored copy never.
"""

LEAST_FRAMES = 4
"""Frames that must show something; a video with fewer is like no other."""

UNLIKE_BITS = 24
"""The most bits that count as different between two frames.

Two pictures that have nothing in common agree by chance in half of the 64 bits, give or take 4.
"""

AROUND = 2
"""Places by which two copies may be out of step: a twentieth cut off one end shifts frames there by 1.6 places."""

# Between darkest and brightest of the shrunk pixels, of 255: below it, what a hash sees is the noise of the codec.
_FLAT = 12
_DIGITS = 16

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The hashes of a video's frames in order of time; None for a flat one, such as a black screen.

    Raises:
        ValueError: it is not made of `FRAMES` hashes of 64 bits.
    """

    hashes: tuple[int | None, ...]

    def __post_init__(self) -> None:
        if len(self.hashes) != FRAMES:
            raise ValueError(f"a fingerprint has {FRAMES} hashes, not {len(self.hashes)}")
        if any(each is not None and not 0 <= each < 1 << 64 for each in self.hashes):
            raise ValueError("a hash of a fingerprint has 64 bits")

    @property
    def told(self) -> int:
        """How many of its frames show something."""
        return sum(each is not None for each in self.hashes)


def hash_frame(grey: bytes) -> int | None:
    """Return the 64-bit difference hash of one frame; None for a flat frame.

    Parameters:
        grey: `WIDTH` x `HEIGHT` pixels, row by row, a byte each.

    Raises:
        ValueError: these are not as many pixels.
    """
    if len(grey) != WIDTH * HEIGHT:
        raise ValueError(f"a frame to hash has {WIDTH}x{HEIGHT} grey pixels, not {len(grey)} bytes")
    if max(grey) - min(grey) < _FLAT:
        return None
    bits = 0
    for row in range(0, len(grey), WIDTH):
        for left in range(row, row + WIDTH - 1):
            bits = bits << 1 | (grey[left] < grey[left + 1])
    return bits


def fingerprint(frames: Sequence[bytes]) -> Fingerprint:
    """Return the fingerprint of `FRAMES` frames, each `WIDTH` x `HEIGHT` grey pixels, or empty if it was not read."""
    return Fingerprint(tuple(hash_frame(each) if each else None for each in frames))


def similarity(one: Fingerprint, other: Fingerprint) -> float:
    """Return from 0 (nothing in common) to 1 (the same pictures) how alike two videos are.

    It is the mean over all frames of both that show something of how alike each is to the best of the five around
    its place in the other video. Flat frames say nothing; with fewer than `LEAST_FRAMES` others it is 0.
    """
    return _similarity(one.hashes, other.hashes, 0.0)


def is_near_duplicate(one: Fingerprint, other: Fingerprint) -> bool:
    """Tell whether two videos are so alike that they are copies of one."""
    return _similarity(one.hashes, other.hashes, NEAR_DUPLICATE) >= NEAR_DUPLICATE


def near_duplicates(
    of: Fingerprint, among: Mapping[Key, Fingerprint] | Iterable[tuple[Key, Fingerprint]]
) -> list[tuple[Key, float]]:
    """Return those that are near-duplicates and how similar they are, the most similar first.

    Nearly every other video is given up after a few frames, when it can no longer become similar enough: 10,000 take
    well under a second.

    Parameters:
        among: fingerprints by whatever names their videos; `of` itself is found too if it is there.
    """
    pairs = among.items() if isinstance(among, Mapping) else among
    hashes = of.hashes
    found = [
        (key, alike)
        for key, each in pairs
        if (alike := _similarity(hashes, each.hashes, NEAR_DUPLICATE)) >= NEAR_DUPLICATE
    ]
    return sorted(found, key=lambda pair: -pair[1])


def to_json(value: Fingerprint) -> dict[str, Any]:
    """Return the fingerprint as plain values: `kind` names how it was made, `hashes` has 16 hex digits or null each."""
    return {
        "kind": f"dhash-{FRAMES}",
        "hashes": [None if each is None else f"{each:0{_DIGITS}x}" for each in value.hashes],
    }


def from_json(value: Mapping[str, Any]) -> Fingerprint:
    """Return the fingerprint that `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is not what `to_json` writes, or of a kind that cannot be compared.
    """
    if value["kind"] != f"dhash-{FRAMES}":
        raise ValueError(f"this is a fingerprint of kind {value['kind']!r}; 'dhash-{FRAMES}' is the one compared here")
    return Fingerprint(tuple(None if each is None else int(each, 16) for each in value["hashes"]))


def _similarity(one: Sequence[int | None], other: Sequence[int | None], wanted: float) -> float:
    """Return the similarity; 0.0 as soon as it is clear that it stays below what is wanted."""
    told_one, told_other = _told(one), _told(other)
    if min(told_one, told_other) < LEAST_FRAMES:
        return 0.0
    # What may still be lost, in bits, before the mean falls below what is wanted.
    total = (told_one + told_other) * UNLIKE_BITS
    left = total * (1.0 - wanted)
    lost = 0
    for here, there in ((one, other), (other, one)):
        for place, mine in enumerate(here):
            if mine is None:
                continue
            best = UNLIKE_BITS
            for near in there[max(0, place - AROUND) : place + AROUND + 1]:
                if near is not None and (differ := (mine ^ near).bit_count()) < best:
                    best = differ
            lost += best
            if lost > left:
                return 0.0
    return 1.0 - lost / total


def _told(hashes: Sequence[int | None]) -> int:
    return len(hashes) - hashes.count(None)
