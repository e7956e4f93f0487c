# A worker with its networks converted and baked in, without TensorFlow:
#   docker build -f infra/deploy/docker/worker.Dockerfile -t sightstream/worker:0.1.0 .
#   docker build ... --build-arg MODELS=efficientnet_lite2,/opt/bundles/cups    # a bundle of yours: see bundles/README.md
# Pin the digest, too, where you build: --build-arg PYTHON=python:3.11.14-slim-trixie@sha256:...
ARG PYTHON=python:3.11.14-slim-trixie
ARG MODELS=efficientnet_lite2

FROM ${PYTHON} AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir setuptools==84.2.1 \
 && pip wheel --no-build-isolation --no-deps --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/sightstream \
 && pip --python /opt/sightstream/bin/python install --no-cache-dir --only-binary :all: \
    --constraint infra/constraints.txt "$(ls /wheels/*.whl)[serve]"

# TensorFlow is only here. To label a picture with each model fills the cache, and shows that the model works.
FROM build AS convert
ARG MODELS
RUN python -m venv --without-pip /opt/convert \
 && pip --python /opt/convert/bin/python install --no-cache-dir --only-binary :all: \
    --constraint infra/constraints.txt "$(ls /wheels/*.whl)[worker]"
COPY infra/deploy/docker/bundles /opt/bundles
RUN IFS=,; for model in $MODELS; do \
      SIGHTSTREAM_CACHE=/opt/models /opt/convert/bin/sightstream classify --model "$model" web/static/samples/cat.jpg \
      || exit 1; \
    done \
 && chmod -R a+rX /opt/models /opt/bundles

FROM ${PYTHON}
ARG MODELS
LABEL org.opencontainers.image.title="Sightstream worker" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 sightstream \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin sightstream
COPY --from=build /opt/sightstream /opt/sightstream
COPY --from=convert /opt/bundles /opt/bundles
COPY --from=convert /opt/models /opt/models
ENV PATH=/opt/sightstream/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SIGHTSTREAM_MODELS=$MODELS SIGHTSTREAM_CACHE=/opt/models SIGHTSTREAM_REGISTRY=/opt/registry \
    SIGHTSTREAM_METRICS_HOST=0.0.0.0 SIGHTSTREAM_METRICS_PORT=9100 SIGHTSTREAM_LOG=json
WORKDIR /opt/sightstream
USER 10001:10001
EXPOSE 9100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9100/healthz', timeout=2)"]
CMD ["faust", "--quiet", "-A", "streams.worker", "worker", "-l", "info"]
