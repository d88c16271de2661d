# SPDX-License-Identifier: GPL-2.0
# A movable software MSI window for iommufd: the series and its bench.
# What each step does stands in tools/bench.

MAKEFLAGS += --no-builtin-rules --no-print-directory

LANE    ?= x86_64
BASE    ?= v6.18-rc1
TARGETS ?= iommu
ACCEL   ?= tcg
JOBS    ?= $(shell nproc)
export LANE BASE TARGETS ACCEL JOBS DEBUG KSRC KTARBALL FRESH WINDOW PLAIN
export NESTED SECONDS SEED MODE REPLAY

lanes := $(patsubst %.config,%,$(notdir $(wildcard tools/bench/*.config)))
lanes := $(filter $(basename $(notdir $(wildcard tools/bench/*.mk))),$(lanes))
ifeq ($(filter $(lanes),$(LANE)),)
$(error LANE=$(LANE) is none of: $(lanes))
endif
include tools/bench/$(LANE).mk

bases := $(notdir $(wildcard patches/*))
ifeq ($(filter $(bases),$(BASE)),)
$(error BASE=$(BASE) is none of: $(bases))
endif
ifneq ($(filter mutants bench check,$(if $(filter-out $(firstword $(bases)),$(BASE)),$(MAKECMDGOALS))),)
$(error BASE=$(BASE): $(MAKECMDGOALS) is for $(firstword $(bases)) only)
endif

help:
	@cat tools/bench/help

# The front door

kselftest:
	@$(MAKE) job JOB=kselftest

quick:
	@$(MAKE) job JOB=quick LANE=um

demo:
	@$(MAKE) $(if $(PLAIN),demo-plain,job) JOB=$(if $(NESTED),nested,demo) \
		LANE=arm64 TARGETS= JOB_PACKAGES=$(if $(NESTED),,rustc)

demo-plain: tree
	@tools/bench/demo-plain

job: tree
	@$(MAKE) -f tools/bench/bench.mk

# Harder

fuzz:
	@$(MAKE) job JOB=fuzz LANE=um DEBUG=1

mutants: tree
	@tools/bench/mutants $(MUTANTS)

bench: tree
	@LANE=$(if $(filter file,$(origin LANE)),um,$(LANE)) tools/bench/perf

# The series

tree: bootstrap
	@tools/bench/tree

patches:
	@tools/bench/patches

# The kernel's own checkers

include tools/bench/check.mk

# Documentation/

include tools/bench/docs.mk

# Set-up and clean-up

bootstrap:
	@tools/bench/bootstrap $(PACKAGES) $(JOB_PACKAGES)

clean:
	rm -rf build/log build/vmm* build/examples* build/user-* build/mutants \
		build/perf build/check build/plain build/docs $(lanes:%=build/%) \
		$(lanes:%=build/%-*)

mrproper:
	@for base in $(bases); do BASE=$$base tools/bench/unsaved || exit; done
	@$(MAKE) clean
	rm -rf build/linux* build/series.tmp build/patches.tmp build/apt \
		build/deb build/dl build/qemu build/ccache

.PHONY: help kselftest quick demo demo-plain fuzz mutants bench job tree \
	patches bootstrap clean mrproper
