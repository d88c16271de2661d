// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"
#include "verdict.h"

struct iommu_iova_range range_of(uint64_t start, uint64_t size)
{
	return (struct iommu_iova_range){ start, start + (size - 1) };
}

/*
 * sysfs calls hardware and software MSI regions "msi". A device with a software
 * one has none of the other kind: iommufd attaches no device that has both.
 */
void read_reserved(struct device_map *map, const char *bdf)
{
	char path[PATH_MAX], link[PATH_MAX] = "", type[TYPE_MAX];
	struct iommu_iova_range range;
	uint64_t start, last;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 bdf);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		err(1, "%s: no IOMMU group", bdf);
	map->group = atoi(strrchr(link, '/') + 1);

	strcat(path, "/reserved_regions");
	file = fopen(path, "r");
	if (!file)
		err(1, "%s", path);
	while (map->num_reserved < RESERVED_MAX &&
	       fscanf(file, "%" SCNx64 " %" SCNx64 " %31s", &start, &last,
		      type) == 3) {
		range.start = start;
		range.last = last;
		strcpy(map->type[map->num_reserved], type);
		map->reserved[map->num_reserved++] = range;
		if (!strcmp(type, "msi"))
			map->dflt = range;
		else if (strcmp(type, "direct-relaxable"))
			map->fixed[map->num_fixed++] = range;
	}
	fclose(file);
}

void map_ranges(struct vmm *vmm, const struct iommu_iova_range *ranges,
		size_t num)
{
	uint64_t offset = 0;
	int rc;

	for (size_t i = 0; i < num; i++) {
		uint64_t size = ranges[i].last - ranges[i].start + 1;

		rc = vmm_map_ram_at(vmm, offset, size, ranges[i].start);
		if (rc)
			errx(1, "mapping RAM at 0x%" PRIx64 ": %s",
			     (uint64_t)ranges[i].start, errno_name(rc));
		offset += size;
	}
}

/*
 * Attach the device, as only then the aperture is visible. If an end of the
 * aperture is reserved, that part is not counted as aperture.
 */
void read_map(struct device_map *map, struct vmm *vmm,
	      struct vmm_device *device, const char *bdf)
{
	int rc;

	memset(map, 0, sizeof(*map));
	read_reserved(map, bdf);
	rc = sw_msi_probe(vmm->iommufd, device->id, &map->support);
	if (rc)
		errx(1, "%s: %s", bdf, sw_msi_strerror(SW_MSI_STEP_OPTION, rc));
	rc = vmm_device_attach(device, vmm->ioas_id);
	if (rc)
		errx(1, "%s: attach: %s: %s", bdf, errno_name(rc),
		     sw_msi_strerror(SW_MSI_STEP_ATTACH, rc));
	map->allowed = vmm_iova_ranges(vmm, &map->num_allowed);
	if (!map->num_allowed)
		errx(1, "%s: its domain has no IOVA at all", bdf);
	map->aperture.start = map->allowed[0].start;
	map->aperture.last = map->allowed[map->num_allowed - 1].last;
}

/* Predict whether a window is accepted, without asking the kernel */

static bool overlaps(const struct iommu_iova_range *ranges, size_t num,
		     uint64_t start, uint64_t last)
{
	for (size_t i = 0; i < num; i++)
		if (ranges[i].start <= last && ranges[i].last >= start)
			return true;
	return false;
}

/* In the order of the checks of sw_msi_set_window() and of attach */
struct verdict predict(const struct device_map *map,
		       const struct iommu_iova_range *ram, size_t num_ram,
		       uint64_t start, uint64_t size)
{
	uint64_t last = start + (size - 1);

	if (!size || size % SW_MSI_UNIT)
		return (struct verdict){ -EINVAL, SW_MSI_STEP_OPTION };
	if (map->support != SW_MSI_SUPPORTED)
		return (struct verdict){ -EOPNOTSUPP, SW_MSI_STEP_OPTION };
	if (start % SW_MSI_UNIT)
		return (struct verdict){ -EINVAL, SW_MSI_STEP_OPTION };
	/* The start is set first, and checked for the least size */
	if (overlaps(map->fixed, map->num_fixed, start,
		     start + (SW_MSI_UNIT - 1)))
		return (struct verdict){ -EADDRINUSE, SW_MSI_STEP_OPTION };
	if (last < start)
		return (struct verdict){ -EOVERFLOW, SW_MSI_STEP_OPTION };
	if (overlaps(map->fixed, map->num_fixed, start, last))
		return (struct verdict){ -EADDRINUSE, SW_MSI_STEP_OPTION };

	if (overlaps(ram, num_ram, start, last))
		return (struct verdict){ -EADDRINUSE, SW_MSI_STEP_ATTACH };
	if (start < map->aperture.start || last > map->aperture.last)
		return (struct verdict){ -EINVAL, SW_MSI_STEP_ATTACH };
	return (struct verdict){ 0, SW_MSI_STEP_ATTACH };
}

int find_nearest(const struct device_map *map,
		 const struct iommu_iova_range *ram, size_t num_ram,
		 uint64_t start, uint64_t *size, uint64_t *nearest)
{
	if (map->support != SW_MSI_SUPPORTED)
		return -EOPNOTSUPP;
	*size = *size < SW_MSI_UNIT ? SW_MSI_UNIT : *size - *size % SW_MSI_UNIT;
	return sw_msi_pick_window(&map->aperture, 1, ram, num_ram, map->fixed,
				  map->num_fixed, *size, start, nearest);
}

/* Ask the kernel; if it accepts the window, the device is left attached */

struct verdict try_attach(struct vmm *vmm, struct vmm_device *device)
{
	return (struct verdict){ vmm_device_attach(device, vmm->ioas_id),
				 SW_MSI_STEP_ATTACH };
}

struct verdict try_window(struct vmm *vmm, struct vmm_device *device,
			  uint64_t start, uint64_t size)
{
	int rc = sw_msi_set_window(vmm->iommufd, device->id, start, size);

	if (rc)
		return (struct verdict){ rc, SW_MSI_STEP_OPTION };
	return try_attach(vmm, device);
}

const char *support_name(enum sw_msi_support support)
{
	static const char *const names[] = {
		[SW_MSI_SUPPORTED] = "yes",
		[SW_MSI_NO_KERNEL] = "no: the kernel has no IOMMU_OPTION_SW_MSI_START",
		[SW_MSI_NO_REGION] = "no: the device has no IOMMU_RESV_SW_MSI region",
	};

	return names[support];
}

const char *step_name(enum sw_msi_step step)
{
	return step == SW_MSI_STEP_OPTION ? "when set" : "on attach";
}
