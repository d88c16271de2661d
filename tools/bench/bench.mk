# SPDX-License-Identifier: GPL-2.0
# How a job is built and booted on a lane. The top Makefile and scripts such as
# job/plain run it with JOB=name and LANE=name, once build/linux is there.
#
# tools/bench/lane/$(LANE).mk, the lane, says:
#   PACKAGES       Debian packages that only this lane needs
#   ARCH           the kernel's ARCH; CROSS_COMPILE if it takes one
#   USER_ARCH      ARCH of the headers for user space
#   IMAGE          target of the kernel's makefile that the machine boots
#   BUSYBOX        a static busybox for the guest
#   USER_FLAGS     compiler flags for the tests, if needed
#   TIMEOUT        seconds after which a guest counts as hung
#   LANE_CONFIG    a config fragment shared with other lanes
#   MACHINE        the command that boots $(KERNEL) with $(INITRAMFS) and
#                  $(CMDLINE), with the console on stdout. Its kernel command line
#                  has VERDICT=/dev/NAME, the device connected to file descriptor 3
# If the lane supports several page sizes, $(LANE)-$(PAGES).config selects one.
#
# tools/bench/job/$(JOB).mk, the job, says:
#   JOB_SCRIPT     what the guest runs
#   JOB_FILES      more files for the guest, as /path/there=path/here; a
#                  directory comes with all that is in it
#   JOB_DEPS       prerequisites of these files, if they have to be built
#   JOB_CONFIG     a config fragment that overrides all others; the job then also
#                  sets OUT, for a separate kernel
#   JOB_CMDLINE    added to the kernel's command line
#   JOB_MACHINE    added to QEMU's command line, on arm64
#   JOB_PARTS      names of guests to run in parallel; $PART is the name of each
#   JOB_TITLE      a few words, for the screen
#   JOB_PROGRESS   command that prints how far the guest is, from $(LOG)
#   JOB_VERDICT    command that reads the guest's log, $(LOG), and decides;
#                  $$SPLAT is set when the kernel complained there
# and has the rules to build these files. $(HEADERS) is a directory with the tree's
# headers for user space; depend on $(HEADERS)/.installed to get it.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:
boot:

BENCH := tools/bench
SUFFIX := $(shell . tools/bench/series/base; echo $$SUFFIX)
LINUX := build/linux$(SUFFIX)
RUN   := +@$(BENCH)/run

# The channel for the verdict on QEMU's boards
VIRTIO := -device virtio-serial-device -device virtserialport,chardev=verdict \
	  -chardev file,id=verdict,path=/dev/fd/3

# Ignore CROSS_COMPILE from the environment: it is for another lane
CROSS_COMPILE :=
include $(BENCH)/lane/$(LANE).mk

export PATH := /usr/lib/ccache:$(PATH)
# Avoid a second preprocessor pass: it makes the first build 25 % longer, and hardly
# any object can be reused from another configuration
export CCACHE_DEPEND := 1

FLAVOUR   := $(LANE)$(addprefix -,$(filter-out 4k,$(PAGES)))
FLAVOUR   := $(FLAVOUR)$(if $(KCSAN),-kcsan,$(if $(DEBUG),-debug))$(if $(RT),-rt)$(SUFFIX)
# A kernel with extra options gets a separate build directory
FLAVOUR   := $(subst $() ,,$(FLAVOUR)$(patsubst %,-%,$(sort $(subst =,-,$(CONFIG)))))
OUT       := build/$(FLAVOUR)
LOG        = build/log/$(JOB)-$(FLAVOUR).log
USER      := build/user-$(USER_ARCH)$(SUFFIX)
HEADERS   := $(USER)/usr/include

# make in the tree, with output to $(1)
KMAKE      = $(MAKE) -C $(LINUX) O=$(abspath $(1)) CROSS_COMPILE=$(CROSS_COMPILE)

# Files of the tree that can change: git tracks them or would add them
sources    = $(addprefix $(LINUX)/,$(shell . $(BENCH)/series/base; git -C $(LINUX) ls-files \
	     --cached --others --exclude-standard $(1)))

# Poisoning makes a use after free fail at once. KASAN detects it without poisoning,
# and the two do not work together.
POISON    := $(if $(DEBUG),,slab_debug=P)

include $(BENCH)/job/$(JOB).mk

# The kernel. kbuild knows what to rebuild, but takes seconds to find that nothing
# changed. So run it only if a file in the tree is newer than its last run. The tree can
# be behind a symbolic link: find -H.

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

# Run $(1), a script that judges a log, with the arguments $(2). With -l it prints a
# table of the results, which "result" writes to build/result.
verdict    = $(1) -l $(2) | $(BENCH)/result $(LOG) && $(1) $(2)

# Write $(1) to $@, unless $@ has it already
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

$(KERNEL): $(KCONFIG) $(OUT)/objects $(if $(shell find -H $(LINUX) -name .git -prune -o \
	   -newer $(BUILT) -print -quit 2>&1),FORCE)
	@touch $(BUILT).now
	+@PROGRESS='echo object $$(grep -c "^  [AC][CS] " build/log/kernel-$(FLAVOUR).log) \
		$$(sed "s/^/of about /" $(OUT)/objects)' \
		$(BENCH)/run kernel-$(FLAVOUR) 'kernel $(FLAVOUR)' \
		$(call KMAKE,$(OUT)/kernel) ARCH=$(ARCH) -j$(JOBS) $(@F)
	@mv $(BUILT).now $(BUILT)
	@touch $@

# drivers/, as modules. The first make writes Module.symvers, which modpost needs.
# The second starts from scratch, as kbuild does not rebuild an external module when
# the kernel's options change.
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

# A busybox for a foreign architecture, and the libraries that the tests link with

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
