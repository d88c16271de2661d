// SPDX-License-Identifier: GPL-2.0
/*
 * sw_msi_preload.so - move the MSI window for a VMM that lacks the options
 *
 *   LD_PRELOAD=.../sw_msi_preload.so SW_MSI_WINDOW=0xb000000:2M qemu-system-...
 *
 * Intercepts the C library's ioctl(). After the program has bound a VFIO device
 * to an iommufd (VFIO_DEVICE_BIND_IOMMUFD), and before it can attach the
 * device, the library moves the device's software MSI window and prints one
 * line on stderr. If there is no line, no window was moved.
 *
 * SW_MSI_WINDOW=START[:SIZE]
 *	Where the window of each device is. Bytes, decimal or hexadecimal (0x),
 *	with K, M or G behind if need be; both multiples of 1 MiB. SIZE is 1 MiB
 *	if it is not given. Without a window, or with a bad one, no device can be
 *	bound: EINVAL.
 *
 * SW_MSI_OPTIONAL=1
 *	Bind a device even if its window cannot be moved, and bind all devices
 *	if SW_MSI_WINDOW is not set. Without this setting such a bind fails. A bad
 *	SW_MSI_WINDOW is an error in any case.
 *
 * The library has no effect, and prints nothing, in programs that are linked
 * statically or with a C library other than glibc; in programs that do not use
 * the C library's ioctl(), such as those with the Rust crate rustix (the libc
 * crate and std are fine); in setuid programs, where the dynamic linker ignores
 * LD_PRELOAD; in 32-bit programs with 64-bit time, which call __ioctl_time64();
 * and for devices opened through the container interface (/dev/vfio/GROUP),
 * which opens and attaches a device in one step.
 *
 * The only state is the address of the next ioctl(). So threads and hotplug
 * need no care, and binding a device again is the same as binding it first.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/ioctl.h>

#include <linux/vfio.h>

#include <sw_msi.h>

struct settings {
	uint64_t start;
	uint64_t size;		/* 0: SW_MSI_WINDOW is not set */
	bool optional;
};

/* One write for each line, so that those of several threads do not mix */
#define say(fmt, ...) \
	dprintf(STDERR_FILENO, "sw_msi_preload: " fmt "\n", ##__VA_ARGS__)

/* Do not use syscall(): the next ioctl() may be in another preloaded library */
static int next_ioctl(int fd, unsigned long request, void *arg)
{
	static int (*cached)(int fd, unsigned long request, ...);
	int (*next)(int fd, unsigned long request, ...);

	/* Threads that look it up at the same time get the same address */
	next = __atomic_load_n(&cached, __ATOMIC_RELAXED);
	if (!next) {
		next = dlsym(RTLD_NEXT, "ioctl");
		if (!next) {
			errno = ENOSYS;
			return -1;
		}
		__atomic_store_n(&cached, next, __ATOMIC_RELAXED);
	}
	return next(fd, request, arg);
}

/* Returns the value of the digit c, or 16 if c is not a digit */
static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/*
 * Parses a number of bytes at *text and advances *text past it. Do not use
 * strtoull(): it accepts blanks and signs, and with a new C library its symbol
 * is too new for Debian 12.
 */
static int parse_bytes(const char **text, uint64_t *bytes)
{
	unsigned int base = 10, shift = 0;
	const char *pos = *text;
	uint64_t value = 0;

	if (pos[0] == '0' && (pos[1] == 'x' || pos[1] == 'X')) {
		base = 16;
		pos += 2;
	}
	if (digit(*pos) >= base)
		return -EINVAL;
	for (; digit(*pos) < base; pos++)
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit(*pos), &value))
			return -ERANGE;

	switch (*pos) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	}
	if (shift)
		pos++;
	if (value << shift >> shift != value)
		return -ERANGE;
	*bytes = value << shift;
	*text = pos;
	return 0;
}

/* Returns NULL, or what is wrong and what to do */
static const char *parse_window(const char *text, struct settings *settings)
{
	int rc;

	settings->size = SW_MSI_UNIT;
	rc = parse_bytes(&text, &settings->start);
	if (!rc && *text == ':') {
		text++;
		rc = parse_bytes(&text, &settings->size);
	}
	if (rc == -ERANGE)
		return "a number of 2^64 or more: give a lower one";
	if (rc || *text)
		return "not START or START:SIZE, in bytes: write it like 0xb000000:2M";
	if (settings->start % SW_MSI_UNIT)
		return "START is not a multiple of 1 MiB: align it";
	if (!settings->size)
		return "SIZE is 0: give 1M or more, or leave it out";
	if (settings->size % SW_MSI_UNIT)
		return "SIZE is not a multiple of 1 MiB: round it up";
	if (settings->start + (settings->size - 1) < settings->start)
		return sw_msi_strerror(SW_MSI_STEP_OPTION, EOVERFLOW);
	return NULL;
}

/*
 * Do not complain at program start: shells and wrappers that start the VMM have
 * the same environment.
 */
static bool read_settings(struct settings *settings)
{
	const char *optional = getenv("SW_MSI_OPTIONAL");
	const char *window = getenv("SW_MSI_WINDOW");
	const char *fault;

	settings->optional = optional && !strcmp(optional, "1");
	if (optional && *optional && !settings->optional &&
	    strcmp(optional, "0")) {
		say("bind refused: SW_MSI_OPTIONAL=%s: neither 0 nor 1: give one of them",
		    optional);
		return false;
	}

	if (!window) {
		settings->size = 0;
		if (!settings->optional)
			say("bind refused: SW_MSI_WINDOW is not set: set it, or SW_MSI_OPTIONAL=1");
		return settings->optional;
	}
	fault = parse_window(window, settings);
	if (fault)
		say("bind refused: SW_MSI_WINDOW=%s: %s", window, fault);
	return !fault;
}

static int move_window(int iommufd, uint32_t dev_id,
		       const struct settings *settings)
{
	enum sw_msi_support support;
	const char *fault = NULL;
	int rc;

	/* These call the ioctl() below, which passes IOMMU_OPTION through */
	rc = sw_msi_probe(iommufd, dev_id, &support);
	if (!rc && support != SW_MSI_SUPPORTED) {
		rc = -EOPNOTSUPP;
		fault = support == SW_MSI_NO_KERNEL ?
			"kernel cannot move it: run one with IOMMU_OPTION_SW_MSI_START" :
			"device has no window and needs none: set SW_MSI_OPTIONAL=1";
	}
	if (!rc)
		rc = sw_msi_set_window(iommufd, dev_id, settings->start,
				       settings->size);
	if (!rc) {
		say("device %" PRIu32 ": MSI window 0x%" PRIx64 ", %" PRIu64 " MiB",
		    dev_id, settings->start, settings->size / SW_MSI_UNIT);
		return 0;
	}

	if (!fault)
		fault = sw_msi_strerror(SW_MSI_STEP_OPTION, rc);
	say("device %" PRIu32 ": %s MSI window 0x%" PRIx64 ", %" PRIu64 " MiB: %s",
	    dev_id, settings->optional ? "goes on without" : "bind refused, no",
	    settings->start, settings->size / SW_MSI_UNIT, fault);
	return settings->optional ? 0 : rc;
}

static int bind_device(int fd, struct vfio_device_bind_iommufd *bind)
{
	struct settings settings;
	int rc, old_errno = errno;

	if (!read_settings(&settings)) {
		errno = EINVAL;
		return -1;
	}
	rc = next_ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, bind);
	if (rc)
		return rc;

	if (settings.size)
		rc = move_window(bind->iommufd, bind->out_devid, &settings);
	else
		say("device %" PRIu32 ": SW_MSI_WINDOW is not set: default MSI window",
		    bind->out_devid);
	/*
	 * The kernel cannot undo a bind: a device that is refused here stays
	 * bound until the program closes it.
	 */
	errno = rc ? -rc : old_errno;
	return rc ? -1 : 0;
}

/*
 * On POWER VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY has the same number as the bind.
 * Do not use the library there; POWER has no window to move.
 */
int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	/* The C library does the same: without an argument, arg is not used */
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);

	if (request == VFIO_DEVICE_BIND_IOMMUFD)
		return bind_device(fd, arg);
	return next_ioctl(fd, request, arg);
}
