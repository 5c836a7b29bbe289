"""Rules, documented lines and words; nothing here touches a file."""

import math
import pickle
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horarium_apps.auto_analyze.domain import messages
from horarium_apps.auto_analyze.domain.checks import check_complete, moving_picture
from horarium_apps.auto_analyze.domain.contact_sheet import fitted, grid, plan_sheet
from horarium_apps.auto_analyze.domain.describe import clock, describe
from horarium_apps.auto_analyze.domain.document import to_document
from horarium_apps.auto_analyze.domain.document_reader import from_document
from horarium_apps.auto_analyze.domain.errors import AnalysisError
from horarium_apps.auto_analyze.domain.execution import ExecutionResult, VideoFailure, fold
from horarium_apps.auto_analyze.domain.media import (
    Analysis,
    AudioStream,
    ContactSheet,
    Cut,
    HeardSound,
    Loudness,
    OtherStream,
    Probe,
    SeenPicture,
    VideoStream,
)
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.stages import Stage, overall

PICTURE = VideoStream(0, "h264", "High", "yuv420p", 1080, 1920, 0, 29.97, 1_900_000)
SOUND = AudioStream(1, "aac", "LC", 44100, 2, "stereo", 128_000)
PATH = PurePath("/videos/a.mp4")
ANALYSIS = Analysis(
    content_hash="ab" * 32,
    size=4_700_000,
    container="mov,mp4",
    duration=12.34,
    bit_rate=2_050_000,
    video=(PICTURE,),
    audio=(SOUND,),
    other=(),
    picture=0,
    frames=370,
    loudness=Loudness(-14.2, 3.1, -1.0),
    cuts=(Cut(1.5, 20.0), Cut(63.04, 30.0)),
    contact_sheet=ContactSheet("a.jpg", 564, 984, 3, 3, (0.5, 1.5)),
    notes=(),
    tool="ffmpeg 7.1",
)


@dataclass
class Failed:
    key: str
    message: str


@dataclass
class Tally:
    total: int = 4
    done: int = 3
    skipped: int = 0
    failed: int = 1
    duration: float = 45.2
    errors: tuple[Failed, ...] = (Failed("123", '"a.mp4" is empty.'),)


def test_the_documented_lines_are_word_for_word() -> None:
    at = datetime(2024, 5, 1, 16, 0, tzinfo=ZoneInfo("Europe/Rome"))

    assert messages.scheduler_started(1, 60) == "[OK] [TokIntel Scheduler] Avviato per user_id=1 - intervallo: 60 min"
    assert messages.analysis_started(at) == "[OK] [TokIntel Auto] Analisi avviata - 16:00"
    assert messages.analysis_completed(5, 0) == "Completati 5 video - [ERROR] 0 errori"
    assert messages.analysis_completed(2, 1) == "Completati 2 video - [ERROR] 1 errore"
    assert messages.analysis_completed(2, 2) == "Completati 2 video - [ERROR] 2 errori"
    assert messages.video_failed(123) == "[WARN] Errore video: Video ID 123 - Errore di analisi"
    assert messages.START_FAILED == "[ERROR] Errore nell'avvio dello scheduler"
    assert messages.STARTED_WELL == "[OK] Scheduler avviato con successo"


def test_a_naive_start_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        messages.analysis_started(datetime(2024, 5, 1, 16, 0))  # noqa: DTZ001 what is refused


def test_a_tally_folds_into_exactly_the_documented_keys() -> None:
    assert fold(Tally()).as_dict() == {
        "analyzed": 3,
        "errors": 1,
        "total_videos": 4,
        "duration": 45.2,
        "error_details": [{"video_id": 123, "error": '"a.mp4" is empty.'}],
    }


def test_errors_beyond_those_kept_are_still_counted() -> None:
    result = ExecutionResult(analyzed=0, errors=250, duration=1.0, error_details=(VideoFailure(1, "Why."),))

    assert (result.as_dict()["errors"], result.as_dict()["total_videos"]) == (250, 250)


def test_an_execution_without_errors_has_an_empty_list_of_details() -> None:
    assert ExecutionResult(analyzed=2, errors=0, duration=0.12345).as_dict()["error_details"] == []


def test_a_failure_keeps_its_permanence_between_processes() -> None:
    error = pickle.loads(pickle.dumps(AnalysisError("why", permanent=False)))

    assert (str(error), error.permanent) == ("why", False)


def test_an_analysis_in_words() -> None:
    assert describe(ANALYSIS) == {
        "Length": "0:12.3",
        "File": "4.7 MB, mov,mp4",
        "Bit rate": "2.0 Mbit/s",
        "Picture": "1080x1920 vertical, h264, 29.97 frames a second",
        "Frames": "370",
        "Sound": "aac, stereo, 44.1 kHz",
        "Loudness": "-14.2 LUFS, range 3.1 LU, true peak -1 dBFS",
        "Cuts": "2: at 0:01.5, 1:03.0",
        "Contact sheet": "a.jpg, 2 frames, 3 by 3",
        "Analysed with": "ffmpeg 7.1",
    }


def test_what_a_video_lacks_is_said_in_words() -> None:
    bare = replace(
        ANALYSIS,
        size=12,
        bit_rate=None,
        audio=(),
        loudness=None,
        cuts=tuple(Cut(float(n), 11.0) for n in range(12)),
        contact_sheet=None,
        other=(OtherStream(2, "data", "bin_data"),),
        notes=("One.", "Two."),
    )

    rows = describe(bare)

    assert rows["File"] == "12 bytes, mov,mp4"
    assert rows["Bit rate"] == "not known"
    assert (rows["Sound"], rows["Loudness"]) == ("none", "no sound")
    assert rows["Cuts"].endswith("0:09.0 and 2 more")
    assert rows["Contact sheet"] == "none"
    assert rows["Other streams"] == "data (bin_data)"
    assert rows["Notes"] == "One. Two."
    assert describe(replace(ANALYSIS, loudness=None))["Loudness"] == "silence, or too short to measure"


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00.0"), (59.96, "1:00.0"), (3723.4, "1:02:03.4")])
def test_lengths_in_words(seconds: float, words: str) -> None:
    assert clock(seconds) == words


def test_a_document_names_its_schema_first() -> None:
    document = to_document(ANALYSIS)

    assert next(iter(document.items())) == ("schema", "horarium.auto_analyze/1")
    assert from_document(document) == ANALYSIS


def test_a_document_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match=r"horarium\.auto_analyze/2"):
        from_document({**to_document(ANALYSIS), "schema": "horarium.auto_analyze/2"})


def test_a_document_that_lacks_a_field_is_refused_by_its_name() -> None:
    document: dict[str, Any] = to_document(ANALYSIS)
    del document["cuts"][1]["at"]

    with pytest.raises(ValueError, match=r"cuts\.1\.at is wrong"):
        from_document(document)


def test_a_document_with_a_field_of_a_later_release_is_read() -> None:
    assert from_document({**to_document(ANALYSIS), "faces": 3}) == ANALYSIS


def test_the_stages_add_up_to_the_whole() -> None:
    assert overall(Stage.PROBE, 0.0) == 0.0
    assert overall(Stage.HOOK, 1.0) == pytest.approx(1.0)
    assert overall(Stage.CUTS, 7.0) == overall(Stage.CONTACT_SHEET, 0.0)
    with pytest.raises(ValueError, match="no stage 'sleep'"):
        overall("sleep", 0.5)


def test_names_are_shown_on_one_line_and_can_be_encoded() -> None:
    assert quoted(PurePath("/a/b\nc\x1b.mp4")) == '"b\\nc\\x1b.mp4"'
    assert quoted(PurePath("/a/caf\udce9.mp4")).encode("utf-8")
    assert quoted(PurePath("/a/東京 1.mp4")) == '"東京 1.mp4"'


def test_the_moving_picture_is_chosen_over_a_cover() -> None:
    cover = replace(PICTURE, codec="mjpeg", still=True)

    assert moving_picture(PATH, Probe("mov", 1.0, None, video=(cover, replace(PICTURE, index=2)))).index == 2


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (Probe("png_pipe", None, None, video=(PICTURE,)), "still picture"),
        (Probe("mp3", 1.0, None, audio=(SOUND,)), "sound only"),
        (Probe("mov", 1.0, None), "no moving picture"),
        (Probe("mov", 1.0, None, video=(replace(PICTURE, width=0),)), "without a single picture"),
    ],
)
def test_what_is_not_a_video_is_refused_with_why(probe: Probe, words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        moving_picture(PATH, probe)


def seen(seconds: float, frames: int = 10, complaints: int = 0) -> SeenPicture:
    return SeenPicture((), frames, seconds, complaints)


def test_a_file_is_whole_when_its_sound_alone_reaches_the_end() -> None:
    probe = Probe("mov", 10.0, None, video=(PICTURE,), audio=(SOUND,))

    assert check_complete(PATH, probe, seen(2.0), HeardSound(None, 10.0)) == ()


def test_a_file_that_ends_early_is_cut_short_only_if_the_reader_complained() -> None:
    probe = Probe("mov", 10.0, None, video=(PICTURE,))

    assert check_complete(PATH, probe, seen(9.7), None) == ()
    assert check_complete(PATH, probe, seen(4.0), None) == ("Picture and sound end at 4.0 of 10.0 seconds.",)
    with pytest.raises(AnalysisError, match=r"cut short: 4\.0 of its 10\.0 seconds"):
        check_complete(PATH, probe, seen(4.0, complaints=1), None)


def test_a_file_without_one_picture_is_an_error() -> None:
    with pytest.raises(AnalysisError, match="not one picture"):
        check_complete(PATH, Probe("mov", None, None), seen(0.0, frames=0), None)


@given(
    width=st.integers(2, 8000),
    height=st.integers(2, 8000),
    seconds=st.floats(0, 100_000),
    frames=st.integers(1, 10_000_000),
    wanted=st.integers(1, 25),
)
def test_a_sheet_shows_different_frames_in_order_within_the_video(
    width: int, height: int, seconds: float, frames: int, wanted: int
) -> None:
    plan = plan_sheet((width, height), seconds=seconds, frames=frames, wanted=wanted)

    assert len(plan.frames) == len(plan.times) == min(wanted, frames)
    assert list(plan.frames) == sorted(set(plan.frames))
    assert list(plan.times) == sorted(plan.times)
    assert plan.times[0] >= 0
    assert plan.times[-1] <= seconds
    assert plan.frames[-1] < frames
    assert plan.cell_width % 2 == plan.cell_height % 2 == 0
    assert 2 <= max(plan.cell_width, plan.cell_height) <= 320


@given(count=st.integers(1, 50), width=st.integers(2, 320), height=st.integers(2, 320))
def test_a_grid_has_room_for_every_cell_and_no_empty_row(count: int, width: int, height: int) -> None:
    columns, rows = grid(count, width, height)

    assert columns * rows >= count
    assert rows == math.ceil(count / columns)


@pytest.mark.parametrize(
    ("count", "cell", "expected"),
    [(9, (180, 320), (3, 3)), (9, (320, 180), (3, 3)), (8, (320, 180), (2, 4)), (1, (180, 320), (1, 1))],
)
def test_grids_are_compact(count: int, cell: tuple[int, int], expected: tuple[int, int]) -> None:
    assert grid(count, *cell) == expected


def test_a_small_picture_is_not_enlarged() -> None:
    assert fitted((64, 48), 320) == (64, 48)


def test_a_time_of_the_utc_day_is_shown_in_its_own_zone() -> None:
    at = datetime(2024, 1, 1, 15, 5, tzinfo=UTC)

    assert messages.analysis_started(at.astimezone(ZoneInfo("Europe/Rome"))).endswith("16:05")
