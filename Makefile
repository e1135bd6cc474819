# Everything a fresh machine needs: Python 3.11 or later and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types contract pytest bench delivery-model faults soak page throughput fuzz chaos accuracy accuracy-long docs pictures clean

demo: $(VENV)/.installed
	@$(BIN)/crackle-stream demo

test: lint types contract pytest

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

contract: $(VENV)/.dev
	$(BIN)/lint-imports

pytest: $(VENV)/.dev $(VENV)/.services
	$(BIN)/python -m pytest

bench: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m benchmarks --write

# The rules of delivery and each of them left out, 1,000 seeded runs a variant: the table of docs/delivery.md, about
# twenty minutes of one core.
delivery-model: $(VENV)/.dev
	$(BIN)/python tests/delivery_model.py 1000

# The fault table of docs/reliability.md at full measure: what `make test` runs for seconds goes on for minutes.
faults: $(VENV)/.dev
	$(BIN)/python -m pytest tests/faults -m "slow or not slow" --timeout 600

# A process reading from Apache Kafka for ten minutes, its receiver away now and then: its memory must stay flat.
soak: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m benchmarks.soak

# The live page in Chromium: first paint, and a minute of sixty updates a second, in which nothing may grow.
page: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m benchmarks.page

# Coverage-guided fuzzing of decoding and configuration, five minutes each; what it finds is left in crash-* files.
fuzz: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "atheris>=3"
	mkdir -p .fuzz/decode .fuzz/config
	$(BIN)/python benchmarks/fuzz/decode.py -max_total_time=300 -max_len=4096 .fuzz/decode benchmarks/fuzz/seeds/decode
	$(BIN)/python benchmarks/fuzz/config.py -max_total_time=300 -max_len=4096 .fuzz/config benchmarks/fuzz/seeds/config

# From Apache Kafka: to the ring, to an acknowledged webhook and beside peers, about four minutes.
throughput: $(VENV)/.dev
	$(BIN)/python -m benchmarks broker

# How far findings can be trusted: about two hours on two cores, docs/accuracy.md has the figures.
accuracy: $(VENV)/.dev
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.streams
	$(BIN)/python -m benchmarks.real_data

# Twenty weeks of each kind of stream at the default budget: the better part of a day.
accuracy-long: $(VENV)/.dev
	$(BIN)/python -m benchmarks.streams --weeks 20 --budget 1/week --only quiet

chaos: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python tests/chaos/kill_runs.py $(RUNS)

# The site, into .site/index.html: strictly, so a link that leads nowhere is a failure.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml
	@echo "built: .site/index.html"

# The pictures of docs/images, made in Chromium from a process that runs.
pictures: $(VENV)/.dev $(VENV)/.services
	PYTHONPATH=tests $(BIN)/python docs/site/pictures.py

$(VENV)/bin/python:
	@echo "setting up $(VENV): about a minute, once"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[otel,web]" --group dev
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group docs
	@touch $@

# Debian packages that tests start; see tests/services.sh for what happens where they cannot be installed.
$(VENV)/.services: tests/services.sh $(VENV)/bin/python
	@sh tests/services.sh $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .fuzz .site
