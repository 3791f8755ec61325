"""For operators and browsers: health, readiness, metrics, assets, CSP reports."""

import hmac
import os
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog
from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from jit_server.access import SYSTEM
from jit_server.core import jobs
from jit_server.core.database import problem_of
from jit_server.core.errors import JitError, NotFound
from jit_server.web import assets, context
from jit_server.web.api import answer
from jit_server.web.declared import declare, public
from jit_server.work import UnitOfWork

log = structlog.get_logger()
REQUESTS = Histogram("jit_request_seconds", "Time to answer a request", ["method", "endpoint", "status"])
CSP_REPORTS = Counter("jit_csp_reports_total", "Browser reports of a broken content policy")


class Figure(NamedTuple):
    """One number that a room lets the operator watch."""

    name: str
    help: str
    value: float


Measure = Callable[[UnitOfWork], list[Figure]]
_measures: list[Measure] = []


def measures(measure: Measure) -> Measure:
    """Take in a room's figures; asked with the server's own eyes, so they say nothing of any one case."""
    if measure not in _measures:
        _measures.append(measure)
    return measure


def healthz() -> ResponseReturnValue:
    """The process is alive."""
    return answer({"status": "alive"})


def readyz() -> ResponseReturnValue:
    """Whether the server can work: needs the database; vault and bus are named when they are down."""
    house = context.house()
    parts: dict[str, str] = {}
    try:
        with house.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        parts["database"] = "ok"
    except Exception as error:
        if problem_of(error) is None:
            raise
        parts["database"] = "down"
    parts["vault"] = "ok" if house.vault.status().ready else "down"
    ready = parts["database"] == "ok"
    degraded = ready and "down" in parts.values()
    return answer({"status": "degraded" if degraded else "ready" if ready else "down", **parts}, 200 if ready else 503)


def metrics() -> ResponseReturnValue:
    """Prometheus figures, for whoever holds the token; from loopback where no token is set."""
    token_file = context.house().settings.metrics_token_file
    if token_file is not None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token_file.read_text().strip().encode()):
            raise NotFound
    elif request.remote_addr not in {"127.0.0.1", "::1"}:
        raise NotFound
    return Response(generate_latest(_figures()) + generate_latest(_asked()), content_type=CONTENT_TYPE_LATEST)


def _asked() -> CollectorRegistry:
    """What the database says now: how jobs stand (the worker is another process), and what rooms let us measure."""
    found = CollectorRegistry()
    try:
        with context.house().work(SYSTEM) as uow:
            _count_jobs(found, jobs.board(uow.connection))
            for figure in (one for measure in _measures for one in measure(uow)):
                Gauge(figure.name, figure.help, registry=found).set(figure.value)
    except (JitError, SQLAlchemyError):
        return CollectorRegistry()  # the database is down: /readyz says so
    return found


def _count_jobs(found: CollectorRegistry, board: jobs.Board) -> None:
    Gauge("jit_job_workers", "Workers that gave a sign of life", registry=found).set(board.workers)
    Gauge("jit_job_wait_seconds", "How long the oldest due job has waited", registry=found).set(board.waits)
    counts = Gauge("jit_jobs", "Jobs that wait (todo), run (doing) or failed", ["task", "state"], registry=found)
    for (task, state), count in board.counts.items():
        counts.labels(task, state).set(count)


def _figures() -> CollectorRegistry:
    """The figures of all workers together where there are several (`serving` names their folder), else our own."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


def csp_report() -> ResponseReturnValue:
    """A browser saw something that the content policy forbids. Counted; only the directive is logged."""
    CSP_REPORTS.inc()
    report = (request.get_json(silent=True, force=True) or {}).get("csp-report", {})
    log.warning(
        "csp-report", directive=str(report.get("violated-directive", ""))[:100] if isinstance(report, dict) else ""
    )
    return "", 204


def asset_file(file: str) -> ResponseReturnValue:
    """One built browser asset."""
    return assets.respond(file)


def install(app: Flask) -> None:
    """Add the doors and measure every request."""
    doors = (
        ("/healthz", healthz, "GET", "says only that the process lives"),
        ("/livez", healthz, "GET", "alias of /healthz"),
        ("/readyz", readyz, "GET", "says only which parts answer"),
        ("/metrics", metrics, "GET", "guarded by token or loopback"),
        ("/csp-report", csp_report, "POST", "browsers send it without a session"),
        (f"{assets.URL}/<file>", asset_file, "GET", "scripts and styles, the same for all"),
    )
    for rule, view, method, why in doors:
        app.add_url_rule(rule, rule.strip("/").replace("/", "_"), declare(view, public(why)), methods=[method])

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def measure(response: Response) -> Response:
        if "started" in g:
            REQUESTS.labels(request.method, request.endpoint or "none", response.status_code).observe(
                time.perf_counter() - g.started
            )
        return response
