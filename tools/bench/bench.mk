# SPDX-License-Identifier: GPL-2.0
# How a job is built and booted on a lane: run by the top Makefile, once
# build/linux is there, with JOB=name and LANE=name.
#
# tools/bench/lane/$(LANE).mk, the lane, says:
#   PACKAGES       Debian packages that only this lane needs
#   ARCH           the kernel's ARCH; CROSS_COMPILE if it takes one
#   USER_ARCH      ARCH of the headers for user space
#   IMAGE          target of the kernel's makefile that the machine boots
#   BUSYBOX        a static busybox for the guest
#   USER_FLAGS     for the compiler of the tests, where it needs any
#   TIMEOUT        seconds after which a guest counts as hung
#   LANE_CONFIG    options that it shares with other lanes, a file
#   MACHINE        the command that boots $(KERNEL) with $(INITRAMFS) and
#                  $(CMDLINE), its console on stdout; VERDICT=/dev/NAME on the
#                  kernel's command line is what goes to file descriptor 3
# and $(LANE)-$(PAGES).config has the options for pages of that size, if the lane
# has a choice.
#
# tools/bench/job/$(JOB).mk, the job, says:
#   JOB_SCRIPT     what the guest runs
#   JOB_FILES      more files for the guest, as /path/there=path/here; a
#                  directory comes with all that is in it
#   JOB_DEPS       what these are made of, where they are not just files
#   JOB_CONFIG     options of the kernel, a file that overrides all others; OUT
#                  is then its own
#   JOB_CMDLINE    added to the kernel's command line
#   JOB_MACHINE    added to QEMU's command line, on arm64
#   JOB_PARTS      names of guests that run at a time; each finds its own in $PART
#   JOB_TITLE      a few words, for the screen
#   JOB_PROGRESS   command that prints how far the guest is, from $(LOG)
#   JOB_VERDICT    command that reads the guest's log, $(LOG), and decides;
#                  $$SPLAT is set when the kernel complained there
# and has the rules for what it names. $(HEADERS) is a directory with the tree's
# headers for user space; depend on $(HEADERS)/.installed to have it.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:
boot:

BENCH := tools/bench
SUFFIX := $(shell . tools/bench/series/base; echo $$SUFFIX)
LINUX := build/linux$(SUFFIX)
RUN   := +@$(BENCH)/run

# The way of the verdict on QEMU's boards
VIRTIO := -device virtio-serial-device -device virtserialport,chardev=verdict \
	  -chardev file,id=verdict,path=/dev/fd/3

# That of the environment is for another lane
CROSS_COMPILE :=
include $(BENCH)/lane/$(LANE).mk

export PATH := /usr/lib/ccache:$(PATH)
# No second pass of the preprocessor: it makes a first build a quarter longer, and
# of the objects of another configuration hardly any are the same
export CCACHE_DEPEND := 1

FLAVOUR   := $(LANE)$(addprefix -,$(filter-out 4k,$(PAGES)))
FLAVOUR   := $(FLAVOUR)$(if $(KCSAN),-kcsan,$(if $(DEBUG),-debug))$(if $(RT),-rt)$(SUFFIX)
# A kernel with options of its own is built in a place of its own
FLAVOUR   := $(subst $() ,,$(FLAVOUR)$(patsubst %,-%,$(sort $(subst =,-,$(CONFIG)))))
OUT       := build/$(FLAVOUR)
LOG        = build/log/$(JOB)-$(FLAVOUR).log
USER      := build/user-$(USER_ARCH)$(SUFFIX)
HEADERS   := $(USER)/usr/include

# make in the tree, with output to $(1)
KMAKE      = $(MAKE) -C $(LINUX) O=$(abspath $(1)) CROSS_COMPILE=$(CROSS_COMPILE)

# Files of the tree, of those that can change in it: git knows or would take them
sources    = $(addprefix $(LINUX)/,$(shell . $(BENCH)/series/base; git -C $(LINUX) ls-files \
	     --cached --others --exclude-standard $(1)))

# Freed memory shows at once; KASAN sees that itself, and the two do not mix
POISON    := $(if $(DEBUG),,slab_debug=P)

include $(BENCH)/job/$(JOB).mk

# The kernel. Its own makefiles know best what to build again, but take seconds for
# it: they are left alone while nothing in the tree is newer than their last run.

$(foreach collection,$(TARGETS),$(if \
	$(wildcard $(LINUX)/tools/testing/selftests/$(collection)/Makefile),,\
	$(error TARGETS=$(collection) is not a collection of tests in $(LINUX))))

FRAGMENTS := $(BENCH)/lane/kernel.config $(wildcard $(BENCH)/series/$(BASE).config) \
	     $(LANE_CONFIG) $(BENCH)/lane/$(LANE).config \
	     $(wildcard $(BENCH)/lane/$(LANE)-$(PAGES).config) \
	     $(if $(KCSAN),$(BENCH)/lane/kcsan.config,$(if $(DEBUG),$(BENCH)/lane/debug.config \
	     $(wildcard $(BENCH)/lane/debug-$(LANE).config))) \
	     $(if $(RT),$(BENCH)/lane/rt.config) \
	     $(wildcard $(TARGETS:%=$(LINUX)/tools/testing/selftests/%/config)) \
	     $(JOB_CONFIG) $(if $(CONFIG),$(OUT)/given.config)
KCONFIG   := $(OUT)/kernel/.config
KERNEL    := $(OUT)/kernel/$(IMAGE)
BUILT     := $(OUT)/built

# The verdict of $(1), a script that reads a log, with the arguments $(2): with -l it
# prints a table of the results, which goes into build/result
verdict    = $(1) -l $(2) | $(BENCH)/result $(LOG) && $(1) $(2)

# $(1) into $@, if that says something else
record     = @mkdir -p $(@D); echo '$(1)' | cmp -s - $@ || echo '$(1)' > $@

$(OUT)/fragments: FORCE
	$(call record,$(FRAGMENTS))

$(OUT)/given.config: FORCE
	@mkdir -p $(@D); printf 'CONFIG_%s\n' $(CONFIG) | cmp -s - $@ || \
		printf 'CONFIG_%s\n' $(CONFIG) > $@

$(KCONFIG): $(BENCH)/kconfig $(OUT)/fragments $(FRAGMENTS) \
	   $(call sources,'*Kconfig*')
	+@TAIL=1 $(BENCH)/run kconfig-$(FLAVOUR) 'kernel $(FLAVOUR), options' \
		env LINUX=$(LINUX) ARCH=$(ARCH) \
		CROSS_COMPILE=$(CROSS_COMPILE) \
		$(BENCH)/kconfig $(abspath $(@D) $(FRAGMENTS))
	@touch $@

# The number of objects in this configuration, for the progress display
$(OUT)/objects: $(KCONFIG)
	@: > $@; [ ! -t 1 ] || $(call KMAKE,$(OUT)/kernel) ARCH=$(ARCH) -n \
		$(notdir $(IMAGE)) 2> /dev/null | grep -c "echo '  [AC][CS] " > $@ || :

$(KERNEL): $(KCONFIG) $(OUT)/objects $(if $(shell find $(LINUX) -name .git -prune -o \
	   -newer $(BUILT) -print -quit 2>&1),FORCE)
	@touch $(BUILT).now
	+@PROGRESS='echo object $$(grep -c "^  [AC][CS] " build/log/kernel-$(FLAVOUR).log) \
		$$(sed "s/^/of about /" $(OUT)/objects)' \
		$(BENCH)/run kernel-$(FLAVOUR) 'kernel $(FLAVOUR)' \
		$(call KMAKE,$(OUT)/kernel) ARCH=$(ARCH) -j$(JOBS) $(@F)
	@mv $(BUILT).now $(BUILT)
	@touch $@

# drivers/, as modules. The first make writes what modpost has to know of the
# kernel. The second begins anew: kbuild does not build an external module again
# when the options of the kernel change.
$(OUT)/drivers/edu_msi.ko: $(wildcard drivers/*) $(KERNEL)
	$(RUN) modpost-$(FLAVOUR) 'kernel $(FLAVOUR), symbols' \
		$(call KMAKE,$(OUT)/kernel) ARCH=$(ARCH) -j$(JOBS) modules
	@rm -rf $(@D)
	$(RUN) drivers-$(FLAVOUR) 'drivers' $(call KMAKE,$(OUT)/kernel) \
		ARCH=$(ARCH) M=$(abspath drivers) MO=$(abspath $(@D)) modules
	@touch $@

# Headers for user space

$(HEADERS)/.installed: $(call sources,include/uapi)
	$(RUN) headers-$(USER_ARCH) 'headers $(USER_ARCH)' \
		$(call KMAKE,$(USER)) ARCH=$(USER_ARCH) headers
	@touch $@

# A busybox for another architecture than the machine's own, and what the tests
# link with

build/deb/%/bin/busybox: $(BENCH)/archive
	$(RUN) deb-$* 'packages of $*' $(BENCH)/archive deb $* \
		busybox-static libcap-dev
	@touch $@

# The initramfs

INITRAMFS := $(OUT)/$(JOB).cpio

$(OUT)/$(JOB).files: FORCE
	$(call record,$(JOB_FILES))

$(INITRAMFS): $(MAKEFILE_LIST) $(BENCH)/init $(BENCH)/initramfs $(BUSYBOX) \
	      $(JOB_SCRIPT) $(JOB_DEPS) $(OUT)/$(JOB).files
	@$(BENCH)/initramfs $@ $(BUSYBOX) $(JOB_SCRIPT) $(JOB_FILES)

# The machine

# Panic on the first warning. Not with KCSAN: some of its reports are not about our code.
CMDLINE    = panic=-1 oops=panic \
	     panic_on_warn=$(if $(KCSAN)$(filter KCSAN=y,$(CONFIG)),0,1) \
	     printk.devkmsg=on loglevel=8 $(if $(JOB_PARTS),PART=$$PART) \
	     $(JOB_CMDLINE)

machine: $(KERNEL) $(INITRAMFS)

boot: machine
	@PROGRESS='$(JOB_PROGRESS)' PARTS='$(JOB_PARTS)' $(BENCH)/boot $(TIMEOUT) \
		$(JOB)-$(FLAVOUR) '$(JOB_TITLE)' '$(MACHINE)'
	@. $(BENCH)/series/base; origin $(LINUX)
	@$(BENCH)/splats $(LOG) || export SPLAT=1; $(JOB_VERDICT) && [ -z "$$SPLAT" ]

FORCE:
.PHONY: boot machine FORCE
