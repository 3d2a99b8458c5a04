# One image for web, worker and migrations: `docker compose up --build`, or
#   docker run -p 8000:8000 -v videoflix:/data videoflix web | worker | migrate | <any command>

FROM python:3.13-slim AS dependencies
COPY requirements.txt /
# Without imageio-ffmpeg's own binary: the image has Debian's.
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check --require-hashes -r /requirements.txt \
 && rm -rf /opt/venv/lib/python3*/site-packages/imageio_ffmpeg/binaries/ffmpeg-* \
 && /opt/venv/bin/pip uninstall --yes --quiet pip

FROM python:3.13-slim
# ffmpeg depends on the drivers of a screen, which are never loaded here and take 200 MB: after they are gone, it shows
# that it still encodes.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ffmpeg \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && dpkg-query --show --showformat '${Package}\n' 'libgl1-mesa-dri' 'mesa-libgallium' 'libllvm*' 'libz3-*' \
    | xargs --no-run-if-empty dpkg --purge --force-depends \
 && ffmpeg -v error -f lavfi -i testsrc2=d=0.2 -f lavfi -i sine=d=0.2 -c:v libx264 -c:a aac -f null - \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin videoflix \
 && mkdir -p /data/hls /data/uploads && chown -R videoflix /data
COPY --from=dependencies /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 DATA_DIR=/data ENV_FILE= FFMPEG=/usr/bin/ffmpeg
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
