# One image for every service of docker-compose.yml; the command says which one it is.
FROM python:3.13.5-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt .
RUN pip install --disable-pip-version-check -r requirements.txt

# An ordinary user; /data holds spools of replays and whatever ALPHAPANDA_HOME names.
RUN useradd --create-home --uid 10001 panda && install -d -o panda -g panda -m 700 /data
COPY --chown=panda:panda . .
USER panda
ENV ALPHAPANDA_HOME=/data
STOPSIGNAL SIGTERM
CMD ["python", "manage.py", "help"]
