"""Processes that are killed, and processes side by side: what was recorded is never analysed again."""

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from horarium import RunState, every
from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.jobs import analyze_videos, job_id

from .plans import Library, Processes, eventually, linked

HOURS = "3600"
"""A lease (seconds) that no test lives to see end: what was rescued in time was not rescued by waiting for it."""


def scheduled(library: Library, folder: Path, name: str = "anna") -> str:
    user_id = library.add_user(name)
    library.add(folder, user_id)
    return library.scheduler.add_job(analyze_videos, every(hours=6), id=job_id(user_id), args=[user_id]).id


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One video at a time, so that a kill meets exactly one."""
    monkeypatch.setenv("AUTO_ANALYZE_CONCURRENCY", "1")


@pytest.mark.usefixtures("one_at_a_time")
def test_a_killed_process_goes_on_with_the_video_that_it_had_not_finished(
    samples: list[Path], elsewhere: Library, processes: Processes, tmp_path: Path
) -> None:
    run = elsewhere.scheduler.run_now(scheduled(elsewhere, linked(samples, tmp_path / "videos")))
    first = processes.start("run", HORARIUM_LEASE=HOURS)
    eventually(lambda: len(elsewhere.with_status(VideoStatus.ANALYSED)) >= 2, "two analysed videos")
    eventually(lambda: elsewhere.with_status(VideoStatus.ANALYSING), "a video that is being analysed")
    first.send_signal(signal.SIGKILL)
    first.wait()
    recorded = {video.id: video for video in elsewhere.with_status(VideoStatus.ANALYSED)}
    unfinished = {video.id for video in elsewhere.with_status(VideoStatus.ANALYSING)}
    assert len(recorded) < len(samples)

    second = processes.start("run", HORARIUM_LEASE=HOURS)
    eventually(lambda: elsewhere.scheduler.get_run(run.id).state is RunState.SUCCEEDED, "the end of the run")
    videos = {video.id: video for video in elsewhere.videos()}
    assert {video.status for video in videos.values()} == {VideoStatus.ANALYSED}
    assert {video_id: videos[video_id] for video_id in recorded} == recorded
    assert {video.id: video.attempts for video in videos.values()} == {
        video_id: 2 if video_id in unfinished else 1 for video_id in videos
    }
    ended = elsewhere.scheduler.get_run(run.id)
    assert (ended.attempt, ended.result["analyzed"], ended.result["errors"]) == (2, len(samples), 0)
    assert processes.stop(second) == 0


def test_two_processes_analyse_each_video_once(
    samples: list[Path], elsewhere: Library, processes: Processes, tmp_path: Path
) -> None:
    folder = linked(samples[:3], tmp_path / "videos")
    jobs = [scheduled(elsewhere, folder, name) for name in ("anna", "bruno", "carla")]
    both = [processes.start("run"), processes.start("run")]
    eventually(lambda: len(elsewhere.scheduler.nodes()) == 2, "two nodes")
    runs = [elsewhere.scheduler.run_now(job) for job in jobs]
    for run in runs:
        eventually(lambda run=run: elsewhere.scheduler.get_run(run.id).state is RunState.SUCCEEDED, "the end of a run")
    assert [(video.status, video.attempts) for video in elsewhere.videos()] == [(VideoStatus.ANALYSED, 1)] * 9
    assert [processes.stop(process) for process in both] == [0, 0]


def test_a_process_that_is_asked_to_end_leaves_the_rest_to_the_next(
    samples: list[Path], elsewhere: Library, processes: Processes, tmp_path: Path
) -> None:
    run = elsewhere.scheduler.run_now(scheduled(elsewhere, linked(samples, tmp_path / "videos")))
    first = processes.start("run", AUTO_ANALYZE_CONCURRENCY="1", HORARIUM_SHUTDOWN_GRACE="0.1")
    eventually(lambda: elsewhere.with_status(VideoStatus.ANALYSED), "an analysed video")
    assert processes.stop(first) == 0
    assert elsewhere.with_status(VideoStatus.NEW)
    processes.start("run")
    eventually(lambda: elsewhere.scheduler.get_run(run.id).state is RunState.SUCCEEDED, "the end of the run")
    assert {video.status for video in elsewhere.videos()} == {VideoStatus.ANALYSED}


LOUDNESS, CUTS, SHEET, FINGERPRINT, HOOK = "ebur128", "scdet", "tile=", "scale=9:8", "scale=48:48"
"""What tells the calls of ffmpeg apart: a word of their arguments."""


@dataclass
class SlowFfmpeg:
    """An ffmpeg that notes each of its calls and waits for ever in the one that `gate` names, while that is there."""

    folder: Path
    real: str

    def __post_init__(self) -> None:
        script = self.folder / "ffmpeg"
        script.write_text(
            f"""#!/bin/sh
            echo "$@" >> "{self.folder}/calls"
            if [ -f "{self.folder}/gate" ]; then
                case "$*" in *"$(cat "{self.folder}/gate")"*) touch "{self.folder}/reached"; exec sleep 600;; esac
            fi
            exec "{self.real}" "$@"
            """
        )
        script.chmod(0o755)
        self.environment = {"AUTO_ANALYZE_FFMPEG": str(script), "HORARIUM_LEASE": HOURS}

    def wait_in(self, marker: str) -> None:
        """Wait in the call that has this among its arguments."""
        (self.folder / "gate").write_text(marker)

    @property
    def waits(self) -> bool:
        """Whether that call was made."""
        return (self.folder / "reached").exists()

    def go_on(self) -> None:
        """Wait no more, from the next call on."""
        (self.folder / "gate").unlink()

    def count(self, marker: str) -> int:
        """How many calls had this among their arguments."""
        return sum(marker in call for call in (self.folder / "calls").read_text().splitlines())


def kill_in(marker: str, ffmpeg: SlowFfmpeg, processes: Processes) -> None:
    """Start a process that carries the plan, and kill it in the call of ffmpeg that has this among its arguments."""
    ffmpeg.wait_in(marker)
    process = processes.start("run", **ffmpeg.environment)
    eventually(lambda: ffmpeg.waits, "the call of ffmpeg")
    process.send_signal(signal.SIGKILL)
    process.wait()
    ffmpeg.go_on()


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("killed_in", "twice"),
    [
        (LOUDNESS, {LOUDNESS}),
        (SHEET, {LOUDNESS, CUTS, SHEET}),
        (FINGERPRINT, {FINGERPRINT}),
        (HOOK, {HOOK}),
    ],
    ids=["loudness", "contact sheet", "fingerprint", "hook"],
)
def test_a_process_killed_in_a_stage_goes_on_with_that_stage(
    talking: Path,
    media: Ffmpeg,
    elsewhere: Library,
    processes: Processes,
    tmp_path: Path,
    killed_in: str,
    twice: set[str],
) -> None:
    run = elsewhere.scheduler.run_now(scheduled(elsewhere, linked([talking], tmp_path / "videos")))
    ffmpeg = SlowFfmpeg(tmp_path, media.executable)
    kill_in(killed_in, ffmpeg, processes)

    processes.start("run", **ffmpeg.environment)
    eventually(lambda: elsewhere.scheduler.get_run(run.id).state is RunState.SUCCEEDED, "the end of the run")
    (video,) = elsewhere.videos()
    assert (video.status, video.attempts) == (VideoStatus.ANALYSED, 2)
    stages = (LOUDNESS, CUTS, SHEET, FINGERPRINT, HOOK)
    assert {stage: ffmpeg.count(stage) for stage in stages} == {stage: 1 + (stage in twice) for stage in stages}


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_a_file_that_is_replaced_while_its_run_is_down_is_an_error_and_not_analysed_as_the_old_one(
    talking: Path, silent: Path, media: Ffmpeg, elsewhere: Library, processes: Processes, tmp_path: Path
) -> None:
    (tmp_path / "videos").mkdir()
    file = Path(shutil.copy(talking, tmp_path / "videos" / "clip.mp4"))
    run = elsewhere.scheduler.run_now(scheduled(elsewhere, file.parent))
    ffmpeg = SlowFfmpeg(tmp_path, media.executable)
    kill_in(FINGERPRINT, ffmpeg, processes)
    shutil.copy(silent, file)

    processes.start("run", **ffmpeg.environment)
    eventually(lambda: elsewhere.scheduler.get_run(run.id).state is RunState.SUCCEEDED, "the end of the run")
    (video,) = elsewhere.videos()
    assert video.status is VideoStatus.FAILED
    assert video.error is not None
    assert "its content has changed since" in video.error
    with elsewhere.scheduler.connection() as connection:
        assert queries.load_document(connection, video.id) is None


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_a_file_that_is_replaced_during_a_stage_leaves_nothing_of_that_stage(
    talking: Path, silent: Path, media: Ffmpeg, elsewhere: Library, processes: Processes, tmp_path: Path
) -> None:
    (tmp_path / "videos").mkdir()
    file = Path(shutil.copy(talking, tmp_path / "videos" / "clip.mp4"))
    run = elsewhere.scheduler.run_now(scheduled(elsewhere, file.parent))
    replacing = tmp_path / "ffmpeg"
    replacing.write_text(
        f'#!/bin/sh\ncase "$*" in *{FINGERPRINT}*) cp "{silent}" "{file}";; esac\nexec "{media.executable}" "$@"\n'
    )
    replacing.chmod(0o755)
    processes.start("run", AUTO_ANALYZE_FFMPEG=str(replacing))
    eventually(lambda: elsewhere.scheduler.get_run(run.id).state is RunState.SUCCEEDED, "the end of the run")
    (video,) = elsewhere.videos()
    assert video.error == '"clip.mp4" was changed or removed while it was analysed.'
    assert list(elsewhere.scheduler.run_steps(run.id, "videos[")) == [f"videos[{video.id}].media"]
