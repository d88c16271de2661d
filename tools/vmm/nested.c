// SPDX-License-Identifier: GPL-2.0
/*
 * The acts with nested translation and a reserved memory region: the guest maps
 * the window 1:1 in stage 1, as a guest's kernel does for an RMR in IORT.
 */
#include "acts.h"
#include "guest.h"
#include "say.h"
#include "steps.h"

static void set_window(struct guest_device *device)
{
	if (device->window != DEFAULT_START)
		check_set(&device->guest->vmm, &device->vmm_device,
			  device->window);
}

/* The guest's tables with an RMR in them, and its driver's MSI */
static void start_with_rmr(struct guest_device *device, uint64_t rmr)
{
	write_stage1(device);
	map_doorbell(device, rmr, rmr, WINDOW_SIZE);
	start_device(device);
	enable_msi(&device->vmm_device);
}

/* The acts */

static void act_moved(const char *bdf, uint64_t window)
{
	struct guest_device device;
	struct guest guest;

	act('a', "the window moved, the guest's RMR there");
	open_guest(&guest, &device, bdf, window);
	set_window(&device);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	start_with_rmr(&device, window);
	check(!ioas_can_map(&guest.vmm, window, WINDOW_SIZE),
	      "the IOAS keeps the window free");
	check_dma(&device);
	check_both(&device, "MSI through both stages");
	close_guest(&guest, &device);
}

static void act_default(const char *bdf)
{
	struct guest_device device;
	struct guest guest;

	act('b', "the default window, the guest's RMR there");
	open_guest(&guest, &device, bdf, DEFAULT_START);
	set_window(&device);
	map_ram(&guest.vmm, DEFAULT_START);
	start_with_rmr(&device, DEFAULT_START);
	check_dma(&device);
	check_both(&device, "MSI through both stages");
	close_guest(&guest, &device);
}

static void act_disagree(const char *bdf, uint64_t window)
{
	struct guest_device device;
	struct guest guest;

	act('c', "the guest's RMR next to the window");
	open_guest(&guest, &device, bdf, window);
	set_window(&device);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	start_with_rmr(&device, window + WINDOW_SIZE);
	check_dma(&device);
	check_lost(&device, "MSI lost");
	check_fault(&device);

	check_dma(&device);
	map_doorbell(&device, window, window, WINDOW_SIZE);
	check_both(&device, "MSI, the RMR corrected");
	close_guest(&guest, &device);
}

static void act_reboot(const char *bdf, uint64_t window)
{
	struct guest_device device;
	struct guest guest;
	struct vmm reset;

	act('d', "the guest reboots, its MSI stays");
	open_guest(&guest, &device, bdf, window);
	set_window(&device);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	start_with_rmr(&device, window);
	check_both(&device, "MSI before");

	bypass_stage1(&device);
	check_both(&device, "MSI with stage 1 bypassed");
	check(!ioas_can_map(&guest.vmm, window, WINDOW_SIZE),
	      "the IOAS still keeps the window free");

	/* Firmware runs; this VMM gives it a separate IOAS */
	move_to_new_ioas(&device, &reset);
	check(!ioas_can_map(&reset, window, WINDOW_SIZE),
	      "that IOAS keeps the window free as well");
	check_both(&device, "MSI in that IOAS");

	/* This is how the guest's next kernel starts */
	forget_translations(&device);
	write_stage1(&device);
	map_doorbell(&device, window, window, WINDOW_SIZE);
	device.hwpt_id = alloc_nested(&device, true);
	attach(&device.vmm_device, device.hwpt_id);
	device.bypass = false;
	check_dma(&device);
	check_both(&device, "MSI after, not set up again");
	vmm_device_disable_msi(&device.vmm_device);
	enable_msi(&device.vmm_device);
	check_both(&device, "MSI after, set up again");
	close_guest(&guest, &device);
}

static void act_hotplug(const char *bdf1, const char *bdf2, uint64_t window)
{
	uint64_t window2 = window + 2 * WINDOW_SIZE;
	struct guest_device first, second;
	struct guest guest;

	act('e', "two devices, two windows, one device replugged");
	open_guest(&guest, &first, bdf1, window);
	set_window(&first);
	map_ram(&guest.vmm, GUEST_RAM_SIZE);
	start_with_rmr(&first, window);
	open_device(&guest, &second, 1, bdf2, window2);
	set_window(&second);
	start_with_rmr(&second, window2);
	check_dma(&first);
	check_dma(&second);
	check_both(&first, "MSI of the first");
	check_both(&second, "MSI of the second");

	unplug(&second);
	check(ioas_can_map(&guest.vmm, window2, WINDOW_SIZE) &&
	      !ioas_can_map(&guest.vmm, window, WINDOW_SIZE),
	      "the second unplugged, only its window is free");
	check_both(&first, "MSI of the first, alone");

	plug(bdf2);
	open_device(&guest, &second, 1, bdf2, window2);
	set_window(&second);
	viommu_command(&guest.viommu, SMMU_CMD_TLBI_NSNH_ALL);
	start_with_rmr(&second, window2);
	check(!ioas_can_map(&guest.vmm, window2, WINDOW_SIZE) &&
	      !ioas_can_map(&guest.vmm, window, WINDOW_SIZE),
	      "plugged again, both windows are kept free");
	check_dma(&second);
	check_both(&second, "MSI of the second, plugged again");
	check_dma(&first);
	check_both(&first, "MSI of the first");
	vmm_device_close(&second.vmm_device);
	close_guest(&guest, &first);
}

void nested_acts(const char *first, const char *second, uint64_t window)
{
	act_moved(first, window);
	act_default(first);
	act_disagree(first, window);
	act_reboot(first, window);
	act_hotplug(first, second, window);
}
