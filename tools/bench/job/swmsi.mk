# SPDX-License-Identifier: GPL-2.0
# What the demos have in common: swmsi in the guest, QEMU's trace of the SMMU as
# the witness.

# Stage 2 besides stage 1, where QEMU has it
BOTH_STAGES := -global arm-smmuv3.stage=nested
STAGES      := $(if $(shell $(EMULATOR) -device arm-smmuv3,help | grep stage=),\
	       $(BOTH_STAGES))

DRIVER       = $(OUT)/drivers/edu_msi.ko
SWMSI       := build/vmm$(SUFFIX)/swmsi
TRACE        = $(LOG:.log=.trace)
TRACING      = -trace smmuv3_translate_success -trace smmuv3_record_event \
	       -d guest_errors -D $(TRACE)

JOB_CMDLINE  = $(if $(WINDOW),WINDOW=$(WINDOW))
JOB_VERDICT  = $(call verdict,$(BENCH)/job/demo-check,$(LOG) $(TRACE))

build/vmm$(SUFFIX)/%: $(wildcard tools/vmm/*) include/sw_msi.h $(HEADERS)/.installed
	$(RUN) vmm-$* '$*' $(MAKE) -B -C tools/vmm O=$(abspath $(@D)) \
		CROSS_COMPILE=$(CROSS_COMPILE) KHDR=$(abspath $(HEADERS)) \
		$(abspath $@)
