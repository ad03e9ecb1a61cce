# One command each. `.venv` is made and filled by itself, and again only when the requirements changed.
# ARGS goes to the program: make demo ARGS="--seconds 20 --json", make test ARGS="-k settings -n 0" (all in one process).

.PHONY: help demo test check lint proofs coverage bench fuzz fmt example docs requirements release
.DEFAULT_GOAL := help
MAKEFLAGS += --silent

BIN := .venv/bin
FILLED := .venv/.filled
# One more than processors: most tests wait for other processes, most of the time.
WORKERS = $$(($$(nproc) + 1))
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade

help:
	echo "make demo          see people being recognized over MQTT, without camera or broker"
	echo "make test          all tests; ARGS goes to pytest"
	echo "make proofs        what takes minutes: 42 faults around the real service, a minute at Azure's limit, Home Assistant, a browser, the image"
	echo "make check         lint, test and the bound of test coverage"
	echo "make lint          style, types and import directions"
	echo "make bench         the measurements of benchmarks/"
	echo "make fuzz          commands, settings, pictures and stored files of any bytes, a minute each"
	echo "make fmt           format and mend what can be mended"
	echo "make example       write config/usense.example.yaml anew"
	echo "make docs          write the tables of docs/mqtt.md and docs/licenses.md and the schemas anew"
	echo "make requirements  renew the pinned requirements (needs uv)"
	echo "make release       wheel, source distribution and bill of materials in dist/"

demo: $(FILLED)
	$(BIN)/usense demo $(ARGS)

test: $(FILLED)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not faults and not proof and not home and not image and not browser" $(ARGS)

proofs: $(FILLED)
	$(BIN)/pytest -m "faults or proof or home or image or browser" $(ARGS)

# Says nothing when the bound is kept: the last words of `make check` are pytest's.
coverage: test
	$(BIN)/coverage combine --quiet
	report=$$($(BIN)/coverage report) || { echo "$$report"; exit 1; }

lint: $(FILLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint --config docker/hadolint.yaml docker/Dockerfile tests/image/broker/Dockerfile

check: lint coverage

bench: $(FILLED)
	requirements/install .venv bench.txt >&2
	$(BIN)/python benchmarks/accuracy.py --check $(ARGS)
	$(BIN)/python benchmarks/calibration.py --check
	$(BIN)/python benchmarks/lookalikes.py --check
	$(BIN)/python benchmarks/speed.py --check $(ARGS)
	$(BIN)/python benchmarks/gallery.py --check $(ARGS)
	$(BIN)/python benchmarks/quota.py --check
	$(BIN)/python benchmarks/visitors.py --check
	$(BIN)/python benchmarks/web.py --check

fuzz: $(FILLED)
	requirements/install .venv fuzz.txt >&2
	$(BIN)/python -m tests.fuzz.guided $(ARGS)

example: $(FILLED)
	$(BIN)/python -m tests.support.example

docs: $(FILLED)
	$(BIN)/python -m tests.support.documents
	$(BIN)/python -m release.licenses

fmt: $(FILLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

requirements:
	command -v uv >/dev/null || { echo "make requirements needs uv (https://docs.astral.sh/uv)" >&2; exit 1; }
	$(COMPILE) --group build --output-file requirements/build.txt >/dev/null
	$(COMPILE) pyproject.toml --extra demo --extra evaluate --group dev --output-file requirements/dev.txt >/dev/null
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --output-file requirements/run.txt >/dev/null
	$(COMPILE) pyproject.toml --extra pi --extra demo --group lab --constraint requirements/dev.txt --output-file requirements/pi.txt >/dev/null
	$(COMPILE) pyproject.toml --extra pi --constraint requirements/pi.txt --output-file requirements/image.txt >/dev/null
	$(COMPILE) --group bench --constraint requirements/dev.txt --output-file requirements/bench.txt >/dev/null
	$(COMPILE) --group home --output-file requirements/home.txt >/dev/null
	$(COMPILE) --group browser --constraint requirements/dev.txt --output-file requirements/browser.txt >/dev/null
	$(COMPILE) --group fuzz --constraint requirements/dev.txt --output-file requirements/fuzz.txt >/dev/null

release: $(FILLED)
	$(BIN)/python -m release.build $(ARGS)

$(FILLED): pyproject.toml $(wildcard requirements/*)
	requirements/install .venv >&2
	touch $@
