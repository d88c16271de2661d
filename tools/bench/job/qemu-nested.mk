# SPDX-License-Identifier: GPL-2.0
# The demo with QEMU as the VMM and nested translation. Levels are as in qemu.mk.
# QEMU's own accelerated SMMUv3 gives stage 1 to L2, which firmware boots with
# ACPI: only the IORT can have an RMR.

JOB_CONFIG  := $(BENCH)/job/acpi.config $(BENCH)/job/vmm.config
OUT         := $(OUT)-vmm
include $(BENCH)/job/vsmmu.mk

FIRMWARE    := build/deb/all/usr/share/qemu-efi-aarch64/QEMU_EFI.fd
GUEST_JOB   := $(BENCH)/job/qemu-nested-guest-job
GUEST_FILES  = /job-lib=$(BENCH)/job-lib /edu_msi.ko=$(DRIVER)

include $(BENCH)/job/qemu-l1.mk

JOB_TITLE   := demo, QEMU, nested
JOB_SCRIPT  := $(BENCH)/job/qemu-nested-job
JOB_FILES   += /QEMU_EFI.fd=$(FIRMWARE)
JOB_DEPS    += $(FIRMWARE)
JOB_MACHINE  = -machine virtualization=on -m 2G $(STAGES) $(EDU),addr=1.0 \
	       $(TRACING)

$(FIRMWARE): $(BENCH)/archive
	$(RUN) deb-all 'firmware for arm64' $(BENCH)/archive deb all \
		qemu-efi-aarch64
	@touch $@
