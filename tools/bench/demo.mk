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
DRIVER      := $(OUT)/drivers/edu_msi.ko
EXAMPLES    := $(addprefix build/examples$(SUFFIX)/move-window-,c rs)
DTB         := $(OUT)/demo.dtb
RUST_STD    := build/deb/arm64/usr/lib/rustlib/aarch64-unknown-linux-gnu/lib
TRACE        = $(LOG:.log=.trace)

JOB_TITLE    = demo
JOB_SCRIPT  := $(BENCH)/demo-job
JOB_FILES    = /bin/swmsi=$(SWMSI) /edu_msi.ko=$(DRIVER) \
	       $(foreach file,$(EXAMPLES),/bin/$(notdir $(file))=$(file))
JOB_DEPS     = $(SWMSI) $(DRIVER) $(EXAMPLES)
# A kernel that oopses ends the machine at once
JOB_CMDLINE  = oops=panic SEED=$(or $(SEED),$(shell date +%s)) \
	       $(if $(WINDOW),WINDOW=$(WINDOW)) $(if $(PLAIN),PLAIN=$(PLAIN))
JOB_MACHINE  = $(NESTED) -dtb $(DTB) -device edu,addr=1.0 \
	       -device edu,addr=2.0,multifunction=on -device edu,addr=2.1 \
	       -trace smmuv3_translate_success -trace smmuv3_record_event \
	       -d guest_errors -D $(TRACE)
JOB_VERDICT  = $(BENCH)/demo-check $(LOG) $(TRACE)

$(SWMSI): $(wildcard tools/vmm/*) include/sw_msi.h $(HEADERS)/.installed
	$(RUN) vmm 'swmsi' $(MAKE) -B -C tools/vmm O=$(abspath $(@D)) \
		CROSS_COMPILE=$(CROSS_COMPILE) KHDR=$(abspath $(HEADERS))

# The device tree is what QEMU makes for this machine, and demo.dtso
boot: $(DTB)
$(DTB): JOB_MACHINE := $(NESTED)
$(DTB): $(BENCH)/demo.dtso $(OUT)/kernel/$(IMAGE) $(OUT)/$(JOB).cpio
	$(RUN) dtb-$(FLAVOUR) 'device tree' sh -ec \
		'$(MACHINE) -machine dumpdtb=$@.board; \
		cd $(OUT)/kernel/scripts/dtc; \
		./dtc -q -O dtb -o $(abspath $@.overlay) $(abspath $<); \
		./fdtoverlay -i $(abspath $@.board) -o $(abspath $@) \
			$(abspath $@.overlay)'

# The first make writes what modpost has to know of the kernel
$(DRIVER): $(wildcard drivers/*) $(OUT)/kernel/$(IMAGE)
	$(RUN) modpost-$(FLAVOUR) 'kernel $(FLAVOUR), symbols' \
		$(call KMAKE,$(OUT)/kernel) ARCH=$(ARCH) -j$(JOBS) modules
	$(RUN) drivers-$(FLAVOUR) 'drivers' $(call KMAKE,$(OUT)/kernel) \
		ARCH=$(ARCH) M=$(abspath drivers) MO=$(abspath $(@D)) modules

%/move-window-c: Documentation/examples/move-window.c include/sw_msi.h \
		 $(HEADERS)/.installed
	@mkdir -p $(@D)
	$(RUN) example-c 'example in C' $(CROSS_COMPILE)gcc -O2 -Wall -Wextra \
		-Werror -static -I include -isystem $(HEADERS) -o $@ $<

# The library is Debian's, and so has to be the compiler
%/move-window-rs: Documentation/examples/move-window.rs $(RUST_STD)/.unpacked
	@mkdir -p $(@D)
	$(RUN) example-rust 'example in Rust' /usr/bin/rustc -O -D warnings \
		--target aarch64-unknown-linux-gnu -L $(RUST_STD) \
		-C linker=$(CROSS_COMPILE)gcc -C target-feature=+crt-static \
		-C strip=symbols -o $@ $<

$(RUST_STD)/.unpacked: $(BUSYBOX)
	$(RUN) deb-rust 'standard library of Rust' $(BENCH)/archive deb arm64 \
		libstd-rust-dev
	@touch $(BUSYBOX) $@
