# SPDX-License-Identifier: GPL-2.0
# A movable software MSI window for iommufd: the series and its bench.
# What each step does stands in tools/bench.

# With -n, show which make this file would call, but do not call it: it needs a tree
ifneq ($(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),)
MAKE := : make
endif

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
settings   := $(shell sed -n 's/^\([A-Z_]*\)\t.*/\1/p' tools/bench/options)
export $(settings)
# What the scripts tell each other
unexport QUIET SPLAT PROGRESS SUMMARY TAIL
# As it was given, not as make would read it
override CMD := $(value CMD)

lanes := $(basename $(notdir $(wildcard tools/bench/lane/*.mk)))
bases := $(shell ls -v patches | grep ^v)
-include tools/bench/lane/$(LANE).mk

# All of it has to be as tools/bench/options says, before anything is done
pages      = $(patsubst tools/bench/lane/$(1)-%.config,%,$(wildcard tools/bench/lane/$(1)-*.config))
first     := $(firstword $(bases))
last      := $(lastword $(bases))
accels    := $(patsubst CPU_%,%,$(filter CPU_%,$(.VARIABLES)))
all_pages := $(sort 4k $(foreach lane,$(lanes),$(call pages,$(lane))))
containers := $(patsubst tools/bench/job/vfio-%.config,%,$(wildcard tools/bench/job/vfio-*.config))
iommus    := smmuv3 virtio
of-origin  = $(foreach name,$(2),$(if $(filter $(1),$(firstword $(origin $(name)))),$(name)))
quoted     = '$(subst ','\'',$(1))'
wrong     := $(shell tools/bench/settings '$(MAKECMDGOALS)' \
	'$(call of-origin,command override,$(filter-out .%,$(.VARIABLES)))' \
	'$(call of-origin,command override environment,$(settings))' \
	$(call quoted,pages=$(call pages,$(LANE))) \
	$(foreach name,$(settings) lanes bases first last accels all_pages containers iommus,\
		$(call quoted,$(name)=$($(name)))))
$(if $(wrong),$(error $(wrong)))

help:
	@cat tools/bench/help

# See it work

kselftest:
	@$(MAKE) $(if $(PLAIN),plain,job) JOB=kselftest \
		JOB_PACKAGES="$(if $(filter vfio,$(TARGETS)),clang-$(CLANG_VERSION))"

quick:
	@$(MAKE) job JOB=quick LANE=um

demo:
	@$(MAKE) $(if $(PLAIN),plain,job) LANE=arm64 TARGETS= \
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
	@$(MAKE) -f tools/bench/job/qemu-build.mk

plain: tree
	@tools/bench/job/plain

job: tree
	@$(if $(LOOP),tools/bench/loop $(LOOP)) $(MAKE) -f tools/bench/bench.mk

# Test more

fuzz-lane = $(if $(filter file,$(origin LANE)),$(if $(KCSAN)$(RT),x86_64,um),$(LANE))
fuzz:
	@$(MAKE) job JOB=fuzz DEBUG=1 LANE=$(fuzz-lane) \
		JOB_PACKAGES=$(if $(filter x86_64,$(fuzz-lane)),linux-perf)

mutants: tree
	@tools/bench/job/mutants $(MUTANTS)

mutate: tree
	@tools/bench/job/mutate

bench: tree
	@LANE=$(if $(filter file,$(origin LANE)),um,$(LANE)) tools/bench/job/perf

coverage: PACKAGES = lcov
coverage: tree
	@TARGETS=iommu tools/bench/job/coverage \
		$(if $(filter file,$(origin SECONDS)),60,$(SECONDS)) $(or $(SEED),1)

# Change the series

tree: bootstrap
	@tools/bench/series/tree

patches:
	@tools/bench/series/patches

# Mail::Address is what git-email only recommends
post: PACKAGES = git-email libmailtools-perl perl
post: tree
	@tools/bench/series/post '$(POSTING)'

# The kernel's own checkers

include tools/bench/check.mk

# Documentation/

include tools/bench/docs.mk

# .config, by the kernel's own kconfig

menuconfig: PACKAGES := libncurses-dev
defconfig: PACKAGES :=
menuconfig defconfig: tree
	@. tools/bench/series/base; $(MAKE) -s -C $$LINUX $(@:defconfig=alldefconfig) \
		O=$(CURDIR)/build/kconfig KBUILD_KCONFIG=$(CURDIR)/Kconfig \
		KCONFIG_CONFIG=$(CURDIR)/.config

# Set-up and clean-up

bootstrap:
	@tools/bench/bootstrap $(PACKAGES) $(JOB_PACKAGES)

clean:
	rm -rf build/log build/vmm* build/examples* build/user-* build/mutants* build/mutate* \
		build/perf build/coverage build/result build/check* build/plain build/docs build/kconfig build/doccheck* \
		$(lanes:%=build/%) $(lanes:%=build/%-*)

mrproper:
	@for base in $(bases); do BASE=$$base tools/bench/series/unsaved all || exit; done
	@$(MAKE) clean
	rm -rf build/linux* build/series.tmp build/patches.tmp build/apt \
		build/deb build/dl build/qemu* build/ccache \
		build/ci build/lock

.PHONY: help kselftest quick demo shell run qemu plain fuzz coverage mutants mutate bench job tree \
	patches post menuconfig defconfig bootstrap clean mrproper
