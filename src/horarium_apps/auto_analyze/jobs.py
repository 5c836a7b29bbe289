"""The task that is scheduled: analyse the saved videos of a user."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from horarium import Retry, Run, get_scheduler, task
from horarium_apps.auto_analyze.adapters.ffmpeg_process import find_ffmpeg
from horarium_apps.auto_analyze.batch import BATCH, Batch
from horarium_apps.auto_analyze.child import analyze_in_child
from horarium_apps.auto_analyze.domain.execution import fold
from horarium_apps.auto_analyze.domain.messages import analysis_completed, analysis_started
from horarium_apps.auto_analyze.settings import AutoAnalyzeSettings

logger = logging.getLogger(__name__)

TASK = "auto_analyze.analyze_videos"
"""The name by which jobs know the task, whatever becomes of this module."""


def job_id(user_id: int) -> str:
    """Return the id of the job that analyses a user's videos."""
    return f"auto-analyze-{user_id}"


# Of what a retry can mend, a database that is away is the likeliest; videos that are marked stay done meanwhile.
@task(TASK, retry=Retry.exponential(base=10, max_attempts=5, max_delay=300))
async def analyze_videos(run: Run, user_id: int) -> dict[str, Any]:
    """Analyse a user's videos that are new, or were left by a run that is over, each in a child process.

    A video whose result was recorded is not analysed again in any attempt of this run or in another run.

    Returns:
        `analyzed`, `errors`, `total_videos`, `duration` (seconds), and `error_details`: for the first hundred videos
        that failed, `video_id` and `error`, a sentence.

    Raises:
        FfmpegMissingError: there is no ffmpeg; the videos go on waiting.
    """
    settings = AutoAnalyzeSettings(config=get_scheduler().settings.config)
    await asyncio.to_thread(find_ffmpeg, settings.ffmpeg)
    logger.info("%s", analysis_started(run.now().astimezone()))
    batch = Batch(run, user_id, settings, get_scheduler().run_steps)
    options = settings.model_dump(mode="json", exclude={"config"})
    ids = await run.step("list", batch.list_ids)
    try:
        tally = await run.each(
            batch.take_each(ids),
            analyze_in_child,
            options,
            key=lambda video: video["id"],
            batch=BATCH,
            concurrency=settings.concurrency,
            timeout=settings.video_timeout,
            executor="process",
            on_done=batch.record,
            on_failed=batch.record_failure,
        )
    except BaseException:
        await asyncio.to_thread(batch.release)
        raise
    result = fold(tally, batch.reason)
    logger.info("%s", analysis_completed(result.analyzed, result.errors))
    return result.as_dict()
