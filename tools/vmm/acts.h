/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The acts of the demonstration, for the command line.
 */
#ifndef ACTS_H
#define ACTS_H

#include <stdint.h>

#include "steps.h"

/* Acts with one stage of translation, in demo.c */

#define RAM_SIZE		(256 * MIB)

/**
 * demo_acts() - Run the acts for one device
 * @bdf: address of the device
 * @window: where its window goes, in bytes, above the RAM
 * @aperture_last: the last IOVA of its domain
 */
void demo_acts(const char *bdf, uint64_t window, uint64_t aperture_last);

/**
 * group_act() - Run the act for two devices of one IOMMU group
 * @bdf1: address of a device
 * @bdf2: address of the other
 * @window: where the windows of both go, in bytes, above the RAM
 */
void group_act(const char *bdf1, const char *bdf2, uint64_t window);

/* Those with nested translation, in nested.c */

/* The windows of two devices, and an unused one between them */
#define NESTED_SIZE	(3 * WINDOW_SIZE)

/**
 * nested_acts() - Run the acts with nested translation
 * @first: address of the device of most acts
 * @second: address of one more behind the same IOMMU, in a group of its own
 * @window: where the window of the first goes, in bytes
 */
void nested_acts(const char *first, const char *second, uint64_t window);

/* Those of the RFC, in vits.c */

/* Offset of the guest's doorbell page in the window: not 1 MiB aligned */
#define VITS_OFFSET	0x9000

/**
 * vits_acts() - Run the acts of the RFC
 * @first: address of the device of most acts
 * @second: address of one more behind the same IOMMU, in a group of its own
 * @msix: address of an e1000e there
 * @page: IPA of the page where the guest sees its doorbell
 */
void vits_acts(const char *first, const char *second, const char *msix,
	       uint64_t page);

#endif /* ACTS_H */
