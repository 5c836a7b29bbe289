"""A user's videos in one run: which ones wait, taking them one by one, and writing what came of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from horarium import HorariumError, Run
from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.child import MEDIA
from horarium_apps.auto_analyze.domain.backoff import Backoff
from horarium_apps.auto_analyze.domain.describe import clock
from horarium_apps.auto_analyze.domain.failures import KeptError, why_failed
from horarium_apps.auto_analyze.domain.messages import ANALYSIS_FAILED, video_failed
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.outcome import Outcome, failures, from_document, from_steps, newest
from horarium_apps.auto_analyze.domain.stages import in_words
from horarium_apps.auto_analyze.settings import AutoAnalyzeSettings

logger = logging.getLogger(__name__)

BATCH = "videos"
"""The name of the batch in its run."""

KeptSteps = Callable[[str, str], dict[str, Any]]
"""Reads what the steps of a run returned whose keys begin so: `Scheduler.run_steps`."""

_STARTING = timedelta(minutes=1)


class Batch:
    """The videos of one user in one run. Its methods but `take_each` block, and are called in threads.

    A video is "analysing" from the moment at which its turn comes, so that after a crash it can be seen which ones
    were not finished.
    """

    def __init__(self, run: Run, user_id: int, settings: AutoAnalyzeSettings, kept: KeptSteps) -> None:
        self._run = run
        self._kept = kept
        self._backoff = Backoff(settings.retries, settings.retry_delay)
        self._user_id = user_id
        self._settings = settings
        self._reasons: dict[str, str] = {}
        self._total = 0
        self._ended: set[int] = set()

    def list_ids(self) -> list[int]:
        """Return the ids of the videos that wait: new ones, and those that an analysis left that is over."""
        with self._run.transaction() as connection:
            return queries.videos_to_analyse(
                connection, self._user_id, job_id=self._run.job_id, now=self._run.now(), left_before=self._left_before()
            )

    def take_each(self, ids: Sequence[int]) -> TakenVideos:
        """Return the videos with these ids, each to be taken when its turn comes."""
        self._total = len(ids)
        return TakenVideos(ids, self._take)

    def record(self, connection: Any, video: dict[str, Any], document: dict[str, Any]) -> None:
        """Write a video's document and status, in the transaction that marks its item as done."""
        failed = failures(from_document(document))
        recorded = queries.record_analysis(
            connection,
            video["id"],
            run_id=self._run.id,
            document=document,
            sheet_path=_sheet_of(document),
            now=self._run.now(),
            retry=None if all(problem.permanent for _, problem in failed) else self._backoff,
        )
        if recorded:
            for stage, problem in failed:
                logger.warning("Video %d: %s failed: %s", video["id"], in_words(stage), problem.why)
            name, length = quoted(Path(video["path"])), clock(document["duration"])
            logger.info("Video %d analysed (%s): %s, %s", video["id"], self._count(video["id"]), name, length)
        else:
            logger.warning("Video %d belongs to another run by now; what this one found is dropped", video["id"])

    def record_failure(self, connection: Any, video: dict[str, Any], error: KeptError) -> None:
        """Write why a video could not be analysed, in the transaction that marks its item as failed."""
        reason = why_failed(error, Path(video["path"]), self._settings.video_timeout)
        self._reasons[str(video["id"])] = reason
        retry = None if error.permanent else self._backoff
        queries.record_failure(
            connection, video["id"], run_id=self._run.id, error=reason, now=self._run.now(), retry=retry
        )
        self._count(video["id"])
        logger.warning("%s", video_failed(video["id"], f"{ANALYSIS_FAILED}: {reason}"))

    def reason(self, key: str, otherwise: str) -> str:
        """Return why the item with this key failed, as it was written; `otherwise` when it never came to that."""
        return self._reasons.get(key, otherwise)

    def release(self) -> None:
        """Let what was not finished wait again. For a run that is told to stop; one that crashed cannot."""
        try:
            with self._run.transaction() as connection:
                queries.release_videos(connection, self._run.id)
        except HorariumError as error:
            # The next run takes them all the same, since it has the videos that the last one left.
            logger.info("What run %s was analysing could not be set back: %s", self._run.id, error)

    def _take(self, video_id: int) -> dict[str, Any] | None:
        with self._run.transaction() as connection:
            video = queries.take_video(
                connection,
                video_id,
                run_id=self._run.id,
                job_id=self._run.job_id,
                now=self._run.now(),
                left_before=self._left_before(),
            )
        if video is None:
            self._total -= 1
        elif "path" in video:
            video["known"] = self._known(video)
            video["sheet_path"] = self._sheet_path(video["content_hash"])
        else:
            self._count(video_id)
        return video

    def _known(self, video: dict[str, Any]) -> dict[str, Any]:
        """What earlier analyses of a video found, for the child; the last one may have kept stages and then failed.

        It takes out of what is known of the video what the child is not told.
        """
        last_run, document, asked = video.pop("last_run"), video.pop("document"), video.pop("asked")
        afresh = video.pop("afresh")
        if document is not None:
            _complete(document, video["sheet_path"])
        kept: dict[str, Any] = {}
        if last_run is not None and last_run != self._run.id:
            with suppress(LookupError):  # the run was pruned meanwhile
                prefix = f"{BATCH}[{video['id']}]."
                kept = {key.removeprefix(prefix): result for key, result in self._kept(last_run, prefix).items()}
        if not _is_of(video, document):
            document = None
        if not _is_of(video, kept.get(MEDIA)):
            kept = {}
        media = kept.pop(MEDIA, None)
        earlier = {} if document is None else from_document(document)
        # What tries since then have kept is already done afresh; the document is older.
        outcomes = from_steps(kept) if afresh else newest([earlier, from_steps(kept)])
        if asked:
            outcomes = {name: outcome.asked_again() for name, outcome in outcomes.items()}
        return {
            "media": media or (None if afresh else document),
            "outcomes": _as_json(outcomes),
            "older": _as_json(earlier) if afresh else {},
        }

    def _count(self, video_id: int) -> str:
        """Count a video that has come to an end, also in an earlier attempt; how many of how many there are now."""
        self._ended.add(video_id)
        return f"{len(self._ended)} of {self._total}"

    def _sheet_path(self, content_hash: str) -> str | None:
        if not self._settings.sheet_frames:
            return None
        return str(self._settings.sheets_folder.absolute() / f"{content_hash}.jpg")

    def _left_before(self) -> datetime:
        """Before this time nobody can have begun what is not finished by now: the time of one video is limited."""
        return self._run.now() - timedelta(seconds=self._settings.video_timeout) - _STARTING


class TakenVideos:
    """The videos of a batch, each taken just before it is analysed. It knows how many there are at most."""

    def __init__(self, ids: Sequence[int], take: Callable[[int], dict[str, Any] | None]) -> None:
        self._ids = ids
        self._take = take

    def __len__(self) -> int:
        return len(self._ids)

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        for video_id in self._ids:
            video = await asyncio.to_thread(self._take, video_id)
            if video is not None:
                yield video


def _as_json(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    return {name: outcome.to_json() for name, outcome in outcomes.items()}


def _is_of(video: Mapping[str, Any], document: Mapping[str, Any] | None) -> bool:
    """Whether a document tells of the video's present content, which may have changed before it was analysed."""
    return document is not None and document["content_hash"] == video["content_hash"]


def _sheet_of(document: Mapping[str, Any]) -> Path | None:
    """Return where the contact sheet is that a document tells of."""
    sheet = document["contact_sheet"]
    return None if sheet is None or sheet.get("folder") is None else Path(sheet["folder"]) / sheet["file"]


def _complete(document: Mapping[str, Any], sheet_path: str | None) -> None:
    """Write into an older document in which folder its contact sheet is."""
    sheet = document.get("contact_sheet")
    if sheet is not None and sheet.get("folder") is None and sheet_path is not None:
        sheet["folder"] = str(Path(sheet_path).parent)
