// SPDX-License-Identifier: GPL-2.0
/*
 * Random tests of the software MSI window of iommufd, through the mock devices
 * of IOMMUFD_TEST, against the model in iommufd_sw_msi_model.c.
 *
 * A sequence is a list of operations on one iommufd. The operations carry raw
 * numbers that are taken modulo what is there, so any part of a sequence is a
 * sequence too: that is how one that fails is made shorter.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define __EXPORTED_HEADERS__
#include <linux/iommufd.h>

#include "iommufd_test.h"
#include "iommufd_sw_msi_model.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define SZ_1M 0x100000ULL

enum {
	MAX_OPS = 200,
	NR_PARAMS = 4,
	/* Pages that are prepared again and again, and others to fill windows */
	HOT_PAGES = 6,
	FILL_PAGES = 600,
	/* User-made HWPTs, the rest is for automatic ones */
	MAX_USER_HWPTS = 8,
	BUFFER_PAGES = 512,
	/* Faults to inject into one ioctl before something must be wrong */
	MAX_NTH = 1000,
	/* All state is looked at after as many operations, else a part of it */
	CHECK_ALL = 16,
	CHECK_MAPS = 4,
	MAX_ERRNO = 134,
	/* A run of as many operations has to see every rule */
	LONG_RUN = 300000,
};

/* Doorbells where no mock platform has memory */
#define MSI_HOT 0xf0000000ULL
#define MSI_FILL 0xf1000000ULL
/* Differs from the first hot page above 32 bits only */
#define MSI_HIGH 0x40f0000000ULL

struct op {
	unsigned int code;
	__u32 p[NR_PARAMS];
};

static struct {
	__u64 seed;
	unsigned long ops;
	unsigned long seconds;
	const char *replay;
	bool races;
	bool fail_nth;
} options;

/* The iommufd under test, and what it should be like */
static int fd = -1;
static struct model m;
static __u8 *buffer;
static __u64 page_size;

/* What went wrong, empty if nothing did */
static char divergence[1024];
/* Say what is done */
static bool trace;

static unsigned long nr_ops, nr_sequences, nr_faults, nr_placed;
static unsigned long errnos[MAX_ERRNO];

/* For the parent process: what was running when the worker died */
static struct progress {
	__u64 sequence;
	unsigned int op;
} *progress;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "iommufd_sw_msi_fuzz: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(2);
}

static void __attribute__((format(printf, 1, 2)))
diverge(const char *fmt, ...)
{
	va_list args;

	if (divergence[0])
		return;
	va_start(args, fmt);
	vsnprintf(divergence, sizeof(divergence), fmt, args);
	va_end(args);
}

static const char *errno_name(int err)
{
	const char *name = err ? strerrorname_np(err) : "success";

	return name ? name : "an unknown errno";
}

/* Random numbers: splitmix64 */

static __u64 next_random(__u64 *state)
{
	__u64 z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* The kernel's log: a complaint there is a divergence too */

static int kmsg = -1;

static void open_kmsg(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (kmsg == -1)
		die("/dev/kmsg: %s, run as root", strerror(errno));
	lseek(kmsg, 0, SEEK_END);
}

static void check_kmsg(void)
{
	static const char *const complaints[] = {
		"BUG: ", "WARNING: ", "kernel BUG", "Oops",
		"refcount_t: ", "INFO: ", "suspected memory leak", "UBSAN: ",
		"iommufd object to become free",
	};
	char record[8192];
	ssize_t len;
	size_t i;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0 ||
	       (len == -1 && errno == EPIPE)) {
		char *text;

		if (len == -1)
			continue;
		record[len] = '\0';
		text = strchr(record, ';');
		if (!text || !strncmp(text, ";job: ", 6))
			continue;
		/* Whether a data race counts is said by the stacks below it */
		if (strstr(text, "BUG: KCSAN: "))
			continue;
		text[strcspn(text, "\n")] = '\0';
		for (i = 0; i < ARRAY_LEN(complaints); i++)
			if (strstr(text, complaints[i]))
				diverge("the kernel complains: %s", text + 1);
	}
}

/* Fault injection */

static int fail_nth_fd = -1;

static void write_debugfs(const char *dir, const char *file, const char *value)
{
	char path[512];
	int file_fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", dir, file);
	file_fd = open(path, O_WRONLY);
	if (file_fd == -1)
		return;
	if (write(file_fd, value, strlen(value)) == -1)
		die("%s: %s", path, strerror(errno));
	close(file_fd);
}

static void open_fail_nth(void)
{
	struct dirent *entry;
	char path[64];
	DIR *debugfs;

	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", gettid());
	fail_nth_fd = open(path, O_RDWR);
	debugfs = opendir("/sys/kernel/debug");
	if (fail_nth_fd == -1 || !debugfs)
		die("--fail-nth needs CONFIG_FAULT_INJECTION and debugfs");
	while ((entry = readdir(debugfs)))
		if (!strncmp(entry->d_name, "fail", 4))
			write_debugfs(entry->d_name, "verbose", "0");
	closedir(debugfs);
	write_debugfs("failslab", "ignore-gfp-wait", "N");
}

static void arm_fault(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	/* Any allocation of the write itself may be the one that fails */
	while (pwrite(fail_nth_fd, text, len, 0) != len)
		if (errno != EFAULT)
			die("fail-nth: %s", strerror(errno));
}

/* Returns whether a fault was injected since it was armed */
static bool disarm_fault(void)
{
	char text[16] = "";
	ssize_t len = pread(fail_nth_fd, text, sizeof(text) - 1, 0);

	if (len == -1 && errno != EFAULT)
		die("fail-nth: %s", strerror(errno));
	arm_fault(0);
	return len == -1 || !atoi(text);
}

/* ioctls */

static int raw_call(unsigned long request, void *cmd)
{
	return ioctl(fd, request, cmd) ? errno : 0;
}

#define TEST_CMD(_op, _id) { .size = sizeof(struct iommu_test_cmd), \
			     .op = IOMMU_TEST_OP_##_op, .id = (_id) }

static void check_some(void);

/* The last call succeeded although a fault was injected into it */
static bool faulty_success;

/*
 * The call under test. With --fail-nth, each allocation in it fails in turn; a
 * failure may change nothing, and without a fault it does what it should.
 */
static int call(unsigned long request, void *cmd, size_t size)
{
	union {
		__u64 align;
		__u8 bytes[256];
	} copy;
	unsigned int nth;
	int err = 0;

	faulty_success = false;
	if (!options.fail_nth) {
		err = raw_call(request, cmd);
		errnos[err]++;
		return err;
	}

	memcpy(copy.bytes, cmd, size);
	for (nth = 1; !divergence[0]; nth++) {
		bool injected;

		if (nth > MAX_NTH)
			diverge("no end to the faults in one call");
		memcpy(cmd, copy.bytes, size);
		arm_fault(nth);
		err = raw_call(request, cmd);
		injected = disarm_fault();
		nr_faults += injected;
		if (!injected || !err) {
			faulty_success = injected;
			break;
		}
		check_some();
	}
	errnos[err]++;
	return err;
}

static bool __attribute__((format(printf, 3, 4)))
expect(int err, int expected, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (trace)
		printf("    %s: %s\n", what, errno_name(err));
	if (err != expected)
		diverge("%s: %s, expected %s", what, errno_name(err),
			errno_name(expected));
	return !divergence[0];
}

static bool __attribute__((format(printf, 3, 4)))
expect_value(__u64 value, __u64 expected, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (value != expected)
		diverge("%s: %#llx, expected %#llx", what, value, expected);
	return value == expected;
}

/* The state of the kernel against the model's */

static const struct model_range mock_resv = { MOCK_RESV_START, MOCK_RESV_LAST };

static void check_ranges(int ioas)
{
	struct model_range expected[32];
	struct model_range seen[32];
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = m.ioases[ioas].id,
		.num_iovas = 24,
		.allowed_iovas = (uintptr_t)seen,
	};
	unsigned int nr, n;
	int err;

	nr = model_ranges(&m, ioas, expected, 24);
	err = raw_call(IOMMU_IOAS_IOVA_RANGES, &cmd);
	if (err) {
		diverge("ranges of ioas%d: %s", ioas, errno_name(err));
		return;
	}
	/* A driver that cannot allocate lists no reserved region */
	if (options.fail_nth) {
		ranges_punch(expected, &nr, 32, mock_resv);
		ranges_punch(seen, &cmd.num_iovas, 32, mock_resv);
	}
	for (n = 0; n < nr && n < cmd.num_iovas; n++)
		if (seen[n].start != expected[n].start ||
		    seen[n].last != expected[n].last)
			diverge("range %u of ioas%d: [%#llx, %#llx], expected [%#llx, %#llx]",
				n, ioas, seen[n].start, seen[n].last,
				expected[n].start, expected[n].last);
	expect_value(cmd.num_iovas, nr, "number of ranges of ioas%d", ioas);
}

static const struct model_area *find_area(int ioas, __u64 iova)
{
	const struct model_ioas *i = &m.ioases[ioas];
	unsigned int n;

	for (n = 0; n < i->nr_areas; n++)
		if (iova >= i->areas[n].range.start &&
		    iova <= i->areas[n].range.last)
			return &i->areas[n];
	return NULL;
}

/* What the IOVA of an MSI page points at in a paging HWPT */
static void check_map(int hwpt, unsigned int map)
{
	struct iommu_test_cmd cmd = TEST_CMD(MD_LOOKUP, m.hwpts[hwpt].id);
	bool present = model_present(&m, hwpt, map);
	__u64 iova = m.maps[map].iova;
	int err;

	cmd.lookup.iova = iova;
	err = raw_call(IOMMU_TEST_CMD, &cmd);
	if (present && err)
		diverge("MSI page %#llx is not at %#llx in hwpt%d: %s",
			m.maps[map].page, iova, hwpt, errno_name(err));
	else if (present)
		expect_value(cmd.lookup.out_phys, m.maps[map].page,
			     "MSI page at %#llx in hwpt%d", iova, hwpt);
	else if (find_area(m.hwpts[hwpt].ioas, iova))
		expect_value(err || cmd.lookup.out_phys >= MSI_HOT, 0,
			     "%#llx in hwpt%d is not user memory", iova, hwpt);
	else if (err != ENOENT)
		diverge("%#llx in hwpt%d points at %#llx, expected nothing (%s)",
			iova, hwpt, cmd.lookup.out_phys, errno_name(err));
}

static void check_area_page(int hwpt, __u64 iova, __u64 uptr)
{
	struct iommu_test_cmd cmd = TEST_CMD(MD_CHECK_MAP, m.hwpts[hwpt].id);
	int err;

	cmd.check_map.iova = iova;
	cmd.check_map.length = page_size;
	cmd.check_map.uptr = uptr;
	err = raw_call(IOMMU_TEST_CMD, &cmd);
	if (err)
		diverge("mapping at %#llx in hwpt%d is not user memory: %s",
			iova, hwpt, errno_name(err));
}

static void check_area(int hwpt, const struct model_area *area)
{
	__u64 last = area->range.last - area->range.start - (page_size - 1);

	check_area_page(hwpt, area->range.start, area->uptr);
	check_area_page(hwpt, area->range.start + last, area->uptr + last);
}

static int option(int op, __u32 option_id, __u32 object_id, __u64 *value)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.op = op,
		.option_id = option_id,
		.object_id = object_id,
		.val64 = *value,
	};
	int err = raw_call(IOMMU_OPTION, &cmd);

	*value = cmd.val64;
	return err;
}

static void check_options(int dev)
{
	const struct model_dev *d = &m.devs[dev];
	int expected = model_listed(d) ? 0 : EOPNOTSUPP;
	__u64 value = 0;
	int err;

	err = option(IOMMU_OPTION_OP_GET, IOMMU_OPTION_SW_MSI_START, d->dev_id,
		     &value);
	if (err != expected)
		diverge("GET START of dev%d: %s", dev, errno_name(err));
	else if (!err)
		expect_value(value, d->start, "START of dev%d", dev);
	err = option(IOMMU_OPTION_OP_GET, IOMMU_OPTION_SW_MSI_SIZE, d->dev_id,
		     &value);
	if (err != expected)
		diverge("GET SIZE of dev%d: %s", dev, errno_name(err));
	else if (!err)
		expect_value(value, d->size, "SIZE of dev%d", dev);
#ifdef VITS
	err = option(IOMMU_OPTION_OP_GET, IOMMU_OPTION_SW_MSI_PAGE, d->dev_id,
		     &value);
	if (err != expected)
		diverge("GET PAGE of dev%d: %s", dev, errno_name(err));
	else if (!err)
		expect_value(value, d->page, "PAGE of dev%d", dev);
#endif
	if (expected)
		return;
	model_rules[d->start == ULLONG_MAX ? RULE_GET_UNSET : RULE_GET_SET]++;
	if (d->hwpt[0] != NONE)
		model_rules[RULE_GET_ATTACHED]++;
}

static void check_state(unsigned int first_map, unsigned int nr_maps)
{
	unsigned int n;
	int i;

	for (i = 0; i < MODEL_IOASES && !divergence[0]; i++)
		if (m.ioases[i].live)
			check_ranges(i);
	for (i = 0; i < MODEL_HWPTS && !divergence[0]; i++)
		if (m.hwpts[i].live && m.hwpts[i].parent == NONE)
			for (n = 0; n < nr_maps; n++)
				check_map(i, (first_map + n) % m.nr_maps);
}

static void check_some(void)
{
	static unsigned int next;
	unsigned int nr = m.nr_maps < CHECK_MAPS ? m.nr_maps : CHECK_MAPS;

	check_state(next, nr);
	next += nr;
}

static void check_all(void)
{
	const struct model_ioas *ioas;
	unsigned int n;
	int i;

	check_state(0, m.nr_maps);
	for (i = 0; i < MODEL_HWPTS && !divergence[0]; i++) {
		if (!m.hwpts[i].live || m.hwpts[i].parent != NONE)
			continue;
		ioas = &m.ioases[m.hwpts[i].ioas];
		for (n = 0; n < ioas->nr_areas; n++)
			check_area(i, &ioas->areas[n]);
	}
	for (i = 0; i < MODEL_DEVS && !divergence[0]; i++)
		if (m.devs[i].live)
			check_options(i);
}

/* Live objects, by raw number */

#define PICK(_name, _array)						\
static int pick_##_name(__u32 raw)					\
{									\
	unsigned int nr = 0;						\
	size_t i;							\
									\
	for (i = 0; i < ARRAY_LEN(m._array); i++)			\
		nr += m._array[i].live;					\
	if (!nr)							\
		return NONE;						\
	raw %= nr;							\
	for (i = 0; !m._array[i].live || raw--; i++)			\
		;							\
	return i;							\
}

PICK(dev, devs)
PICK(ioas, ioases)
PICK(hwpt, hwpts)

static bool is_attached(int dev, unsigned int pasid)
{
	return m.devs[dev].hwpt[pasid] != NONE;
}

/* Mostly one whose window can be set */
static int pick_window_dev(__u32 raw)
{
	int dev = pick_dev(raw);
	unsigned int tries;

	for (tries = 0; tries < MODEL_DEVS && dev != NONE && raw / 8 % 4 &&
	     (is_attached(dev, 0) || m.groups[m.devs[dev].group].nr_required);
	     tries++)
		dev = pick_dev(++raw);
	return dev;
}

/* The user's window is over a region that the driver did not list */
static bool is_over_resv(const struct model_dev *d)
{
	return model_user(d) && ranges_meet(model_window(d), mock_resv);
}

/* The window of the group was set by the user for another device only */
static bool has_sibling_window(int dev)
{
	const struct model_dev *d = &m.devs[dev];
	int i;

	for (i = 0; i < MODEL_DEVS && !model_user(d) && is_attached(dev, 0); i++)
		if (m.devs[i].live && m.devs[i].group == d->group &&
		    is_attached(i, 0) && model_user(&m.devs[i]))
			return true;
	return false;
}

/* Mostly one that can be attached, or replaced; rather a special one */
static int pick_change_dev(__u32 raw, unsigned int pasid, bool replace)
{
	int dev = pick_dev(raw);
	unsigned int tries;
	int i;

	for (i = 0; i < MODEL_DEVS && raw / 64 % 4; i++)
		if (m.devs[i].live && !pasid && replace == is_attached(i, 0) &&
		    (is_over_resv(&m.devs[i]) || has_sibling_window(i)))
			return i;
	for (tries = 0; tries < MODEL_DEVS && dev != NONE && raw / 8 % 4 &&
	     replace != is_attached(dev, pasid); tries++)
		dev = pick_dev(++raw);
	return dev;
}

static bool is_unfinished(int hwpt)
{
	return !m.hwpts[model_paging(&m, hwpt)].last;
}

enum {
	WISH_UNFINISHED,
	WISH_SMALL,
	WISH_NOTHING,
	NR_WISHES,
	/* For a nested one only */
	WISH_PARENT = NR_WISHES,
	WISH_UNFINISHED_PARENT,
};

static bool is_good_target(int hwpt, unsigned int pasid, unsigned int wish)
{
	const struct model_hwpt *h = &m.hwpts[hwpt];

	if (pasid)
		return h->pasid;
	switch (wish) {
	case WISH_UNFINISHED:
		return is_unfinished(hwpt) && h->parent != NONE;
	case WISH_SMALL:
		return h->last == MOCK_SMALL_APERTURE_LAST;
	case WISH_PARENT:
		return h->nest_parent;
	case WISH_UNFINISHED_PARENT:
		return h->nest_parent && is_unfinished(hwpt);
	default:
		return true;
	}
}

/* Mostly one that takes PASIDs for a PASID, and now and then a special one */
static int pick_target(__u32 raw, unsigned int pasid, unsigned int wish)
{
	int hwpt = pick_hwpt(raw);
	unsigned int tries;

	for (tries = 0; tries < MODEL_HWPTS && hwpt != NONE && raw / 32 % 4;
	     tries++) {
		if (is_good_target(hwpt, pasid, wish))
			break;
		hwpt = pick_hwpt(raw + tries);
	}
	return hwpt;
}

/* Rather one that can be a parent, and an unfinished one */
static int pick_parent(__u32 raw)
{
	return pick_target(raw, 0, raw / 128 % 4 ? WISH_UNFINISHED_PARENT :
						   WISH_PARENT);
}

/* Mostly one of an attached group, as without there is little to do */
static int pick_msi_dev(__u32 raw)
{
	int dev = pick_dev(raw);
	unsigned int tries;
	int hwpt;

	for (tries = 0; tries < 2 * MODEL_DEVS && dev != NONE && raw / 8 % 8;
	     tries++) {
		hwpt = model_group_hwpt(&m, m.devs[dev].group, 0);
		if (hwpt != NONE &&
		    (tries >= MODEL_DEVS || raw / 64 % 2 || is_unfinished(hwpt)))
			break;
		dev = pick_dev(raw + tries);
	}
	return dev;
}

static int count_devs(void)
{
	int nr = 0;
	int i;

	for (i = 0; i < MODEL_DEVS; i++)
		nr += m.devs[i].live;
	return nr;
}

static int count_ioases(void)
{
	int nr = 0;
	int i;

	for (i = 0; i < MODEL_IOASES; i++)
		nr += m.ioases[i].live;
	return nr;
}

static int count_user_hwpts(void)
{
	int nr = 0;
	int i;

	for (i = 0; i < MODEL_HWPTS; i++)
		nr += m.hwpts[i].live && !m.hwpts[i].automatic;
	return nr;
}

static int hwpt_by_id(__u32 id)
{
	int i;

	for (i = 0; i < MODEL_HWPTS; i++)
		if (m.hwpts[i].live && m.hwpts[i].id == id)
			return i;
	return NONE;
}

/* Values */

/* Mostly good ones, and close to each other: they are to meet */
static const __u64 starts[] = {
	0x08000000, 0x08000000, 0x08000000, 0x08100000, 0x08100000,
	0x08200000, 0x90000000, 0x90000000, 0x01000000, 0x7ff00000,
	0x90100000, 0xfff00000, 0xe0000000, 0x00f00000, MOCK_RELAXABLE_START,
};

/* In large apertures only */
static const __u64 high_starts[] = {
	1ULL << 32, 1ULL << 58, (1ULL << 63) + SZ_1M, -SZ_1M, -SZ_1M,
};

static const __u64 odd_starts[] = {
	0, 0x08000800, 0x08000001, 0x80000000, 0x8ff00000, 0x7ff00000,
	0x100000000, 1ULL << 63, -SZ_1M, -2 * SZ_1M, -1ULL,
	0xfffff000, 0xfff00000,
};

static const __u64 sizes[] = { 1, 1, 1, 2, 2, 2, 3, 16 };

static const __u64 odd_sizes[] = {
	0, 0, 0x80, 0x800, 0x1000, 1ULL << 12, 1ULL << 43, (1ULL << 44) - 1,
	1ULL << 44, (1ULL << 44) + 1, -1ULL / SZ_1M, -1ULL, 1ULL << 63,
};

static __u64 good_start(__u32 raw)
{
	if (raw % 8 == 0)
		return high_starts[raw / 8 % ARRAY_LEN(high_starts)];
	return starts[raw / 8 % ARRAY_LEN(starts)];
}

static __u64 start_value(__u32 raw)
{
	if (raw % 4 == 0)
		return odd_starts[raw / 4 % ARRAY_LEN(odd_starts)];
	return good_start(raw / 4);
}

static __u64 size_value(__u32 raw)
{
	if (raw % 4 == 0)
		return odd_sizes[raw / 4 % ARRAY_LEN(odd_sizes)];
	return sizes[raw / 4 % ARRAY_LEN(sizes)];
}

/* Ranges that just meet or just miss windows and apertures */
static struct model_range range_value(__u32 raw)
{
	static const unsigned int page_counts[] = { 1, 1, 2, 16, 1, 256 };
	__u64 start = start_value(raw) & ~(page_size - 1);
	__u64 length;

	raw /= 256;
	length = page_counts[raw % ARRAY_LEN(page_counts)] * page_size;
	switch (raw / 8 % 5) {
	case 0:
		break;
	case 1:
		start -= length;
		break;
	case 2:
		start += SZ_1M;
		break;
	case 3:
		start += SZ_1M - length;
		break;
	case 4:
		start += raw / 64 % 256 * page_size;
		break;
	}
	return (struct model_range){ start, start + length - 1 };
}

/*
 * Not the last page: batch_to_domain() of the base maps what is not user memory
 * there. Not what faults in the driver's report of its regions may have changed.
 */
static bool avoid(struct model_range range)
{
	if (range.last == ULONG_MAX)
		return true;
	return options.fail_nth && ranges_meet(range, mock_resv);
}

static __u64 msi_page(__u32 raw)
{
	unsigned int nr = raw % HOT_PAGES;

	if (!nr && sizeof(long) == 8)
		return MSI_HIGH;
	return MSI_HOT + (nr ? nr - 1 : HOT_PAGES) * page_size;
}

/*
 * The operations. One that cannot be done now, as there is nothing to do it
 * with, does nothing.
 */

static void op_ioas(const __u32 *p)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int slot;

	(void)p;
	if (count_ioases() == MODEL_IOASES)
		return;
	if (!expect(call(IOMMU_IOAS_ALLOC, &cmd, sizeof(cmd)), 0, "new IOAS"))
		return;
	for (slot = 0; m.ioases[slot].live; slot++)
		;
	memset(&m.ioases[slot], 0, sizeof(m.ioases[slot]));
	m.ioases[slot].live = true;
	m.ioases[slot].id = cmd.out_ioas_id;
	if (trace)
		printf("    = ioas%d\n", slot);
}

/* The attachment that an attach or replace should lead to has this ID */
static int resolve_hwpt(int dev, int ioas, int hwpt, __u32 id, bool replace)
{
	struct model_hwpt h;

	if (hwpt != NEW_AUTO)
		return expect_value(id, m.hwpts[hwpt].id, "HWPT of dev%d",
				    dev) ? hwpt : NONE;
	if (hwpt_by_id(id) != NONE) {
		diverge("dev%d got hwpt%d, expected a new one", dev,
			hwpt_by_id(id));
		return NONE;
	}
	h = model_auto(&m, dev, ioas, replace);
	h.id = id;
	return model_add_hwpt(&m, &h);
}

static void op_device(const __u32 *p)
{
	static const __u32 apertures[] = {
		0, 0, 0, MOCK_FLAGS_DEVICE_LARGE_APERTURE,
		MOCK_FLAGS_DEVICE_LARGE_APERTURE,
		MOCK_FLAGS_DEVICE_SMALL_APERTURE,
		MOCK_FLAGS_DEVICE_LATE_APERTURE,
		MOCK_FLAGS_DEVICE_LATE_APERTURE,
	};
	struct iommu_test_cmd cmd = TEST_CMD(MOCK_DOMAIN_GROUP, 0);
	bool attach = p[0] % 4 == 0;
	int group_dev = NONE, ioas = NONE, hwpt = NONE;
	__u32 flags = 0;
	int err, expected, dev;

	if (count_devs() == MODEL_DEVS)
		return;
	if (p[2] % 2)
		group_dev = pick_dev(p[3]);
	flags |= p[1] % 6 ? 0 : MOCK_FLAGS_DEVICE_NO_DIRTY;
	flags |= p[1] / 6 % 8 ? 0 : MOCK_FLAGS_DEVICE_NO_SW_MSI;
	flags |= p[1] / 48 % 4 ? MOCK_FLAGS_DEVICE_PASID : 0;
	flags |= apertures[p[1] / 192 % ARRAY_LEN(apertures)];
	if (attach) {
		ioas = pick_ioas(p[0] / 4);
		if (ioas == NONE)
			return;
		cmd.id = m.ioases[ioas].id;
	} else {
		flags |= MOCK_FLAGS_DEVICE_NO_ATTACH;
	}
	cmd.mock_domain_group.dev_flags = flags;
	if (group_dev == NONE)
		cmd.op = IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS;
	else
		cmd.mock_domain_group.group_stdev_id =
			m.devs[group_dev].stdev_id;

	expected = model_create(&m, group_dev, flags);
	dev = model_add_dev(&m, group_dev, flags, 0, 0);
	if (!expected && attach)
		expected = model_attach_ioas(&m, dev, 0, ioas, &hwpt);

	/* Without faults: nobody knows then what the driver lists */
	err = raw_call(IOMMU_TEST_CMD, &cmd);
	errnos[err]++;
	expect(err, expected, "new device%s%s%s%s%s%s%s, group of dev%d, to ioas%d",
	       flags & MOCK_FLAGS_DEVICE_NO_DIRTY ? " NO_DIRTY" : "",
	       flags & MOCK_FLAGS_DEVICE_NO_SW_MSI ? " NO_SW_MSI" : "",
	       flags & MOCK_FLAGS_DEVICE_SMALL_APERTURE ? " SMALL" : "",
	       flags & MOCK_FLAGS_DEVICE_LARGE_APERTURE ? " LARGE" : "",
	       flags & MOCK_FLAGS_DEVICE_LATE_APERTURE ? " LATE" : "",
	       flags & MOCK_FLAGS_DEVICE_PASID ? " PASID" : "",
	       attach ? " attached" : "", group_dev, ioas);
	if (err || divergence[0]) {
		m.devs[dev].live = false;
		return;
	}
	m.devs[dev].stdev_id = cmd.mock_domain_group.out_stdev_id;
	m.devs[dev].dev_id = cmd.mock_domain_group.out_idev_id;
	if (attach) {
		hwpt = resolve_hwpt(dev, ioas, hwpt,
				    cmd.mock_domain_group.out_hwpt_id, false);
		if (hwpt == NONE)
			return;
		model_attached(&m, dev, 0, hwpt);
	}
	if (trace)
		printf("    = dev%d, hwpt%d\n", dev, m.devs[dev].hwpt[0]);
}

static void op_hwpt(const __u32 *p)
{
	int dev = pick_dev(p[0]);
	int ioas = pick_ioas(p[1]);
	struct iommu_hwpt_alloc cmd = { .size = sizeof(cmd) };
	struct model_hwpt h = {
		.ioas = ioas,
		.parent = NONE,
		.nest_parent = p[2] % 2,
		.dirty = p[2] / 2 % 4 == 0,
		.pasid = p[2] / 8 % 2,
	};
	int expected, slot, i;

	if (dev == NONE || ioas == NONE || count_user_hwpts() == MAX_USER_HWPTS)
		return;
	h.last = h.ioas_last = model_aperture_last(&m.devs[dev]);
	/*
	 * The IOAS of an unfinished one has no IOVA left, so not too many. Where
	 * the driver refuses one device of a group, another may have finished it.
	 */
	if (!h.last && p[3] % 4 == 0)
		return;
	/* It goes into an empty one only */
	for (i = 1; i < MODEL_IOASES && !h.last && m.ioases[h.ioas].nr_areas;
	     i++)
		h.ioas = pick_ioas(p[1] + i);
	ioas = h.ioas;
	h.dirty = h.dirty && h.last;
	/* Only nested ones leave it unfinished */
	h.nest_parent = h.nest_parent || !h.last;
	cmd.dev_id = m.devs[dev].dev_id;
	cmd.pt_id = m.ioases[ioas].id;
	cmd.flags = (h.nest_parent ? IOMMU_HWPT_ALLOC_NEST_PARENT : 0) |
		    (h.dirty ? IOMMU_HWPT_ALLOC_DIRTY_TRACKING : 0) |
		    (h.pasid ? IOMMU_HWPT_ALLOC_PASID : 0);
	expected = model_hwpt(&m, dev, ioas, h.dirty);
	if (!expect(call(IOMMU_HWPT_ALLOC, &cmd, sizeof(cmd)), expected,
		    "new HWPT for dev%d in ioas%d, flags %#x", dev, ioas,
		    cmd.flags) || expected)
		return;
	h.id = cmd.out_hwpt_id;
	slot = model_add_hwpt(&m, &h);
	if (trace)
		printf("    = hwpt%d\n", slot);
}

static void op_nested(const __u32 *p)
{
	struct iommu_hwpt_selftest data = { .iotlb = IOMMU_TEST_IOTLB_DEFAULT };
	int dev = pick_dev(p[0]);
	int parent = pick_parent(p[1]);
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};
	struct model_hwpt h = { .parent = parent, .pasid = p[2] % 2 };
	int expected, slot;

	if (dev == NONE || parent == NONE || count_user_hwpts() == MAX_USER_HWPTS)
		return;
	cmd.dev_id = m.devs[dev].dev_id;
	cmd.pt_id = m.hwpts[parent].id;
	cmd.flags = h.pasid ? IOMMU_HWPT_ALLOC_PASID : 0;
	expected = m.hwpts[parent].nest_parent ? 0 : EINVAL;
	if (!expect(call(IOMMU_HWPT_ALLOC, &cmd, sizeof(cmd)), expected,
		    "new nested HWPT for dev%d on hwpt%d, flags %#x", dev,
		    parent, cmd.flags) || expected)
		return;
	h.id = cmd.out_hwpt_id;
	h.ioas = m.hwpts[parent].ioas;
	slot = model_add_hwpt(&m, &h);
	if (trace)
		printf("    = hwpt%d\n", slot);
}

static int destroy(__u32 id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return call(IOMMU_DESTROY, &cmd, sizeof(cmd));
}

static void detach(int dev, unsigned int pasid)
{
	struct iommu_test_cmd cmd = TEST_CMD(PASID_DETACH,
					     m.devs[dev].stdev_id);

	cmd.pasid_detach.pasid = pasid;
	if (expect(call(IOMMU_TEST_CMD, &cmd, sizeof(cmd)), 0,
		   "detach dev%d pasid %u", dev, pasid))
		model_detached(&m, dev, pasid);
}

/* The mock driver leaves PASIDs to whoever attached them */
static void detach_pasids(int dev)
{
	unsigned int pasid;

	for (pasid = 1; pasid < MODEL_PASIDS; pasid++)
		if (m.devs[dev].hwpt[pasid] != NONE)
			detach(dev, pasid);
}

static void op_destroy_dev(const __u32 *p)
{
	int dev = pick_dev(p[0]);

	if (dev == NONE)
		return;
	detach_pasids(dev);
	if (!divergence[0] &&
	    expect(destroy(m.devs[dev].stdev_id), 0, "destroy dev%d", dev))
		model_remove_dev(&m, dev);
}

static void op_destroy_hwpt(const __u32 *p)
{
	int hwpt = pick_hwpt(p[0]);
	int expected;

	if (hwpt == NONE)
		return;
	expected = model_hwpt_busy(&m, hwpt) ? EBUSY : 0;
	if (!expect(destroy(m.hwpts[hwpt].id), expected, "destroy hwpt%d",
		    hwpt))
		return;
	if (expected)
		model_rules[RULE_DESTROY_BUSY]++;
	else
		m.hwpts[hwpt].live = false;
}

static void op_destroy_ioas(const __u32 *p)
{
	int ioas = pick_ioas(p[0]);
	int expected;

	if (ioas == NONE)
		return;
	expected = model_ioas_busy(&m, ioas) ? EBUSY : 0;
	if (!expect(destroy(m.ioases[ioas].id), expected, "destroy ioas%d",
		    ioas))
		return;
	if (expected)
		model_rules[RULE_DESTROY_BUSY]++;
	else
		m.ioases[ioas].live = false;
}

static void op_destroy_other(const __u32 *p)
{
	int dev = pick_dev(p[0]);

	if (p[1] % 2 && dev != NONE) {
		/* Bound devices belong to who bound them */
		model_rules[RULE_DESTROY_BUSY]++;
		expect(destroy(m.devs[dev].dev_id), EBUSY,
		       "destroy device ID of dev%d", dev);
	} else {
		model_rules[RULE_DESTROY_NONE]++;
		expect(destroy(p[0] | 1 << 20), ENOENT, "destroy nothing");
	}
}

static void set(int dev, __u32 option_id, __u64 value)
{
	struct model_dev *d = &m.devs[dev];
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_OPTION_OP_SET,
		.option_id = option_id,
		.object_id = d->dev_id,
		.val64 = value,
	};
	bool is_start = option_id == IOMMU_OPTION_SW_MSI_START;
	bool is_size = option_id == IOMMU_OPTION_SW_MSI_SIZE;
	int expected, err;

	expected = model_set(&m, dev, option_id, value);
	err = call(IOMMU_OPTION, &cmd, sizeof(cmd));
	/* The region was not listed, see mock_resv */
	if (faulty_success && expected == EADDRINUSE)
		expected = 0;
	if (!expect(err, expected, "SET %s of dev%d to %#llx",
		    is_start ? "START" : is_size ? "SIZE" : "PAGE", dev, value))
		return;
	if (!expected && is_start)
		d->start = value;
	else if (!expected && is_size)
		d->size = value;
	else if (!expected)
		d->page = value;
	check_options(dev);
}

static void op_start(const __u32 *p)
{
	int dev = pick_dev(p[0]);

	if (dev != NONE)
		set(dev, IOMMU_OPTION_SW_MSI_START, start_value(p[1]));
}

static void op_size(const __u32 *p)
{
	int dev = pick_dev(p[0]);

	if (dev != NONE)
		set(dev, IOMMU_OPTION_SW_MSI_SIZE, size_value(p[1]));
}

/* A window that is good for something */
static void op_window(const __u32 *p)
{
	__u64 start = good_start(p[1]);
	__u64 size = sizes[p[2] % ARRAY_LEN(sizes)];
	int dev = pick_window_dev(p[0]);
	const struct model_group *group;
	const struct model_dev *d, *other;

	if (dev == NONE)
		return;
	d = &m.devs[dev];
	other = &m.devs[pick_dev(p[0] / 64)];
	group = &m.groups[d->group];
	if (d->nr_resv == 1 && p[3] % 8) {
		/* Over a region that is not listed */
		start = MOCK_RESV_LAST + 1 - SZ_1M;
	} else if (p[3] / 8 % 2 && group->window.last &&
		   model_group_hwpt(&m, d->group, 0) != NONE) {
		/* The same as that of the group */
		start = group->window.start;
		size = (group->window.last - start) / SZ_1M + 1;
	} else if (p[3] / 16 % 4 == 0 && other->size) {
		/* Where another one begins */
		start = other->start;
	} else if (p[3] / 16 % 4 == 1) {
		/* The same as the default window */
		start = MOCK_SW_MSI_START;
		size = 1;
	} else if (p[3] / 16 % 4 == 2 &&
		   d->flags & MOCK_FLAGS_DEVICE_LARGE_APERTURE) {
		/* Where others have no aperture */
		start = high_starts[p[1] % ARRAY_LEN(high_starts)];
		size = 1;
	}
	set(dev, IOMMU_OPTION_SW_MSI_START, start);
	if (!divergence[0])
		set(dev, IOMMU_OPTION_SW_MSI_SIZE, size);
}

#ifdef VITS
/* The window of one page */
static void op_page(const __u32 *p)
{
	__u64 page = good_start(p[1]) + p[2] % 300 * page_size;
	const struct model_group *group;
	int dev = pick_window_dev(p[0]);

	if (dev == NONE)
		return;
	group = &m.groups[m.devs[dev].group];
	switch (p[3] % 16) {
	case 0:
		page = ULLONG_MAX;
		break;
	case 1:
		page += p[2] % 2 ? 4 : page_size / 2;
		break;
	case 2:
		page = MOCK_SW_MSI_START + p[2] % 3 * page_size;
		break;
	case 3:
		page = high_starts[p[1] % ARRAY_LEN(high_starts)] + page_size;
		break;
	case 4:
		page = MOCK_RESV_LAST + 1 - page_size;
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		/* The same as that of the group */
		if (group->window.last - group->window.start == page_size - 1)
			page = group->window.start;
		break;
	}
	set(dev, IOMMU_OPTION_SW_MSI_PAGE, page);
}

/* A place in a guest's stage 1, which has pages of 4 KiB */
static __u64 guest_msi(__u32 raw)
{
	__u64 page = 0xffff00000000ULL + raw / 16 % 4096 * 4096;

	if (raw % 16 == 0)
		return page + 2;
	return page + (raw % 16 < 3 ? raw / 64 % 1024 * 4 : 0x40);
}

static void op_guest_msi(const __u32 *p)
{
	__u64 msi[MODEL_MSIS];
	struct iommu_test_cmd cmd = TEST_CMD(SET_MSI_IOVAS, 0);
	unsigned int first = p[1] % MODEL_MSIS, count, n;
	bool take_back = p[1] / 4 % 8 == 0;
	int dev = pick_msi_dev(p[0]);
	int expected;

	if (dev == NONE)
		return;
	cmd.id = m.devs[dev].stdev_id;
	/* All of them: what disabling an index does */
	if (p[1] / 32 % 32 == 0) {
		if (!expect(call(IOMMU_TEST_CMD, &cmd, sizeof(cmd)), 0,
			    "forget all addresses of dev%d", dev))
			return;
		model_guest_msi_set(&m, dev, 0, MODEL_MSIS, NULL);
		return;
	}
	count = 1 + p[2] % (MODEL_MSIS - first);
	for (n = 0; n < count; n++)
		msi[n] = guest_msi(p[3] / (n + 1));
	cmd.set_msi_iovas.start = first;
	cmd.set_msi_iovas.count = count;
	if (!take_back)
		cmd.set_msi_iovas.iovas_uptr = (uintptr_t)msi;
	expected = model_set_guest_msi(&m, dev, count, take_back ? NULL : msi);
	if (!expect(call(IOMMU_TEST_CMD, &cmd, sizeof(cmd)), expected,
		    "%s %u addresses of dev%d from index %u",
		    take_back ? "forget" : "set", count, dev, first) ||
	    expected)
		return;
	model_guest_msi_set(&m, dev, first, count, take_back ? NULL : msi);
}
#endif

/* A device that has to notice, when it is attached or replaced, what is listed */
static bool is_hidden(int dev)
{
	const struct model_dev *d = &m.devs[dev];

	return d->live && ((is_over_resv(d) && d->nr_resv < 2) ||
			   (!d->has_default && !d->nr_resv));
}

/* The driver has memory for so many of its regions, and lists no others */
static void op_limit_resv(const __u32 *p)
{
	static const unsigned int limits[] = {
		0, 0, 1, 1, 2, MODEL_RESV, MODEL_RESV,
	};
	unsigned int limit = limits[p[1] % ARRAY_LEN(limits)];
	int dev = pick_dev(p[0]);
	struct iommu_test_cmd cmd = TEST_CMD(DEV_LIMIT_RESV, 0);
	int i;

	if (dev == NONE)
		return;
	/* Nothing before the first attach, and all of it soon afterwards */
	if (!m.devs[dev].has_default && p[1] / 8 % 2)
		limit = 0;
	for (i = 0; i < MODEL_DEVS && p[2] % 4; i++) {
		if (!is_hidden(i) || (!is_attached(i, 0) && p[3] % 4))
			continue;
		limit = MODEL_RESV;
		dev = i;
	}
	cmd.id = m.devs[dev].stdev_id;
	cmd.limit_resv.num_regions = limit;
	if (expect(call(IOMMU_TEST_CMD, &cmd, sizeof(cmd)), 0,
		   "dev%d lists %u regions", dev, cmd.limit_resv.num_regions))
		m.devs[dev].nr_resv = cmd.limit_resv.num_regions;
}

static void op_bad_option(const __u32 *p)
{
	int dev = pick_dev(p[0]);
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.op = p[1] % 2 ? IOMMU_OPTION_OP_SET : IOMMU_OPTION_OP_GET,
		.option_id = p[1] / 2 % 2 ? IOMMU_OPTION_SW_MSI_START :
					    IOMMU_OPTION_SW_MSI_SIZE,
		.object_id = dev == NONE ? 0 : m.devs[dev].dev_id,
		.val64 = p[1] / 4 % 2 ? 1 : SZ_1M,
	};
	bool object = p[1] / 8 % 2 || dev == NONE;
	int expected = EOPNOTSUPP;
	int ioas = pick_ioas(p[3]);
	int hwpt = pick_hwpt(p[3]);

	if (object) {
		switch (p[3] % 4) {
		case 0:
			cmd.object_id = p[3] | 1 << 20;
			break;
		case 1:
			cmd.object_id = ioas == NONE ? 0 : m.ioases[ioas].id;
			break;
		case 2:
			cmd.object_id = hwpt == NONE ? 0 : m.hwpts[hwpt].id;
			break;
		case 3:
			cmd.object_id = dev == NONE ? 0 : m.devs[dev].stdev_id;
			break;
		}
	}
	switch (p[2] % 4) {
	case 0:
		cmd.op = 2 + p[3] % 0xfffe;
		model_rules[RULE_SET_BAD_OP]++;
		break;
	case 1:
		cmd.__reserved = 1 << p[3] % 16;
		model_rules[RULE_SET_RESERVED]++;
		break;
	case 2:
		cmd.option_id = 5 + p[3] % 100;
		model_rules[RULE_SET_NO_OPTION]++;
		break;
	case 3:
		if (!object)
			return;
		expected = ENOENT;
		model_rules[RULE_SET_NO_DEVICE]++;
		break;
	}
	expect(call(IOMMU_OPTION, &cmd, sizeof(cmd)), expected,
	       "option %u op %u reserved %#x object %u (dev%d)", cmd.option_id,
	       cmd.op, cmd.__reserved, cmd.object_id, dev);
}

/*
 * The driver may not have had the memory to list the window, or another region:
 * a device is attached without them then. Do it again without faults.
 */
static int attach_again(int dev, unsigned int pasid,
			struct iommu_test_cmd *cmd)
{
	struct iommu_test_cmd detach_cmd = TEST_CMD(PASID_DETACH,
						    m.devs[dev].stdev_id);

	detach_cmd.pasid_detach.pasid = pasid;
	if (!expect(raw_call(IOMMU_TEST_CMD, &detach_cmd), 0,
		    "detach dev%d pasid %u", dev, pasid))
		return 0;
	faulty_success = false;
	return raw_call(IOMMU_TEST_CMD, cmd);
}

/* What replace comes to where the driver has not listed RESERVED */
static int replace_unlisted(int dev, unsigned int pasid, int hwpt, int ioas)
{
	unsigned int nr_resv[MODEL_DEVS];
	int expected, i;

	for (i = 0; i < MODEL_DEVS; i++) {
		nr_resv[i] = m.devs[i].nr_resv;
		if (nr_resv[i] > 1)
			m.devs[i].nr_resv = 1;
	}
	expected = model_replace_hwpt(&m, dev, pasid, hwpt, ioas);
	for (i = 0; i < MODEL_DEVS; i++)
		m.devs[i].nr_resv = nr_resv[i];
	return expected;
}

/* Attach and replace, to an IOAS or a HWPT */
static void change(const __u32 *p, unsigned int pasid, bool replace)
{
	int dev = pick_change_dev(p[0], pasid, replace);
	struct iommu_test_cmd cmd = { .size = sizeof(cmd) }, again;
	bool fail_nth = options.fail_nth;
	int ioas = NONE, hwpt = NONE;
	int expected, err;
	__u32 id;

	if (dev == NONE)
		return;
	/* An attach to where the group is joins it */
	if (!replace && p[1] / 4 % 2)
		hwpt = model_group_hwpt(&m, m.devs[dev].group, pasid);
	if (hwpt == NONE && p[1] % 3)
		hwpt = pick_target(p[2], pasid, has_sibling_window(dev) ?
				   WISH_SMALL : p[2] / 128 % NR_WISHES);
	else if (hwpt == NONE)
		ioas = pick_ioas(p[2]);
	if (hwpt == NONE && ioas == NONE)
		return;
	id = hwpt == NONE ? m.ioases[ioas].id : m.hwpts[hwpt].id;
	cmd.id = m.devs[dev].stdev_id;
	if (replace) {
		cmd.op = IOMMU_TEST_OP_PASID_REPLACE;
		cmd.pasid_replace.pasid = pasid;
		cmd.pasid_replace.pt_id = id;
	} else {
		cmd.op = IOMMU_TEST_OP_PASID_ATTACH;
		cmd.pasid_attach.pasid = pasid;
		cmd.pasid_attach.pt_id = id;
	}
	/* Without faults: nobody knows then what replace has reserved */
	if (replace && !pasid && model_records(&m, m.devs[dev].group))
		options.fail_nth = false;
	if (hwpt != NONE)
		expected = (replace ? model_replace_hwpt : model_attach_hwpt)(
			&m, dev, pasid, hwpt, NONE);
	else
		expected = (replace ? model_replace_ioas : model_attach_ioas)(
			&m, dev, pasid, ioas, &hwpt);
	again = cmd;
	err = call(IOMMU_TEST_CMD, &cmd, sizeof(cmd));
	options.fail_nth = fail_nth;
	if (faulty_success && !replace) {
		/* Whatever comes of it now, it was attached once */
		if (!pasid && hwpt != NONE)
			model_finish(&m.hwpts[hwpt]);
		cmd = again;
		err = attach_again(dev, pasid, &cmd);
	}
	id = replace ? cmd.pasid_replace.pt_id : cmd.pasid_attach.pt_id;

	/* EINVAL from a fault makes the kernel try another automatic HWPT */
	if (faulty_success && ioas != NONE) {
		hwpt = hwpt_by_id(id);
		if (hwpt == NONE)
			hwpt = NEW_AUTO;
		expected = model_replace_hwpt(&m, dev, pasid, hwpt, ioas);
	}
	if (faulty_success && expected == EADDRINUSE)
		expected = replace_unlisted(dev, pasid, hwpt, ioas);
	if (!expect(err, expected, "%s dev%d pasid %u to %s%d",
		    replace ? "replace" : "attach", dev, pasid,
		    ioas == NONE ? "hwpt" : "ioas",
		    ioas == NONE ? hwpt : ioas) || err)
		return;
	hwpt = resolve_hwpt(dev, ioas, hwpt, id, replace);
	if (hwpt == NONE)
		return;
	if (trace)
		printf("    = hwpt%d\n", hwpt);
	if (replace)
		model_replaced(&m, dev, pasid, hwpt);
	else
		model_attached(&m, dev, pasid, hwpt);
}

static void op_attach(const __u32 *p)
{
	change(p, 0, false);
}

static void op_replace(const __u32 *p)
{
	change(p, 0, true);
}

static void op_detach(const __u32 *p)
{
	int dev = pick_dev(p[0]);

	if (dev != NONE)
		detach(dev, 0);
}

static void op_pasid_attach(const __u32 *p)
{
	change(p, 1 + p[3] % 2, false);
}

static void op_pasid_replace(const __u32 *p)
{
	change(p, 1 + p[3] % 2, true);
}

static void op_pasid_detach(const __u32 *p)
{
	int dev = pick_dev(p[0]);

	if (dev != NONE)
		detach(dev, 1 + p[1] % 2);
}

/* Returns whether the page has an IOVA now */
static bool prepare(int dev, __u64 page, __u32 offset)
{
	struct iommu_test_cmd cmd = TEST_CMD(PREPARE_MSI, m.devs[dev].stdev_id);
	__u64 msi = ULLONG_MAX;
	int expected = 0;
	__u64 iova;

	offset = offset % page_size & ~3;
#ifdef VITS
	cmd.prepare_msi.msi_index = page / page_size % MODEL_MSIS;
	msi = m.devs[dev].guest_msi[cmd.prepare_msi.msi_index];
	/* Mostly where the guest believes the doorbell to be */
	if (msi != ULLONG_MAX && offset / 4 % 8)
		offset = msi % 4096;
	expected = model_guest_msi(&m, dev, cmd.prepare_msi.msi_index,
				   page | offset, &msi);
#endif
	cmd.prepare_msi.msi_addr = page | offset;
	if (!expected)
		expected = model_prepare(&m, dev, page, &iova);
	if (!expect(call(IOMMU_TEST_CMD, &cmd, sizeof(cmd)), expected,
		    "prepare %#llx for dev%d", page | offset, dev))
		return false;
	if (expected == ENODEV)
		model_placed(&m, dev, page, iova);
	if (expected)
		return false;
	if (!expect_value(cmd.prepare_msi.out_iova,
			  msi == ULLONG_MAX ? iova | offset : msi,
			  "IOVA of MSI page %#llx for dev%d", page, dev))
		return false;
	if (trace)
		printf("    = %#llx\n", iova);
	model_prepared(&m, dev, page, iova);
	return true;
}

static void op_prepare(const __u32 *p)
{
	int dev = pick_msi_dev(p[0]);

	if (dev != NONE && m.nr_maps < MODEL_MAPS)
		prepare(dev, msi_page(p[1]), p[2]);
}

/* Fill the window, or a part of it */
static void op_fill(const __u32 *p)
{
	bool fail_nth = options.fail_nth;
	int dev = pick_msi_dev(p[0]);
	unsigned int nr = p[1] % 4 ? p[1] / 4 % 80 : FILL_PAGES;
	unsigned int first = p[2] % 2 ? 0 : p[2] % FILL_PAGES;
	unsigned int n;

	if (dev == NONE)
		return;
	for (n = 0; n < nr && m.nr_maps < MODEL_MAPS; n++) {
		if (!prepare(dev, MSI_FILL + (first + n) * page_size, p[3]))
			break;
		options.fail_nth = fail_nth && n < 2;
	}
	options.fail_nth = fail_nth;
}

static void op_map(const __u32 *p)
{
	int ioas = pick_ioas(p[0]);
	struct model_range range = range_value(p[1]);
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.user_va = (uintptr_t)buffer + p[2] % 256 * page_size,
	};
	int expected, i;

	/* The default window is free when all the devices have another */
	for (i = 0; i < MODEL_DEVS && p[3] % 8 == 0; i++) {
		if (!m.devs[i].live || !model_user(&m.devs[i]) || !is_attached(i, 0))
			continue;
		ioas = m.hwpts[m.devs[i].hwpt[0]].ioas;
		range = (struct model_range){ MOCK_SW_MSI_START,
					      MOCK_SW_MSI_START + page_size - 1 };
	}
	if (ioas == NONE || m.ioases[ioas].nr_areas == MODEL_AREAS ||
	    range.last < range.start || range.last > ULONG_MAX || avoid(range))
		return;
	cmd.ioas_id = m.ioases[ioas].id;
	cmd.iova = range.start;
	cmd.length = range.last - range.start + 1;
	expected = model_map(&m, ioas, range);
	if (expect(call(IOMMU_IOAS_MAP, &cmd, sizeof(cmd)), expected,
		   "map [%#llx, %#llx] in ioas%d", range.start, range.last,
		   ioas) && !expected)
		model_mapped(&m, ioas, range, cmd.user_va);
}

/* Allowed ranges that follow each other are one */
static bool is_allowed(int ioas, struct model_range range)
{
	const struct model_ioas *i = &m.ioases[ioas];
	unsigned int n;

	while (i->nr_allowed && range.start < range.last) {
		for (n = 0; n < i->nr_allowed; n++)
			if (range.start >= i->allowed[n].start &&
			    range.start <= i->allowed[n].last)
				break;
		if (n == i->nr_allowed)
			return false;
		range.start += page_size;
	}
	return true;
}

/* Where the kernel may place a mapping is not where it must */
static void op_map_anywhere(const __u32 *p)
{
	int ioas = pick_ioas(p[0]);
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE,
		.user_va = (uintptr_t)buffer + p[2] % 256 * page_size,
		.length = (1 + p[1] % 3) * page_size,
	};
	struct model_range ranges[32];
	struct model_range range;
	int err;

	if (ioas == NONE || m.ioases[ioas].nr_areas == MODEL_AREAS)
		return;
	cmd.ioas_id = m.ioases[ioas].id;
	err = call(IOMMU_IOAS_MAP, &cmd, sizeof(cmd));
	if (err == ENOSPC && m.ioases[ioas].nr_allowed)
		return;
	if (!model_ranges(&m, ioas, ranges, ARRAY_LEN(ranges))) {
		model_rules[RULE_MAP_NOWHERE]++;
		expect(err, ENOSPC, "map %llu bytes in ioas%d", cmd.length,
		       ioas);
		return;
	}
	if (!expect(err, 0, "map %llu bytes in ioas%d", cmd.length, ioas))
		return;
	range = (struct model_range){ cmd.iova, cmd.iova + cmd.length - 1 };
	if (trace)
		printf("    = [%#llx, %#llx]\n", range.start, range.last);
	if (!is_allowed(ioas, range) || model_map(&m, ioas, range))
		diverge("the kernel selected [%#llx, %#llx] in ioas%d",
			range.start, range.last, ioas);
	else
		model_mapped(&m, ioas, range, cmd.user_va);
	model_rules[RULE_MAP_ALLOC]++;
}

static void op_unmap(const __u32 *p)
{
	int ioas = pick_ioas(p[0]);
	struct model_range range = range_value(p[1]);
	struct iommu_ioas_unmap cmd = { .size = sizeof(cmd) };
	const struct model_ioas *i;
	int expected, err;
	__u64 unmapped;

	if (ioas == NONE)
		return;
	i = &m.ioases[ioas];
	if (p[2] % 4 && i->nr_areas)
		range = i->areas[p[2] / 4 % i->nr_areas].range;
	if (range.last < range.start || range.last > ULONG_MAX)
		return;
	cmd.ioas_id = i->id;
	cmd.iova = range.start;
	cmd.length = range.last - range.start + 1;
	/* What it leaves when it fails is as far as it came, even so */
	err = call(IOMMU_IOAS_UNMAP, &cmd, sizeof(cmd));
	expected = model_unmap(&m, ioas, range, &unmapped);
	if (expect(err, expected, "unmap [%#llx, %#llx] in ioas%d", range.start,
		   range.last, ioas) && !expected)
		expect_value(cmd.length, unmapped, "length unmapped");
}

static void op_unmap_all(const __u32 *p)
{
	int ioas = pick_ioas(p[0]);
	struct iommu_ioas_unmap cmd = { .size = sizeof(cmd), .length = -1ULL };
	const struct model_range all = { 0, -1ULL };
	__u64 unmapped;
	int err;

	if (ioas == NONE)
		return;
	cmd.ioas_id = m.ioases[ioas].id;
	err = call(IOMMU_IOAS_UNMAP, &cmd, sizeof(cmd));
	model_unmap(&m, ioas, all, &unmapped);
	if (expect(err, 0, "unmap all in ioas%d", ioas))
		expect_value(cmd.length, unmapped, "length unmapped");
}

static void op_allow(const __u32 *p)
{
	struct model_range ranges[MODEL_ALLOWED];
	unsigned int nr = p[1] % (MODEL_ALLOWED + 1);
	int ioas = pick_ioas(p[0]);
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.num_iovas = nr,
		.allowed_iovas = (uintptr_t)ranges,
	};
	unsigned int n;
	int expected;

	if (ioas == NONE)
		return;
	for (n = 0; n < nr; n++) {
		ranges[n] = range_value(p[2] * (n + 1) + p[3]);
		if (avoid(ranges[n]))
			return;
	}
	cmd.ioas_id = m.ioases[ioas].id;
	expected = model_allow(&m, ioas, ranges, nr);
	if (!expect(call(IOMMU_IOAS_ALLOW_IOVAS, &cmd, sizeof(cmd)), expected,
		    "allow %u ranges in ioas%d, the first [%#llx, %#llx]", nr,
		    ioas, nr ? ranges[0].start : 0, nr ? ranges[0].last : 0) ||
	    expected)
		return;
	m.ioases[ioas].nr_allowed = nr;
	memcpy(m.ioases[ioas].allowed, ranges, nr * sizeof(ranges[0]));
}

static void open_iommufd(void)
{
	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (fd == -1)
		die("/dev/iommu: %s, see CONFIG_IOMMUFD_TEST", strerror(errno));
	model_init(&m, page_size);
}

static void close_iommufd(void)
{
	int i;

	for (i = 0; i < MODEL_DEVS; i++) {
		if (!m.devs[i].live)
			continue;
		detach_pasids(i);
		if (m.devs[i].hwpt[0] != NONE)
			model_rules[RULE_CLOSE_LIVE]++;
	}
	close(fd);
	fd = -1;
}

/* What iommufd has allocated for others than the mock driver */
static unsigned long count_allocations(void)
{
	unsigned long total = 0, calls;
	char line[512];
	FILE *file;

	file = fopen("/proc/allocinfo", "r");
	if (!file)
		die("/proc/allocinfo: %s, see CONFIG_MEM_ALLOC_PROFILING",
		    strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, "iommufd/selftest.c") ||
		    (!strstr(line, "drivers/iommu/iommufd/") &&
		     !strstr(line, "func:iommu_alloc_resv_region")))
			continue;
		if (sscanf(line, "%*u %lu", &calls) == 1)
			total += calls;
	}
	fclose(file);
	return total;
}

static void op_reopen(const __u32 *p)
{
	(void)p;
	close_iommufd();
	open_iommufd();
	if (trace)
		printf("    close, open\n");
}

static const struct {
	const char *name;
	unsigned int weight;
	void (*run)(const __u32 *p);
} op_types[] = {
	{ "ioas", 4, op_ioas },
	{ "device", 12, op_device },
	{ "hwpt", 8, op_hwpt },
	{ "nested", 6, op_nested },
	{ "destroy-dev", 4, op_destroy_dev },
	{ "destroy-hwpt", 3, op_destroy_hwpt },
	{ "destroy-ioas", 2, op_destroy_ioas },
	{ "destroy-other", 1, op_destroy_other },
	{ "start", 5, op_start },
	{ "size", 5, op_size },
	{ "window", 14, op_window },
	{ "limit-resv", 9, op_limit_resv },
#ifdef VITS
	{ "page", 12, op_page },
	{ "guest-msi", 16, op_guest_msi },
#endif
	{ "bad-option", 2, op_bad_option },
	{ "attach", 20, op_attach },
	{ "replace", 18, op_replace },
	{ "detach", 8, op_detach },
	{ "pasid-attach", 6, op_pasid_attach },
	{ "pasid-replace", 3, op_pasid_replace },
	{ "pasid-detach", 2, op_pasid_detach },
	{ "prepare", 26, op_prepare },
	{ "fill", 1, op_fill },
	{ "map", 9, op_map },
	{ "map-anywhere", 2, op_map_anywhere },
	{ "unmap", 5, op_unmap },
	{ "unmap-all", 3, op_unmap_all },
	{ "allow", 4, op_allow },
	{ "reopen", 1, op_reopen },
};

/* Sequences */

struct sequence {
	unsigned int nr;
	struct op ops[MAX_OPS];
};

static void generate(__u64 seed, struct sequence *s)
{
	unsigned int total = 0;
	unsigned int i, code;
	__u32 at;

	for (code = 0; code < ARRAY_LEN(op_types); code++)
		total += op_types[code].weight;
	s->nr = 30 + next_random(&seed) % (MAX_OPS - 30 + 1);
	for (i = 0; i < s->nr; i++) {
		at = next_random(&seed) % total;
		for (code = 0; at >= op_types[code].weight; code++)
			at -= op_types[code].weight;
		/* Something to begin with */
		if (i < 3)
			code = i ? 1 : 0;
		s->ops[i].code = code;
		for (at = 0; at < NR_PARAMS; at++)
			s->ops[i].p[at] = next_random(&seed) >> 40;
	}
}

static void print_op(FILE *out, const struct op *op)
{
	fprintf(out, "%s %u %u %u %u\n", op_types[op->code].name, op->p[0],
		op->p[1], op->p[2], op->p[3]);
}

/* Returns whether the kernel did as the model says */
static bool run_sequence(const struct sequence *s)
{
	unsigned long allocations = count_allocations();
	unsigned int i;

	divergence[0] = '\0';
	open_iommufd();
	for (i = 0; i < s->nr && !divergence[0]; i++) {
		progress->op = i;
		if (trace) {
			printf("%3u ", i);
			print_op(stdout, &s->ops[i]);
			fflush(stdout);
		}
		op_types[s->ops[i].code].run(s->ops[i].p);
		nr_ops++;
		if (divergence[0])
			break;
		if (i % CHECK_ALL == CHECK_ALL - 1 || i == s->nr - 1)
			check_all();
		else
			check_some();
	}
	close_iommufd();
	expect_value(count_allocations(), allocations,
		     "allocations that outlive the iommufd");
	check_kmsg();
	return !divergence[0];
}

/* Drop what the divergence does not need: ever smaller parts of the sequence */
static void shrink(struct sequence *s)
{
	unsigned long rules[NR_RULES];
	unsigned int part, at;
	struct sequence less;

	memcpy(rules, model_rules, sizeof(rules));
	for (part = s->nr / 2; part; part /= 2) {
		for (at = 0; at + part <= s->nr;) {
			less.nr = s->nr - part;
			memcpy(less.ops, s->ops, at * sizeof(s->ops[0]));
			memcpy(less.ops + at, s->ops + at + part,
			       (less.nr - at) * sizeof(s->ops[0]));
			if (run_sequence(&less))
				at += part;
			else
				*s = less;
		}
	}
	memcpy(model_rules, rules, sizeof(rules));
}

static void print_sequence(const struct sequence *s)
{
	unsigned int i;

	if (options.fail_nth)
		printf("# with --fail-nth\n");
	for (i = 0; i < s->nr; i++)
		print_op(stdout, &s->ops[i]);
}

static void report(__u64 seed, struct sequence *s, double seconds)
{
	char first[sizeof(divergence)];
	struct sequence whole = *s;

	memcpy(first, divergence, sizeof(first));
	printf("\nDIVERGENCE after %.0f s and %lu operations, in --seed %llu\n  %s\n",
	       seconds, nr_ops, (unsigned long long)seed, first);
	fflush(stdout);
	shrink(s);
	if (run_sequence(s)) {
		printf("It does not happen again. The sequence was:\n");
		print_sequence(&whole);
		return;
	}
	printf("  %u operations are enough: %s\n", s->nr, divergence);
	printf("For --replay:\n");
	print_sequence(s);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static unsigned int rules_seen(void)
{
	unsigned int seen = 0;
	unsigned int i;

	for (i = 0; i < NR_RULES; i++)
		seen += model_rules[i] > 0;
	return seen;
}

/* The most frequent answers, in percent */
static void print_errnos(void)
{
	unsigned long counts[MAX_ERRNO];
	unsigned long total = 0;
	unsigned int best, i, n;

	memcpy(counts, errnos, sizeof(counts));
	for (i = 0; i < MAX_ERRNO; i++)
		total += counts[i];
	for (n = 0; n < 4 && total; n++) {
		for (best = i = 0; i < MAX_ERRNO; i++)
			if (counts[i] > counts[best])
				best = i;
		if (!counts[best])
			break;
		printf(" %s %lu%%", best ? errno_name(best) : "ok",
		       counts[best] * 100 / total);
		counts[best] = 0;
	}
}

static void show_progress(double start, bool last)
{
	static double shown;
	bool tty = isatty(STDOUT_FILENO);

	if (!last && now() - shown < (tty ? 1 : 10))
		return;
	shown = now();
	printf("%s%5.0f s %9lu ops %7lu %s", tty ? "\r\033[K" : "",
	       shown - start, nr_ops, nr_sequences,
	       options.races ? "rounds," : "sequences");
	if (!options.races)
		printf(" %2u/%d rules,", rules_seen(), NR_RULES);
	print_errnos();
	if (!tty || last)
		printf("\n");
	fflush(stdout);
}

static int summary(void)
{
	unsigned int unseen = 0;
	unsigned int i;

	printf("\nHow often each rule decided:\n");
	for (i = 0; i < NR_RULES; i++) {
		printf("  %10lu  %s\n", model_rules[i], model_rule_names[i]);
		unseen += !model_rules[i];
	}
	if (options.fail_nth)
		printf("%lu faults injected\n", nr_faults);
	printf("%lu operations in %lu sequences, no divergence\n", nr_ops,
	       nr_sequences);
	if (unseen && nr_ops >= LONG_RUN && !options.fail_nth) {
		printf("%u rules never came up: the tester has a hole\n",
		       unseen);
		return 1;
	}
	return 0;
}

static int fuzz(void)
{
	static struct sequence s;
	double start = now();

	show_progress(start, false);
	while (!(options.ops && nr_ops >= options.ops) &&
	       !(options.seconds && now() - start >= options.seconds)) {
		/* The first one is that of the seed itself, to have it again */
		__u64 seed = options.seed + nr_sequences;

		progress->sequence = seed;
		generate(seed, &s);
		nr_sequences++;
		if (!run_sequence(&s)) {
			report(seed, &s, now() - start);
			return 1;
		}
		show_progress(start, false);
	}
	show_progress(start, true);
	return summary();
}

static int replay(void)
{
	static struct sequence s;
	char line[256], name[32];
	unsigned int number = 0;
	FILE *file;

	file = fopen(options.replay, "r");
	if (!file)
		die("%s: %s", options.replay, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		struct op *op = &s.ops[s.nr];
		int fields;

		number++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (s.nr == MAX_OPS)
			die("%s:%u: more than %d operations", options.replay,
			    number, MAX_OPS);
		fields = sscanf(line, "%31s %u %u %u %u", name, &op->p[0],
				&op->p[1], &op->p[2], &op->p[3]);
		for (op->code = 0; op->code < ARRAY_LEN(op_types); op->code++)
			if (!strcmp(name, op_types[op->code].name))
				break;
		if (fields != 5 || op->code == ARRAY_LEN(op_types))
			die("%s:%u: not an operation and four numbers",
			    options.replay, number);
		s.nr++;
	}
	fclose(file);
	trace = true;
	if (run_sequence(&s)) {
		printf("no divergence\n");
		return 0;
	}
	printf("DIVERGENCE: %s\n", divergence);
	return 1;
}

/*
 * Races: threads of several processes on one iommufd, and processes with one of
 * their own beside them. What they are answered depends on who came first, so
 * only what must hold in any order is looked at:
 *
 *  - An MSI page is inside the window that GET reports for the device then, or
 *    for another one that may be in its group.
 *  - Within one iommufd, a page in a window has one IOVA, and an IOVA one page.
 *  - When all devices are detached, no MSI page is mapped and nothing is
 *    reserved but what is outside the apertures; all objects can be destroyed.
 */

enum {
	RACE_THREADS = 4,
	RACE_PROCESSES = 3,
	RACE_OPS = 400,
	RACE_DEVS = 6,
	RACE_IOASES = 2,
	RACE_HWPTS = 6,
	RACE_PAGES = 12,
	RACE_MAPS = 1024,
	RACE_GROUPED = 3,
	/* No call takes as long, whoever is in its way */
	RACE_SECONDS = 30,
	/* IDs of objects are the lowest that are free */
	RACE_IDS = 256,
};

/* What may be destroyed and made anew by one thread at a time */
struct race_slot {
	/* Odd while that happens */
	unsigned int count;
	/* The stdev_id of a device */
	__u32 id;
	__u32 dev_id;
};

/* One iommufd, shared with forked processes */
struct race {
	int fd;
	struct race_slot devs[RACE_DEVS];
	__u32 ioases[RACE_IOASES];
	struct race_slot hwpts[RACE_HWPTS];
	pthread_mutex_t lock;
	/* By ID: a device is attached or detached by one caller at a time */
	pthread_mutex_t changing[RACE_IDS];
	struct model_map maps[RACE_MAPS];
	unsigned int nr_maps;
	unsigned long ops;
	/* Automatic HWPTs that were left */
	unsigned long nr_auto;
	char wrong[512];
};

static void __attribute__((format(printf, 2, 3)))
race_wrong(struct race *r, const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&r->lock);
	if (!r->wrong[0]) {
		va_start(args, fmt);
		vsnprintf(r->wrong, sizeof(r->wrong), fmt, args);
		va_end(args);
	}
	pthread_mutex_unlock(&r->lock);
}

static int race_call(struct race *r, unsigned long request, void *cmd)
{
	double start = now();
	int err = ioctl(r->fd, request, cmd) ? errno : 0;

	if (now() - start > RACE_SECONDS)
		race_wrong(r, "ioctl %#lx took %.0f s", request, now() - start);

	__atomic_add_fetch(&r->ops, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&errnos[err], 1, __ATOMIC_RELAXED);
	switch (err) {
	case 0:
	case EADDRINUSE:
	case EBUSY:
	case EEXIST:
	case EINVAL:
	case ENOENT:
	case ENOSPC:
	case EOPNOTSUPP:
	case EOVERFLOW:
		break;
	default:
		race_wrong(r, "ioctl %#lx: %s", request, errno_name(err));
	}
	return err;
}

static int race_destroy(struct race *r, __u32 id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return race_call(r, IOMMU_DESTROY, &cmd);
}

static int race_change(struct race *r, int op, __u32 stdev_id, __u32 pt_id)
{
	struct iommu_test_cmd cmd = { .size = sizeof(cmd), .op = op,
				      .id = stdev_id };
	pthread_mutex_t *changing = &r->changing[stdev_id % RACE_IDS];
	int err;

	/* Also where pasid_replace has its own */
	cmd.pasid_attach.pt_id = pt_id;

	/* iommufd leaves this to its callers; VFIO has dev_set->lock for it */
	pthread_mutex_lock(changing);
	err = race_call(r, IOMMU_TEST_CMD, &cmd);
	pthread_mutex_unlock(changing);
	return err;
}

static __u64 race_option(struct race *r, int op, __u32 option_id, __u32 dev_id,
			 __u64 value, int *err)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.op = op,
		.option_id = option_id,
		.object_id = dev_id,
		.val64 = value,
	};

	*err = race_call(r, IOMMU_OPTION, &cmd);
	return cmd.val64;
}

static unsigned int race_count(const struct race_slot *slot)
{
	return __atomic_load_n(&slot->count, __ATOMIC_SEQ_CST);
}

static bool race_take(struct race_slot *slot)
{
	unsigned int count = race_count(slot);

	return count % 2 == 0 &&
	       __atomic_compare_exchange_n(&slot->count, &count, count + 1,
					   false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static void race_give(struct race_slot *slot)
{
	__atomic_add_fetch(&slot->count, 1, __ATOMIC_SEQ_CST);
}

/* All of its kind have the same region to stay away from, and no NO_SW_MSI */
static void race_new_dev(struct race *r, int slot)
{
	struct iommu_test_cmd cmd = TEST_CMD(MOCK_DOMAIN_FLAGS, 0);
	struct race_slot *first = &r->devs[0];
	struct race_slot *d = &r->devs[slot];
	bool taken;

	cmd.mock_domain_group.dev_flags = MOCK_FLAGS_DEVICE_NO_ATTACH;
	if (slot % 2)
		cmd.mock_domain_group.dev_flags |=
			MOCK_FLAGS_DEVICE_LARGE_APERTURE;
	/*
	 * The first few in one group, as long as its first member is there. It
	 * must stay: another device would get its ID.
	 */
	taken = slot && slot < RACE_GROUPED && race_take(first);
	if (taken && first->id) {
		cmd.op = IOMMU_TEST_OP_MOCK_DOMAIN_GROUP;
		cmd.mock_domain_group.group_stdev_id = first->id;
	}
	if (race_call(r, IOMMU_TEST_CMD, &cmd))
		cmd.mock_domain_group.out_stdev_id =
			cmd.mock_domain_group.out_idev_id = 0;
	if (taken)
		race_give(first);
	d->id = cmd.mock_domain_group.out_stdev_id;
	d->dev_id = cmd.mock_domain_group.out_idev_id;
}

static void race_renew_dev(struct race *r, int nr)
{
	struct race_slot *slot = &r->devs[nr];

	if (!race_take(slot))
		return;
	if (!slot->id || !race_destroy(r, slot->id))
		race_new_dev(r, nr);
	race_give(slot);
}

/*
 * Look at what must hold for the place of a page, and remember it. The page is
 * in one of the windows, where two of them overlap only its IOVA counts.
 */
static void race_placed(struct race *r, const struct model_range *windows,
			unsigned int nr_windows, __u64 page, __u64 iova)
{
	struct model_map new = { .page = page, .iova = iova };
	const struct model_map *map;
	bool found = false, sure = true;
	unsigned int n;

	for (n = 0; n < nr_windows; n++) {
		if (iova < windows[n].start || iova > windows[n].last)
			continue;
		sure = sure && (!found || ranges_equal(new.window, windows[n]));
		new.window = windows[n];
		found = true;
	}
	if (!found) {
		race_wrong(r, "page %#llx is at %#llx, outside %u windows, the first [%#llx, %#llx]",
			   page, iova, nr_windows,
			   nr_windows ? windows[0].start : 0,
			   nr_windows ? windows[0].last : 0);
		return;
	}
	pthread_mutex_lock(&r->lock);
	for (n = 0; n < r->nr_maps; n++) {
		map = &r->maps[n];
		if (sure && map->page == page &&
		    ranges_equal(map->window, new.window))
			break;
		if (map->iova == iova && map->page != page)
			break;
	}
	if (n == r->nr_maps) {
		if (sure && n < RACE_MAPS)
			r->maps[r->nr_maps++] = new;
	} else if (memcmp(&r->maps[n], &new, sizeof(new)) && !r->wrong[0]) {
		snprintf(r->wrong, sizeof(r->wrong),
			 "page %#llx is at %#llx, page %#llx was at %#llx",
			 page, iova, r->maps[n].page, r->maps[n].iova);
	}
	pthread_mutex_unlock(&r->lock);
}

/* The window that GET reports */
static bool race_window(struct race *r, __u32 dev_id,
			struct model_range *window)
{
	__u64 start, size;
	int err1, err2;

	start = race_option(r, IOMMU_OPTION_OP_GET, IOMMU_OPTION_SW_MSI_START,
			    dev_id, 0, &err1);
	size = race_option(r, IOMMU_OPTION_OP_GET, IOMMU_OPTION_SW_MSI_SIZE,
			   dev_id, 0, &err2);
	*window = (struct model_range){ MOCK_SW_MSI_START, MOCK_SW_MSI_LAST };
	if (size)
		*window = (struct model_range){ start,
						start + size * SZ_1M - 1 };
	return !err1 && !err2;
}

/*
 * The page goes into the window of the attached devices of the group. Those that
 * may be of that group are asked, and must not have been made anew meanwhile.
 */
static void race_prepare(struct race *r, __u64 raw)
{
	unsigned int nr = raw % RACE_DEVS;
	unsigned int first = nr < RACE_GROUPED ? 0 : nr;
	unsigned int last = nr < RACE_GROUPED ? RACE_GROUPED - 1 : nr;
	struct iommu_test_cmd cmd = TEST_CMD(PREPARE_MSI, 0);
	__u64 page = MSI_HOT + raw / 16 % RACE_PAGES * page_size;
	struct model_range windows[RACE_GROUPED];
	unsigned int counts[RACE_DEVS];
	__u32 dev_ids[RACE_DEVS];
	unsigned int n, nr_windows = 0;

	for (n = first; n <= last; n++) {
		counts[n] = race_count(&r->devs[n]);
		dev_ids[n] = r->devs[n].dev_id;
	}
	cmd.id = r->devs[nr].id;
	cmd.prepare_msi.msi_addr = page;
	if (race_call(r, IOMMU_TEST_CMD, &cmd))
		return;
	/* From here on SET is refused in the group, as long as it lives */
	for (n = first; n <= last; n++)
		if (dev_ids[n] &&
		    race_window(r, dev_ids[n], &windows[nr_windows]))
			nr_windows++;
	for (n = first; n <= last; n++)
		if (counts[n] % 2 || race_count(&r->devs[n]) != counts[n])
			return;
	race_placed(r, windows, nr_windows, page, cmd.prepare_msi.out_iova);
}

static void race_hwpt(struct race *r, __u64 raw)
{
	struct iommu_hwpt_selftest data = { .iotlb = IOMMU_TEST_IOTLB_DEFAULT };
	struct race_slot *slot = &r->hwpts[raw % RACE_HWPTS];
	/* The upper half is nested on the lower */
	bool nested = raw % RACE_HWPTS >= RACE_HWPTS / 2;
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = r->devs[raw / 16 % RACE_DEVS].dev_id,
		.pt_id = r->ioases[raw / 256 % RACE_IOASES],
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
	};

	if (!race_take(slot))
		return;
	if (nested) {
		cmd.flags = 0;
		cmd.pt_id = r->hwpts[raw / 256 % (RACE_HWPTS / 2)].id;
		cmd.data_type = IOMMU_HWPT_DATA_SELFTEST;
		cmd.data_len = sizeof(data);
		cmd.data_uptr = (uintptr_t)&data;
	}
	if (!slot->id || !race_destroy(r, slot->id))
		slot->id = race_call(r, IOMMU_HWPT_ALLOC, &cmd) ?
				   0 : cmd.out_hwpt_id;
	race_give(slot);
}

static __u32 race_pt(struct race *r, __u64 raw)
{
	__u32 id = r->hwpts[raw / 4 % RACE_HWPTS].id;

	return raw % 4 && id ? id : r->ioases[raw / 4 % RACE_IOASES];
}

static void race_map(struct race *r, __u64 raw)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = r->ioases[raw % RACE_IOASES],
		.user_va = (uintptr_t)buffer,
		.length = page_size,
		.iova = starts[raw / 16 % 5],
	};
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = map.ioas_id,
		.iova = map.iova,
		.length = page_size,
	};

	if (race_call(r, IOMMU_IOAS_MAP, &map) == 0 || raw / 256 % 4 == 0)
		race_call(r, IOMMU_IOAS_UNMAP, &unmap);
}

static void race_look(struct race *r, __u64 raw)
{
	struct model_range ranges[16];
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = r->ioases[raw % RACE_IOASES],
		.num_iovas = 16,
		.allowed_iovas = (uintptr_t)ranges,
	};

	race_call(r, IOMMU_IOAS_IOVA_RANGES, &cmd);
}

static void race_op(struct race *r, __u64 raw)
{
	struct race_slot *d = &r->devs[raw / 64 % RACE_DEVS];
	int err;

	switch (raw % 64) {
	case 0 ... 5:
		race_option(r, IOMMU_OPTION_OP_SET, IOMMU_OPTION_SW_MSI_START,
			    d->dev_id, starts[raw / 4096 % 8], &err);
		break;
	case 6 ... 11:
		race_option(r, IOMMU_OPTION_OP_SET, IOMMU_OPTION_SW_MSI_SIZE,
			    d->dev_id, raw / 4096 % 4, &err);
		break;
	case 12 ... 21:
		race_change(r, IOMMU_TEST_OP_PASID_ATTACH, d->id,
			    race_pt(r, raw / 4096));
		break;
	case 22 ... 29:
		race_change(r, IOMMU_TEST_OP_PASID_REPLACE, d->id,
			    race_pt(r, raw / 4096));
		break;
	case 30 ... 34:
		race_change(r, IOMMU_TEST_OP_PASID_DETACH, d->id, 0);
		break;
	case 35 ... 50:
		race_prepare(r, raw / 4096);
		break;
	case 51 ... 54:
		race_hwpt(r, raw / 4096);
		break;
	case 55 ... 58:
		race_map(r, raw / 4096);
		break;
	case 59 ... 60:
		race_look(r, raw / 4096);
		break;
	case 61 ... 63:
		race_renew_dev(r, raw / 4096 % RACE_DEVS);
		break;
	}
}

struct race_thread {
	pthread_t thread;
	struct race *race;
	__u64 seed;
};

static void *race_thread(void *arg)
{
	struct race_thread *t = arg;
	unsigned int n;

	for (n = 0; n < RACE_OPS && !t->race->wrong[0]; n++)
		race_op(t->race, next_random(&t->seed) >> 8);
	return NULL;
}

static void race_threads(struct race *r, __u64 seed)
{
	struct race_thread threads[RACE_THREADS];
	int i;

	for (i = 0; i < RACE_THREADS; i++) {
		threads[i].race = r;
		threads[i].seed = next_random(&seed);
		if (pthread_create(&threads[i].thread, NULL, race_thread,
				   &threads[i]))
			die("pthread_create failed");
	}
	for (i = 0; i < RACE_THREADS; i++)
		pthread_join(threads[i].thread, NULL);
}

/*
 * Who attaches by an automatic HWPT, and fails, may hold it in the moment when its
 * last device leaves. It stays then, as iommufd_object_put_and_try_destroy()
 * says, and user space has to destroy it.
 */
static void race_destroy_auto(struct race *r)
{
	__u32 id;
	int i;

	for (id = 1; id < RACE_IDS; id++) {
		for (i = 0; i < RACE_IOASES; i++)
			if (r->ioases[i] == id)
				break;
		if (i == RACE_IOASES && !race_destroy(r, id))
			r->nr_auto++;
	}
}

/* Nobody else is left: everything has to be in order */
static void race_end(struct race *r)
{
	struct model_range ranges[16];
	unsigned int n;
	int i;

	for (i = 0; i < RACE_DEVS; i++)
		if (r->devs[i].id &&
		    race_change(r, IOMMU_TEST_OP_PASID_DETACH,
				r->devs[i].id, 0))
			race_wrong(r, "a device cannot be detached");
	for (i = 0; i < RACE_HWPTS / 2; i++) {
		for (n = 0; n < r->nr_maps && r->hwpts[i].id; n++) {
			struct iommu_test_cmd cmd = TEST_CMD(MD_LOOKUP,
						     r->hwpts[i].id);

			cmd.lookup.iova = r->maps[n].iova;
			if (race_call(r, IOMMU_TEST_CMD, &cmd) != ENOENT)
				race_wrong(r, "%#llx is mapped after detach",
					   r->maps[n].iova);
		}
	}
	for (i = RACE_HWPTS - 1; i >= 0; i--)
		if (r->hwpts[i].id && race_destroy(r, r->hwpts[i].id))
			race_wrong(r, "a HWPT is in use after detach");
	for (i = 0; i < RACE_DEVS; i++)
		if (r->devs[i].id && race_destroy(r, r->devs[i].id))
			race_wrong(r, "a device cannot be destroyed");
	race_destroy_auto(r);
	for (i = 0; i < RACE_IOASES; i++) {
		struct iommu_ioas_iova_ranges cmd = {
			.size = sizeof(cmd),
			.ioas_id = r->ioases[i],
			.num_iovas = 16,
			.allowed_iovas = (uintptr_t)ranges,
		};

		if (race_call(r, IOMMU_IOAS_IOVA_RANGES, &cmd) ||
		    cmd.num_iovas != 1 || ranges[0].start ||
		    ranges[0].last != ULONG_MAX)
			race_wrong(r, "something is reserved in an empty IOAS: %u ranges, the first [%#llx, %#llx]",
				   cmd.num_iovas, ranges[0].start,
				   ranges[0].last);
		if (race_destroy(r, r->ioases[i]))
			race_wrong(r, "an IOAS is in use at the end");
	}
}

/* Another process has the same iommufd, and another one of its own */
static void race_round(struct race *r, __u64 seed, int processes)
{
	pthread_mutexattr_t attr;
	pid_t pids[RACE_PROCESSES];
	int status;
	int i;

	memset(r, 0, sizeof(*r));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&r->lock, &attr);
	for (i = 0; i < RACE_IDS; i++)
		pthread_mutex_init(&r->changing[i], &attr);
	r->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (r->fd == -1)
		die("/dev/iommu: %s, see CONFIG_IOMMUFD_TEST", strerror(errno));
	for (i = 0; i < RACE_IOASES; i++) {
		struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

		if (race_call(r, IOMMU_IOAS_ALLOC, &cmd))
			race_wrong(r, "no IOAS");
		r->ioases[i] = cmd.out_ioas_id;
	}
	for (i = 0; i < RACE_DEVS; i++)
		race_new_dev(r, i);

	for (i = 0; i < processes; i++) {
		pids[i] = fork();
		if (pids[i] == -1)
			die("fork: %s", strerror(errno));
		if (pids[i])
			continue;
		/* The last one works on an iommufd that nobody else has */
		if (i == processes - 1)
			race_round(r + 1, seed + 1, 0);
		else
			race_threads(r, seed + 2 + i);
		_exit(0);
	}
	race_threads(r, seed);
	for (i = 0; i < processes; i++)
		if (waitpid(pids[i], &status, 0) == -1 || status)
			race_wrong(r, "a process was killed");
	if (!r->wrong[0])
		race_end(r);
	close(r->fd);
}

static int races(void)
{
	double start = now();
	struct race *r;
	__u64 seed = options.seed;
	unsigned long nr_auto = 0;

	r = mmap(NULL, 2 * sizeof(*r), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	while (!(options.ops && nr_ops >= options.ops) &&
	       !(options.seconds && now() - start >= options.seconds)) {
		divergence[0] = '\0';
		race_round(r, next_random(&seed), RACE_PROCESSES);
		expect_value(count_allocations(), 0,
			     "allocations that outlive all iommufds");
		check_kmsg();
		nr_ops += r[0].ops + r[1].ops;
		nr_sequences++;
		nr_placed += r[0].nr_maps + r[1].nr_maps;
		nr_auto += r[0].nr_auto + r[1].nr_auto;
		if (r[0].wrong[0])
			diverge("%s", r[0].wrong);
		if (r[1].wrong[0])
			diverge("%s", r[1].wrong);
		if (divergence[0]) {
			printf("\nDIVERGENCE after %.0f s and %lu operations\n  %s\n",
			       now() - start, nr_ops, divergence);
			return 1;
		}
		show_progress(start, false);
	}
	show_progress(start, true);
	printf("%lu operations in %lu rounds, %lu MSI pages placed, %lu automatic HWPTs left, no divergence\n",
	       nr_ops, nr_sequences, nr_placed, nr_auto);
	return nr_placed ? 0 : 1;
}

static void usage(FILE *out)
{
	fprintf(out,
"iommufd_sw_msi_fuzz: random tests of the software MSI window of iommufd\n"
"\n"
"  --seed N         first sequence, default random; the others follow it\n"
"  --ops N          end after N operations\n"
"  --seconds N      end after N seconds, default 60 without --ops\n"
"  --fail-nth       let each allocation of each operation fail in turn\n"
"  --races          threads and processes at once, look at invariants only\n"
"  --replay FILE    run the operations in FILE and say what they do\n"
"\n"
"Needs CONFIG_IOMMUFD_TEST and root. Exits with 0 if all is well, 1 if the\n"
"kernel is not as it should be, 2 if the test could not be made.\n");
}

static __u64 number(const char *option_name, const char *text)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || text[0] == '-')
		die("--%s takes a number, not \"%s\"", option_name, text);
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "ops", required_argument, NULL, 'o' },
		{ "seconds", required_argument, NULL, 't' },
		{ "replay", required_argument, NULL, 'r' },
		{ "races", no_argument, NULL, 'R' },
		{ "fail-nth", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int c;

	if (getrandom(&options.seed, sizeof(options.seed), 0) == -1)
		die("getrandom: %s", strerror(errno));
	/* Short enough to be copied by hand */
	options.seed %= 1000000000;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			options.seed = number("seed", optarg);
			break;
		case 'o':
			options.ops = number("ops", optarg);
			break;
		case 't':
			options.seconds = number("seconds", optarg);
			break;
		case 'r':
			options.replay = optarg;
			break;
		case 'R':
			options.races = true;
			break;
		case 'f':
			options.fail_nth = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case ':':
			die("%s takes an argument, see --help",
			    argv[optind - 1]);
		default:
			die("no option %s, see --help", argv[optind - 1]);
		}
	}
	if (optind < argc)
		die("no argument %s, see --help", argv[optind]);
	if (options.races && (options.replay || options.fail_nth))
		die("--races goes neither with --replay nor with --fail-nth");
	if (!options.ops && !options.seconds)
		options.seconds = 60;
}

static int work(void)
{
	open_kmsg();
	if (options.fail_nth)
		open_fail_nth();
	if (options.replay)
		return replay();
	printf("--seed %llu\n", (unsigned long long)options.seed);
	return options.races ? races() : fuzz();
}

int main(int argc, char **argv)
{
	/* All that may be mapped at once is more than the default */
	const struct rlimit memlock = { RLIM_INFINITY, RLIM_INFINITY };
	static struct sequence s;
	unsigned int n;
	int status;
	pid_t pid;

	parse(argc, argv);
	page_size = sysconf(_SC_PAGESIZE);
	buffer = mmap(NULL, BUFFER_PAGES * page_size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED || progress == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	if (setrlimit(RLIMIT_MEMLOCK, &memlock))
		die("setrlimit: %s, run as root", strerror(errno));
	/* In an order in which no two neighbours are so in memory as well */
	for (n = 0; n < BUFFER_PAGES; n++)
		buffer[n * 5 % BUFFER_PAGES * page_size] = 1;

	/* A kernel that oopses kills: the worker, so that there is a report */
	pid = fork();
	if (pid == -1)
		die("fork: %s", strerror(errno));
	if (!pid)
		exit(work());
	if (waitpid(pid, &status, 0) == -1)
		die("waitpid: %s", strerror(errno));
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	printf("\nThe kernel killed the tester (%s)\n",
	       strsignal(WTERMSIG(status)));
	if (!options.replay && !options.races) {
		generate(progress->sequence, &s);
		s.nr = progress->op + 1;
		printf("in the sequence of --seed %llu, in its last operation here:\n",
		       (unsigned long long)progress->sequence);
		print_sequence(&s);
	}
	return 1;
}
