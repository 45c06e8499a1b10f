# The program as an image: `docker build -t agents-market .`, then as compose.yml has it.
FROM python:3.12-slim

WORKDIR /srv/desk
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv venv && venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY bot bot
COPY connectors connectors
COPY flows flows
COPY orgs orgs
COPY storage storage
RUN venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .
RUN mkdir -p data && chown 1000:1000 data

USER 1000:1000
ENV VAR_DIR=/srv/desk/data
EXPOSE 8080
ENTRYPOINT ["/srv/desk/venv/bin/desk"]
CMD ["serve"]
