# Each target calls real tools; what it needs from Debian is installed by tests/setup.sh.
SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)
CARGO_BUILD := cargo build --release --locked
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
DEMO := $(RELEASE)/examples/demo

.PHONY: run serve test bench capacity bench-relay bench-attest bench-gate bench-connect ledger-10m setup verify verify-windows connect connect-windows fuzz soak image image-repro image-test

# One VIHF over the socket, verified by xmlsec1.
run:
	@tests/setup.sh run
	$(CARGO_BUILD) --bins --example demo
	@$(DEMO) run

# The demonstration stays up until SIGTERM or Ctrl-C. exec: the signal sent to make's child reaches the demonstration.
serve:
	@tests/setup.sh run
	$(CARGO_BUILD) --bins --example demo
	@exec $(DEMO) serve

test: setup
	@tests/all.sh

# Peers, valgrind and what else is not there is left out by name; tests/demo/peers/README.md says what each needs.
bench:
	@tests/setup.sh run
	$(CARGO_BUILD) --bins --example demo
	@$(DEMO) bench

# The capacity sheet docs/capacite.md: each keyring and kind of key on this machine.
capacity:
	@tests/setup.sh run
	$(CARGO_BUILD) --bins --example demo
	@$(DEMO) bench capacity

# The relay beside nginx with a key file, both calling one upstream over mutual TLS, in one run.
bench-relay:
	@tests/setup.sh test
	$(CARGO_BUILD) --bins --example demo
	@$(DEMO) bench relay

# What evidence of the TPM costs tokens, and a start with a sealed PIN: on a software TPM, which takes of the same processors.
bench-attest:
	@tests/setup.sh test
	$(CARGO_BUILD) --bins --example demo
	@$(DEMO) bench attest

# Tokens through the gate beside the bare socket, and beside a flood of strangers.
bench-gate:
	@tests/setup.sh run
	$(CARGO_BUILD) --bins --example demo
	@$(DEMO) bench gate

# Ten million entries by the ledger's own code, without signatures: start, memory, one practitioner's month.
LEDGER_ENTRIES ?= 10_000_000
ledger-10m:
	@tests/setup.sh run
	$(CARGO_BUILD) --example demo
	@$(DEMO) ledger $(LEDGER_ENTRIES)

# The offline verifier as one static file that any Linux of this processor runs.
verify:
	@tests/setup.sh build
	@tests/static.sh linux

# The same for Windows, where rustup has that target: rustup target add x86_64-pc-windows-gnu.
verify-windows:
	@tests/setup.sh windows
	@tests/static.sh windows

# The companion of application servers, as one static file too.
connect:
	@tests/setup.sh build
	@tests/static.sh linux sceau-connect

# The same for Windows.
connect-windows:
	@tests/setup.sh windows
	@tests/static.sh windows sceau-connect

# Two appliances and three application servers in network namespaces: how long each blow keeps applications waiting. Needs root.
bench-connect:
	@tests/setup.sh test
	cargo test --release --locked --test it -- --nocapture --exact connect::hosts::cables_are_pulled_and_no_answer_is_lost_or_doubled

setup:
	@tests/setup.sh test

# libFuzzer on every parser that reads what others write; FUZZ_SECONDS for each target, 600 by default.
fuzz: setup
	@tests/fuzz.sh long

# The appliance: disk image, update, bill of materials, reference values. `make image PROFILE=devel` for one with a shell.
image:
	@tests/setup.sh image
	$(CARGO_BUILD) --bins
	@image/build.sh $(PROFILE)

# Builds it a second time in another folder and names what differs.
image-repro:
	@image/build/repro.sh

# Boots what `make image` made in QEMU, and attacks it; minutes for each boot where KVM cannot serve.
image-test: image
	@tests/image.sh

# Blows to the signers for a tenth of the time, then a held load of 70 %; 30 minutes by default.
SOAK_SECONDS ?= 1800
soak:
	@tests/setup.sh run
	$(CARGO_BUILD) --bins --example demo
	@$(DEMO) soak $(SOAK_SECONDS)
