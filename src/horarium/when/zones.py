"""Time zones as stretches of constant offset, in whole seconds since 1970.

`zoneinfo` answers one question well (the offset at an instant) and does not list its transitions. The rules
for gaps and folds need them, so they are found once for each zone and year by asking for the offset once a
day and bisecting between two answers that differ. The shortest stretch in the zone database lasts four days
(Africa/Freetown, 1939), and a test compares what is found here with the database's own files.

Only the direction from UTC to local time is used: what a local reading means is decided here, by our own
rule.
"""

from __future__ import annotations

import difflib
import zoneinfo
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import tzdata  # type: ignore[import-untyped]  # it brings no types; one constant is read

from horarium.errors import TriggerError

DAY = 86_400
_BUCKET_BITS = 25  # 2**25 seconds is 388 days: about one year's transitions are looked up at a time
_YEARS_KEPT = 300
_EPOCH_READING = datetime(1970, 1, 1)  # noqa: DTZ001 - a reading of a wall clock, in no zone
_FIRST = -62_135_510_400  # 0001-01-02: local times do not fall out of datetime's range from here on
_LAST = 253_402_128_000  # 9999-12-30


class Stretch(NamedTuple):
    """Instants from `start` to before `end`, at which clocks are `offset` seconds ahead of UTC."""

    start: int
    end: int
    offset: int


class Zone:
    """A zone's offsets. Two neighbouring stretches may have the same offset; that is harmless."""

    __slots__ = ("_constant", "_info", "_surveyed", "name")

    def __init__(self, info: zoneinfo.ZoneInfo) -> None:
        self.name = str(info)
        self._info = info
        self._surveyed: dict[int, tuple[list[int], list[Stretch]]] = {}
        self._constant = Stretch(_FIRST - 2 * DAY, _LAST + 2 * DAY, 0) if self.name == "UTC" else None

    def stretch(self, instant: int) -> Stretch:
        """The stretch that contains `instant`."""
        if self._constant is not None:
            return self._constant
        number = instant >> _BUCKET_BITS
        surveyed = self._surveyed.get(number)
        if surveyed is None:
            if len(self._surveyed) >= _YEARS_KEPT:
                self._surveyed.clear()
            surveyed = self._surveyed[number] = self._survey(number)
        starts, stretches = surveyed
        return stretches[bisect_right(starts, instant) - 1]

    def highest_reading(self, instant: int) -> int:
        """The latest local time that clocks have shown up to and including `instant`.

        It differs from the local time at `instant` only while clocks that were put back have not caught up.
        """
        start, _, offset = self.stretch(instant)
        highest = instant + offset
        while start > instant - 2 * DAY and self._constant is None:
            end = start
            start, _, offset = self.stretch(end - 1)
            highest = max(highest, end - 1 + offset)
        return highest

    def instant_of(self, reading: int) -> int:
        """The first instant at which clocks show `reading` or later.

        For a local time that exists it is that instant, the first of two if it comes twice; for one that does
        not exist it is the first instant after the gap.
        """
        start, end, offset = self.stretch(reading - DAY)  # no offset reaches 24 hours
        while True:
            if start + offset >= reading:
                return start
            if reading - offset < end:
                return reading - offset
            start, end, offset = self.stretch(end)

    def _survey(self, number: int) -> tuple[list[int], list[Stretch]]:
        start, stop = number << _BUCKET_BITS, (number + 1) << _BUCKET_BITS
        shifts = [(start, self._offset(start)), *self._shifts(start, stop)]
        ends = [at for at, _ in shifts[1:]] + [stop]
        stretches = [Stretch(at, end, offset) for (at, offset), end in zip(shifts, ends, strict=True)]
        return [at for at, _ in shifts], stretches

    def _shifts(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        before = self._offset(start)
        for at in range(start, stop, DAY):
            after_at = min(at + DAY, stop - 1)
            after = self._offset(after_at)
            if after != before:
                yield from self._bisect(at, before, after_at, after)
            before = after

    def _bisect(self, left: int, before: int, right: int, after: int) -> Iterator[tuple[int, int]]:
        if before == after:
            return
        if right - left == 1:
            yield right, after
            return
        middle = (left + right) // 2
        between = self._offset(middle)
        yield from self._bisect(left, before, middle, between)
        yield from self._bisect(middle, between, right, after)

    def _offset(self, instant: int) -> int:
        utc = _EPOCH_READING + timedelta(seconds=min(max(instant, _FIRST), _LAST))
        local = self._info.fromutc(utc.replace(tzinfo=self._info)).replace(tzinfo=None)
        difference = local - utc
        return difference.days * DAY + difference.seconds


@lru_cache(maxsize=1024)
def load_zone(name: str) -> Zone:
    """The zone with the IANA name `name`. Raises TriggerError, with the nearest names, when there is none."""
    try:
        return Zone(zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise TriggerError(f"there is no time zone {name!r}{_suggestion(name)}") from None


def zone_name(zone: str | tzinfo | None) -> str | None:
    """The IANA name of `zone`, checked; None stays None.

    Raises TriggerError for an unknown name, and for a tzinfo that has no IANA name.
    """
    if zone is None:
        return None
    if zone is UTC:
        return "UTC"
    name = zone if isinstance(zone, str) else getattr(zone, "key", None) or getattr(zone, "zone", None)
    if not isinstance(name, str):
        raise TriggerError(
            f"time zone {zone!r} has no IANA name; give one such as 'Europe/Rome' or ZoneInfo('Europe/Rome')"
        )
    return load_zone(name).name


def database_version() -> str:
    """The release of the zone database in use, such as "2025b"; "unknown" where the system does not say.

    Next times that were worked out under another release should be worked out again.
    """
    folders = [Path(folder) for folder in zoneinfo.TZPATH if Path(folder).is_dir()]
    for folder in folders:
        try:
            with (folder / "tzdata.zi").open(encoding="utf-8") as file:
                return file.readline().rpartition(" ")[2].strip()
        except OSError:
            continue
    return "unknown" if folders else str(tzdata.IANA_VERSION)


def _suggestion(name: str) -> str:
    known = sorted(zoneinfo.available_timezones())
    wanted = name.strip().replace(" ", "_").lower()
    by_lower = {one.lower(): one for one in known}
    if wanted in by_lower:
        nearest = [by_lower[wanted]]
    else:
        nearest = [one for one in known if one.lower().rpartition("/")[2] == wanted]
        nearest = nearest or [by_lower[one] for one in difflib.get_close_matches(wanted, by_lower, n=1)]
    if nearest:
        return f"; did you mean {nearest[0]!r}?"
    return "; give an IANA name such as 'Europe/Rome', 'Africa/Lome' or 'UTC'"
