// SPDX-License-Identifier: GPL-2.0
/*
 * The commands for one window: show, check, test.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sw_msi.h>

#include "say.h"
#include "steps.h"
#include "verdict.h"
#include "vmm.h"
#include "window.h"

static uint64_t total_size(const struct iommu_iova_range *ranges, size_t num)
{
	uint64_t size = 0;

	for (size_t i = 0; i < num; i++)
		size += ranges[i].last - ranges[i].start + 1;
	return size;
}

static void open_device(struct vmm *vmm, struct vmm_device *device,
			const struct request *request)
{
	uint64_t size = total_size(request->ram, request->num_ram);

	vmm_open(vmm, size ? size : 1);
	vmm_device_open(vmm, device, request->bdf);
}

/* Words and pictures */

/**
 * struct span - a part of a map
 * @range: where it is
 * @label: what is there
 * @fill: the character that fills its box
 */
struct span {
	struct iommu_iova_range range;
	const char *label;
	char fill;
};

static int compare_edges(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Spans that come first hide those that come later */
static void draw(const struct span *spans, size_t num)
{
	struct region *regions = calloc(2 * num + 1, sizeof(*regions));
	uint64_t *edges = calloc(2 * num + 1, sizeof(*edges));
	size_t num_edges = 1, num_regions = 0;

	if (!regions || !edges)
		err(1, "map");
	for (size_t i = 0; i < num; i++) {
		edges[num_edges++] = spans[i].range.start;
		if (spans[i].range.last != UINT64_MAX)
			edges[num_edges++] = spans[i].range.last + 1;
	}
	qsort(edges, num_edges, sizeof(*edges), compare_edges);
	for (size_t i = 0; i < num_edges; i++) {
		struct region region = { edges[i], "not mappable", 'x' };

		for (size_t j = num; j-- > 0; ) {
			if (spans[j].range.start > edges[i] ||
			    spans[j].range.last < edges[i])
				continue;
			region.label = spans[j].label;
			region.fill = spans[j].fill;
		}
		if (!num_regions || strcmp(regions[num_regions - 1].label,
					   region.label))
			regions[num_regions++] = region;
	}
	picture(regions, num_regions);
	free(regions);
	free(edges);
}

static size_t add_spans(struct span *spans, size_t num,
			const struct iommu_iova_range *ranges, size_t count,
			const char *label, char fill)
{
	for (size_t i = 0; i < count; i++)
		spans[num++] = (struct span){ ranges[i], label, fill };
	return num;
}

static void print_size(uint64_t size)
{
	static const char units[] = "KMGTPE";
	int unit = -1;

	while (unit < 5 && size >= 1024 && !(size % 1024)) {
		size /= 1024;
		unit++;
	}
	if (unit < 0)
		printf("%" PRIu64 " bytes", size);
	else
		printf("%" PRIu64 " %ciB", size, units[unit]);
}

static void print_range(const struct iommu_iova_range *range)
{
	uint64_t size = range->last - range->start + 1;

	printf("0x%" PRIx64 "-0x%" PRIx64, (uint64_t)range->start,
	       (uint64_t)range->last);
	if (size) {
		printf(" (");
		print_size(size);
		putchar(')');
	}
}

static void json_range(const struct iommu_iova_range *range)
{
	printf("\"start\": \"0x%" PRIx64 "\", \"last\": \"0x%" PRIx64 "\"",
	       (uint64_t)range->start, (uint64_t)range->last);
}

static void json_ranges(const char *name,
			const struct iommu_iova_range *ranges,
			const char (*types)[TYPE_MAX], size_t num)
{
	printf("  \"%s\": [", name);
	for (size_t i = 0; i < num; i++) {
		printf("%s\n    { ", i ? "," : "");
		json_range(&ranges[i]);
		if (types)
			printf(", \"type\": \"%s\"", types[i]);
		printf(" }");
	}
	printf("%s],\n", num ? "\n  " : "");
}

/* swmsi show */

static const char *const support_words[] = {
	[SW_MSI_SUPPORTED] = "yes",
	[SW_MSI_NO_KERNEL] = "no-kernel",
	[SW_MSI_NO_REGION] = "no-region",
};

static void show_json(const struct device_map *map,
		      const struct request *request,
		      const struct iommu_iova_range *effective)
{
	printf("{\n  \"device\": \"%s\",\n  \"group\": %d,\n"
	       "  \"movable\": \"%s\",\n", request->bdf, map->group,
	       support_words[map->support]);
	if (map->support != SW_MSI_NO_REGION) {
		printf("  \"default_window\": { ");
		json_range(&map->dflt);
		printf(" },\n  \"effective_window\": { ");
		json_range(effective);
		printf(" },\n");
	}
	json_ranges("reserved_regions", map->reserved, map->type,
		    map->num_reserved);
	json_ranges("iova_ranges", map->allowed, NULL, map->num_allowed);
	printf("  \"aperture\": { ");
	json_range(&map->aperture);
	printf(" }\n}\n");
}

static void show_text(const struct device_map *map,
		      const struct request *request,
		      const struct iommu_iova_range *effective)
{
	size_t num = 0;
	struct span *spans = calloc(1 + map->num_fixed + map->num_allowed +
				    request->num_ram, sizeof(*spans));

	if (!spans)
		err(1, "map");
	printf("device            %s, IOMMU group %d\n", request->bdf,
	       map->group);
	printf("movable window    %s\n", support_name(map->support));
	if (map->support != SW_MSI_NO_REGION) {
		printf("default window    ");
		print_range(&map->dflt);
		printf("\neffective window  ");
		print_range(effective);
		putchar('\n');
		num = add_spans(spans, num, effective, 1, "MSI window", '#');
	}
	for (size_t i = 0; i < map->num_reserved; i++) {
		printf("%s", i ? "                  " : "reserved regions  ");
		print_range(&map->reserved[i]);
		printf(" %s\n", map->type[i]);
	}
	for (uint32_t i = 0; i < map->num_allowed; i++) {
		printf("%s", i ? "                  " : "IOVA ranges       ");
		print_range(&map->allowed[i]);
		putchar('\n');
	}
	putchar('\n');
	num = add_spans(spans, num, request->ram, request->num_ram, "RAM", '=');
	num = add_spans(spans, num, map->fixed, map->num_fixed, "reserved",
			'x');
	num = add_spans(spans, num, map->allowed, map->num_allowed, "free",
			' ');
	draw(spans, num);
	free(spans);
}

int window_show(const struct request *request)
{
	struct iommu_iova_range effective;
	uint64_t start = 0, size = 0;
	struct vmm_device device;
	struct device_map map;
	struct vmm vmm;
	int rc = 0;

	open_device(&vmm, &device, request);
	if (request->size)
		rc = sw_msi_set_window(vmm.iommufd, device.id, request->start,
				       request->size);
	if (rc)
		errx(1, "window at 0x%" PRIx64 ": %s: %s", request->start,
		     errno_name(rc), sw_msi_strerror(SW_MSI_STEP_OPTION, rc));
	read_map(&map, &vmm, &device, request->bdf);
	map_ranges(&vmm, request->ram, request->num_ram);

	effective = map.dflt;
	if (map.support == SW_MSI_SUPPORTED)
		sw_msi_get_window(vmm.iommufd, device.id, &start, &size);
	if (size)
		effective = range_of(start, size);
	if (request->json)
		show_json(&map, request, &effective);
	else
		show_text(&map, request, &effective);
	free(map.allowed);
	vmm_device_close(&device);
	vmm_close(&vmm);
	return 0;
}

/* swmsi check */

static void check_json(const struct request *request, struct verdict verdict,
		       bool has_nearest, const struct iommu_iova_range *nearest)
{
	printf("{\n  \"device\": \"%s\",\n"
	       "  \"start\": \"0x%" PRIx64 "\",\n"
	       "  \"size\": \"0x%" PRIx64 "\",\n"
	       "  \"accepted\": %s", request->bdf, request->start,
	       request->size, verdict.rc ? "false" : "true");
	if (verdict.rc)
		printf(",\n  \"errno\": \"%s\",\n  \"step\": \"%s\",\n"
		       "  \"reason\": \"%s\"", errno_name(verdict.rc),
		       verdict.step == SW_MSI_STEP_OPTION ? "set" : "attach",
		       sw_msi_strerror(verdict.step, verdict.rc));
	if (verdict.rc && has_nearest) {
		printf(",\n  \"nearest\": { ");
		json_range(nearest);
		printf(" }");
	}
	printf("\n}\n");
}

static void check_text(const struct device_map *map,
		       const struct request *request, struct verdict verdict,
		       bool has_nearest, const struct iommu_iova_range *nearest)
{
	struct iommu_iova_range window = range_of(request->start,
						  request->size);
	struct span spans[2 + RAM_RANGES_MAX + RESERVED_MAX + 1];
	size_t num = 0;

	if (verdict.rc) {
		printf("refused %s: %s\n%s\n", step_name(verdict.step),
		       errno_name(verdict.rc),
		       sw_msi_strerror(verdict.step, verdict.rc));
		if (!has_nearest) {
			printf("no window of this size fits\n");
			return;
		}
		printf("the nearest accepted window: ");
		print_range(nearest);
		putchar('\n');
		num = add_spans(spans, num, nearest, 1, "nearest", '#');
		if (window.last >= window.start)
			num = add_spans(spans, num, &window, 1, "refused", '!');
	} else {
		printf("accepted\n");
		num = add_spans(spans, num, &window, 1, "MSI window", '#');
	}
	putchar('\n');
	num = add_spans(spans, num, request->ram, request->num_ram, "RAM", '=');
	num = add_spans(spans, num, map->fixed, map->num_fixed, "reserved",
			'x');
	num = add_spans(spans, num, &map->aperture, 1, "free", ' ');
	draw(spans, num);
}

int window_check(const struct request *request)
{
	uint64_t start = 0, size = request->size;
	struct iommu_iova_range nearest;
	struct vmm_device device;
	struct device_map map;
	struct verdict verdict;
	bool has_nearest;
	struct vmm vmm;

	vmm_open(&vmm, SW_MSI_UNIT);
	vmm_device_open(&vmm, &device, request->bdf);
	read_map(&map, &vmm, &device, request->bdf);
	verdict = predict(&map, request->ram, request->num_ram, request->start,
			  request->size);
	has_nearest = !find_nearest(&map, request->ram, request->num_ram,
				    request->start, &size, &start);
	nearest = range_of(start, size);
	if (request->json)
		check_json(request, verdict, has_nearest, &nearest);
	else
		check_text(&map, request, verdict, has_nearest, &nearest);
	free(map.allowed);
	vmm_device_close(&device);
	vmm_close(&vmm);
	return verdict.rc != 0;
}

/* swmsi test */

static void test_json(const struct request *request, struct verdict verdict,
		      const struct iommu_iova_range *window,
		      uint64_t interrupts)
{
	static const char *const steps[] = {
		[SW_MSI_STEP_OPTION] = "set",
		[SW_MSI_STEP_ATTACH] = "attach",
		[SW_MSI_STEP_IRQ] = "interrupt",
	};

	printf("{\n  \"device\": \"%s\",\n  \"window\": { ", request->bdf);
	json_range(window);
	printf(" },\n");
	if (verdict.rc)
		printf("  \"errno\": \"%s\",\n  \"step\": \"%s\",\n"
		       "  \"reason\": \"%s\",\n", errno_name(verdict.rc),
		       steps[verdict.step],
		       sw_msi_strerror(verdict.step, verdict.rc));
	printf("  \"interrupts\": %" PRIu64 "\n}\n", interrupts);
}

int window_test(const struct request *request)
{
	struct iommu_iova_range window;
	struct device_map map = { 0 };
	struct vmm_device device;
	uint64_t interrupts = 0;
	struct verdict verdict;
	struct vmm vmm;

	read_reserved(&map, request->bdf);
	window = request->size ? range_of(request->start, request->size) :
				 map.dflt;
	if (!window.last)
		errx(1, "%s: %s", request->bdf,
		     support_name(SW_MSI_NO_REGION));
	open_device(&vmm, &device, request);
	map_ranges(&vmm, request->ram, request->num_ram);
	verdict = request->size ?
		  try_window(&vmm, &device, request->start, request->size) :
		  try_attach(&vmm, &device);
	if (!verdict.rc) {
		verdict.step = SW_MSI_STEP_IRQ;
		verdict.rc = vmm_device_enable_msi(&device);
	}
	if (request->json) {
		if (!verdict.rc)
			interrupts = vmm_device_raise_msi(&device);
		test_json(request, verdict, &window, interrupts);
	} else if (verdict.rc) {
		check(false, "window at 0x%" PRIx64 ": %s",
		      (uint64_t)window.start, errno_name(verdict.rc));
		printf("       %s\n",
		       sw_msi_strerror(verdict.step, verdict.rc));
	} else {
		check(true, "window at 0x%" PRIx64 "%s, attached",
		      (uint64_t)window.start, request->size ? " set" : "");
		check_msi(&device, "MSI", window.start, 0);
	}
	vmm_device_close(&device);
	vmm_close(&vmm);
	return verdict.rc || (request->json && interrupts != 1);
}
