# SPDX-License-Identifier: GPL-2.0
# The rule that the Makefile of the vfio tests leaves to make, which knows it for
# objects beside their sources only.

$(OUTPUT)/%.o: %.c
	$(CC) $(CFLAGS) $(CPPFLAGS) -c $< -o $@
