# SPDX-License-Identifier: GPL-2.0
# make docs: Documentation/ as HTML. A warning is a failure.

docs: PACKAGES = python3-sphinx
docs: bootstrap
	@SUMMARY='echo build/docs/index.html' tools/bench/run docs \
		documentation sphinx-build -q -a -W --keep-going -b html \
		-d build/docs/.doctrees Documentation build/docs

doccheck: PACKAGES = rustc
doccheck: tree
	@QUICK=$(QUICK) DOCS='$(DOCS)' SETTINGS='$(settings)' \
		tools/bench/doccheck

.PHONY: docs doccheck
