# SPDX-License-Identifier: GPL-2.0
# What L1 has in the demos with QEMU as the VMM: Debian's QEMU with its libraries,
# sw_msi_preload.so, which gives it the options, and for L2 the kernel and
# $(GUEST), an initramfs of $(GUEST_JOB) and $(GUEST_FILES).

VMM_SUITE   := trixie-backports
VMM_ROOT    := build/deb/vmm
VMM         := build/vmm-qemu
PRELOAD     := build/vmm$(SUFFIX)/sw_msi_preload.so
GUEST       := $(OUT)/$(JOB)-guest.cpio

JOB_FILES    = /usr=$(VMM)/usr /lib=$(VMM)/lib /preload.so=$(PRELOAD) \
	       /job-lib=$(BENCH)/job-lib /qemu-lib=$(BENCH)/job/qemu-lib /Image=$(KERNEL) /guest.cpio=$(GUEST)
JOB_DEPS     = $(VMM)/.made $(PRELOAD) $(BENCH)/job-lib $(BENCH)/job/qemu-lib $(KERNEL) $(GUEST)
JOB_VERDICT  = $(BENCH)/job/qemu-logs $(LOG); \
	       $(BENCH)/splats $(LOG:.log=.L2.log) || export SPLAT=1; \
	       $(call verdict,$(BENCH)/job/demo-check,$(LOG) $(TRACE))
TIMEOUT     := 450

$(GUEST): $(MAKEFILE_LIST) $(BENCH)/init $(BENCH)/initramfs $(BUSYBOX) \
	  $(GUEST_JOB) $(BENCH)/job-lib $(GUEST_DEPS) $(DRIVER)
	@$(BENCH)/initramfs $@ $(BUSYBOX) $(GUEST_JOB) $(GUEST_FILES)

# Of the package and what it needs, the program and its libraries
$(VMM)/.made: $(VMM_ROOT)/.unpacked
	$(RUN) vmm-qemu "QEMU's libraries" sh -c 'rm -rf $(@D) && \
		mkdir -p $(@D)/usr/lib && ln -s usr/lib $(@D)/lib && \
		/usr/bin/python3 /usr/bin/lddtree -R $(abspath $(VMM_ROOT)) \
			--copy-to-tree $(@D) --libdir /usr/lib \
			/usr/bin/qemu-system-aarch64'
	@touch $@

$(VMM_ROOT)/.unpacked: $(BENCH)/archive
	$(RUN) deb-vmm 'QEMU of $(VMM_SUITE)' $(BENCH)/archive root arm64 \
		$(VMM_SUITE) qemu-system-arm $(VMM_ROOT)
	@touch $@
