// SPDX-License-Identifier: GPL-2.0
/*
 * What the software MSI window costs: time and memory, measured through the
 * mock devices of IOMMUFD_TEST.
 *
 *	iommufd_sw_msi_bench ROUNDS SET...
 *
 * Prints one sample a line, tab separated: name, number of live windows or
 * pages, value. A value is nanoseconds for one ioctl, unless the name begins
 * with "memory": bytes then. Batches of what is to be compared take turns. A
 * sample is the fastest batch of a round, which other load on the machine has
 * disturbed least. Nothing is subtracted; "empty ioctl" is what of a time is not
 * iommufd's.
 *
 * The sets are:
 *	limits		4096 windows, 4096 pages in a window: counts, not times
 *	default		what a kernel without the options can do as well
 *	windows		MSI preparation by number of live windows
 *	pages		MSI preparation by number of live pages in one window
 *	options		SET and GET
 *	attach		attach, replace and detach, user's against default window
 *	replace		replace by number of live pages
 *	memory		bytes for each device, window, page
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <time.h>

#define __EXPORTED_HEADERS__
#include <linux/iommufd.h>

#include "iommufd_utils.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

enum {
	MAX_LIVE = 4096,
	/* Preparations of new pages in one sample */
	NR_NEW = 16,
	/* Calls in one batch, and batches of each kind in one sample */
	BATCH = 128,
	NR_BATCHES = 64,
	/* Devices that are attached and detached in one batch */
	NR_ATTACH = 64,
	/* Far less than the shortest batch */
	MAX_TICK_NS = 50000,
};

#define SZ_1M 0x100000ULL

/* Some doorbell, the pages after it are doorbells as well */
#define DOORBELL 0x8080000ULL

static const unsigned int live_counts[] = { 1, 16, 64, 256, 1024, MAX_LIVE };
static const unsigned int default_counts[] = { 1, 16, 48 };

#define NR_COUNTS ARRAY_LEN(live_counts)

static unsigned int round_nr;

struct dev {
	__u32 stdev_id;
	__u32 dev_id;
};

/* One iommufd with an IOAS and, once there is a device, a domain of its own */
struct vm {
	int fd;
	__u32 ioas_id;
	__u32 hwpt_id;
	unsigned int nr_devs;
	struct dev devs[MAX_LIVE + NR_NEW];
};

static void die(const char *what)
{
	fprintf(stderr, "iommufd_sw_msi_bench: %s: %s\n", what,
		strerror(errno));
	exit(1);
}

static void check(int rc, const char *what)
{
	if (rc)
		die(what);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void sample(const char *name, unsigned int nr, double value)
{
	printf("%s\t%u\t%.1f\n", name, nr, value);
}

/* Nanoseconds for one call in the fastest batch, 0 before the first */
static void batch_end(double *ns, double start, unsigned int calls)
{
	double this = (now() - start) / calls;

	if (!*ns || this < *ns)
		*ns = this;
}

static struct vm *vm_open(void)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		die("calloc");
	vm->fd = open("/dev/iommu", O_RDWR);
	if (vm->fd < 0)
		die("/dev/iommu");
	check(_test_ioctl_ioas_alloc(vm->fd, &vm->ioas_id), "IOMMU_IOAS_ALLOC");
	return vm;
}

static void vm_close(struct vm *vm)
{
	close(vm->fd);
	free(vm);
}

static void hwpt_alloc(struct vm *vm, __u32 ioas_id, __u32 *hwpt_id)
{
	check(_test_cmd_hwpt_alloc(vm->fd, vm->devs[0].dev_id, ioas_id, 0, 0,
				   hwpt_id, IOMMU_HWPT_DATA_NONE, NULL, 0),
	      "IOMMU_HWPT_ALLOC");
}

/* Bound, not attached */
static struct dev *vm_add_dev(struct vm *vm)
{
	struct dev *dev = &vm->devs[vm->nr_devs];

	check(_test_cmd_mock_domain_flags(vm->fd, vm->ioas_id,
					  MOCK_FLAGS_DEVICE_NO_ATTACH |
					  MOCK_FLAGS_DEVICE_LARGE_APERTURE,
					  &dev->stdev_id, NULL, &dev->dev_id),
	      "IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS");
	if (!vm->nr_devs++)
		hwpt_alloc(vm, vm->ioas_id, &vm->hwpt_id);
	return dev;
}

static void attach(struct vm *vm, struct dev *dev)
{
	check(_test_cmd_attach(vm->fd, dev->stdev_id, vm->hwpt_id, NULL),
	      "attach");
}

static void detach(struct vm *vm, struct dev *dev)
{
	check(_test_cmd_pasid_detach(vm->fd, dev->stdev_id, 0), "detach");
}

static void replace(struct vm *vm, struct dev *dev, __u32 hwpt_id)
{
	check(_test_cmd_mock_domain_replace(vm->fd, dev->stdev_id, hwpt_id,
					    NULL),
	      "replace");
}

static void prepare(struct vm *vm, struct dev *dev, unsigned int page,
		    __u64 *iova)
{
	check(_test_cmd_prepare_msi(vm->fd, dev->stdev_id,
				    DOORBELL + (__u64)page * PAGE_SIZE, iova),
	      "IOMMU_TEST_OP_PREPARE_MSI");
}

static __u64 option(struct vm *vm, __u16 op, __u32 id, __u32 object, __u64 val)
{
	check(_test_cmd_option(vm->fd, op, id, object, &val), "IOMMU_OPTION");
	return val;
}

static void set_window(struct vm *vm, struct dev *dev, __u64 start, __u64 size)
{
	option(vm, IOMMU_OPTION_OP_SET, IOMMU_OPTION_SW_MSI_START, dev->dev_id,
	       start);
	option(vm, IOMMU_OPTION_OP_SET, IOMMU_OPTION_SW_MSI_SIZE, dev->dev_id,
	       size);
}

/*
 * The window of the i-th device, 1 MiB. They lie side by side, below the
 * reserved region as many as there is room for, the others above it.
 */
static __u64 window_start(unsigned int i)
{
	const unsigned int nr_low =
		(MOCK_RESV_START - MOCK_APERTURE_START) / SZ_1M;

	if (i < nr_low)
		return MOCK_APERTURE_START + i * SZ_1M;
	return MOCK_RESV_LAST + 1ULL + (i - nr_low) * SZ_1M;
}

/* MiB for so many pages */
static __u64 size_for_pages(unsigned int nr)
{
	return DIV_ROUND_UP((__u64)nr * PAGE_SIZE, SZ_1M);
}

static void add_window_devs(struct vm *vm, unsigned int nr)
{
	while (vm->nr_devs < nr) {
		unsigned int i = vm->nr_devs;
		struct dev *dev = vm_add_dev(vm);

		set_window(vm, dev, window_start(i), 1);
		attach(vm, dev);
	}
}

static void add_dev_for_pages(struct vm *vm, unsigned int nr)
{
	struct dev *dev = vm_add_dev(vm);

	set_window(vm, dev, MOCK_APERTURE_START, size_for_pages(nr));
	attach(vm, dev);
}

/* Fails if the page of the window at start is not where it has to be */
static void check_page(struct vm *vm, __u64 iova, __u64 start, __u64 size,
		       unsigned int page)
{
	__u64 phys;

	if (iova < start || iova - start >= size * SZ_1M) {
		errno = ERANGE;
		die("an MSI page outside its window");
	}
	check(_test_cmd_md_lookup(vm->fd, vm->hwpt_id, iova, &phys),
	      "IOMMU_TEST_OP_MD_LOOKUP");
	if (phys != DOORBELL + (__u64)page * PAGE_SIZE) {
		errno = EFAULT;
		die("an IOVA with another MSI page");
	}
}

static void run_limits(void)
{
	struct vm *vm = vm_open();
	static __u64 iovas[MAX_LIVE];
	unsigned int i, j;
	__u64 iova;

	/*
	 * A doorbell for each device: where two windows shared an IOVA, the
	 * lookup would find the wrong one.
	 */
	add_window_devs(vm, MAX_LIVE);
	for (i = 0; i < MAX_LIVE; i++)
		prepare(vm, &vm->devs[i], i, &iovas[i]);
	for (i = 0; i < MAX_LIVE; i++)
		check_page(vm, iovas[i], window_start(i), 1, i);
	sample("limit windows", MAX_LIVE, i);
	vm_close(vm);

	vm = vm_open();
	j = size_for_pages(MAX_LIVE) * SZ_1M / PAGE_SIZE;
	add_dev_for_pages(vm, j);
	for (i = 0; i < j; i++) {
		prepare(vm, &vm->devs[0], i, &iova);
		check_page(vm, iova, MOCK_APERTURE_START,
			   size_for_pages(MAX_LIVE), i);
	}
	if (!_test_cmd_prepare_msi(vm->fd, vm->devs[0].stdev_id,
				   DOORBELL + (__u64)j * PAGE_SIZE, NULL) ||
	    errno != ENOSPC)
		die("a page too many for the window is not ENOSPC");
	sample("limit pages", MAX_LIVE, i);
	vm_close(vm);
}

/*
 * Preparation with nr live windows of a page each, or nr live pages in one
 * window. A new page makes one more of them, so a sample of one or few needs
 * more than one vm.
 */
struct prepare_vms {
	unsigned int nr;
	unsigned int nr_vms;
	struct vm *vms[NR_NEW];
};

static void prepare_one(struct vm *vm, bool pages, unsigned int i)
{
	prepare(vm, &vm->devs[pages ? 0 : i], pages ? i : 0, NULL);
}

static void prepare_fill(struct prepare_vms *set, bool pages, unsigned int nr)
{
	unsigned int i, j;

	set->nr = nr;
	set->nr_vms = nr < NR_NEW ? NR_NEW : 1;
	for (i = 0; i < set->nr_vms; i++) {
		struct vm *vm = set->vms[i] = vm_open();

		if (pages)
			add_dev_for_pages(vm, nr + NR_NEW);
		else
			add_window_devs(vm, nr + NR_NEW / set->nr_vms);
		for (j = 0; j < nr; j++)
			prepare_one(vm, pages, j);
	}
}

static double time_new(struct prepare_vms *set, bool pages)
{
	double start = now();
	unsigned int i;

	for (i = 0; i < NR_NEW; i++)
		prepare_one(set->vms[i % set->nr_vms], pages,
			    set->nr + i / set->nr_vms);
	return (now() - start) / NR_NEW;
}

/* nr is a power of two: the odd stride visits all, far from each other */
static unsigned int stride(struct prepare_vms *set, unsigned int i)
{
	return i * 1009 % set->nr;
}

static void time_known(struct prepare_vms *set, bool pages, bool all,
		       unsigned int batch, double *ns)
{
	double start = now();
	unsigned int i;

	for (i = batch * BATCH; i != (batch + 1) * BATCH; i++)
		prepare_one(set->vms[0], pages, all ? stride(set, i) : 0);
	batch_end(ns, start, BATCH);
}

/* A GET of the same devices in the same order, without any MSI */
static void time_get_all(struct prepare_vms *set, unsigned int batch,
			 double *ns)
{
	struct vm *vm = set->vms[0];
	double start = now();
	unsigned int i;

	for (i = batch * BATCH; i != (batch + 1) * BATCH; i++)
		option(vm, IOMMU_OPTION_OP_GET, IOMMU_OPTION_SW_MSI_SIZE,
		       vm->devs[stride(set, i)].dev_id, 0);
	batch_end(ns, start, BATCH);
}

static void run_prepare(bool pages)
{
	static struct prepare_vms sets[NR_COUNTS];
	double all[NR_COUNTS] = {};
	double one[NR_COUNTS] = {};
	double get[NR_COUNTS] = {};
	unsigned int i, j;

	for (i = 0; i < NR_COUNTS; i++)
		prepare_fill(&sets[i], pages, live_counts[i]);

	for (i = 0; i < NR_COUNTS; i++) {
		struct prepare_vms *set =
			&sets[round_nr % 2 ? i : NR_COUNTS - 1 - i];

		/* Filling the others has put this one out of the caches */
		for (j = 0; j < set->nr_vms; j++)
			prepare_one(set->vms[j], pages, 0);
		sample(pages ? "new page, pages" : "new page, windows", set->nr,
		       time_new(set, pages));
	}

	for (i = 0; i < NR_BATCHES; i++) {
		for (j = 0; j < NR_COUNTS; j++) {
			time_known(&sets[j], pages, true, i, &all[j]);
			time_known(&sets[j], pages, false, i, &one[j]);
			if (!pages)
				time_get_all(&sets[j], i, &get[j]);
		}
	}
	for (i = 0; i < NR_COUNTS; i++) {
		sample(pages ? "known page, pages in turn" :
			       "known page, windows in turn",
		       sets[i].nr, all[i]);
		sample(pages ? "known page, one of the pages" :
			       "known page, one of the windows",
		       sets[i].nr, one[i]);
		if (!pages)
			sample("GET SIZE, devices in turn", sets[i].nr, get[i]);
		for (j = 0; j < sets[i].nr_vms; j++)
			vm_close(sets[i].vms[j]);
	}
}

static void run_windows(void)
{
	run_prepare(false);
}

static void run_pages(void)
{
	run_prepare(true);
}

static void time_empty_ioctl(struct vm *vm, double *ns)
{
	double start = now();
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		ioctl(vm->fd, _IO(IOMMUFD_TYPE, 0));
	batch_end(ns, start, BATCH);
}

static void time_option(struct vm *vm, __u16 op, __u32 id, __u32 object,
			__u64 val, double *ns)
{
	double start = now();
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		option(vm, op, id, object, val);
	batch_end(ns, start, BATCH);
}

static void run_options(void)
{
	enum { EMPTY, HUGE, GET_START, GET_SIZE, SET_START, SET_SIZE, NR };
	static const char *const names[NR] = {
		[EMPTY] = "empty ioctl",
		[HUGE] = "GET HUGE_PAGES",
		[GET_START] = "GET START",
		[GET_SIZE] = "GET SIZE",
		[SET_START] = "SET START",
		[SET_SIZE] = "SET SIZE",
	};
	double ns[NR] = {};
	struct vm *vm = vm_open();
	struct dev *dev = vm_add_dev(vm);
	unsigned int i;

	set_window(vm, dev, MOCK_APERTURE_START, 1);
	for (i = 0; i < NR_BATCHES; i++) {
		time_empty_ioctl(vm, &ns[EMPTY]);
		time_option(vm, IOMMU_OPTION_OP_GET, IOMMU_OPTION_HUGE_PAGES,
			    vm->ioas_id, 0, &ns[HUGE]);
		time_option(vm, IOMMU_OPTION_OP_GET, IOMMU_OPTION_SW_MSI_START,
			    dev->dev_id, 0, &ns[GET_START]);
		time_option(vm, IOMMU_OPTION_OP_GET, IOMMU_OPTION_SW_MSI_SIZE,
			    dev->dev_id, 0, &ns[GET_SIZE]);
		time_option(vm, IOMMU_OPTION_OP_SET, IOMMU_OPTION_SW_MSI_START,
			    dev->dev_id, window_start(i), &ns[SET_START]);
		time_option(vm, IOMMU_OPTION_OP_SET, IOMMU_OPTION_SW_MSI_SIZE,
			    dev->dev_id, 1 + i % 2, &ns[SET_SIZE]);
	}
	for (i = 0; i < NR; i++)
		sample(names[i], 0, ns[i]);
	vm_close(vm);
}

enum { ATTACH, REPLACE_HWPT, REPLACE_IOAS, DETACH, NR_STEPS };

/* Devices without MSI pages come, move within the IOAS, to another, and go */
static void time_attach(struct vm *vm, __u32 same_ioas, __u32 other_ioas,
			double *ns)
{
	double start = now();
	unsigned int i;

	for (i = 0; i < vm->nr_devs; i++)
		attach(vm, &vm->devs[i]);
	batch_end(&ns[ATTACH], start, vm->nr_devs);

	start = now();
	for (i = 0; i < vm->nr_devs; i++)
		replace(vm, &vm->devs[i], same_ioas);
	batch_end(&ns[REPLACE_HWPT], start, vm->nr_devs);

	start = now();
	for (i = 0; i < vm->nr_devs; i++)
		replace(vm, &vm->devs[i], other_ioas);
	batch_end(&ns[REPLACE_IOAS], start, vm->nr_devs);

	start = now();
	for (i = 0; i < vm->nr_devs; i++)
		detach(vm, &vm->devs[i]);
	batch_end(&ns[DETACH], start, vm->nr_devs);
}

static void measure_attach(bool user)
{
	static const char *const names[2][NR_STEPS] = {
		{
			[ATTACH] = "attach, default",
			[REPLACE_HWPT] = "replace HWPT, default",
			[REPLACE_IOAS] = "replace IOAS, default",
			[DETACH] = "detach, default",
		},
		{
			[ATTACH] = "attach, user's",
			[REPLACE_HWPT] = "replace HWPT, user's",
			[REPLACE_IOAS] = "replace IOAS, user's",
			[DETACH] = "detach, user's",
		},
	};
	double ns[2][NR_STEPS] = {};
	__u32 same_ioas, other_ioas;
	struct vm *vm = vm_open();
	unsigned int i, j, step;
	__u32 ioas_id;

	for (i = 0; i < NR_ATTACH; i++)
		vm_add_dev(vm);
	check(_test_ioctl_ioas_alloc(vm->fd, &ioas_id), "IOMMU_IOAS_ALLOC");
	hwpt_alloc(vm, vm->ioas_id, &same_ioas);
	hwpt_alloc(vm, ioas_id, &other_ioas);

	/* The same devices, so that only the window differs */
	for (i = 0; i < NR_BATCHES * (1 + user); i++) {
		unsigned int which = user && (i + round_nr) % 2;

		for (j = 0; user && j < NR_ATTACH; j++)
			set_window(vm, &vm->devs[j], window_start(j), which);
		time_attach(vm, same_ioas, other_ioas, ns[which]);
	}
	for (i = 0; i < 1U + user; i++)
		for (step = 0; step < NR_STEPS; step++)
			sample(names[i][step], 0, ns[i][step]);
	vm_close(vm);
}

static void run_attach(void)
{
	measure_attach(true);
}

/* One more device comes to an IOAS that has nr of them, and goes */
static void measure_crowd(void)
{
	struct vm *vm = vm_open();
	unsigned int i, j;

	for (i = 0; i < NR_COUNTS; i++) {
		double attach_ns = 0, detach_ns = 0;
		struct dev *dev;
		double start;

		while (vm->nr_devs < live_counts[i])
			attach(vm, vm_add_dev(vm));
		dev = vm_add_dev(vm);
		for (j = 0; j < NR_BATCHES * NR_NEW; j++) {
			start = now();
			attach(vm, dev);
			batch_end(&attach_ns, start, 1);
			start = now();
			detach(vm, dev);
			batch_end(&detach_ns, start, 1);
		}
		sample("attach, devices", live_counts[i], attach_ns);
		sample("detach, devices", live_counts[i], detach_ns);
		attach(vm, dev);
	}
	vm_close(vm);
}

/* Back and forth between two domains of an IOAS */
static void run_replace(void)
{
	static const unsigned int counts[] = { 1, 4, 16, 64, 256, 1024 };
	__u32 hwpts[ARRAY_LEN(counts)][2];
	double ns[ARRAY_LEN(counts)] = {};
	struct vm *vms[ARRAY_LEN(counts)];
	unsigned int i, j;

	for (i = 0; i < ARRAY_LEN(counts); i++) {
		vms[i] = vm_open();
		add_dev_for_pages(vms[i], counts[i]);
		hwpts[i][0] = vms[i]->hwpt_id;
		hwpt_alloc(vms[i], vms[i]->ioas_id, &hwpts[i][1]);
		for (j = 0; j < counts[i]; j++)
			prepare(vms[i], &vms[i]->devs[0], j, NULL);
	}
	for (j = 0; j < NR_BATCHES; j++) {
		for (i = 0; i < ARRAY_LEN(counts); i++) {
			struct dev *dev = &vms[i]->devs[0];
			double start = now();

			replace(vms[i], dev, hwpts[i][1]);
			replace(vms[i], dev, hwpts[i][0]);
			batch_end(&ns[i], start, 2);
		}
	}
	for (i = 0; i < ARRAY_LEN(counts); i++) {
		sample("replace HWPT, pages", counts[i], ns[i]);
		vm_close(vms[i]);
	}
}

/* The default window, and no more pages than 64 for the whole iommufd */
static void run_default(void)
{
	double known[ARRAY_LEN(default_counts)] = {};
	struct vm *vms[ARRAY_LEN(default_counts)];
	double empty = 0, get = 0;
	struct vm *vm = vm_open();
	unsigned int i, j, k;
	double start;

	for (i = 0; i < ARRAY_LEN(default_counts); i++) {
		vms[i] = vm_open();
		attach(vms[i], vm_add_dev(vms[i]));
		for (j = 0; j < default_counts[i]; j++)
			prepare(vms[i], vms[i]->devs, j, NULL);
	}
	for (j = 0; j < NR_BATCHES; j++) {
		time_empty_ioctl(vm, &empty);
		time_option(vm, IOMMU_OPTION_OP_GET, IOMMU_OPTION_HUGE_PAGES,
			    vm->ioas_id, 0, &get);
		for (i = 0; i < ARRAY_LEN(default_counts); i++) {
			start = now();
			for (k = 0; k < BATCH; k++)
				prepare(vms[i], vms[i]->devs,
					k % default_counts[i], NULL);
			batch_end(&known[i], start, BATCH);
		}
	}
	sample("empty ioctl, default", 0, empty);
	sample("GET HUGE_PAGES, default", 0, get);
	for (i = 0; i < ARRAY_LEN(default_counts); i++) {
		sample("known page, default", default_counts[i], known[i]);
		start = now();
		for (k = 0; k < NR_NEW; k++)
			prepare(vms[i], vms[i]->devs, default_counts[i] + k,
				NULL);
		sample("new page, default", default_counts[i],
		       (now() - start) / NR_NEW);
		vm_close(vms[i]);
	}
	vm_close(vm);
	measure_attach(false);
	measure_crowd();
}

static double slab_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long kib = 0;
	char line[128];

	if (!file)
		die("/proc/meminfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Slab: %lu kB", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024.0;
}

/* What closed files held is freed late, so wait until nothing moves */
static double settled_slab_bytes(void)
{
	double before, after = slab_bytes();

	do {
		before = after;
		usleep(200000);
		after = slab_bytes();
	} while (after != before);
	return after;
}

static void run_memory(void)
{
	enum { NOTHING, DEVICE, WINDOW, ATTACHED, PAGE, NR };
	double bytes[NR];
	struct vm *vm;
	unsigned int i;

	vm = vm_open();
	add_dev_for_pages(vm, MAX_LIVE);
	bytes[NOTHING] = settled_slab_bytes();
	for (i = 0; i < MAX_LIVE; i++)
		prepare(vm, &vm->devs[0], i, NULL);
	bytes[PAGE] = slab_bytes();
	vm_close(vm);
	sample("memory, page in one window", MAX_LIVE,
	       (bytes[PAGE] - bytes[NOTHING]) / MAX_LIVE);

	/* The first device takes what there is one of whatever the number */
	vm = vm_open();
	vm_add_dev(vm);
	bytes[NOTHING] = settled_slab_bytes();
	for (i = 1; i < MAX_LIVE; i++)
		vm_add_dev(vm);
	bytes[DEVICE] = slab_bytes();
	for (i = 1; i < MAX_LIVE; i++)
		set_window(vm, &vm->devs[i], window_start(i), 1);
	bytes[WINDOW] = slab_bytes();
	for (i = 1; i < MAX_LIVE; i++)
		attach(vm, &vm->devs[i]);
	bytes[ATTACHED] = slab_bytes();
	for (i = 1; i < MAX_LIVE; i++)
		prepare(vm, &vm->devs[i], 0, NULL);
	bytes[PAGE] = slab_bytes();
	vm_close(vm);

	sample("memory, device", MAX_LIVE,
	       (bytes[DEVICE] - bytes[NOTHING]) / (MAX_LIVE - 1));
	sample("memory, window set", MAX_LIVE,
	       (bytes[WINDOW] - bytes[DEVICE]) / (MAX_LIVE - 1));
	sample("memory, attached", MAX_LIVE,
	       (bytes[ATTACHED] - bytes[WINDOW]) / (MAX_LIVE - 1));
	sample("memory, page, a window each", MAX_LIVE,
	       (bytes[PAGE] - bytes[ATTACHED]) / (MAX_LIVE - 1));
}

static const struct {
	const char *name;
	void (*run)(void);
} sets[] = {
	{ "limits", run_limits },
	{ "memory", run_memory },
	{ "default", run_default },
	{ "windows", run_windows },
	{ "pages", run_pages },
	{ "options", run_options },
	{ "attach", run_attach },
	{ "replace", run_replace },
};

static int usage(void)
{
	unsigned int i;

	fprintf(stderr, "usage: iommufd_sw_msi_bench ROUNDS SET...\nsets:");
	for (i = 0; i < ARRAY_LEN(sets); i++)
		fprintf(stderr, " %s", sets[i].name);
	fprintf(stderr, "\n");
	return 2;
}

static unsigned int find_set(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(sets) && strcmp(name, sets[i].name); i++)
		;
	return i;
}

/* The shortest of many, as any may have been interrupted */
static double clock_tick(void)
{
	double shortest = 1e9, start, tick;
	int i;

	for (i = 0; i < 1000; i++) {
		for (start = now(), tick = 0; !tick; tick = now() - start)
			;
		if (tick < shortest)
			shortest = tick;
	}
	return shortest;
}

int main(int argc, char *argv[])
{
	unsigned int rounds;
	double tick;
	int i;

	rounds = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	if (!rounds)
		return usage();
	for (i = 2; i < argc; i++)
		if (find_set(argv[i]) == ARRAY_LEN(sets))
			return usage();

	PAGE_SIZE = sysconf(_SC_PAGE_SIZE);
	tick = clock_tick();
	if (tick > MAX_TICK_NS) {
		fprintf(stderr, "iommufd_sw_msi_bench: the clock ticks every %.0f ns only: the guest needs a better clocksource\n",
			tick);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);

	for (round_nr = 0; round_nr < rounds; round_nr++)
		for (i = 2; i < argc; i++)
			sets[find_set(argv[i])].run();
	return 0;
}
