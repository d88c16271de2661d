/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands for one window: agree is in agree.c, the others are in window.c.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/iommufd.h>

#define RAM_RANGES_MAX	16

/**
 * struct request - what the command line asks for
 * @bdf: address of the PCI device
 * @start: first IOVA of the window, in bytes
 * @size: its size in bytes; 0 if no window was given
 * @ram: guest RAM, at its guest physical address
 * @num_ram: number of elements of @ram
 * @seed: seed of the random numbers
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

#endif /* WINDOW_H */
