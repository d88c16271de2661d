# SPDX-License-Identifier: GPL-2.0
# The um lane: User-Mode Linux, at the machine's own speed. No huge pages.

ARCH      := um
USER_ARCH := x86
IMAGE     := vmlinux
BUSYBOX   := /bin/busybox
TIMEOUT   := 600

MACHINE    = $(KERNEL) mem=2G initrd=$(INITRAMFS) noreboot \
	     con0=null,fd:1 con1=null,fd:3 con=null seccomp=auto \
	     VERDICT=/dev/tty1 $(CMDLINE)
