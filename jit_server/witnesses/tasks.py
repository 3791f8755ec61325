"""What the worker does for this room."""

from jit_server.core.jobs import Task
from jit_server.witnesses.usecases.asking import ask_all

TASKS = (Task("witnesses:ask", ask_all, every="* * * * *"),)
