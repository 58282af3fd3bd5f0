# Everything a newcomer needs: `make demo` to hear it, `make test` to trust it. Each target sets up
# what it needs by itself (scripts/bootstrap), and the second time does nothing that is already done.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test portable macos-engine build bootstrap lint format examples help-pictures \
	package-pd package-max bench clean

# The tools of the virtual environment come first, for make and for whatever they call.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Two is what the smallest machines have; say JOBS=8 where there is more.
JOBS ?= 2
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
TRAIN ?=
PYTEST_FLAGS ?=

PYTHON_SOURCES := training tests scripts help $(wildcard benchmarks)
BUILT := build/.built
# Whatever changes the engine, the objects or the packages; Python is run from where it lies, but a
# new module has to be known to the installed package.
SOURCES := pyproject.toml CMakeLists.txt CMakePresets.json \
	$(shell find externals help models pd_package max_package cmake -type f 2>/dev/null)
MODULES := $(shell find training -name '*.py' 2>/dev/null | sort)

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' $(MAKEFILE_LIST) | while read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

# What only the tests need is large, and not for those who came to listen.
test portable macos-engine: BOOTSTRAP_FLAGS := --tests
bootstrap:
	@scripts/bootstrap $(BOOTSTRAP_FLAGS)

build: bootstrap $(BUILT) ## Build the engine, its Python binding and the packages for Pd and Max

$(BUILT): $(SOURCES) build/.modules | bootstrap
	@echo "building (the log is in build/build.log)"
	@pip install --disable-pip-version-check --no-build-isolation --no-deps -e . \
		>build/build.log 2>&1 || { tail -n 60 build/build.log; exit 1; }
	@touch $@

# Changes when the list of modules does, not when they do.
build/.modules: FORCE
	@mkdir -p build
	@echo '$(MODULES)' | cmp -s - $@ || echo '$(MODULES)' >$@

.PHONY: FORCE
FORCE:

demo: build ## Play the shipped instrument in Pure Data, into out/demo.wav (TRAIN=1 trains it first)
	@TRAIN=$(TRAIN) python scripts/demo.py

test: build ## Run all tests: the engine (also under ASan, TSan and RTSan), Pd, Max, Python
	cmake --build build/release --target stress
	ctest --preset release
	cmake --preset asan && cmake --build --preset asan && ctest --preset asan
	cmake --preset tsan && cmake --build --preset tsan && ctest --preset tsan
	@if scripts/find-clang >/dev/null; then set -x; \
		cmake --preset realtime && cmake --build --preset realtime && ctest --preset realtime; \
	else echo "no clang with RealtimeSanitizer (20 or later) is installed: preset realtime left out"; fi
	scripts/check-portable
	scripts/more-pds
	python -m pytest tests/python --numprocesses $(JOBS) --dist loadfile $(PYTEST_FLAGS)
	python -m pytest tests/pd tests/max $(PYTEST_FLAGS)

portable: bootstrap ## Compile what knows no libtorch for macOS and Windows
	scripts/check-portable

macos-engine: bootstrap ## Compile and link the whole engine for macOS (fetches torch for it)
	scripts/check-portable --engine

# Beside their patches. The effect learns while it is made.
EXAMPLES := saturator spectral_features wavetable resonator learned_effect
examples: build $(EXAMPLES:%=build/pd_package/timbrel/examples/%.ts) ## Make the models of training/examples, for their patches in Pd

build/pd_package/timbrel/examples/%.ts: training/examples/%.py | build
	@timbrel script $<$(if $(findstring learned,$*),:effect) --license MIT -o $@

package-pd: build ## Make archives for Pd's installer (with LIBSAMPLERATE_DIR: for macOS, too), into out/
	@python scripts/package_pd.py build/pd_package/timbrel out
	@if [ -n "$(LIBSAMPLERATE_DIR)" ]; then scripts/package-pd-macos; else \
		echo "for macOS: set LIBSAMPLERATE_DIR to a checkout of libsamplerate (docs/pd.md)"; fi

package-max: build ## Assemble the package for Max (with MAX_SDK_DIR: its objects for macOS, too)
	@echo "build/max_package/timbrel: for this system"
	@if [ -n "$(MAX_SDK_DIR)" ]; then scripts/package-max-macos; else \
		echo "for macOS: set MAX_SDK_DIR to a clone of max-sdk-base (docs/max.md)"; fi

help-pictures: examples ## Draw every window of the help patches, into out/help/ and out/help-max/
	@python help/pd/draw.py build/pd_package/timbrel out/help
	@PYTHONPATH=help python help/max/draw.py build/max_package/timbrel out/help-max

bench: build ## Measure speed, stalls, latency and memory
	@cmake --build build/release --target stress pd_probe >build/bench.log || { tail build/bench.log; exit 1; }
	@python benchmarks/run.py

lint: bootstrap ## Check formatting and types; changes nothing
	ruff format --check $(PYTHON_SOURCES)
	ruff check $(PYTHON_SOURCES)
	mypy
	@git ls-files -z '*.h' '*.hpp' '*.cpp' '*.c' | xargs -0r clang-format --dry-run -Werror
	@echo "clang-format: all files are formatted"

format: bootstrap ## Format all sources
	ruff format $(PYTHON_SOURCES)
	ruff check --fix $(PYTHON_SOURCES)
	@git ls-files -z '*.h' '*.hpp' '*.cpp' '*.c' | xargs -0r clang-format -i

clean: ## Remove what was built; the virtual environment stays
	rm -rf build out .pytest_cache .mypy_cache .ruff_cache .hypothesis
