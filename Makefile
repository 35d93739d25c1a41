# make app    environment, made-up survey round, the whole journey, and the app on http://127.0.0.1:8501
# make test   environment, browser and Java for the tests, then every test
# make check  what must be green before a commit: ruff, mypy, pytest
# Everything is safe to repeat; what is there already is not made again.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PORT ?= 8501
export COLLECT_DATA ?= data
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: app demo journey test check lint fuzz chaos bench benchenv machine pins clean
.DELETE_ON_ERROR:

app: journey
	@echo "== The app"
	@$(BIN)/collect app --port $(PORT)

journey: demo
	@echo "== Receive the made-up forms, estimate, judge, publish"
	@$(BIN)/collect add $(COLLECT_DATA)/demo/round --by demo
	@$(BIN)/collect run

demo: .venv/ready
	@echo "== Boundaries of the communes"
	@$(BIN)/collect geo fetch || echo "   (no boundaries at hand: the map draws schematic communes and says so)"
	@echo "== A made-up survey round (no real household is in it)"
	@test -e $(COLLECT_DATA)/demo/round/README.txt || $(BIN)/collect demo

test: .venv/ready-test machine
	@echo "== All tests"
	@$(BIN)/pytest

check: .venv/ready-test machine lint
	@$(BIN)/pytest

lint: .venv/ready-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# More of the same against JavaRosa and ODK Web Forms: forms, submissions of each, expressions of each; another seed every day.
# Then every reader with changed bytes, and where pip install '.[fuzz]' brought atheris, readers and expressions along the paths
# that coverage opens.
fuzz: .venv/ready-test machine
	@XPATH_FUZZ=$${XPATH_FUZZ:-16,5,300} XPATH_SEED=$${XPATH_SEED:-$$(date +%Y%m%d)} $(BIN)/pytest -n 0 -s tests/test_xpath_oracle.py
	@WEBFORMS_FUZZ=$${WEBFORMS_FUZZ:-16,3,145} XPATH_SEED=$${XPATH_SEED:-$$(date +%Y%m%d)} $(BIN)/pytest -n 0 -s tests/test_xpath_webforms.py
	@READERS_FUZZ=$${READERS_FUZZ:-2000} $(BIN)/pytest -n 0 tests/test_receive_fuzz.py
	@if $(BIN)/python -c 'import atheris' 2>/dev/null; then for name in kobo.csv central.csv frame.csv template.csv central.zip kobo.xlsx sheet.xlsx submission.xml submissions.zip odata.json kobo.json; do $(BIN)/python tests/test_receive_fuzz.py $$name -max_total_time=$${ATHERIS_SECONDS:-60} -timeout=5 -rss_limit_mb=1024 || exit 1; done; PYTHONPATH=. $(BIN)/python tests/fuzz_xpath.py -max_total_time=$${ATHERIS_SECONDS:-60} -timeout=5 -max_len=400; fi

# Faults on purpose; writes the table of docs/reliability.md. Minutes; strace, PostgreSQL and the right to mount widen it.
chaos: .venv/ready-test machine
	@PYTHONPATH=tests $(BIN)/python -m chaos --write

bench: benchenv
	@$(BIN)/python -m benchmarks

benchenv: .venv/ready-test
	@test -e .venv/ready-bench || { $(BIN)/pip install -q -c constraints.txt -e '.[test,benchmark]' && touch .venv/ready-bench; }

# Debian packages the tests drive: Chromium for the screens, Java for ODK Validate. Asks apt only for what is missing.
machine:
	@sh tests/machine.sh

.venv/bin/python:
	@echo "== Python environment in .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No venv module. On Debian: sudo apt-get install python3-venv"; exit 1; }

.venv/ready: .venv/bin/python pyproject.toml constraints.txt
	@echo "== Packages, at the versions of constraints.txt"
	@$(BIN)/pip install -q -c constraints.txt -e .
	@touch $@

.venv/ready-test: .venv/ready
	@echo "== Packages for the tests"
	@$(BIN)/pip install -q -c constraints.txt -e '.[test]'
	@touch $@

# Take the newest versions that pyproject.toml allows, in a new environment, and pin them.
pins:
	@rm -rf .venv/pins && $(PYTHON) -m venv .venv/pins && .venv/pins/bin/pip install -q '.[test,benchmark]'
	@{ head -1 constraints.txt; .venv/pins/bin/pip freeze | grep -v '^phu-collect' | sort -f; } > constraints.new && mv constraints.new constraints.txt
	@rm -rf .venv/pins

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
