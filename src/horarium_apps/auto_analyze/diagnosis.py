"""Why nothing is analysed: each thing that an analysis needs, looked at."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from horarium import HorariumError, JobStatus, RunState, Scheduler
from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.machine import free_space, may_write
from horarium_apps.auto_analyze.adapters.whisper_model import find_model, may_download
from horarium_apps.auto_analyze.domain.errors import AutoAnalyzeError, UserNotFoundError
from horarium_apps.auto_analyze.domain.names import printable
from horarium_apps.auto_analyze.domain.stages import Stage, in_words
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.plan import is_missing, plan_file
from horarium_apps.auto_analyze.settings import AutoAnalyzeSettings
from horarium_apps.auto_analyze.status import find_jobs, read_status

_LITTLE_SPACE = 100 * 1024 * 1024
_SHOWN = 3
_INSTALL = "`pip install 'horarium[auto-analyze]'` installs it"

_LIBRARIES = {
    Stage.FINGERPRINT: (),
    Stage.SPEECH: ("faster_whisper", "numpy"),
    Stage.SCREEN_TEXT: ("rapidocr", "onnxruntime", "numpy"),
    Stage.WORDS: ("py3langid", "vaderSentiment"),
    Stage.HOOK: (),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing.

    Parameters:
        about: the thing.
        fault: whether it is why nothing, or not everything, is analysed.
        sentence: how it stands, and for a fault what to do.
    """

    about: str
    fault: bool
    sentence: str


def diagnose(scheduler: Scheduler, user_id: int | None = None) -> Iterator[Finding]:
    """Look at everything that the analysis of one user's videos, or of everybody's, needs; tell each as it is found.

    Raises:
        HorariumError: the settings are wrong.
    """
    settings = AutoAnalyzeSettings(config=scheduler.settings.config)
    database = _database(scheduler)
    yield database
    yield _ffmpeg(settings)
    yield from _stages(settings)
    yield _sheets(settings)
    if database.fault:
        return
    looks: tuple[Callable[[Scheduler, int | None], Finding], ...] = (_users, _schedule, _videos, _files, _last_run)
    for look in looks:
        yield look(scheduler, user_id)


def _database(scheduler: Scheduler) -> Finding:
    file = plan_file(scheduler)
    # Looked at first: on a full disk SQLite may only say that something is wrong with the disk.
    free = None if file is None else free_space(file)
    full = f"The disk of {file} is {'nearly ' if free else ''}full; make room there."
    try:
        if is_missing(scheduler):
            where = scheduler.database_url if file is None else file
            made = "`horarium auto-analyze add-user NAME` makes one there"
            return Finding("database", True, f"There is no plan at {where}; {made}.")
        with scheduler.connection(read_only=True) as connection:
            queries.list_users(connection)
    except HorariumError as error:
        told = f"{full} SQLite says: {error}." if _is_little(free) else f"It cannot be used: {error}."
        return Finding("database", True, f"{told} `horarium db check` tells more.")
    if _is_little(free):
        return Finding("database", True, full)
    return Finding("database", False, f"{scheduler.database_url} can be read.")


def _ffmpeg(settings: AutoAnalyzeSettings) -> Finding:
    try:
        return Finding("ffmpeg", False, f"{Ffmpeg(settings.ffmpeg).version()} is used.")
    except AutoAnalyzeError as error:
        return Finding("ffmpeg", True, str(error))


def _stages(settings: AutoAnalyzeSettings) -> Iterator[Finding]:
    for stage, names in _LIBRARIES.items():
        about = in_words(stage)
        missing = [name for name in names if importlib.util.find_spec(name) is None]
        if stage in settings.skip_stages:
            yield Finding(about, False, "Left out, as the setting skip_stages says.")
        elif missing:
            # The words are looked at without them, but for the part that needs them.
            what, which = "A part of it" if stage is Stage.WORDS else "It", " and ".join(missing)
            yield Finding(about, True, f"{what} is skipped, for {which} cannot be imported; {_INSTALL}.")
        elif stage is Stage.SPEECH:
            yield _speech(settings)
        elif stage is Stage.WORDS and settings.summary_model and importlib.util.find_spec("ollama") is None:
            yield Finding(about, True, f"Summaries by {settings.summary_model} need ollama; {_INSTALL}.")
        else:
            yield Finding(about, False, "What it needs is installed." if names else "It needs ffmpeg only.")


def _speech(settings: AutoAnalyzeSettings) -> Finding:
    model = settings.speech_model
    try:
        found = find_model(model, models_folder=settings.models_folder)
    except AutoAnalyzeError as error:
        return Finding("speech", True, str(error))
    if found is not None:
        return Finding("speech", False, f"What it needs is installed, and the model {model} is in {found}.")
    if not may_download():
        return Finding(
            "speech",
            True,
            f"The model {model} is not on this machine, and HF_HUB_OFFLINE forbids to download it: unset that, or copy "
            "the model's folder here and name it in speech_model.",
        )
    where = "from huggingface.co when it is first used"
    return Finding("speech", False, f"The model {model} is not on this machine; it is downloaded {where}.")


def _sheets(settings: AutoAnalyzeSettings) -> Finding:
    folder = settings.sheets_folder.absolute()
    if not settings.sheet_frames:
        return Finding("contact sheets", False, "None are drawn, as the setting sheet_frames says.")
    if not may_write(folder):
        return Finding("contact sheets", True, f"{folder} cannot be written; set sheets_folder to one that can.")
    if _is_little(free_space(folder)):
        return Finding("contact sheets", True, f"The disk of {folder} is nearly full; make room there.")
    return Finding("contact sheets", False, f"They are written into {folder}.")


def _users(scheduler: Scheduler, user_id: int | None) -> Finding:
    with scheduler.connection(read_only=True) as connection:
        if user_id is not None:
            known = queries.find_user(connection, user_id)
            if known is None:
                words = str(UserNotFoundError(user_id))
                return Finding("users", True, f"{words[0].upper()}{words[1:]}.")
            return Finding("users", False, f"User {known.id} is {known.name}.")
        users = queries.list_users(connection)
    if not users:
        return Finding("users", True, "There is none; `horarium auto-analyze add-user NAME` adds one.")
    known_ids = [user.id for user in users]  # a list, since a job's argument may be anything
    for job in read_status(scheduler)["jobs"]:
        if job["user_id"] not in known_ids:
            told = f"{job['id']} is for user {job['user_id']}, who is not there"
            return Finding("users", True, f"{told}; `horarium auto-analyze add-user NAME` adds one, or remove the job.")
    return Finding("users", False, f"There {'is 1' if len(users) == 1 else f'are {len(users)}'}.")


def _schedule(scheduler: Scheduler, user_id: int | None) -> Finding:
    status = read_status(scheduler, user_id)
    if not status["jobs"]:
        return Finding("schedule", True, "Nothing is scheduled; `horarium auto-analyze --user-id N` starts it.")
    if not status["nodes"]:
        return Finding("schedule", True, "No process carries the plan; `horarium run` does.")
    if status["paused"]:
        return Finding("schedule", True, "The plan is paused; `horarium jobs resume --all` lets it go on.")
    for job in find_jobs(scheduler, user_id):
        if job.paused:
            return Finding("schedule", True, f"{job.id} is paused; `horarium jobs resume {job.id}` resumes it.")
        if job.status is not JobStatus.SCHEDULED:
            return Finding("schedule", True, f"{job.id} is {job.status}; `horarium jobs show {job.id}` tells more.")
    number, node = len(status["jobs"]), status["nodes"][0]
    jobs = "1 job is" if number == 1 else f"{number} jobs are"
    return Finding("schedule", False, f"{jobs} scheduled, carried by process {node['pid']} on {node['host']}.")


def _videos(scheduler: Scheduler, user_id: int | None) -> Finding:
    with scheduler.connection(read_only=True) as connection:
        counts = queries.count_by_status(connection, user_id)
    told = ", ".join(f"{number} {status}" for status, number in counts.items())
    if not sum(counts.values()):
        return Finding(
            "videos", True, "There are none; `horarium auto-analyze import FOLDER --user-id N` adds a folder's."
        )
    if counts[VideoStatus.FAILED]:  # a broken file is the file's fault, not one of what analyses it
        why, again = "`horarium auto-analyze list --status failed` says why", "`horarium auto-analyze retry --failed`"
        return Finding("videos", False, f"{told}; {why}, {again} tries them again.")
    return Finding("videos", False, f"{told}; what is new is analysed next.")


def _files(scheduler: Scheduler, user_id: int | None) -> Finding:
    waiting = []
    with scheduler.connection(read_only=True) as connection:
        for status in (VideoStatus.NEW, VideoStatus.ANALYSING):
            waiting += queries.list_videos(connection, user_id=user_id, status=status)
    missing = [video for video in waiting if not video.path.is_file()]
    if not missing:
        return Finding("files", False, f"All that wait are there ({len(waiting)}).")
    named = ", ".join(printable(str(video.path)) for video in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return Finding(
        "files",
        True,
        f"{len(missing)} of {len(waiting)} that wait {'is' if len(missing) == 1 else 'are'} not there: {named}{more}. "
        "Put them back, or import the folder in which they are now.",
    )


def _last_run(scheduler: Scheduler, user_id: int | None) -> Finding:
    last = read_status(scheduler, user_id)["last_run"]
    if last is None:
        return Finding("last run", False, "There was none yet; `horarium jobs run JOB` runs a job now.")
    if last["state"] == RunState.FAILED:
        look = f"`horarium runs logs {last['run_id']}` shows what it logged"
        return Finding("last run", True, f"{last['run_id']} failed: {last['error']} {look}.")
    return Finding("last run", False, f"{last['run_id']} {last['state']}.")


def _is_little(free: int | None) -> bool:
    return free is not None and free < _LITTLE_SPACE
