"""What a scheduler adds to its plan when it starts: tasks to know, jobs of applications, of the file, and its own."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from horarium.errors import JobExists
from horarium.job import Job
from horarium.jobs_file import load_jobs
from horarium.plan import Plan
from horarium.plugins import App
from horarium.settings import Settings
from horarium.store.upgrade import CORE, Branch
from horarium.upkeep.prune import prune_job

logger = logging.getLogger(__name__)
