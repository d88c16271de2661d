# SPDX-License-Identifier: GPL-2.0
# make qemu: QEMU with patches/qemu-10.2, the VMM of make demo QEMU=1 from then
# on. It is static, for an arm64 machine with KVM, and has the virt board, PCIe
# ports, vfio-pci with iommufd and no other device. The source is Debian's, of
# sid, or is in QEMUSRC=DIR: the three files of the source package.

.DELETE_ON_ERROR:
qemu:

BENCH   := tools/bench
RUN     := +@$(BENCH)/run
VERSION := 10.2
OUT     := build/qemu-$(VERSION)
SOURCE  := $(OUT)/source
BUILD   := $(OUT)/build
MESON   := build/deb/meson
PATCHES := $(sort $(wildcard patches/qemu-$(VERSION)/*.patch))
DEB     := $(CURDIR)/build/deb/arm64
LIB     := $(DEB)/usr/lib/aarch64-linux-gnu
GIT     := git -C $(SOURCE) -c user.name=bench -c user.email=bench@localhost

# What is for the arm64 machine, and nothing else, is found by pkg-config
export PATH := /usr/lib/ccache:$(PATH)
export PKG_CONFIG := pkg-config
export PKG_CONFIG_LIBDIR := $(LIB)/pkgconfig
export PKG_CONFIG_SYSROOT_DIR := $(DEB)
export PYTHONPATH := $(CURDIR)/$(MESON)/usr/lib/python3/dist-packages

qemu: $(OUT)/qemu-system-aarch64

$(OUT)/qemu-system-aarch64: $(BUILD)/build.ninja
	$(RUN) qemu-build 'QEMU $(VERSION)' ninja -C $(BUILD) qemu-system-aarch64
	@aarch64-linux-gnu-strip -o $@ $(BUILD)/qemu-system-aarch64

# The virt board refers to PXB and CXL, which only default devices bring. libfdt
# has no .pc file: -B is where meson looks for it.
DEVICES := ARM_VIRT CXL CXL_MEM_DEVICE IOMMUFD PCIE_PORT PXB VFIO_PCI

$(BUILD)/build.ninja: $(SOURCE)/.patched $(MESON)/.unpacked $(LIB)/libfdt.a
	@printf 'CONFIG_%s=y\n' $(DEVICES) \
		> $(SOURCE)/configs/devices/aarch64-softmmu/bench.mak
	@rm -rf $(BUILD) && mkdir $(BUILD)
	$(RUN) qemu-configure 'QEMU $(VERSION), options' sh -c 'cd $(BUILD) && \
		../source/configure --python=/usr/bin/python3 --disable-download \
		--target-list=aarch64-softmmu --cross-prefix=aarch64-linux-gnu- \
		--cc="ccache aarch64-linux-gnu-gcc -B$(LIB)" \
		--extra-cflags=-I$(DEB)/usr/include --without-default-features \
		--without-default-devices --with-devices-aarch64=bench \
		--enable-kvm --disable-tcg --enable-fdt=system --static \
		--disable-pie --disable-debug-info --disable-install-blobs \
		--disable-werror'

$(SOURCE)/.patched: $(PATCHES)
	$(RUN) qemu-source 'QEMU $(VERSION), source' $(if $(QEMUSRC),sh -ec \
		'rm -rf $(SOURCE); mkdir -p $(OUT); dpkg-source --no-check \
		-x "$(QEMUSRC)"/*.dsc $(SOURCE)',env BASE= \
		OFFER="name a folder with its files: QEMUSRC=DIR" \
		$(BENCH)/archive source sid qemu $(VERSION) $(SOURCE))
	$(RUN) qemu-patches 'QEMU $(VERSION), patches' sh -ec '\
		git init -q $(SOURCE); $(GIT) add -f .; \
		$(GIT) commit -q -m base; \
		$(GIT) am -q $(abspath $(PATCHES)); cd $(SOURCE); \
		scripts/checkpatch.pl --no-signoff --no-summary \
			$(abspath $(PATCHES))'
	@touch $@

$(LIB)/libfdt.a:
	$(RUN) qemu-deb 'packages of arm64' env BASE= $(BENCH)/archive deb arm64 \
		libfdt-dev libfdt1 libglib2.0-dev libpcre2-dev zlib1g-dev
	@touch $@

$(MESON)/.unpacked:
	$(RUN) qemu-meson 'meson of backports' env BASE= \
		$(BENCH)/archive backport meson $(MESON)
	@touch $@

.PHONY: qemu
