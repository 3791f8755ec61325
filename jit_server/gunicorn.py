"""Gunicorn's settings: `gunicorn -c python:jit_server.gunicorn 'jit_server.app:create()'` is what `serve` runs."""

import contextlib
import ctypes
import gc
import os
from typing import Any

from jit_server.core.settings import load

_settings = load()

_M_ARENA_MAX, _ARENAS = -8, 2
with contextlib.suppress(AttributeError):  # other C libraries have no such knob
    # Hashing and encrypting run in threads, and glibc keeps memory of its own for each: four parts sent at once left
    # 110 MiB behind in a worker, and 50 with two arenas, at the same speed.
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)

bind = f"{_settings.host}:{_settings.port}"
workers = _settings.workers
worker_class = "gevent"
worker_connections = 2000
proc_name = "jit-server"
graceful_timeout = 15  # seconds for requests under way; sockets are closed with "going away" and resume elsewhere
timeout = 60  # a worker whose hub does not turn for so long is replaced
keepalive = 15
max_requests = 0
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
forwarded_allow_ips = ""  # proxies are counted exactly by the application (JIT_TRUSTED_PROXIES)
control_socket_disable = True
errorlog = "-"
loglevel = "warning"


CLOCK = 60
"""Seconds between two looks at what has fallen due; one worker does it, the others find it being done."""


def post_worker_init(worker: Any) -> None:
    """Keep the time, and watch for the worker's end: requests under way are finished then, sockets must be told."""
    import gevent  # not before the worker has patched

    # What was built at the start stays: looking through all of it for rubbish holds every request for 150 ms.
    gc.collect()
    gc.freeze()

    def see_off() -> None:
        while worker.alive:
            gevent.sleep(0.2)
        worker.wsgi.extensions["jit.sockets"].farewell()

    def keep_time() -> None:
        from jit_server import consents

        house = worker.wsgi.extensions["jit"].house
        while worker.alive:
            gevent.sleep(CLOCK)
            try:
                consents.keep_time(house)
            except Exception as error:  # noqa: BLE001 - whatever one round meets, the clock goes on
                worker.log.warning("clock: %s", type(error).__name__)

    gevent.spawn(see_off)
    gevent.spawn(keep_time)


def child_exit(_server: Any, worker: Any) -> None:
    """Let go of the gauges of a worker that is gone. An error here would take the whole server with it."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # one process, or started without `serve`: nothing is shared
        return
    from prometheus_client.multiprocess import mark_process_dead  # not before gevent has patched the locks it takes

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
