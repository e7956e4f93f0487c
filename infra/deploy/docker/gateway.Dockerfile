# The gateway, and every command that needs neither TensorFlow nor OpenVINO, such as `topics`:
#   docker build -f infra/deploy/docker/gateway.Dockerfile -t sightstream/gateway:0.1.0 .
# Pin the digest, too, where you build: --build-arg PYTHON=python:3.11.14-slim-trixie@sha256:...
ARG PYTHON=python:3.11.14-slim-trixie

FROM ${PYTHON} AS build
WORKDIR /src
COPY . .
# the environment has no pip: nothing can be installed in a running container
RUN pip install --no-cache-dir setuptools==84.2.1 \
 && pip wheel --no-build-isolation --no-deps --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/sightstream \
 && pip --python /opt/sightstream/bin/python install --no-cache-dir --only-binary :all: \
    --constraint infra/constraints.txt "$(ls /wheels/*.whl)[gateway]"

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Sightstream gateway" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 sightstream \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin sightstream
COPY --from=build /opt/sightstream /opt/sightstream
ENV PATH=/opt/sightstream/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SIGHTSTREAM_HOST=0.0.0.0 SIGHTSTREAM_PORT=8000 SIGHTSTREAM_LOG=json
WORKDIR /opt/sightstream
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["sightstream"]
CMD ["gateway"]
