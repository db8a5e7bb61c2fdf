# What runs is a virtual environment without compilers and without pip, its hot modules compiled
# ahead, under a user of its own; nothing of it is written to while it runs, so the root file system
# can be read-only.

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/worker
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /build
COPY requirements/build.txt requirements/run.txt requirements/
RUN python -m pip install --require-hashes --only-binary :all: -r requirements/build.txt \
 && python -m pip --python /opt/worker/bin/python install --require-hashes --only-binary :all: \
    -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY src src
COPY tools/compile.py tools/
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
 && python -m pip --python /opt/worker/bin/python install --no-deps --no-index dist/*.whl \
 && python tools/compile.py /opt/worker/lib/python3.12/site-packages

FROM python:3.12-slim
# The base image has its standard library without bytecode: every start and every health check would
# compile what it imports.
RUN python -m compileall -q -x '/(ensurepip|idlelib|lib2to3|site-packages|tkinter|turtledemo)/' \
    /usr/local/lib/python3.12
COPY --from=build /opt/worker /opt/worker
ENV PATH=/opt/worker/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FULFILLMENT_LOG_FORMAT=json \
    FULFILLMENT_OPS__HOST=0.0.0.0 \
    FULFILLMENT_OPS__PORT=8080
USER 65532:65532
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
# Alive by progress. Whether it is ready is for the load balancer: restarting would not help.
HEALTHCHECK --interval=10s --timeout=3s --start-period=45s --retries=3 \
    CMD ["python", "-c", "import os; from urllib.request import urlopen; urlopen('http://127.0.0.1:' + os.environ['FULFILLMENT_OPS__PORT'] + '/livez', timeout=2)"]
ENTRYPOINT ["card-fulfillment"]
CMD ["run"]
