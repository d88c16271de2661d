# SPDX-License-Identifier: GPL-2.0
# Random tests of the window against a model.
#
#   SECONDS   how long, all modes together
#   SEED      of the first sequence; a new one each time
#   MODE      model, fail-nth or races; all of them, one after the other
#   REPLAY    a file: the operations that a divergence printed, and nothing else

override SEED    := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
override MODE    := $(or $(MODE),model fail-nth races)

# x86_64: processors that race, and a kprobe at the line which fuzz-job counts
ifeq ($(LANE),x86_64)
CPUS         := 4
JOB_CONFIG   := $(BENCH)/job/kprobe.config
OUT          := build/$(FLAVOUR)-fuzz
KPROBE       := $(OUT)/fuzz.kprobe
endif

FUZZ         := $(OUT)/iommufd_sw_msi_fuzz
FUZZ_SOURCES := $(addprefix tools/testing/selftests/iommu/iommufd_sw_msi_,\
		fuzz.c model.c)
FUZZ_HEADERS := $(LINUX)/drivers/iommu/iommufd

JOB_TITLE     = fuzz on $(FLAVOUR), SEED=$(SEED)
JOB_SCRIPT   := $(BENCH)/job/fuzz-job
JOB_FILES     = /bin/iommufd_sw_msi_fuzz=$(FUZZ) $(if $(REPLAY),/replay=$(REPLAY)) \
		$(if $(KPROBE),/kprobe=$(KPROBE))
JOB_DEPS      = $(FUZZ) $(REPLAY) $(KPROBE) FORCE
empty        :=
JOB_CMDLINE   = $(POISON) FUZZ_SECONDS=$(SECONDS) \
		FUZZ_SEED=$(SEED) \
		FUZZ_MODES=$(subst $(empty) ,$(empty),$(MODE:%=%,))
JOB_PROGRESS  = grep "^job: .* ops " $(LOG) | tail -n 1 | cut -c 6-
JOB_VERDICT   = $(call verdict,$(BENCH)/job/fuzz-check,$(LOG))

# Allow for boot, leak check and a slow machine. SECONDS is guest time. On x86_64 the
# guest's clock counts the ticks it gets, down to one in eight on busy processors.
TIMEOUT      := $(shell expr $(SECONDS) \* $(if $(filter x86_64,$(LANE)),10,3) + 300)

# um: system calls without ptrace
MACHINE_um   := seccomp=on
MACHINE      += $(MACHINE_$(LANE))

$(FUZZ): $(FUZZ_SOURCES) $(FUZZ_SOURCES:fuzz.c=model.h) \
	 $(FUZZ_HEADERS)/iommufd_test.h $(HEADERS)/.installed
	@mkdir -p $(@D)
	$(RUN) fuzz-user iommufd_sw_msi_fuzz $(CROSS_COMPILE)gcc -static -O2 \
		-Wall -Wextra -pthread $(if $(VITS),-DVITS) -isystem $(HEADERS) -I$(FUZZ_HEADERS) \
		-o $@ $(FUZZ_SOURCES)

$(OUT)/fuzz.kprobe: $(OUT)/kernel/$(IMAGE)
	@perf probe -k $< -s $(LINUX) -D \
		'next_hwpt=iommufd_sw_msi_add_user;user->next_hwpt_paging=*' > $@
