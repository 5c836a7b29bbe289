"""Zones: what is found by asking for offsets is what the zone database's files say."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, timedelta, timezone
from itertools import pairwise

import pytest

from horarium.errors import TriggerError
from horarium.when.zones import DAY, database_version, load_zone, zone_name

from .model import UGLY, ZONES, changes_in_file


def test_no_offset_in_the_zone_database_holds_for_less_than_the_day_between_two_probes() -> None:
    for zone in ZONES:
        instants = [instant for instant, _, _ in changes_in_file(zone)]
        for earlier, later in pairwise(instants):
            assert later - earlier > DAY, zone


@pytest.mark.parametrize("zone", UGLY)
def test_every_change_of_the_zones_file_is_found(zone: str) -> None:
    found = load_zone(zone)
    for instant, before, after in changes_in_file(zone):
        assert found.stretch(instant - 1).offset == before
        assert found.stretch(instant - 1).end == instant
        assert found.stretch(instant)[::2] == (instant, after)


def test_changes_after_the_last_one_in_the_file_follow_the_zones_rule() -> None:
    at = 4_102_444_800  # 2100-01-01
    assert load_zone("Europe/Rome").stretch(at).offset == 3600
    assert load_zone("Europe/Rome").stretch(at + 182 * DAY).offset == 7200


def test_an_unknown_zone_names_the_nearest_one() -> None:
    with pytest.raises(TriggerError, match=r"no time zone 'Europe/Roma'; did you mean 'Europe/Rome'\?"):
        zone_name("Europe/Roma")


def test_a_zone_in_other_letters_names_the_right_one() -> None:
    with pytest.raises(TriggerError, match="did you mean 'America/New_York'"):
        zone_name("america/new york")


def test_a_city_alone_names_its_zone() -> None:
    with pytest.raises(TriggerError, match="did you mean 'Africa/Lome'"):
        zone_name("Lome")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../UTC", "America", "nowhere at all", "Europe/Rome\0"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(TriggerError, match="no time zone"):
        zone_name(name)


def test_zone_objects_are_taken_by_their_name() -> None:
    assert zone_name(zoneinfo.ZoneInfo("Asia/Tokyo")) == "Asia/Tokyo"
    assert zone_name(UTC) == "UTC"
    assert zone_name(None) is None


def test_a_zone_object_without_a_name_is_refused() -> None:
    with pytest.raises(TriggerError, match="has no IANA name"):
        zone_name(timezone(timedelta(hours=2)))


def test_the_release_of_the_zone_database_is_known() -> None:
    assert database_version()
