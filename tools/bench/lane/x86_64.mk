# SPDX-License-Identifier: GPL-2.0
# The x86_64 lane: QEMU's microvm board, with huge pages.

PACKAGES  := libelf-dev qemu-system-x86
ARCH      := x86
USER_ARCH := x86
IMAGE     := vmlinux
BUSYBOX   := /bin/busybox
TIMEOUT   := 600

LANE_CONFIG := $(BENCH)/lane/virtio.config

CPUS       = $(if $(JOB_PARTS),1,2)
CPU_tcg   := max
CPU_kvm   := host
MACHINE    = qemu-system-x86_64 -M microvm,acpi=off -accel $(ACCEL) \
	     -cpu $(CPU_$(ACCEL)) -smp $(CPUS) -m 2G -nodefaults -no-user-config \
	     -display none -serial mon:stdio -no-reboot $(VIRTIO) \
	     -kernel $(KERNEL) -initrd $(INITRAMFS) \
	     -append "console=ttyS0 reboot=t hugepages=128 VERDICT=/dev/vport*p1 $(CMDLINE)"
