# make run    web server and queue worker in the foreground
# make test   every check and test that can run here
# make check  lint, types and the tests that start no program: within a minute
# make lint   formatter and linter, mending what they can
# make clients  a TypeScript and a Python client of the API, into clients/
# make lock   requirements*.in -> requirements*.txt
# make clean  the virtual environment and caches (never your data)

PYTHON := .venv/bin/python

.PHONY: run test check lint clients lock clean installed installed-dev

run: installed
	@$(PYTHON) manage.py serve

test: installed-dev
	@$(PYTHON) -m scripts.test

check: installed-dev
	@$(PYTHON) -m scripts.test --core

lint: installed-dev
	@$(PYTHON) -m ruff check --fix . && $(PYTHON) -m ruff format .

clients: installed-dev
	@$(PYTHON) -m scripts.clients

lock: installed-dev
	@for name in requirements requirements-dev; do \
	  $(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.12 --no-header \
	    $$name.in --output-file $$name.txt || exit 1; \
	done

clean:
	@rm -rf .venv .venv.lock .venv.log .mypy_cache .ruff_cache .pytest_cache .hypothesis staticfiles

installed:
	@python=$$(scripts/find-python) && "$$python" scripts/install.py requirements.txt

installed-dev:
	@python=$$(scripts/find-python) && "$$python" scripts/install.py requirements.txt requirements-dev.txt
