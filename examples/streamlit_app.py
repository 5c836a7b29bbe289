"""A page that starts, stops and shows the scheduled analysis of a user's videos: `streamlit run streamlit_app.py`.

It needs `pip install 'horarium[auto-analyze]' streamlit`. The plan is the one that the settings name, so that what the
page shows may also be carried by `horarium run`, and what it starts is seen by `horarium auto-analyze --status`.
"""

from typing import Any

import streamlit as st

from horarium_apps.auto_analyze import get_auto_analyzer_status, start_auto_analyzer, stop_auto_analyzer

INTERVALS = {"15 min": 15, "30 min": 30, "1 h": 60, "6 h": 360}


def controls() -> int:
    """Draw what starts and stops the analysis. Streamlit runs the page anew at each click: starting twice is fine."""
    st.header("[INFO] Auto-Analyze Scheduler")
    user_id = int(st.number_input("User", min_value=1, value=1, step=1))
    interval = st.selectbox("Intervallo", list(INTERVALS), index=2)
    if st.button("Avvia Scheduler"):
        if start_auto_analyzer(user_id=user_id, interval_minutes=INTERVALS[interval]):
            st.success("Scheduler avviato!")
        else:
            st.error("Errore nell'avvio")
    if st.button("Ferma Scheduler"):
        if stop_auto_analyzer(user_id=user_id):
            st.success("Scheduler fermato!")
        else:
            st.info("Lo scheduler non era attivo")
    return user_id


@st.fragment(run_every=2)  # seconds: this part of the page is drawn again and again by itself
def live(user_id: int) -> None:
    """Draw how it stands now, and what came of the last execution."""
    status = get_auto_analyzer_status(user_id)
    if "error" in status:
        st.error(status["error"])
    st.metric("Scheduler", "attivo" if status["is_running"] else "fermo")
    for column, (name, number) in zip(st.columns(4), status["videos"].items(), strict=True):
        column.metric(name, number)
    for run in status["current_runs"]:
        done = run["done"] / run["total"] if run["total"] else 0.0
        st.progress(min(done, 1.0), run["message"] or run["job_id"])
    st.subheader("Ultimi risultati")
    results(status["last_result"])
    st.subheader("Status")
    st.json(status)


def results(result: dict[str, Any] | None) -> None:
    """Draw what an execution found."""
    if result is None:
        st.write("Nessun risultato")
        return
    for column, name in zip(st.columns(4), ("analyzed", "errors", "total_videos", "duration"), strict=True):
        column.metric(name, round(result[name], 1))
    if result["error_details"]:
        st.table(result["error_details"])


st.title("Auto-analyze")
with st.sidebar:
    shown = controls()
live(shown)
