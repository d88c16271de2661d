# SPDX-License-Identifier: GPL-2.0
# What nested translation needs: an SMMU with both stages, and a kernel that
# gives user space the first.

include $(BENCH)/job/swmsi.mk

# The QEMU of the machine, if its SMMU has both stages, else that of backports
ifeq ($(STAGES),)
QEMU_DIR    := build/qemu
EMULATOR    := env LD_LIBRARY_PATH=$(QEMU_DIR)/usr/lib/$(shell \
	       gcc -print-multiarch) $(QEMU_DIR)/usr/bin/qemu-system-aarch64
STAGES      := $(BOTH_STAGES)

machine: $(QEMU_DIR)/usr/bin/qemu-system-aarch64

$(QEMU_DIR)/usr/bin/qemu-system-aarch64: $(BENCH)/archive
	$(RUN) qemu 'QEMU with both stages' \
		$(BENCH)/archive backport qemu-system-arm $(QEMU_DIR)
	@touch $@
endif

# edu has a 28-bit DMA mask by default
EDU          = -device edu,dma_mask=0xffffffffffff
# Trace the page table walks, too
TRACING     += -trace smmu_ptw_page_pte -trace smmu_ptw_block_pte

# Build the kernel from a copy of the tree (hard links) with one more patch

OUT         := $(OUT)-nested
PATCHED     := $(LINUX)-nested
PATCH       := $(BENCH)/job/nested-canwbs.patch

OF_PATCHED  := $(addprefix $(OUT)/,kernel/.config kernel/$(IMAGE) \
	       drivers/edu_msi.ko)

$(OF_PATCHED): private LINUX := $(PATCHED)
$(OF_PATCHED): $(PATCHED)/.made

$(PATCHED)/.made: $(PATCH) $(call sources,)
	$(RUN) tree-nested 'tree, patched' sh -c 'rm -rf $(@D) && \
		cp -al $(LINUX) $(@D) && \
		git -C $(@D) apply $(abspath $(PATCH))'
	@touch $@
