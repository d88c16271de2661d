/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the program says: acts, pictures and checks.
 *
 * A line that begins with "[ ok ]", "[FAIL]" or "[skip]" is a check;
 * "swmsi: expect" says how the IOMMU must have translated the last access of
 * the device. tools/bench/job/demo-check compares it with QEMU's trace of the
 * IOMMU.
 */
#ifndef SAY_H
#define SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sw_msi.h>

/**
 * struct region - one box in a picture of the IOVA space
 * @start: its first IOVA; the next region begins where it ends
 * @label: what is there
 * @fill: the character that fills the box
 */
struct region {
	uint64_t start;
	const char *label;
	char fill;
};

/**
 * picture() - Draw regions as a row of boxes, or as many rows as it takes
 * @regions: the regions, in ascending order
 * @num: number of elements of @regions
 */
void picture(const struct region *regions, size_t num);

/**
 * act() - Begin an act
 * @letter: its letter
 * @title: what it is about
 */
void act(char letter, const char *title);

/**
 * check() - Print the result of one check, and remember a failure
 * @ok: whether it is as it should be
 * @fmt: what was checked
 */
void __attribute__((format(printf, 2, 3)))
check(bool ok, const char *fmt, ...);

/**
 * check_failed() - Tell whether any check has failed
 *
 * Return: whether one has, since the program began.
 */
bool check_failed(void);

/**
 * check_done() - Check that something succeeded; else say what to do
 * @rc: 0 or a negative errno
 * @step: what was being done
 * @what: in words
 */
void check_done(int rc, enum sw_msi_step step, const char *what);

/**
 * errno_name() - The name of an errno
 * @rc: negative errno, or 0
 *
 * Return: "EINVAL" for -EINVAL, "success" for 0.
 */
const char *errno_name(int rc);

#endif /* SAY_H */
