"""The engine on APScheduler 3.11, and the store and executor to plug into an APScheduler of one's own.

APScheduler stays the shell: its thread, its sleep and wake-ups, the methods and events that people know. What is due is
read, decided and written by horarium's own tick, in two calls of the store; see `jobstore`.
"""

from horarium.engines.apscheduler.engine import ApschedulerEngine
from horarium.engines.apscheduler.executor import PlanExecutor
from horarium.engines.apscheduler.job import PlanJob
from horarium.engines.apscheduler.jobstore import PlanJobStore
from horarium.engines.apscheduler.triggers import PlanTrigger, convert_trigger

__all__ = ["ApschedulerEngine", "PlanExecutor", "PlanJob", "PlanJobStore", "PlanTrigger", "convert_trigger"]
