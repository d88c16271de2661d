# SPDX-License-Identifier: GPL-2.0
# The vfio tests' Makefile relies on make's implicit rule for objects, which only works
# for objects next to their sources. This is the missing rule.

$(OUTPUT)/%.o: %.c
	$(CC) $(CFLAGS) $(CPPFLAGS) -c $< -o $@
