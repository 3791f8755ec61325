"""What the worker does for itself."""

from jit_server.access import SYSTEM
from jit_server.core import jobs
from jit_server.core.jobs import Stopping, Task
from jit_server.work import House


def rescue(house: House, _stopping: Stopping) -> None:
    """Put back in the row what workers were doing that are gone."""
    with house.work(SYSTEM) as uow:
        jobs.rescue(uow.connection)


TASKS = (Task("jobs:rescue", rescue, every="* * * * *"),)
