# SPDX-License-Identifier: GPL-2.0
# The arm64 lane: QEMU's virt board with a GICv3 ITS and an SMMUv3.

PACKAGES      := gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-system-arm
ARCH          := arm64
USER_ARCH     := arm64
CROSS_COMPILE := aarch64-linux-gnu-
IMAGE         := arch/arm64/boot/Image
BUSYBOX       := build/deb/arm64/bin/busybox
USER_FLAGS    := -I $(CURDIR)/build/deb/arm64/usr/include \
		 -L $(CURDIR)/build/deb/arm64/usr/lib/aarch64-linux-gnu
TIMEOUT       := 1800
LANE_CONFIG   := $(BENCH)/lane/virtio.config

# The memory, and how many huge pages are for hugetlbfs: the tests take two, or
# 128 MiB. These are of 2, 32 and 512 MiB.
MEMORY_4k     := 1G
MEMORY_16k    := 1G
MEMORY_64k    := 3G
HUGE_4k       := 128
HUGE_16k      := 8
HUGE_64k      := 3

CPU_tcg       := max,pauth-impdef=on
CPU_kvm       := host
EMULATOR      := qemu-system-aarch64
MACHINE        = $(EMULATOR) \
		 -M virt,gic-version=3,iommu=smmuv3,its=on -accel $(ACCEL) \
		 -cpu $(CPU_$(ACCEL)) -m $(MEMORY_$(PAGES)) -nodefaults -no-user-config \
		 -display none -serial mon:stdio -no-reboot $(VIRTIO) $(JOB_MACHINE) \
		 -kernel $(KERNEL) -initrd $(INITRAMFS) \
		 -append "console=ttyAMA0 hugepages=$(HUGE_$(PAGES)) VERDICT=/dev/vport*p1 $(CMDLINE)"
