/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands of swmsi share.
 */
#ifndef SWMSI_H
#define SWMSI_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sw_msi.h>

#include "say.h"
#include "steps.h"
#include "vmm.h"

/* The end of an error message */
#define SEE_HELP "; see swmsi --help"

/**
 * bad_input() - End the program with status 2 and one line
 * @fmt: what is wrong and what to do
 */
void __attribute__((noreturn, format(printf, 1, 2)))
bad_input(const char *fmt, ...);

/* The acts with one stage */

/**
 * demo_acts() - Play those for one device
 * @bdf: address of the device
 * @window: where its window goes, in bytes, above the RAM
 * @aperture_last: the last IOVA of its domain
 */
void demo_acts(const char *bdf, uint64_t window, uint64_t aperture_last);

/**
 * group_act() - Play the one for two devices of one IOMMU group
 * @bdf1: address of a device
 * @bdf2: address of the other
 * @window: where the windows of both go, in bytes, above the RAM
 */
void group_act(const char *bdf1, const char *bdf2, uint64_t window);

/* The acts with nested translation, in nested.c */

/*
 * A memory map that QEMU's virt board has as well, but for the RAM: the window
 * is between the virtio transports and the platform bus, where the board has
 * nothing. The VMM maps no BARs.
 */
#define GUEST_RAM_SIZE	(160 * MIB)
#define GUEST_WINDOW	0x0b000000

/* The windows of two devices, and one that is nobody's */
#define NESTED_SIZE	(3 * WINDOW_SIZE)

/**
 * nested_acts() - Play them
 * @first: address of the device of most acts
 * @second: address of one more behind the same IOMMU, in a group of its own
 * @window: where the window of the first goes, in bytes
 */
void nested_acts(const char *first, const char *second, uint64_t window);

/* The acts of the RFC, in vits.c */

/* Where the guest sees its doorbell, from the start of the window: not on 1 MiB */
#define VITS_OFFSET	0x9000

/**
 * vits_acts() - Play them
 * @first: address of the device of most acts
 * @second: address of one more behind the same IOMMU, in a group of its own
 * @msix: address of an e1000e there
 * @page: IPA of the page where the guest sees its doorbell
 */
void vits_acts(const char *first, const char *second, const char *msix,
	       uint64_t page);

/* The commands on one window, in window.c */

#define RAM_RANGES_MAX	16

/**
 * struct request - what the command line asks for
 * @bdf: address of the PCI device
 * @start: first IOVA of the window, in bytes
 * @size: its size in bytes; 0 if no window was given
 * @ram: guest RAM, at its guest physical address
 * @num_ram: number of elements of @ram
 * @seed: what random numbers begin with
 * @count: number of random windows
 * @json: print JSON
 */
struct request {
	const char *bdf;
	uint64_t start;
	uint64_t size;
	struct iommu_iova_range ram[RAM_RANGES_MAX];
	size_t num_ram;
	unsigned int seed;
	unsigned int count;
	bool json;
};

/**
 * window_show() - Show where the window of a device is, and what is around it
 * @request: the device; a window to set; the RAM to map
 *
 * Return: exit status.
 */
int window_show(const struct request *request);

/**
 * window_check() - Tell whether the kernel would take a window, and why not
 * @request: the device, the window, the RAM
 *
 * Return: exit status: 0 if it would.
 */
int window_check(const struct request *request);

/**
 * window_test() - Set a window, attach the device, raise its MSI
 * @request: the device; the window, if not the default; the RAM
 *
 * Return: exit status: 0 if the MSI arrived.
 */
int window_test(const struct request *request);

/**
 * window_agree() - Compare window_check() with the kernel, on random windows
 * @request: the device, the number of windows, the seed
 *
 * Return: exit status: 0 if they agree.
 */
int window_agree(const struct request *request);

#endif /* SWMSI_H */
