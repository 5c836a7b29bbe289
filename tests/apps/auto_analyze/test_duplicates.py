"""Near-duplicates and exports of many videos: what `show` and `export` say of the same ones."""

import csv
import io
import json
import random
import sys
import tracemalloc
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.adapters.likeness import Fingerprints
from horarium_apps.auto_analyze.cli.output import write_json_list
from horarium_apps.auto_analyze.domain.fingerprint import FRAMES, Fingerprint, near_duplicates, to_json
from horarium_apps.auto_analyze.domain.media import FoundVideo
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.exporting import exported_documents
from horarium_apps.auto_analyze.tables import videos

from .plans import Call, Library


def looks(source: random.Random) -> Fingerprint:
    return Fingerprint(tuple(source.getrandbits(64) for _ in range(FRAMES)))


def altered(original: Fingerprint, bits: int, source: random.Random, *, shift: int = 0, flat: int = 0) -> Fingerprint:
    """The same video with some bits of each frame changed, some frames later, some of them black."""
    hashes: list[int | None] = [*original.hashes[-shift:], *original.hashes[:-shift]] if shift else [*original.hashes]
    for place, value in enumerate(hashes):
        if value is not None:
            hashes[place] = value ^ sum(1 << bit for bit in source.sample(range(64), bits))
    for place in source.sample(range(FRAMES), flat):
        hashes[place] = None
    return Fingerprint(tuple(hashes))


def add_analysed(library: Library, found: list[Fingerprint], *, text: str = "") -> int:
    """Add a user with an analysed video for each of these fingerprints."""
    user_id, now = library.add_user(), datetime.now(UTC)
    with library.scheduler.connection() as connection:
        files = [FoundVideo(Path(f"/v/{n}.mp4"), f"{n:064x}", 1, 1) for n in range(1, len(found) + 1)]
        queries.add_videos(connection, user_id, files, now)
        for video_id, each in enumerate(found, start=1):
            document = {"fingerprint": to_json(each), "notes": [text]}
            values = {
                "status": VideoStatus.ANALYSED,
                "document": json.dumps(document),
                "fingerprint": json.dumps(to_json(each)),
            }
            connection.execute(videos.update().where(videos.c.id == video_id).values(values))
    return user_id


def exported(call: Call) -> dict[int, list[int]]:
    """The near-duplicates of each video as the export has them."""
    rows = csv.DictReader(io.StringIO(call("export", "--csv").out))
    return {int(row["id"]): [int(each) for each in row["near_duplicates"].split()] for row in rows}


def shown(call: Call, video_id: int) -> list[int]:
    """The near-duplicates of one video as `show` has them."""
    return sorted(each["video_id"] for each in call("show", video_id, "--json").json["near_duplicates"])


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_more_than_a_hundred_copies_are_exported_as_they_are_shown(call: Call, elsewhere: Library) -> None:
    source = random.Random(1)
    one = looks(source)
    add_analysed(elsewhere, [one, *(altered(one, 1, source) for _ in range(101))])
    copies = exported(call)
    assert copies[1] == shown(call, 1) == list(range(2, 103))
    assert copies[50] == shown(call, 50)


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_a_copy_that_is_out_of_step_is_exported_as_it_is_shown(call: Call, elsewhere: Library) -> None:
    source = random.Random(2)
    one = looks(source)
    add_analysed(elsewhere, [one, altered(one, 0, source, shift=1), looks(source)])
    assert exported(call) == {1: [2], 2: [1], 3: []}
    assert [shown(call, video_id) for video_id in (1, 2, 3)] == [[2], [1], []]


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_copies_that_another_user_has_are_not_exported(call: Call, elsewhere: Library) -> None:
    one = looks(random.Random(3))
    add_analysed(elsewhere, [one, one])
    with elsewhere.scheduler.connection() as connection:
        other = queries.add_user(connection, "bruno", datetime.now(UTC)).id
        connection.execute(videos.update().where(videos.c.id == 2).values(user_id=other))
    assert exported(call) == {1: [], 2: []}


@pytest.mark.parametrize("with_numpy", [True, False])
def test_many_are_compared_by_the_rule_for_one(with_numpy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not with_numpy:
        monkeypatch.setitem(sys.modules, "numpy", None)
    source = random.Random(4)
    originals = [looks(source) for _ in range(5)]
    originals.append(Fingerprint((None,) * FRAMES))
    each = [
        altered(original, bits, source, shift=shift, flat=flat)
        for original in originals
        for bits in (0, 4, 7, 8, 12)
        for shift in (0, 1, 2, 3)
        for flat in (0, 9, 20, 29)
    ]
    known = dict(enumerate(each))
    many = Fingerprints(known.items())
    for key in range(0, len(each), 17):
        by_the_rule = sorted(other for other, _alike in near_duplicates(each[key], known) if other != key)
        assert list(many.like(key, each[key])) == by_the_rule


def test_among_no_videos_there_is_no_copy() -> None:
    assert Fingerprints([]).like(1, looks(random.Random(5))) == ()


def test_documents_are_written_as_they_are_read(elsewhere: Library, tmp_path: Path) -> None:
    add_analysed(elsewhere, [looks(random.Random(6))] * 200, text="x" * 200_000)
    reading = partial(elsewhere.scheduler.connection, read_only=True)
    tracemalloc.start()
    try:
        with (tmp_path / "all.json").open("w", encoding="utf-8") as file:
            count = write_json_list(exported_documents(reading), file)
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (count, (tmp_path / "all.json").stat().st_size > 40_000_000) == (200, True)
    assert most < 20_000_000


@pytest.mark.parametrize("values", [[], [1], [{"a": [1, "\u2028\n"]}, {}]])
def test_a_list_is_one_json_document(values: list[object]) -> None:
    written = io.BytesIO()
    with io.TextIOWrapper(written, encoding="utf-8", newline="") as stream:
        assert write_json_list(iter(values), stream) == len(values)
        stream.flush()
        assert json.loads(written.getvalue()) == values
