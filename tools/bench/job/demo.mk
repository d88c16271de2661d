# SPDX-License-Identifier: GPL-2.0
# The demo: swmsi in the guest, QEMU's trace of the SMMU as the witness.
#
# Besides the device of the acts there are two more, functions of one slot: they
# share an IOMMU group.

include $(BENCH)/job/swmsi.mk

EXAMPLES    := $(addprefix build/examples$(SUFFIX)/move-window-,c rs)
DTB         := $(OUT)/demo.dtb
RUST_STD    := build/deb/arm64/usr/lib/rustlib/aarch64-unknown-linux-gnu/lib

JOB_TITLE    = demo
JOB_SCRIPT  := $(BENCH)/job/demo-job
JOB_FILES    = /job-lib=$(BENCH)/job-lib /bin/swmsi=$(SWMSI) /edu_msi.ko=$(DRIVER) \
	       $(foreach file,$(EXAMPLES),/bin/$(notdir $(file))=$(file))
JOB_DEPS     = $(BENCH)/job-lib $(SWMSI) $(DRIVER) $(EXAMPLES)
JOB_CMDLINE += SEED=$(or $(SEED),$(shell date +%s)) \
	       $(if $(PLAIN),PLAIN=$(PLAIN))
JOB_MACHINE  = $(STAGES) -dtb $(DTB) -device edu,addr=1.0 \
	       -device edu,addr=2.0,multifunction=on -device edu,addr=2.1 \
	       $(TRACING)

# The device tree is what QEMU makes for this machine, and demo.dtso
machine: $(DTB)
$(DTB): JOB_MACHINE := $(STAGES)
$(DTB): $(BENCH)/job/demo.dtso $(MAKEFILE_LIST) $(OUT)/kernel/$(IMAGE) \
	$(OUT)/$(JOB).cpio
	$(RUN) dtb-$(FLAVOUR) 'device tree' sh -ec \
		'$(MACHINE) -machine dumpdtb=$@.board 3> /dev/null; \
		cd $(OUT)/kernel/scripts/dtc; \
		./dtc -q -O dtb -o $(abspath $@.overlay) $(abspath $<); \
		./fdtoverlay -i $(abspath $@.board) -o $(abspath $@) \
			$(abspath $@.overlay)'

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
