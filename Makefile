# The front door. meson and ninja do the work; see CONTRIBUTING.md.
.DEFAULT_GOAL := help
.PHONY: help demo test e2e e2e-shell tutorial image soak coverage bench lint fuzz docs clean packages packages-test build build-test \
	build-asan build-tsan build-coverage

# Debian's own tools, whatever else stands first on the user's PATH.
export PATH := /usr/sbin:/usr/bin:/sbin:/bin:$(PATH)
comma := ,
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
IMAGE ?= rota:0.1.0

# On a terminal ninja shows its progress on one line.
ninja = ninja -j$(JOBS) $(shell test -t 2 || echo --quiet) -C
# meson's long list of findings is of interest only when one of them is a failure; build/meson-logs has it.
meson = echo "configuring $(1)"; out=$$(meson setup $(1) 2>&1) || { echo "$$out"; exit 1; }
# Counters are exact where nothing is optimized.
configure_coverage = test -e build-coverage/build.ninja || \
	{ $(call meson,build-coverage -Dtests=true -Db_coverage=true -Doptimization=0); }
# Programs that the build runs would complain of counters that an older build left.
clear_counters = find build-coverage -name '*.gcda' -delete

help: ## print the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile

demo: build ## build, then walk the tutorial on a simulated node
	@build/rota demo

test: build-test build-asan build-tsan build-coverage ## build, then run every test that needs no GPU and no cluster
	@python3 tests/run.py $(TESTS)

e2e: build ## walk the tutorial on a real one-node Kubernetes; E2E_FLAGS: see tests/cluster/run.py
	@tools/setup build cluster
	@python3 tests/cluster/run.py $(E2E_FLAGS)

tutorial: build ## write what docs/tutorial.md shows, from a walk of it
	@tools/setup build cluster
	@ROTA_WRITE_TUTORIAL=1 python3 tests/cluster/run.py one_gpu

e2e-shell: build ## a shell with kubectl on that cluster
	@tools/setup build cluster
	@python3 tests/cluster/run.py --shell

image: build ## the agent's image, as an archive: IMAGE (rota:0.1.0) in build/rota-image.tar
	@tools/setup build image
	@tools/image $(IMAGE) build/rota-image.tar

soak: build-test ## repeat what must survive thousands of times; SOAK_FLAGS: see tests/soak/run.py
	@python3 tests/soak/run.py $(SOAK_FLAGS)

coverage: packages-test ## run every test once more and tell what of src/ it executes
	@$(configure_coverage)
	@$(clear_counters)
	@$(ninja) build-coverage
	@python3 tools/coverage.py

bench: build-test ## measure; writes build/bench.json
	@python3 tests/bench/run.py

lint: ## formatters and analysers
	@tools/setup build test lint
	@python3 tools/lint.py

fuzz: ## run every fuzz target for FUZZ_SECONDS (60)
	@tools/setup build test fuzz
	@tools/fuzz $(FUZZ_SECONDS)

docs: build ## write docs/configuration.md and the table of docs/metrics.md from the tables in src/
	@build/rota config reference -o markdown >build/configuration.md
	@cp build/configuration.md docs/configuration.md
	@build/src/cli/manual --metrics build/metrics.md
	@sed -i -e '/<!-- metrics -->/,/<!-- .metrics -->/{//!d}' \
		-e '/<!-- metrics -->/r build/metrics.md' docs/metrics.md

clean: ## remove what was built
	rm -rf build build-*

packages:
	@tools/setup build

packages-test:
	@tools/setup build test

build: packages
	@test -e build/build.ninja || { $(call meson,build); }
	@$(ninja) build

# The stamp says that the folder is configured with tests; `make demo` may have made it without.
build-test: packages-test
	@test -e build/.tests || { $(call meson,build -Dtests=true $$(test ! -e build/build.ninja || echo --reconfigure)); }
	@touch build/.tests
	@$(ninja) build

build-asan: packages-test
	@test -e build-asan/build.ninja || { $(call meson,build-asan -Dtests=true -Db_sanitize=address$(comma)undefined); }
	@$(ninja) build-asan

# Only what has threads: meson.build of tests/unit says which.
build-tsan: packages-test
	@test -e build-tsan/build.ninja || { $(call meson,build-tsan -Dtests=true -Db_sanitize=thread -Doptimization=1); }
	@$(ninja) build-tsan

# Only the tests of core, which are few; `make coverage` builds the rest.
build-coverage: packages-test
	@$(configure_coverage)
	@$(clear_counters)
	@$(ninja) build-coverage $(patsubst src/core/%.c,tests/unit/test_%,$(wildcard src/core/*.c))
