# SPDX-License-Identifier: GPL-2.0
# A movable software MSI window for iommufd: the series and its bench.
# What each step does stands in tools/bench.

MAKEFLAGS += --no-builtin-rules --no-print-directory
# Jobs share what they build; a kernel is built with JOBS at a time
.NOTPARALLEL:

# What Kconfig asks: as given to make, else as in .config, else the default here
ifeq ($(filter defconfig,$(MAKECMDGOALS)),)
-include .config
endif
setting = $(or $(subst ",,$(CONFIG_$(1))),$(2))

LANE       ?= $(call setting,LANE,x86_64)
BASE       ?= $(if $(VITS),v7.3,$(call setting,BASE,v6.18-rc1))
TARGETS    ?= $(call setting,TARGETS,iommu)
ACCEL      ?= $(call setting,ACCEL,tcg)
JOBS       ?= $(call setting,JOBS,$(shell nproc))
CCACHE_DIR ?= $(call setting,CCACHE_DIR,$(CURDIR)/build/ccache)
SECONDS    ?= $(call setting,SECONDS,600)
CONTAINER  ?= iommufd
IOMMU      ?= smmuv3
WINDOW     ?= $(call setting,WINDOW)
NESTED     ?= $(call setting,NESTED)
QEMU       ?= $(call setting,QEMU)
DEBUG      ?= $(call setting,DEBUG)
PAGES      ?= 4k
KSRC       ?= $(call setting,KSRC)
KTARBALL   ?= $(call setting,KTARBALL)
settings := LANE BASE TARGETS ACCEL SECONDS WINDOW NESTED QEMU DEBUG KSRC KTARBALL \
	    PAGES FRESH PLAIN VITS KCSAN RT SEED COUNT MODE REPLAY QEMUSRC \
	    CONTAINER IOMMU
export JOBS CCACHE_DIR $(settings)
# What the scripts tell each other
unexport QUIET SPLAT PROGRESS SUMMARY

$(foreach switch,DEBUG KCSAN RT NESTED QEMU PLAIN VITS QUICK FRESH,$(if $(filter 0 n,$($(switch))),\
	$(error $(switch)=$($(switch)) would turn it on: $(switch)= turns it off)))

lanes := $(patsubst %.config,%,$(notdir $(wildcard tools/bench/*.config)))
lanes := $(filter $(basename $(notdir $(wildcard tools/bench/*.mk))),$(lanes))
ifeq ($(filter $(lanes),$(LANE)),)
$(error LANE=$(LANE) is not one of: $(lanes))
endif
include tools/bench/$(LANE).mk

# The lanes of what is not for all
lanes-quick := um
lanes-fuzz  := um x86_64
lanes-demo  := arm64
lanes-bench := um x86_64
ifneq ($(origin LANE),file)
$(foreach goal,$(MAKECMDGOALS),$(if $(filter $(or $(lanes-$(goal)),$(LANE)),$(LANE)),,\
	$(error LANE=$(LANE): $(goal) runs on $(lanes-$(goal)) only)))
endif

ifneq ($(and $(KCSAN)$(RT),$(filter job kselftest,$(MAKECMDGOALS)),$(filter-out x86_64,$(LANE))),)
$(error LANE=$(LANE): $(strip $(KCSAN:%=KCSAN=%) $(RT:%=RT=%)) runs on x86_64 only)
endif
ifneq ($(and $(RT),$(filter v7.3,$(BASE))),)
$(error RT=$(RT): BASE=$(BASE) needs COMPILE_TEST, which PREEMPT_RT excludes)
endif

# The sizes of pages that lane $(1) has, if it has a choice
pages = $(patsubst tools/bench/$(1)-%.config,%,$(wildcard tools/bench/$(1)-*.config))
all-pages := $(sort 4k $(foreach lane,$(lanes),$(call pages,$(lane))))
ifeq ($(filter $(all-pages),$(PAGES)),)
$(error PAGES=$(PAGES) is not one of: $(all-pages))
endif
ifneq ($(PAGES),4k)
lanes-kselftest := $(LANE)
lanes-job       := $(LANE)
$(foreach goal,$(MAKECMDGOALS),$(if $(filter $(PAGES),$(call pages,$(lanes-$(goal)))),,\
	$(error PAGES=$(PAGES): $(goal)$(if $(filter kselftest,$(goal)), on $(LANE)) works with 4k only)))
endif

accels := $(patsubst CPU_%,%,$(filter CPU_%,$(.VARIABLES)))
ifeq ($(if $(accels),$(filter $(accels),$(ACCEL)),any),)
$(error ACCEL=$(ACCEL) is not one of: $(accels))
endif

bases := $(notdir $(wildcard patches/v*))
ifeq ($(filter $(bases),$(BASE)),)
$(error BASE=$(BASE) is not one of: $(bases))
endif
ifneq ($(filter bench coverage $(if $(VITS),,check mutants) mutate $(if $(PLAIN),demo kselftest),$(if $(filter-out $(firstword $(bases)),$(BASE)),$(MAKECMDGOALS))),)
$(error BASE=$(BASE): $(strip $(MAKECMDGOALS) $(PLAIN:%=PLAIN=%)) works with BASE=$(firstword $(bases)) only)
endif
ifneq ($(and $(filter demo,$(MAKECMDGOALS)),$(QEMU),$(NESTED),$(filter $(firstword $(bases)),$(BASE))),)
$(error QEMU=$(QEMU) NESTED=$(NESTED): QEMU's SMMU needs Linux 6.19 or later: give BASE=v7.3)
endif
ifneq ($(and $(filter demo,$(MAKECMDGOALS)),$(PLAIN),$(NESTED)$(QEMU)),)
$(error PLAIN=$(PLAIN): leave out NESTED=1 and QEMU=1)
endif

ifneq ($(and $(VITS),$(filter-out $(lastword $(bases)),$(BASE))),)
$(error VITS=$(VITS): the RFC works with BASE=$(lastword $(bases)) only)
endif
ifneq ($(and $(filter demo,$(MAKECMDGOALS)),$(VITS),$(QEMU)$(PLAIN)),)
$(error VITS=$(VITS): leave out QEMU=1 and PLAIN=1)
endif

# The vfio tests: bound to a lane, a base, and options of their own
ifneq ($(and $(filter kselftest,$(MAKECMDGOALS)),$(filter vfio,$(TARGETS))),)
containers := $(patsubst tools/bench/vfio-%.config,%,$(wildcard tools/bench/vfio-*.config))
iommus     := smmuv3 virtio
ifneq ($(LANE),arm64)
$(error LANE=$(LANE) has no IOMMU for TARGETS=$(TARGETS): take LANE=arm64)
endif
ifneq ($(BASE)$(VITS),$(firstword $(bases)))
$(error BASE=$(BASE): TARGETS=$(TARGETS) is for $(firstword $(bases)) only)
endif
ifeq ($(filter $(containers),$(CONTAINER)),)
$(error CONTAINER=$(CONTAINER) is not one of: $(containers))
endif
ifeq ($(filter $(iommus),$(IOMMU)),)
$(error IOMMU=$(IOMMU) is not one of: $(iommus))
endif
else ifneq ($(and $(filter kselftest,$(MAKECMDGOALS)),$(PLAIN)),)
$(error PLAIN=$(PLAIN): kselftest takes it with TARGETS=vfio only)
endif

ifneq ($(and $(filter demo,$(MAKECMDGOALS)),$(filter-out 4k,$(PAGES)),$(QEMU)$(PLAIN)$(VITS)),)
$(error PAGES=$(PAGES): leave out QEMU=1, PLAIN=1 and VITS=1)
endif

help:
	@cat tools/bench/help

# The front door

kselftest:
	@$(MAKE) $(if $(PLAIN),plain,job) JOB=kselftest \
		JOB_PACKAGES="$(if $(filter vfio,$(TARGETS)),clang-$(CLANG_VERSION))"

quick:
	@$(MAKE) job JOB=quick LANE=$(lanes-quick)

demo:
	@$(MAKE) $(if $(PLAIN),plain,job) LANE=$(lanes-demo) TARGETS= \
		JOB=$(if $(VITS),vits,$(if $(QEMU),qemu$(if $(NESTED),-nested),$(if $(NESTED),nested,demo))) \
		JOB_PACKAGES="$(if $(QEMU),pax-utils python3-pyelftools, \
			$(if $(NESTED),,rustc))"

shell run: export JOB_PACKAGES = $(if $(filter arm64,$(LANE)),rustc \
	$(if $(QEMU),pax-utils python3-pyelftools))
shell: tree
	@$(MAKE) -f tools/bench/bench.mk JOB=shell shell

# On stdout is what the command says, and nothing else
run:
	@$(MAKE) job JOB=shell 7>&1 >&2

# A python with pip is what QEMU's own scripts ask for
qemu: PACKAGES = bison dpkg-dev flex gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
		 ninja-build perl pkg-config python3-pip python3-venv
qemu: bootstrap
	@$(MAKE) -f tools/bench/qemu-build.mk

plain: tree
	@tools/bench/plain

job: tree
	@$(MAKE) -f tools/bench/bench.mk

# Harder

fuzz-lane = $(if $(filter file,$(origin LANE)),$(if $(KCSAN)$(RT),x86_64,um),$(LANE))
fuzz:
	@$(MAKE) job JOB=fuzz DEBUG=1 LANE=$(fuzz-lane) \
		JOB_PACKAGES=$(if $(filter x86_64,$(fuzz-lane)),linux-perf)

mutants: tree
	@tools/bench/mutants $(MUTANTS)

mutate: tree
	@tools/bench/mutate

bench: tree
	@LANE=$(if $(filter file,$(origin LANE)),um,$(LANE)) tools/bench/perf

coverage: PACKAGES = lcov
coverage: tree
	@TARGETS=iommu tools/bench/coverage \
		$(if $(filter file,$(origin SECONDS)),60,$(SECONDS)) $(or $(SEED),1)

# The series

tree: bootstrap
	@tools/bench/tree

patches:
	@tools/bench/patches

# Mail::Address is what git-email only recommends
post: PACKAGES = git-email libmailtools-perl perl
post: tree
	@tools/bench/post '$(POSTING)'

# The kernel's own checkers

include tools/bench/check.mk

# Documentation/

include tools/bench/docs.mk

# .config, by the kernel's own kconfig

menuconfig: PACKAGES := libncurses-dev
defconfig: PACKAGES :=
menuconfig defconfig: tree
	@. tools/bench/base; $(MAKE) -s -C $$LINUX $(@:defconfig=alldefconfig) \
		O=$(CURDIR)/build/kconfig KBUILD_KCONFIG=$(CURDIR)/Kconfig \
		KCONFIG_CONFIG=$(CURDIR)/.config

# Set-up and clean-up

bootstrap:
	@tools/bench/bootstrap $(PACKAGES) $(JOB_PACKAGES)

clean:
	rm -rf build/log build/vmm* build/examples* build/user-* build/mutants* build/mutate* \
		build/perf build/coverage build/check* build/plain build/docs build/kconfig build/doccheck \
		$(lanes:%=build/%) $(lanes:%=build/%-*)

mrproper:
	@for base in $(bases); do BASE=$$base tools/bench/unsaved all || exit; done
	@$(MAKE) clean
	rm -rf build/linux* build/series.tmp build/patches.tmp build/apt \
		build/deb build/dl build/qemu* build/ccache \
		build/ci build/lock

.PHONY: help kselftest quick demo shell run qemu plain fuzz coverage mutants mutate bench job tree \
	patches post menuconfig defconfig bootstrap clean mrproper
