"""Near-duplicates among all videos of a user at once, without comparing each with each.

Copies of a video agree in most bits of most frames, so some quarter of some hash is the very same in both. Videos are
put into a drawer for each quarter of each hash, and only those that meet in two drawers are compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from horarium_apps.auto_analyze.domain.fingerprint import Fingerprint, is_near_duplicate

_QUARTER = 16
_MASK = (1 << _QUARTER) - 1
_MEETINGS = 2
# A quarter that hundreds of videos share, such as that of a black border, tells nothing.
_FULL = 100


def duplicates_among(fingerprints: Mapping[int, Fingerprint]) -> dict[int, tuple[int, ...]]:
    """Return for each video that has near-duplicates among the others their ids, in order."""
    drawers: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for video_id, fingerprint in fingerprints.items():
        for place, value in enumerate(fingerprint.hashes):
            for quarter in range(4 if value is not None else 0):
                drawers[place, quarter, (value or 0) >> (quarter * _QUARTER) & _MASK].append(video_id)
    meetings: Counter[tuple[int, int]] = Counter()
    for drawer in drawers.values():
        if len(drawer) <= _FULL:
            meetings.update((one, other) for at, one in enumerate(drawer) for other in drawer[at + 1 :])
    found: defaultdict[int, set[int]] = defaultdict(set)
    for (one, other), times in meetings.items():
        if times >= _MEETINGS and is_near_duplicate(fingerprints[one], fingerprints[other]):
            found[one].add(other)
            found[other].add(one)
    return {video_id: tuple(sorted(others)) for video_id, others in found.items()}
