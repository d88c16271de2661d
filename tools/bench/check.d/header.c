// SPDX-License-Identifier: GPL-2.0
/*
 * Test include/sw_msi.h against a model of the kernel, without a device or
 * privileges. Compare the windows it picks with an exhaustive search.
 */
#include <stdio.h>
#include <stdlib.h>

#include <sys/ioctl.h>

static int model_ioctl(int fd, unsigned long op, void *arg);

#define ioctl model_ioctl
#include <sw_msi.h>
#undef ioctl

#define DEVICE		7
#define MIB		SW_MSI_UNIT

static int failures;

#define expect(cond) do {						\
	if (!(cond)) {							\
		printf("header.c:%d: %s\n", __LINE__, #cond);		\
		failures++;						\
	}								\
} while (0)

/* The kernel: one device, whose window may not meet RESERVED */

#define RESERVED_START	(64 * MIB)
#define RESERVED_LAST	(66 * MIB - 1)

static struct {
	uint64_t start, size, page;
	int no_options, no_region, attached;
} kernel;

static int window_error(uint64_t start, uint64_t mib)
{
	uint64_t last = start + (mib << 20) - 1;

	if (mib >> 44 || last < start)
		return EOVERFLOW;
	if (start <= RESERVED_LAST && last >= RESERVED_START)
		return EADDRINUSE;
	return 0;
}

static int set_error(uint32_t option, uint64_t val64)
{
	if (kernel.attached)
		return EBUSY;
	if (option == SW_MSI_OPTION_PAGE)
		return val64 == UINT64_MAX ? 0 : val64 % 4096 ? EINVAL :
		       val64 >= RESERVED_START && val64 <= RESERVED_LAST ?
		       EADDRINUSE : 0;
	if (option == SW_MSI_OPTION_START)
		return val64 % MIB ? EINVAL :
		       window_error(val64, kernel.size ? kernel.size : 1);
	if (!val64)
		return 0;
	if (kernel.start == UINT64_MAX)
		return EINVAL;
	return window_error(kernel.start, val64);
}

/* A VFIO device that has one vector prepared, by bytes: its data is not aligned */
static struct {
	uint32_t argsz, flags, index, start, count;
	uint64_t iova;
} irqs;

static int model_set_irqs(const void *arg)
{
	memset(&irqs, 0, sizeof(irqs));
	memcpy(&irqs, arg, 20);
	if (irqs.argsz > 20)
		memcpy(&irqs.iova, (const char *)arg + 20, irqs.argsz - 20);
	errno = irqs.iova % 4 ? EINVAL : 0;
	return errno ? -1 : 0;
}

static int model_ioctl(int fd, unsigned long op, void *arg)
{
	struct iommu_option *cmd = (struct iommu_option *)arg;
	uint64_t *value;

	if (fd == 4 && op == VFIO_DEVICE_SET_IRQS)
		return model_set_irqs(arg);
	expect(fd == 3 && op == IOMMU_OPTION);
	expect(cmd->size == sizeof(*cmd) && !cmd->__reserved);
	expect(cmd->option_id >= 2 && cmd->option_id <= 4);
	value = cmd->option_id == SW_MSI_OPTION_START ? &kernel.start :
		cmd->option_id == SW_MSI_OPTION_SIZE ? &kernel.size :
						       &kernel.page;
	errno = kernel.no_options ? EOPNOTSUPP :
		cmd->object_id != DEVICE ? ENOENT :
		kernel.no_region ? EOPNOTSUPP :
		cmd->op == IOMMU_OPTION_OP_GET ? 0 :
		set_error(cmd->option_id, cmd->val64);
	if (errno)
		return -1;
	if (cmd->op == IOMMU_OPTION_OP_GET)
		cmd->val64 = *value;
	else
		*value = cmd->val64;
	return 0;
}

static void reset_kernel(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.start = UINT64_MAX;
	kernel.page = UINT64_MAX;
}

static void test_probe(void)
{
	enum sw_msi_support support = SW_MSI_NO_KERNEL;

	reset_kernel();
	expect(!sw_msi_probe_kernel(3));
	expect(!sw_msi_probe(3, DEVICE, &support));
	expect(support == SW_MSI_SUPPORTED);
	expect(sw_msi_probe(3, DEVICE + 1, &support) == -ENOENT);
	kernel.no_region = 1;
	expect(!sw_msi_probe(3, DEVICE, &support));
	expect(support == SW_MSI_NO_REGION);
	kernel.no_options = 1;
	expect(sw_msi_probe_kernel(3) == -EOPNOTSUPP);
	expect(!sw_msi_probe(3, DEVICE, &support));
	expect(support == SW_MSI_NO_KERNEL);
}

/* A failed set leaves the old window in force, whichever step fails */
static void test_set(void)
{
	static const struct {
		uint64_t start, size;
		int rc;
	} windows[] = {
		{ 16 * MIB, MIB, 0 },
		{ 16 * MIB, 0, -EINVAL },
		{ 16 * MIB, MIB + 1, -EINVAL },
		{ 16 * MIB + 4096, MIB, -EINVAL },
		{ 65 * MIB, MIB, -EADDRINUSE },
		{ 63 * MIB, MIB, 0 },
		{ 63 * MIB, 2 * MIB, -EADDRINUSE },
		{ -MIB, MIB, 0 },
		{ -MIB, 2 * MIB, -EOVERFLOW },
		{ 0, 64 * MIB, 0 },
		{ 0, 65 * MIB, -EADDRINUSE },
	};
	const size_t num = sizeof(windows) / sizeof(windows[0]);
	uint64_t old_start, old_size, start, size;
	size_t i, j;

	for (i = 0; i < num; i++) {
		for (j = 0; j < num; j++) {
			reset_kernel();
			expect(sw_msi_set_window(3, DEVICE, windows[i].start,
						 windows[i].size) ==
			       windows[i].rc);
			expect(!sw_msi_get_window(3, DEVICE, &old_start,
						  &old_size));
			expect(old_size == (windows[i].rc ? 0 :
					    windows[i].size));
			expect(sw_msi_set_window(3, DEVICE, windows[j].start,
						 windows[j].size) ==
			       windows[j].rc);
			expect(!sw_msi_get_window(3, DEVICE, &start, &size));
			if (!windows[j].rc)
				expect(start == windows[j].start &&
				       size == windows[j].size);
			else if (old_size)
				expect(start == old_start && size == old_size);
			else
				expect(!size);
		}
	}

	kernel.attached = 1;
	expect(!sw_msi_get_window(3, DEVICE, &old_start, &old_size));
	expect(sw_msi_set_window(3, DEVICE, MIB, MIB) == -EBUSY);
	expect(sw_msi_reset_window(3, DEVICE) == -EBUSY);
	expect(!sw_msi_get_window(3, DEVICE, &start, &size));
	expect(start == old_start && size == old_size);
	kernel.attached = 0;
	expect(!sw_msi_reset_window(3, DEVICE));
	expect(!sw_msi_get_window(3, DEVICE, &start, &size) && !size);
}

static void test_page(void)
{
	uint64_t page = 0, iova = 0xffffffff12345040;

	reset_kernel();
	expect(!sw_msi_get_page(3, DEVICE, &page) && page == SW_MSI_PAGE_UNSET);
	expect(!sw_msi_set_page(3, DEVICE, 0x08090000));
	expect(!sw_msi_get_page(3, DEVICE, &page) && page == 0x08090000);
	expect(sw_msi_set_page(3, DEVICE, 0x08090001) == -EINVAL);
	expect(sw_msi_set_page(3, DEVICE, RESERVED_START) == -EADDRINUSE);
	expect(sw_msi_set_page(3, DEVICE + 1, 0) == -ENOENT);
	expect(!sw_msi_get_page(3, DEVICE, &page) && page == 0x08090000);
	expect(!sw_msi_set_page(3, DEVICE, SW_MSI_PAGE_UNSET));
	expect(!sw_msi_get_page(3, DEVICE, &page) && page == SW_MSI_PAGE_UNSET);

	expect(!sw_msi_prepare(4, VFIO_PCI_MSIX_IRQ_INDEX, 5, &iova));
	expect(irqs.argsz == 28 && irqs.flags == 0xc0 && irqs.iova == iova);
	expect(irqs.index == 2 && irqs.start == 5 && irqs.count == 1);
	expect(!sw_msi_prepare(4, VFIO_PCI_MSI_IRQ_INDEX, 0, NULL));
	expect(irqs.argsz == 20 && irqs.flags == 0x81);
	expect(irqs.index == 1 && !irqs.start && irqs.count == 1);
	iova++;
	expect(sw_msi_prepare(4, VFIO_PCI_MSIX_IRQ_INDEX, 5, &iova) == -EINVAL);
}

/* A small space of IOVA, at one of the ends, so that every place can be tried */

#define SPACE		24
#define NUM		3

static uint64_t base;

static void random_ranges(struct iommu_iova_range *ranges, size_t num,
			  uint64_t length)
{
	for (size_t i = 0; i < num; i++) {
		uint64_t first = rand() % (SPACE * 16);
		uint64_t last = first + rand() % (length * 16);

		if (last >= SPACE * 16)
			last = SPACE * 16 - 1;
		/* In 16ths of a unit, so that most are not aligned */
		ranges[i].start = base + first * (MIB / 16);
		ranges[i].last = base + last * (MIB / 16) + (MIB / 16 - 1);
	}
}

static int is_free(const struct iommu_iova_range *allowed,
		   const struct iommu_iova_range *guest,
		   const struct iommu_iova_range *reserved,
		   uint64_t start, uint64_t size)
{
	int inside = 0;

	for (size_t i = 0; i < NUM; i++) {
		uint64_t last = start + (size - 1);

		if (allowed[i].start <= start && allowed[i].last >= last)
			inside = 1;
		if (guest[i].start <= last && guest[i].last >= start)
			return 0;
		if (reserved[i].start <= last && reserved[i].last >= start)
			return 0;
	}
	return inside;
}

static void test_pick(void)
{
	struct iommu_iova_range allowed[NUM], guest[NUM], reserved[NUM];
	int found[2] = { 0, 0 };

	for (int round = 0; round < 20000; round++) {
		uint64_t size, near_start, start = 1, best = UINT64_MAX;
		int rc;

		base = round % 2 ? -(SPACE * MIB) : 0;
		random_ranges(allowed, NUM, SPACE);
		random_ranges(guest, NUM, 6);
		random_ranges(reserved, NUM, 3);
		size = (1 + rand() % 4) * MIB;
		near_start = base + rand() % (SPACE * 16) * (MIB / 16);

		for (uint64_t unit = 0; unit + size / MIB <= SPACE; unit++) {
			uint64_t distance = near_start - (base + unit * MIB);

			if ((int64_t)distance < 0)
				distance = -distance;
			if (is_free(allowed, guest, reserved, base + unit * MIB,
				    size) && distance < best)
				best = distance;
		}
		rc = sw_msi_pick_window(allowed, NUM, guest, NUM, reserved, NUM,
					size, near_start, &start);
		found[!rc]++;
		if (best == UINT64_MAX) {
			expect(rc == -ENOSPC && start == 1);
			continue;
		}
		expect(!rc && !(start % MIB));
		expect(is_free(allowed, guest, reserved, start, size));
		expect((start < near_start ? near_start - start :
					     start - near_start) == best);
	}
	expect(found[0] > 1000 && found[1] > 1000);
	expect(sw_msi_pick_window(allowed, NUM, NULL, 0, NULL, 0, 0, 0,
				  &base) == -EINVAL);
}

static void test_strerror(void)
{
	static const int steps[] = {
		SW_MSI_STEP_OPTION, SW_MSI_STEP_ATTACH, SW_MSI_STEP_IRQ,
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		enum sw_msi_step step = (enum sw_msi_step)steps[i];

		for (int err = 1; err < 134; err++) {
			const char *text = sw_msi_strerror(step, -err);

			expect(text && *text && strlen(text) <= 72);
			expect(!strchr(text, '\n'));
			expect(!strcmp(text, sw_msi_strerror(step, err)));
		}
	}
	expect(strcmp(sw_msi_strerror(SW_MSI_STEP_OPTION, EINVAL),
		      sw_msi_strerror(SW_MSI_STEP_ATTACH, EINVAL)));
	expect(strcmp(sw_msi_strerror(SW_MSI_STEP_IRQ, EIO), strerror(EIO)));
	expect(!strcmp(sw_msi_strerror(SW_MSI_STEP_IRQ, EPERM), strerror(EPERM)));
}

int main(void)
{
	test_probe();
	test_set();
	test_page();
	test_pick();
	test_strerror();
	return failures > 0;
}
