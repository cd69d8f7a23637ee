# syntax=docker/dockerfile:1
# What a deployment runs: the hashed runtime lock and our code; no embedded database, no compiler, no root.
# Name a digest for builds that are the same byte for byte: --build-arg PYTHON_IMAGE=python@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /app
# Packages first: they change less often than the code and keep their layer.
COPY requirements/uv.txt requirements/runtime.txt requirements/
RUN python -m venv /opt/installer \
    && /opt/installer/bin/pip install --require-hashes -r requirements/uv.txt \
    && python -m venv --without-pip .venv \
    && /opt/installer/bin/uv pip sync --python .venv/bin/python --require-hashes requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
# The build back end comes from the hashed lock too, so this step fetches nothing. The code stays beside its migrations,
# as in a checkout; compiled by content, so that the files do not depend on when they were built.
RUN /opt/installer/bin/python -m hatchling build -t wheel:editable -d /tmp/wheel \
    && /opt/installer/bin/uv pip install --python .venv/bin/python --no-deps --offline /tmp/wheel/*.whl \
    && .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .venv/lib src

FROM ${PYTHON_IMAGE} AS run
LABEL org.opencontainers.image.title="Portal API" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORTAL_ENVIRONMENT=production \
    PORTAL_DATA_DIR=/var/lib/portal
RUN groupadd --gid 10001 portal \
    && useradd --no-log-init --uid 10001 --gid portal --no-create-home --home-dir /var/lib/portal \
       --shell /usr/sbin/nologin portal \
    && install -d -o portal -g portal -m 0700 /var/lib/portal
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY --from=build /app/src src
COPY alembic.ini ./
COPY migrations migrations
USER 10001:10001
VOLUME /var/lib/portal
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["portal-api", "health"]
ENTRYPOINT ["portal-api"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
