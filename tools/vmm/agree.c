// SPDX-License-Identifier: GPL-2.0
/*
 * swmsi agree: compare the verdicts of "check" with those of the kernel.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sw_msi.h>

#include "say.h"
#include "steps.h"
#include "verdict.h"
#include "vmm.h"
#include "window.h"

static uint64_t random64(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^
	       (uint64_t)random();
}

/* Mostly next to the start or end of a range; any error is possible */
static void random_window(const struct device_map *map,
			  const struct request *request, uint64_t *start,
			  uint64_t *size)
{
	const struct iommu_iova_range *range;

	*size = (1 + random() % 4) * SW_MSI_UNIT;
	switch (random() % 8) {
	case 0:
		*start = random64();
		break;
	case 1:
		*start = random64() & map->aperture.last;
		break;
	case 2:
		*start = map->aperture.last + 1;
		break;
	case 3:
		*start = 0;
		break;
	case 4:
		*start = map->dflt.start;
		break;
	default:
		range = &request->ram[random() % request->num_ram];
		if (map->num_fixed && !(random() % 3))
			range = &map->fixed[random() % map->num_fixed];
		*start = random() % 2 ? range->start : range->last + 1;
		break;
	}
	/* Around the end of 64 bit too */
	*start += (random() % 9 - 4) * SW_MSI_UNIT;
	*start -= *start % SW_MSI_UNIT;
	if (!(random() % 8))
		*start += 1 + random() % (SW_MSI_UNIT - 1);

	switch (random() % 16) {
	case 0:
		*size = 0;
		break;
	case 1:
		*size += 1 + random() % (SW_MSI_UNIT - 1);
		break;
	case 2:
	case 3:
		*size = SW_MSI_UNIT << random() % 44;
		break;
	}
}

static bool same(struct verdict a, struct verdict b)
{
	return a.rc == b.rc && a.step == b.step;
}

/*
 * RAM in four places. It is small, because each attach maps it, and placed so
 * that a window can overlap both RAM and the end of the aperture.
 */
static void small_ram(struct request *request, const struct device_map *map)
{
	const uint64_t unit = SW_MSI_UNIT;

	request->ram[0] = range_of(0, 3 * unit);
	request->ram[1] = range_of(map->dflt.start, unit);
	request->ram[2] = range_of((uint64_t)4 << 30, unit / 2);
	request->ram[3] = range_of(map->aperture.last + 1 - 3 * unit, unit);
	request->num_ram = 4;
}

static void report_agree(const struct request *request, unsigned int agreed,
			 unsigned int nearest, unsigned int *counts)
{
	static const char *const names[] = {
		"accepted", "EINVAL when set", "EOVERFLOW when set",
		"EADDRINUSE when set", "EADDRINUSE on attach",
		"EINVAL on attach",
	};

	if (request->json) {
		printf("{\n  \"seed\": %u,\n  \"windows\": %u,\n"
		       "  \"agreed\": %u\n}\n", request->seed, request->count,
		       agreed);
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		printf("%6u %s\n", counts[i], names[i]);
	printf("%6u refused, and the nearest place accepted\n", nearest);
	check(agreed == request->count,
	      "check and the kernel agree on %u of %u windows, seed %u",
	      agreed, request->count, request->seed);
}

static size_t kind_of(struct verdict verdict)
{
	bool set = verdict.step == SW_MSI_STEP_OPTION;

	switch (-verdict.rc) {
	case 0:
		return 0;
	case EINVAL:
		return set ? 1 : 5;
	case EOVERFLOW:
		return 2;
	default:
		return set ? 3 : 4;
	}
}

/* Check that an MSI works in the window that is found */
static void raise_nearest(struct vmm *vmm, struct vmm_device *device,
			  const struct device_map *map,
			  const struct request *request)
{
	uint64_t start = 0, size = SW_MSI_UNIT;
	struct verdict verdict;
	int rc;

	rc = find_nearest(map, request->ram, request->num_ram, map->dflt.start,
			  &size, &start);
	if (!rc) {
		verdict = try_window(vmm, device, start, size);
		rc = verdict.rc;
	}
	if (!rc)
		rc = vmm_device_enable_msi(device);
	check(!rc, "window at 0x%" PRIx64 ", nearest to the default: %s", start,
	      errno_name(rc));
	if (!rc)
		check_msi(device, "MSI there", start, 0);
}

int window_agree(const struct request *request)
{
	unsigned int counts[6] = { 0 }, agreed = 0, nearest = 0;
	struct request machine = *request;
	struct vmm_device device;
	struct device_map map;
	struct vmm vmm;
	uint64_t start, size, near_start;

	vmm_open(&vmm, 16 * SW_MSI_UNIT);
	vmm_device_open(&vmm, &device, request->bdf);
	read_map(&map, &vmm, &device, request->bdf);
	vmm_device_detach(&device);
	if (map.support != SW_MSI_SUPPORTED)
		errx(1, "%s: movable window: %s", request->bdf,
		     support_name(map.support));
	small_ram(&machine, &map);
	map_ranges(&vmm, machine.ram, machine.num_ram);

	srandom(request->seed);
	for (unsigned int i = 0; i < request->count; i++) {
		struct verdict said, kernel;

		random_window(&map, &machine, &start, &size);
		said = predict(&map, machine.ram, machine.num_ram, start, size);
		kernel = try_window(&vmm, &device, start, size);
		if (!kernel.rc)
			vmm_device_detach(&device);
		counts[kind_of(kernel)]++;
		if (!same(said, kernel)) {
			fprintf(stderr, "swmsi: 0x%" PRIx64 ", 0x%" PRIx64
				" bytes: check says %s %s, the kernel %s %s\n",
				start, size, errno_name(said.rc),
				step_name(said.step), errno_name(kernel.rc),
				step_name(kernel.step));
			continue;
		}
		if (kernel.rc &&
		    !find_nearest(&map, machine.ram, machine.num_ram, start,
				  &size, &near_start)) {
			kernel = try_window(&vmm, &device, near_start, size);
			if (kernel.rc) {
				fprintf(stderr, "swmsi: 0x%" PRIx64 ", 0x%"
					PRIx64 " bytes, nearest to 0x%" PRIx64
					": the kernel says %s %s\n", near_start,
					size, start, errno_name(kernel.rc),
					step_name(kernel.step));
				continue;
			}
			vmm_device_detach(&device);
			nearest++;
		}
		agreed++;
	}
	report_agree(request, agreed, nearest, counts);

	if (!request->json)
		raise_nearest(&vmm, &device, &map, &machine);
	free(map.allowed);
	vmm_device_close(&device);
	vmm_close(&vmm);
	return agreed != request->count;
}
