# SPDX-License-Identifier: GPL-2.0
# make check: what it needs. What it does is in the script "check".

CHECK_PACKAGES := dash g++ libc6-dev-i386 libelf-dev perl python3 \
		  shellcheck sparse

# Debian's clang without a version is older than what the kernel asks for
export CLANG_VERSION := 19

ifndef QUICK
CHECK_PACKAGES += b4 clang-$(CLANG_VERSION) lld-$(CLANG_VERSION) \
		  llvm-$(CLANG_VERSION) coccinelle gcc-aarch64-linux-gnu \
		  gcc-arm-linux-gnueabihf libc6-dev-arm64-cross ocaml-findlib \
		  ocaml python3-sphinx
endif

check: PACKAGES = $(CHECK_PACKAGES)
check: tree
	@QUICK=$(QUICK) LANES='$(lanes)' BASES='$(bases)' tools/bench/check $(CHECKS)

.PHONY: check
