// SPDX-License-Identifier: GPL-2.0
/*
 * The acts with one stage of translation. Each opens an iommufd of its own.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "acts.h"
#include "say.h"
#include "steps.h"

/* Valid, and never the user's: the user's window is above the RAM */
#define OTHER_START		(DEFAULT_START + WINDOW_SIZE)

static void check_errno(int rc, int expected, const char *what)
{
	if (rc == expected)
		check(true, "%s: %s", what, errno_name(rc));
	else
		check(false, "%s: %s, not %s", what, errno_name(rc),
		      errno_name(expected));
}

static void check_refused(int rc, int expected, enum sw_msi_step step,
			  const char *what)
{
	check_errno(rc, expected, what);
	printf("       %s\n", sw_msi_strerror(step, expected));
}

static bool can_move(struct vmm *vmm, struct vmm_device *device)
{
	enum sw_msi_support support;
	int rc;

	rc = sw_msi_probe(vmm->iommufd, device->id, &support);
	if (rc)
		errx(1, "IOMMU_OPTION: %s",
		     sw_msi_strerror(SW_MSI_STEP_OPTION, rc));
	if (support == SW_MSI_SUPPORTED)
		return true;
	check(false, "the window can be moved: not supported");
	printf("       %s\n", support == SW_MSI_NO_KERNEL ?
	       "the kernel has no IOMMU_OPTION_SW_MSI_START" :
	       "the device has no IOMMU_RESV_SW_MSI region");
	return false;
}

static int set_window(struct vmm *vmm, struct vmm_device *device,
		      uint64_t start)
{
	return sw_msi_set_window(vmm->iommufd, device->id, start, WINDOW_SIZE);
}

static void act_default(const char *bdf)
{
	const struct region regions[] = {
		{ 0, "RAM", '=' },
		{ DEFAULT_START, "MSI window", '#' },
		{ DEFAULT_START + WINDOW_SIZE, "RAM?", '=' },
		{ RAM_SIZE, "free", ' ' },
	};
	struct vmm_device device;
	struct vmm vmm;
	int rc;

	act('a', "the default window is in the way of the RAM");
	picture(regions, 4);
	vmm_open(&vmm, RAM_SIZE);
	vmm_device_open(&vmm, &device, bdf);
	attach(&device, vmm.ioas_id);

	rc = vmm_map_ram(&vmm, 0, RAM_SIZE);
	check_errno(rc, -EINVAL, "mapping 256 MiB of RAM at 0 refused");
	rc = vmm_map_ram(&vmm, 0, DEFAULT_START);
	check_errno(rc, 0, "mapping the RAM below 128 MiB");
	rc = vmm_map_ram(&vmm, DEFAULT_START, WINDOW_SIZE);
	check_errno(rc, -EINVAL, "mapping the RAM at 128 MiB refused");
	vmm_unmap_all(&vmm);

	enable_msi(&device);
	check_msi(&device, "MSI without RAM", DEFAULT_START, 0);
	vmm_device_close(&device);
	vmm_close(&vmm);
}

static void run_moved(struct vmm *vmm, struct vmm_device *device,
		      uint64_t window, uint32_t pt_id, int stage)
{
	int rc;

	check_set(vmm, device, window);
	rc = vmm_device_attach(device, pt_id);
	check_done(rc, SW_MSI_STEP_ATTACH, "attaching");
	if (rc)
		return;
	check(ioas_can_map(vmm, DEFAULT_START, WINDOW_SIZE) &&
	      !ioas_can_map(vmm, window, WINDOW_SIZE),
	      "the IOAS keeps the new window free, not the default one");
	rc = vmm_map_ram(vmm, 0, RAM_SIZE);
	check_errno(rc, 0, "mapping 256 MiB of RAM at 0");

	enable_msi(device);
	check_msi(device, "MSI beside the RAM", window, stage);
}

static size_t moved_regions(struct region *regions, uint64_t window)
{
	size_t num = 0;

	regions[num++] = (struct region){ 0, "RAM 256 MiB", '=' };
	if (window > RAM_SIZE)
		regions[num++] = (struct region){ RAM_SIZE, "free", ' ' };
	regions[num++] = (struct region){ window, "MSI window", '#' };
	regions[num++] = (struct region){ window + WINDOW_SIZE, "free", ' ' };
	return num;
}

static void act_moved(const char *bdf, uint64_t window)
{
	struct vmm_device device;
	struct region regions[4];
	struct vmm vmm;

	act('b', "the window moved out of the way");
	picture(regions, moved_regions(regions, window));
	vmm_open(&vmm, RAM_SIZE);
	vmm_device_open(&vmm, &device, bdf);
	if (can_move(&vmm, &device))
		run_moved(&vmm, &device, window, vmm.ioas_id, 0);
	vmm_device_close(&device);
	vmm_close(&vmm);
}

static void run_refused(struct vmm *vmm, struct vmm_device *device,
			uint64_t window, uint64_t aperture_last)
{
	uint64_t start = 0, size = 0;
	int rc;

	check_set(vmm, device, window);
	rc = set_window(vmm, device, window + 0x1000);
	check_refused(rc, -EINVAL, SW_MSI_STEP_OPTION,
		      "setting it to an unaligned address refused");
	rc = sw_msi_set_window(vmm->iommufd, device->id, -WINDOW_SIZE,
			       2 * WINDOW_SIZE);
	check_refused(rc, -EOVERFLOW, SW_MSI_STEP_OPTION,
		      "setting it past the last address refused");
	rc = sw_msi_get_window(vmm->iommufd, device->id, &start, &size);
	check(!rc && start == window && size == WINDOW_SIZE,
	      "the window is still at 0x%" PRIx64, window);

	rc = vmm_map_ram(vmm, 0, RAM_SIZE);
	if (rc)
		errx(1, "map the RAM: %s", errno_name(rc));
	rc = set_window(vmm, device, DEFAULT_START);
	if (!rc)
		rc = vmm_device_attach(device, vmm->ioas_id);
	check_refused(rc, -EADDRINUSE, SW_MSI_STEP_ATTACH,
		      "attaching with it in the RAM refused");
	rc = set_window(vmm, device, aperture_last + 1);
	if (!rc)
		rc = vmm_device_attach(device, vmm->ioas_id);
	check_refused(rc, -EINVAL, SW_MSI_STEP_ATTACH,
		      "attaching with it outside the aperture refused");

	check_set(vmm, device, window);
	attach(device, vmm->ioas_id);
	rc = set_window(vmm, device, OTHER_START);
	check_refused(rc, -EBUSY, SW_MSI_STEP_OPTION,
		      "setting it while attached refused");
	enable_msi(device);
	check_msi(device, "MSI afterwards", window, 0);
}

static void act_refused(const char *bdf, uint64_t window,
			uint64_t aperture_last)
{
	const struct region regions[] = {
		{ 0, "RAM", '=' },
		{ DEFAULT_START, "refused", 'x' },
		{ DEFAULT_START + WINDOW_SIZE, "RAM", '=' },
		{ RAM_SIZE, "free", ' ' },
		{ aperture_last + 1, "refused", 'x' },
	};
	struct vmm_device device;
	struct vmm vmm;

	act('c', "windows that are refused, and the device works afterwards");
	picture(regions, 5);
	vmm_open(&vmm, RAM_SIZE);
	vmm_device_open(&vmm, &device, bdf);
	if (can_move(&vmm, &device))
		run_refused(&vmm, &device, window, aperture_last);
	vmm_device_close(&device);
	vmm_close(&vmm);
}

static void act_nested(const char *bdf, uint64_t window)
{
	struct vmm_device device;
	struct region regions[4];
	uint32_t hwpt_id;
	struct vmm vmm;
	int rc;

	act('d', "the same through a nest-parent HWPT (stage 2)");
	vmm_open(&vmm, RAM_SIZE);
	vmm_device_open(&vmm, &device, bdf);
	rc = vmm_alloc_nest_parent(&vmm, &device, &hwpt_id);
	if (rc == -EOPNOTSUPP) {
		printf("[skip] nest-parent HWPT: this IOMMU has no stage 2\n");
	} else if (rc) {
		check(false, "nest-parent HWPT: %s", errno_name(rc));
	} else if (can_move(&vmm, &device)) {
		picture(regions, moved_regions(regions, window));
		run_moved(&vmm, &device, window, hwpt_id, 2);
	}
	vmm_device_close(&device);
	vmm_close(&vmm);
}

void demo_acts(const char *bdf, uint64_t window, uint64_t aperture_last)
{
	act_default(bdf);
	act_moved(bdf, window);
	act_refused(bdf, window, aperture_last);
	act_nested(bdf, window);
}

void group_act(const char *bdf1, const char *bdf2, uint64_t window)
{
	struct vmm_device first, second;
	uint64_t start = DEFAULT_START;
	struct vmm vmm;
	int rc;

	act('e', "two functions of one slot, one IOMMU group");
	vmm_open(&vmm, RAM_SIZE);
	vmm_device_open(&vmm, &first, bdf1);
	vmm_device_open(&vmm, &second, bdf2);

	if (can_move(&vmm, &first)) {
		start = window;
		check_set(&vmm, &first, window);
	}
	attach(&first, vmm.ioas_id);
	if (start == window) {
		rc = set_window(&vmm, &second, OTHER_START);
		if (!rc)
			rc = vmm_device_attach(&second, vmm.ioas_id);
		check_refused(rc, -EBUSY, SW_MSI_STEP_ATTACH,
			      "attaching the second with another window refused");
		check_set(&vmm, &second, window);
	}
	attach(&second, vmm.ioas_id);

	enable_msi(&first);
	check_msi(&first, "MSI of the first", start, 0);
	vmm_device_close(&first);
	enable_msi(&second);
	check_msi(&second, "MSI of the second, the first gone", start, 0);
	vmm_device_disable_msi(&second);
	enable_msi(&second);
	check_msi(&second, "MSI of the second, set up again", start, 0);
	vmm_device_close(&second);
	vmm_close(&vmm);
}
