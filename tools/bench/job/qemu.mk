# SPDX-License-Identifier: GPL-2.0
# The demo with QEMU as the VMM. Three levels, called L0 to L2: the emulated
# board, with EL2; our kernel on it, with KVM; and in that a QEMU with a guest,
# which is the same kernel and the drivers of the devices that it is given.
#
# Uses Debian's QEMU, which does not know the options, with sw_msi_preload.so, which
# sets them. Once "make qemu" has built QEMU with patches/qemu-10.2, uses that instead.

include $(BENCH)/job/swmsi.mk

JOB_CONFIG  += $(BENCH)/job/vmm.config
OUT         := $(OUT)-vmm
PATCHED_VMM := $(wildcard build/qemu-10.2/qemu-system-aarch64)
DISK        := $(OUT)/qemu.disk
GUEST_JOB   := $(BENCH)/job/qemu-guest-job
GUEST_DEPS   = $(DISK)
GUEST_FILES  = /job-lib=$(BENCH)/job-lib /edu_msi.ko=$(DRIVER) /disk.sha256=$(DISK).sha256 \
	       $(foreach module,nvme-core nvme,\
		 /$(module).ko=$(OUT)/kernel/drivers/nvme/host/$(module).ko)

include $(BENCH)/job/qemu-l1.mk

JOB_TITLE   := demo, QEMU
JOB_SCRIPT  := $(BENCH)/job/qemu-job
JOB_FILES   += $(PATCHED_VMM:%=/bin/qemu-system-aarch64=%)
JOB_DEPS    += $(PATCHED_VMM)
JOB_MACHINE  = -machine virtualization=on -m 2G $(STAGES) \
	       -device edu,addr=1.0 \
	       -device edu,addr=2.0,multifunction=on -device edu,addr=2.1 \
	       -drive if=none,id=disk,format=raw,readonly=on,file=$(DISK) \
	       -device nvme,addr=3.0,drive=disk,serial=sw-msi $(TRACING)

$(DISK): $(BENCH)/job/qemu.mk
	@seq 200000 | head -c 1M > $@
	@sha256sum < $@ | cut -d ' ' -f 1 > $@.sha256
