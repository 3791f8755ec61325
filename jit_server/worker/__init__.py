"""The worker: does the jobs that acts and time have put in the row, and stops between two steps when asked to."""

from jit_server.worker.running import every_task, run

__all__ = ["every_task", "run"]
