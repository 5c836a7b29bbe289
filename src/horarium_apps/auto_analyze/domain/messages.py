"""The documented log lines, in their own language, word for word."""

from __future__ import annotations

from datetime import datetime

START_FAILED = "[ERROR] Errore nell'avvio dello scheduler"
STARTED_WELL = "[OK] Scheduler avviato con successo"
ANALYSIS_FAILED = "Errore di analisi"


def scheduler_started(user_id: int, interval_minutes: int) -> str:
    """Return the line that is logged when the scheduled analysis of a user was started."""
    return f"[OK] [TokIntel Scheduler] Avviato per user_id={user_id} - intervallo: {interval_minutes} min"


def analysis_started(at: datetime) -> str:
    """Return the line that is logged when an execution starts.

    Parameters:
        at: the time in the zone to show it in; aware.

    Raises:
        ValueError: the time is naive.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; give an aware time in the zone to show it in")
    return f"[OK] [TokIntel Auto] Analisi avviata - {at:%H:%M}"


def analysis_completed(analyzed: int, errors: int) -> str:
    """Return the line that is logged when an execution ends."""
    return f"Completati {analyzed} video - [ERROR] {errors} {'errore' if errors == 1 else 'errori'}"


def video_failed(video_id: int, reason: str = ANALYSIS_FAILED) -> str:
    """Return the line that is logged for a video that could not be analysed."""
    return f"[WARN] Errore video: Video ID {video_id} - {reason}"
