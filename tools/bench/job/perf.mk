# SPDX-License-Identifier: GPL-2.0
# One boot of the script "perf", which says in SETS what to measure, and in
# ROUNDS how often.

SW_MSI_BENCH := $(OUT)/iommufd_sw_msi_bench
SELFTESTS    := tools/testing/selftests/iommu

JOB_TITLE     = measure on $(FLAVOUR)
JOB_SCRIPT   := $(BENCH)/job/perf-job
JOB_FILES     = /bin/iommufd_sw_msi_bench=$(SW_MSI_BENCH)
JOB_DEPS      = $(SW_MSI_BENCH)
JOB_CONFIG   := $(BENCH)/job/fast.config
# The base warns about a bug that the series fixes
JOB_CMDLINE   = panic_on_warn=0 SETS=$(SETS) ROUNDS=$(ROUNDS)
JOB_PROGRESS  = tail -n 1 $(LOG) | cut -f 1
JOB_VERDICT   = grep -qx "job: exit 0" $(LOG)

# um: system calls without ptrace. x86_64: a clock of one ns an instruction, as
# the time that emulation takes says nothing.
MACHINE_um     := seccomp=on
CPUS           := 1
MACHINE_x86_64 := -icount shift=0,sleep=off
MACHINE        += $(MACHINE_$(LANE))

# The helpers of the selftests come from the tree with the series for base as
# well: one program measures both.
$(SW_MSI_BENCH): $(SELFTESTS)/iommufd_sw_msi_bench.c $(HEADERS)/.installed \
		 $(BENCH)/job/perf.mk
	@mkdir -p $(@D)
	$(RUN) perf-user iommufd_sw_msi_bench $(CROSS_COMPILE)gcc -static -O2 \
		-Wall -Wno-unused-function -Wno-unused-variable -D_GNU_SOURCE \
		-isystem $(HEADERS) -Ibuild/linux/$(SELFTESTS) -o $@ $<
