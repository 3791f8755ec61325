# syntax=docker/dockerfile:1
# Built from hash-pinned requirements; what runs has no compiler, no Node, no shell to log in with, and writes to /data only.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /opt/uv \
 && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r requirements/uv.txt \
 && /opt/uv/bin/uv venv /opt/build \
 && /opt/uv/bin/uv pip install --no-cache --python /opt/build/bin/python --require-hashes -r requirements/demo.txt \
 && /opt/uv/bin/uv venv /opt/jit \
 && /opt/uv/bin/uv pip install --no-cache --python /opt/jit/bin/python --require-hashes -r requirements/run.txt
COPY pyproject.toml hatch_build.py README.md LICENSE CHANGELOG.md ./
COPY static/ static/
COPY migrations/ migrations/
COPY policies/ policies/
COPY jit_server/ jit_server/
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /wheel \
 && /opt/uv/bin/uv pip install --no-cache --no-deps --python /opt/jit/bin/python /wheel/*.whl

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="jit-server" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 jit \
 && useradd --uid 10001 --gid jit --no-create-home --home-dir /data --shell /usr/sbin/nologin jit \
 && install -d -o jit -g jit -m 0700 /data
COPY --from=build /opt/jit /opt/jit
ENV PATH=/opt/jit/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 JIT_DATA=/data JIT_HOST=0.0.0.0
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.parse as p, urllib.request as r; r.urlopen(r.Request('http://127.0.0.1:8080/readyz', headers={'Host': p.urlsplit(os.environ['JIT_BASE_URL']).netloc}), timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["jit-server"]
CMD ["serve"]
