# SPDX-License-Identifier: GPL-2.0
# The demo: swmsi in the guest, QEMU's trace of the SMMU as the witness.
#
# Besides the device of the acts there are two more, functions of one slot: they
# share an IOMMU group.

ifneq ($(WINDOW),)
ifeq ($(shell echo '$(WINDOW)' | grep -E '^0x[0-9a-fA-F]{1,11}00000$$'),)
$(error WINDOW=$(WINDOW) is not a multiple of 1 MiB in hex, as 0x10000000 is)
endif
endif

# Stage 2 besides stage 1, where QEMU has it
NESTED      := $(if $(shell qemu-system-aarch64 -device arm-smmuv3,help | \
	       grep stage=),-global arm-smmuv3.stage=nested)

SWMSI       := build/vmm$(SUFFIX)/swmsi
TRACE        = $(LOG:.log=.trace)

JOB_TITLE    = demo
JOB_SCRIPT  := $(BENCH)/demo-job
JOB_FILES    = /bin/swmsi=$(SWMSI)
JOB_DEPS     = $(SWMSI)
# A kernel that oopses ends the machine at once
JOB_CMDLINE  = oops=panic $(if $(WINDOW),WINDOW=$(WINDOW))
JOB_MACHINE  = $(NESTED) -device edu,addr=1.0 \
	       -device edu,addr=2.0,multifunction=on -device edu,addr=2.1 \
	       -trace smmuv3_translate_success -trace smmuv3_record_event \
	       -d guest_errors -D $(TRACE)
JOB_VERDICT  = $(BENCH)/demo-check $(LOG) $(TRACE)

$(SWMSI): $(wildcard tools/vmm/*) include/sw_msi.h $(HEADERS)/.installed
	$(RUN) vmm 'swmsi' $(MAKE) -B -C tools/vmm O=$(abspath $(@D)) \
		CROSS_COMPILE=$(CROSS_COMPILE) KHDR=$(abspath $(HEADERS))
