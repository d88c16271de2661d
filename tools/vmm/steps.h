/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The steps that several acts share: what a VMM does with a device, and the
 * check of it.
 */
#ifndef STEPS_H
#define STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include <sw_msi.h>

#include "vmm.h"

#define MIB			((uint64_t)1 << 20)

/* The window of every Arm SMMU, as long as nobody moves it */
#define DEFAULT_START		0x08000000
#define WINDOW_SIZE		SW_MSI_UNIT

/* Offset of the doorbell, GITS_TRANSLATER, in its page */
#define DOORBELL_OFFSET		0x40

/**
 * check_set() - Check that a window can be set, and reads back
 * @vmm: the VMM
 * @device: the device
 * @start: its first IOVA; it has WINDOW_SIZE bytes
 */
void check_set(struct vmm *vmm, struct vmm_device *device, uint64_t start);

/**
 * check_msi() - Raise the MSI of a device, and say where it has to be written
 * @device: the device, its MSI enabled
 * @what: what was checked
 * @start: IOVA of the MSI page, in bytes
 * @stage: stage of the translation, 0 for either
 */
void check_msi(struct vmm_device *device, const char *what, uint64_t start,
	       int stage);

/**
 * enable_msi() - Have a device's MSI signal an eventfd, or end the program
 * @device: the device, attached
 */
void enable_msi(struct vmm_device *device);

/**
 * attach() - Attach a device or replace its attachment, or end the program
 * @device: the device
 * @pt_id: ID of an IOAS or HWPT
 */
void attach(struct vmm_device *device, uint32_t pt_id);

/**
 * ioas_can_map() - Tell whether a range of the IOAS can be mapped
 * @vmm: the VMM
 * @start: first IOVA
 * @size: size in bytes
 *
 * Return: whether it is outside of all that is reserved.
 */
bool ioas_can_map(struct vmm *vmm, uint64_t start, uint64_t size);

#endif /* STEPS_H */
