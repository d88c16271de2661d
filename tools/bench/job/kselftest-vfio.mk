# SPDX-License-Identifier: GPL-2.0
# The vfio tests, and one of ours beside them, for a device of each kind.
#
#   CONTAINER   what provides /dev/vfio/vfio: iommufd, or type1, VFIO's own
#   IOMMU       the IOMMU of the board: smmuv3, with a software MSI window, or
#               virtio, whose MSI region is the doorbell page

empty       :=
VFIO        := tools/testing/selftests/vfio
MSI_TEST    := $(USER)/vfio_pci_msi_test

# In slots from 1 on
DEVICES     := edu nvme e1000e
-edu        := edu
-nvme       := nvme,drive=disk,serial=vfio
-e1000e     := e1000e,romfile=

-smmuv3     :=
-virtio     := -machine iommu=none -device virtio-iommu-pci,addr=8.0

# What the Makefile of the tests leaves out, and a compiler for their library:
# Debian's gcc has no empty initializer for an array of variable size
TESTS_RULES := $(BENCH)/job/vfio-objects.mk
TESTS_LLVM   = -$(CLANG_VERSION)
TESTS_CC     = clang-$(CLANG_VERSION) --target=$(CROSS_COMPILE:%-=%)

SKIP        := vfio-$(CONTAINER)-$(IOMMU)
OUT         := $(OUT)-vfio-$(CONTAINER)
FLAVOUR     := $(FLAVOUR)-$(SKIP)

JOB_CONFIG  += $(BENCH)/job/vfio.config $(BENCH)/job/vfio-$(CONTAINER).config
JOB_FILES   += /kselftest/vfio/$(notdir $(MSI_TEST))=$(MSI_TEST)
JOB_DEPS    += $(MSI_TEST)
# The tests map huge pages, also one of 1 GiB
JOB_CMDLINE += hugepagesz=1G hugepages=1 \
	       VFIO_DEVICES=$(subst $(empty) ,$(empty),$(DEVICES:%=%,)) \
	       SW_MSI=$(if $(filter smmuv3,$(IOMMU)),window,none)
JOB_MACHINE += -m 3G $(-$(IOMMU)) -blockdev null-co,node-name=disk,size=1048576 \
	       $(foreach n,$(shell seq $(words $(DEVICES))),\
		 -device $(-$(word $(n),$(DEVICES))),addr=$(n).0)

$(MSI_TEST): $(VFIO)/$(notdir $(MSI_TEST)).c $(HEADERS)/.installed \
	     $(call sources,$(VFIO)/lib)
	@mkdir -p $(@D)
	$(RUN) test-vfio-$(USER_ARCH) '$(@F)' $(TESTS_CC) -static -O2 \
		-Wall -D_GNU_SOURCE -isystem $(HEADERS) \
		$(addprefix -I$(LINUX)/tools/,include testing/selftests) \
		-I$(LINUX)/$(VFIO)/lib/include -o $@ $< \
		$(wildcard $(LINUX)/$(VFIO)/lib/*.c)
