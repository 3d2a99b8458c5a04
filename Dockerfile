# One image for web, worker and migrations: `docker compose up --build`, or
#   docker run -p 8000:8000 -v videoflix:/data videoflix web | worker | migrate | <any command>

FROM python:3.13-slim AS dependencies
COPY requirements.txt /
# ffmpeg is the one among the dependencies: Debian's has no libvmaf, and no video would get CRFs of its own.
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check --require-hashes -r /requirements.txt \
 && ln -s /opt/venv/lib/python3*/site-packages/imageio_ffmpeg/binaries/ffmpeg-linux-* /opt/venv/bin/ffmpeg \
 && /opt/venv/bin/pip uninstall --yes --quiet pip

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin videoflix \
 && mkdir -p /data/hls /data/uploads && chown -R videoflix /data
COPY --from=dependencies /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 DATA_DIR=/data ENV_FILE=
RUN ffmpeg -v error -f lavfi -i testsrc2=d=0.2 -f lavfi -i sine=d=0.2 -c:v libx264 -c:a aac -f null -
WORKDIR /app
COPY . .
RUN DATA_DIR=/tmp/build python manage.py collectstatic --noinput --verbosity 0 \
 && rm -rf /tmp/build \
 && PYTHONDONTWRITEBYTECODE= python -m compileall -q -j 0 /app /opt/venv/lib
USER videoflix
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s --retries=3 CMD ["python", "-I", "deploy/healthcheck.py"]
ENTRYPOINT ["deploy/entrypoint"]
CMD ["web"]
