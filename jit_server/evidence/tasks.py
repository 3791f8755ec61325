"""What the worker does for this room."""

from jit_server.core.jobs import Task
from jit_server.evidence.malware.verdicts import TASK
from jit_server.evidence.usecases import joining, reading_back, redacting
from jit_server.evidence.usecases.doing import follow_hold
from jit_server.evidence.usecases.erasing import erase_bytes
from jit_server.evidence.usecases.recognising import recognise, recognise_rest
from jit_server.evidence.usecases.reconciling import reconcile
from jit_server.evidence.usecases.retaining import retain
from jit_server.evidence.usecases.scanning import scan, scan_rest
from jit_server.evidence.usecases.scrubbing import scrub
from jit_server.evidence.usecases.unpacking import TASK as UNPACK
from jit_server.evidence.usecases.unpacking import unpack

TASKS = (
    Task("evidence:erase", erase_bytes),
    Task("evidence:hold", follow_hold),
    Task(joining.TASK, joining.run),
    Task("evidence:read_back", reading_back.run),
    Task(redacting.TASK, redacting.run),
    Task("evidence:recognise", recognise),
    Task("evidence:recognise_rest", recognise_rest, every="1-59/5 * * * *"),
    Task("evidence:reconcile", reconcile, every="2-59/5 * * * *"),
    Task(TASK, scan),
    Task("evidence:scan_rest", scan_rest, every="4-59/5 * * * *"),
    Task("evidence:retain", retain, every="4-59/10 * * * *"),
    Task("evidence:scrub", scrub, every="*/5 * * * *"),
    Task(UNPACK, unpack),
)
