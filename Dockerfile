# The platform's image: `serve` (the default), `runjobs` and every other command of manage.py; see docs/deployment.md.
#   docker build -t mlplatform .                          without PyTorch, XGBoost and LightGBM
#   docker build -t mlplatform:torch --target torch .     with PyTorch, to compile and serve its models
# Not the slim one: its C compiler takes a fifth of the time off each prediction.
FROM python:3.11-bookworm AS build
COPY . /src
# Extras of pyproject.toml; these cost little.
ARG EXTRAS=otp,sentry,lightgbm,parquet
RUN /src/deploy/build.sh /opt/mlplatform "$EXTRAS"

FROM build AS build-torch
ARG EXTRAS=otp,sentry,lightgbm,parquet
RUN /src/deploy/build.sh /opt/mlplatform "$EXTRAS,torch"

# What both have in common: no compiler, no source of the build, no secret. With PRODUCTION=true the platform refuses to
# start until it is given its own. The root may be read-only: it writes below the two volumes and /tmp.
FROM python:3.11-slim-bookworm AS base
RUN groupadd --system --gid 10001 mlplatform \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/mlplatform --create-home --shell /usr/sbin/nologin mlplatform \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/mlplatform /var/lib/mlplatform-models
ENV PATH=/opt/mlplatform/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PRODUCTION=true \
    BIND=0.0.0.0 \
    PORT=8000 \
    VAR_DIR=/var/lib/mlplatform
WORKDIR /opt/mlplatform/app
USER 10001:10001
VOLUME ["/var/lib/mlplatform", "/var/lib/mlplatform-models"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/ready', timeout=4)"]
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]

FROM base AS torch
COPY --from=build-torch /opt/mlplatform /opt/mlplatform

FROM base AS platform
COPY --from=build /opt/mlplatform /opt/mlplatform
