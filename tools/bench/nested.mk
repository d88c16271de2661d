# SPDX-License-Identifier: GPL-2.0
# The demo with nested translation: an SMMU with both stages, and a kernel that
# gives user space its first. Two devices, with an IOMMU group each.

include $(BENCH)/swmsi.mk

# The QEMU of the machine, if its SMMU has both stages, else that of backports
ifeq ($(STAGES),)
QEMU_DIR    := build/qemu
QEMU        := env LD_LIBRARY_PATH=$(QEMU_DIR)/usr/lib/$(shell \
	       gcc -print-multiarch) $(QEMU_DIR)/usr/bin/qemu-system-aarch64
STAGES      := $(BOTH_STAGES)

boot: $(QEMU_DIR)/usr/bin/qemu-system-aarch64

$(QEMU_DIR)/usr/bin/qemu-system-aarch64: $(BENCH)/archive
	$(RUN) qemu 'QEMU with both stages' \
		$(BENCH)/archive backport qemu-system-arm $(QEMU_DIR)
	@touch $@
endif

JOB_TITLE   := demo, nested
JOB_SCRIPT  := $(BENCH)/nested-job
JOB_FILES   := /bin/swmsi=$(SWMSI)
JOB_DEPS    := $(SWMSI)
# edu can address 28 bits unless told. The trace has the walks besides.
JOB_MACHINE  = $(STAGES) -device edu,addr=1.0,dma_mask=0xffffffffffff \
	       -device edu,addr=2.0,dma_mask=0xffffffffffff \
	       -trace smmu_ptw_page_pte $(TRACING)

# The kernel, of a copy of the tree with one patch more. The copy is hard links.

OUT         := $(OUT)-nested
PATCHED     := $(LINUX)-nested
PATCH       := $(BENCH)/nested-canwbs.patch

$(OUT)/kernel/.config $(OUT)/kernel/$(IMAGE): private LINUX := $(PATCHED)
$(OUT)/kernel/.config $(OUT)/kernel/$(IMAGE): $(PATCHED)/.made

$(PATCHED)/.made: $(PATCH) $(call sources,)
	$(RUN) tree-nested 'tree, patched' sh -c 'rm -rf $(@D) && \
		cp -al $(LINUX) $(@D) && \
		git -C $(@D) apply $(abspath $(PATCH))'
	@touch $@
