# Each target does its own set-up in .venv. `make demo` and `make test` need nothing but Python >= 3.11.
PYTHON ?= python3
PY := .venv/bin/python
DATA ?=

.PHONY: demo test lint docs bench bench-label-noise reproduction clean

.venv/.stamp-%: pyproject.toml constraints.txt
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet -c constraints.txt torch
	$(PY) -m pip install --quiet -c constraints.txt -e ".[$*]"
	touch $@

demo: .venv/.stamp-plot
	$(PY) -m skmer demo $(if $(DATA),--data-home "$(DATA)")

# one process compiles librosa's functions for numba's cache before two processes use them
test: .venv/.stamp-test lint
	$(PY) -c "import numpy; from skmer.features import rhythm; rhythm(numpy.zeros(44100) + 0.1, 22050)"
	$(PY) -m pytest -n 2

lint: .venv/.stamp-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

docs: .venv/.stamp-docs
	$(PY) -m sphinx -W --keep-going -b html docs docs/_build/html

# under a quarter of an hour on two cores
bench: .venv/.stamp-bench
	for area in front_end memory tagging_memory training gpu prediction one_song precision; do $(PY) benchmarks/$$area.py || exit 1; done

bench-label-noise: .venv/.stamp-bench
	$(PY) benchmarks/label_noise.py

reproduction: .venv/.stamp-bench
	$(PY) benchmarks/reproduction.py --run --n-jobs 2

clean:
	rm -rf .venv build *.egg-info demo-output docs/_build docs/gallery docs/reference/generated
