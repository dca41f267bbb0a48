# The platform's image. Two containers of it make an installation: `serve` (the default) and `runjobs`; see docs/deployment.md.
FROM python:3.11-slim-bookworm AS build
COPY . /src
RUN /src/deploy/build.sh /opt/mlplatform

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/mlplatform --create-home --shell /usr/sbin/nologin mlplatform
COPY --from=build /opt/mlplatform /opt/mlplatform
# No secret is in the image: with PRODUCTION=true the platform refuses to start until it is given its own.
ENV PATH=/opt/mlplatform/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PRODUCTION=true \
    BIND=0.0.0.0 \
    PORT=8000 \
    VAR_DIR=/var/lib/mlplatform
WORKDIR /opt/mlplatform/app
USER mlplatform
VOLUME /var/lib/mlplatform
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/ready', timeout=4)"]
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]
