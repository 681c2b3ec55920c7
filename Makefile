# forager: make (or make help) lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/sh

export CGO_ENABLED := 0
GOBUILD := go build -trimpath -buildvcs=false -ldflags "$(shell build/version.sh -ldflags)"
FUZZTIME ?= 30s

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: build dist/devcore ## try it: a Core for development and a node on this machine
	build/run.sh

.PHONY: build
build: ## dist/forager for this machine
	$(GOBUILD) -o dist/forager .

.PHONY: dist/devcore
dist/devcore:
	go build -trimpath -buildvcs=false -o dist/devcore ./build/devcore

.PHONY: cross
cross: ## dist/forager-linux-* for every board
	build/cross.sh

.PHONY: test
test: ## all tests, and those of conn, pots and board as MIPS and ARM
	build/deps.sh test cross-test
	go test -vet=off ./...
	build/cross-test.sh

.PHONY: race
race: ## all tests under the race detector
	build/deps.sh race
	CGO_ENABLED=1 go test -vet=off -race ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s)
	build/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## benchmarks with allocations, then whole-process measurements
	build/deps.sh bench
	build/bench.sh

.PHONY: size
size: packages ## what the binaries and packages weigh, against their budgets
	build/deps.sh size
	build/size.sh

.PHONY: size-list
size-list: ## what each package contributes to a binary
	build/size.sh -list

.PHONY: packages
packages: cross ## .deb, .ipk and init.d archives in dist/packages
	build/packages.sh

.PHONY: packages-test
packages-test: packages ## install the packages in a Debian made for it (downloads 60 MB once; root), make a release twice
	build/deps.sh packages-test
	go test -vet=off -tags packages ./build/packtest
	build/reproduce.sh

.PHONY: release
release: packages ## programs, packages, SBOM and SHA256SUMS in dist/release
	build/release.sh

.PHONY: boot
boot: packages ## the packages on emulated machines that boot (downloads 250 MB once; root; half an hour)
	build/deps.sh boot
	build/boot.sh $(BOOT)

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, shellcheck
	build/deps.sh lint
	build/lint.sh

.PHONY: clean
clean: ## remove dist/
	rm -rf dist
