// SPDX-License-Identifier: GPL-2.0
/*
 * Test sw_msi_preload.so against a model of the kernel, without a device or
 * privileges. With MODEL this file is the model, a library that defines
 * ioctl(). The program is linked with it, so the dynamic linker finds its
 * ioctl() after that of the preloaded library and before that of the C library.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>

#include <linux/vfio.h>

#include <sw_msi.h>

#define DEVICE_FD	101
#define IOMMUFD		102
#define DEVICE		7

/* A request other than a bind, and its return value in the model */
#define OTHER_REQUEST	_IO(VFIO_TYPE, VFIO_BASE + 19)
#define OTHER_ANSWER	42

struct kernel {
	/* What it answers: an errno; and whether the device is an mdev */
	int bind, options, region, set_start, set_size, other;
	bool emulated;
	uint64_t start, size;

	/* What it was asked for: the text of each SET, and the rest */
	char sets[256];
	int binds, others;
	uint32_t devices;
	void *other_arg;
};

extern struct kernel kernel;

#ifdef MODEL

struct kernel kernel;

static int set_option(const struct iommu_option *cmd)
{
	bool is_start = cmd->option_id == SW_MSI_OPTION_START;
	size_t used = strlen(kernel.sets);
	int fault = is_start ? kernel.set_start : kernel.set_size;

	snprintf(kernel.sets + used, sizeof(kernel.sets) - used,
		 "%u:%s=0x%" PRIx64 " ", cmd->object_id,
		 is_start ? "START" : "SIZE", (uint64_t)cmd->val64);
	if (fault)
		return fault;
	*(is_start ? &kernel.start : &kernel.size) = cmd->val64;
	return 0;
}

static int do_option(struct iommu_option *cmd)
{
	if (cmd->size != sizeof(*cmd) || cmd->__reserved)
		return EBADMSG;
	if (kernel.options)
		return kernel.options;
	if (!cmd->object_id || cmd->object_id > kernel.devices ||
	    kernel.emulated)
		return ENOENT;
	if (kernel.region)
		return kernel.region;
	if (cmd->op == IOMMU_OPTION_OP_SET)
		return set_option(cmd);
	cmd->val64 = cmd->option_id == SW_MSI_OPTION_START ? kernel.start :
							     kernel.size;
	return 0;
}

static int do_bind(struct vfio_device_bind_iommufd *bind)
{
	kernel.binds++;
	if (!bind)
		return EFAULT;
	if (bind->argsz != sizeof(*bind) || bind->iommufd != IOMMUFD)
		return EBADMSG;
	if (!kernel.bind)
		bind->out_devid = ++kernel.devices;
	return kernel.bind;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int fault;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);

	if (fd == DEVICE_FD && request == VFIO_DEVICE_BIND_IOMMUFD) {
		fault = do_bind(arg);
	} else if (fd == IOMMUFD && request == IOMMU_OPTION) {
		fault = do_option(arg);
	} else if (fd == DEVICE_FD && request == OTHER_REQUEST) {
		kernel.others++;
		kernel.other_arg = arg;
		fault = kernel.other;
		if (!fault)
			return OTHER_ANSWER;
	} else {
		fault = EBADRQC;
	}
	if (!fault)
		return 0;
	errno = fault;
	return -1;
}

#else

static int failures;

/* What the library says goes here, and what we say to stdout */
static char said[1024];

static const char *what_was_said(void)
{
	ssize_t length = pread(STDERR_FILENO, said, sizeof(said) - 1, 0);

	said[length > 0 ? length : 0] = '\0';
	return said;
}

static void reset(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.start = UINT64_MAX;
	kernel.devices = DEVICE - 1;
	unsetenv("SW_MSI_WINDOW");
	unsetenv("SW_MSI_OPTIONAL");
	if (ftruncate(STDERR_FILENO, 0) ||
	    lseek(STDERR_FILENO, 0, SEEK_SET))
		abort();
}

static void set_env(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
}

static int bind_device(struct vfio_device_bind_iommufd *bind)
{
	*bind = (struct vfio_device_bind_iommufd){
		.argsz = sizeof(*bind),
		.iommufd = IOMMUFD,
	};
	return ioctl(DEVICE_FD, VFIO_DEVICE_BIND_IOMMUFD, bind);
}

static void fault(const char *name, const char *what)
{
	printf("%s: %s\n", name, what);
	failures++;
}

static void same_text(const char *name, const char *text, const char *expected)
{
	if (strcmp(text, expected)) {
		printf("%s:\n is\t\t%s\n should be\t%s\n", name, text, expected);
		failures++;
	}
}

#define expect(name, cond) do {						\
	if (!(cond))							\
		fault(name, #cond);					\
} while (0)

/* One bind: what it gives, what was set, and the one line */

#define W		"0xb000000"
#define W_MIB		W ", 1 MiB"
#define SET_W		"7:START=" W " 7:SIZE=0x1 "
#define MOVED		"device 7: MSI window "
#define REFUSED		"device 7: bind refused, no MSI window "
#define GOES_ON		"device 7: goes on without MSI window "
#define NO_KERNEL	\
	": kernel cannot move it: run one with IOMMU_OPTION_SW_MSI_START"
#define NO_REGION	\
	": device has no window and needs none: set SW_MSI_OPTIONAL=1"

#define BAD(window)	"bind refused: SW_MSI_WINDOW=" window ": "
#define FORM		\
	"not START or START:SIZE, in bytes: write it like 0xb000000:2M"
#define NUMBER		"a number of 2^64 or more: give a lower one"
#define ALIGN		"START is not a multiple of 1 MiB: align it"
#define SIZE_0		"SIZE is 0: give 1M or more, or leave it out"
#define SIZE_ALIGN	"SIZE is not a multiple of 1 MiB: round it up"
#define UNSET		\
	"bind refused: SW_MSI_WINDOW is not set: set it, or SW_MSI_OPTIONAL=1"
#define DEFAULT		\
	"device 7: SW_MSI_WINDOW is not set: default MSI window"
#define OPTIONAL(value)	\
	"bind refused: SW_MSI_OPTIONAL=" value ": neither 0 nor 1: give one of them"

static const struct {
	const char *name, *window, *optional;
	struct kernel kernel;
	int fault;
	/* The line, and behind it, with step, what sw_msi_strerror() has for it */
	const char *sets, *line;
	int sentence;
} cases[] = {
	/* Windows that are good */
	{ "default size", W, .sets = SET_W, .line = MOVED W_MIB },
	{ "decimal", "184549376", .sets = SET_W, .line = MOVED W_MIB },
	{ "leading 0 is no octal", "0184549376", .sets = SET_W,
	  .line = MOVED W_MIB },
	{ "START with a suffix", "176m", .sets = SET_W, .line = MOVED W_MIB },
	{ "upper case", "0XB000000:1048576", .sets = SET_W,
	  .line = MOVED W_MIB },
	{ "hex digits", "0xaBcDeF00000", .line = MOVED "0xabcdef00000, 1 MiB",
	  .sets = "7:START=0xabcdef00000 7:SIZE=0x1 " },
	{ "SIZE in hex", W ":0x200000", .line = MOVED W ", 2 MiB",
	  .sets = "7:START=" W " 7:SIZE=0x2 " },
	{ "SIZE in K", W ":3072K", .line = MOVED W ", 3 MiB",
	  .sets = "7:START=" W " 7:SIZE=0x3 " },
	{ "SIZE in k", W ":3072k", .line = MOVED W ", 3 MiB",
	  .sets = "7:START=" W " 7:SIZE=0x3 " },
	{ "SIZE in M", W ":16M", .line = MOVED W ", 16 MiB",
	  .sets = "7:START=" W " 7:SIZE=0x10 " },
	{ "SIZE in G", W ":2G", .line = MOVED W ", 2048 MiB",
	  .sets = "7:START=" W " 7:SIZE=0x800 " },
	{ "SIZE in g", W ":2g", .line = MOVED W ", 2048 MiB",
	  .sets = "7:START=" W " 7:SIZE=0x800 " },
	{ "START 0", "0", .line = MOVED "0x0, 1 MiB",
	  .sets = "7:START=0x0 7:SIZE=0x1 " },
	{ "the last place", "0xfffffffffff00000",
	  .line = MOVED "0xfffffffffff00000, 1 MiB",
	  .sets = "7:START=0xfffffffffff00000 7:SIZE=0x1 " },
	{ "another window in force", W, .kernel = { .start = 0, .size = 5 },
	  .sets = "7:SIZE=0x0 " SET_W, .line = MOVED W_MIB },
	{ "SW_MSI_OPTIONAL=1 and all is well", W, "1", .sets = SET_W,
	  .line = MOVED W_MIB },

	/* Windows that are bad, and what else the user can get wrong */
	{ "empty", "", .fault = EINVAL, .line = BAD("") FORM },
	{ "no number", "low", .fault = EINVAL, .line = BAD("low") FORM },
	{ "0x alone", "0x", .fault = EINVAL, .line = BAD("0x") FORM },
	{ "suffix alone", "M", .fault = EINVAL, .line = BAD("M") FORM },
	{ "hex without 0x", "b000000", .fault = EINVAL,
	  .line = BAD("b000000") FORM },
	{ "hex digit in decimal", "1b", .fault = EINVAL,
	  .line = BAD("1b") FORM },
	{ "sign", "-1048576", .fault = EINVAL, .line = BAD("-1048576") FORM },
	{ "blank before", " " W, .fault = EINVAL, .line = BAD(" " W) FORM },
	{ "blank behind", W " ", .fault = EINVAL, .line = BAD(W " ") FORM },
	{ "unknown suffix", "1T", .fault = EINVAL, .line = BAD("1T") FORM },
	{ "two suffixes", W ":1MB", .fault = EINVAL, .line = BAD(W ":1MB") FORM },
	{ "no SIZE", W ":", .fault = EINVAL, .line = BAD(W ":") FORM },
	{ "SIZE no number", W ":x", .fault = EINVAL, .line = BAD(W ":x") FORM },
	{ "a third", W ":1M:1M", .fault = EINVAL,
	  .line = BAD(W ":1M:1M") FORM },
	{ "START of 2^64", "0x10000000000000000", .fault = EINVAL,
	  .line = BAD("0x10000000000000000") NUMBER },
	{ "START of 2^64, decimal", "18446744073709551616", .fault = EINVAL,
	  .line = BAD("18446744073709551616") NUMBER },
	{ "SIZE of 2^64 by its suffix", W ":17179869184G", .fault = EINVAL,
	  .line = BAD(W ":17179869184G") NUMBER },
	{ "START not aligned", "0xb080000", .fault = EINVAL,
	  .line = BAD("0xb080000") ALIGN },
	{ "SIZE 0", W ":0", .fault = EINVAL, .line = BAD(W ":0") SIZE_0 },
	{ "SIZE not aligned", W ":1025K", .fault = EINVAL,
	  .line = BAD(W ":1025K") SIZE_ALIGN },
	{ "past the end", "0xfffffffffff00000:2M", .fault = EINVAL,
	  .line = BAD("0xfffffffffff00000:2M"), .sentence = EOVERFLOW },
	{ "bad, SW_MSI_OPTIONAL=1", "low", "1", .fault = EINVAL,
	  .line = BAD("low") FORM },
	{ "not set", .fault = EINVAL, .line = UNSET },
	{ "not set, SW_MSI_OPTIONAL=1", NULL, "1", .line = DEFAULT },
	{ "SW_MSI_OPTIONAL=yes", W, "yes", .fault = EINVAL,
	  .line = OPTIONAL("yes") },
	{ "SW_MSI_OPTIONAL=11", W, "11", .fault = EINVAL,
	  .line = OPTIONAL("11") },

	/* What the kernel refuses */
	{ "START refused", W, .kernel.set_start = EADDRINUSE,
	  .fault = EADDRINUSE, .sets = "7:START=" W " ",
	  .line = REFUSED W_MIB ": ", .sentence = EADDRINUSE },
	{ "SIZE refused", W, .kernel.set_size = EADDRINUSE,
	  .fault = EADDRINUSE, .sets = SET_W,
	  .line = REFUSED W_MIB ": ", .sentence = EADDRINUSE },
	{ "EBUSY", W, .kernel.set_start = EBUSY, .fault = EBUSY,
	  .sets = "7:START=" W " ", .line = REFUSED W_MIB ": ",
	  .sentence = EBUSY },
	{ "EOVERFLOW", W, .kernel.set_start = EOVERFLOW, .fault = EOVERFLOW,
	  .sets = "7:START=" W " ", .line = REFUSED W_MIB ": ",
	  .sentence = EOVERFLOW },
	{ "no options", W, .kernel.options = EOPNOTSUPP, .fault = EOPNOTSUPP,
	  .line = REFUSED W_MIB NO_KERNEL },
	{ "no IOMMU_OPTION", W, .kernel.options = ENOTTY, .fault = EOPNOTSUPP,
	  .line = REFUSED W_MIB NO_KERNEL },
	{ "no region", W, .kernel.region = EOPNOTSUPP, .fault = EOPNOTSUPP,
	  .line = REFUSED W_MIB NO_REGION },
	{ "mdev", W, .kernel.emulated = true, .fault = ENOENT,
	  .line = REFUSED W_MIB ": ", .sentence = ENOENT },
	{ "SW_MSI_OPTIONAL=0", W, "0", .kernel.emulated = true, .fault = ENOENT,
	  .line = REFUSED W_MIB ": ", .sentence = ENOENT },
	{ "SW_MSI_OPTIONAL=", W, "", .kernel.emulated = true, .fault = ENOENT,
	  .line = REFUSED W_MIB ": ", .sentence = ENOENT },

	/* The same, and the program goes on */
	{ "START refused, optional", W, "1", .kernel.set_start = EADDRINUSE,
	  .sets = "7:START=" W " ", .line = GOES_ON W_MIB ": ",
	  .sentence = EADDRINUSE },
	{ "SIZE refused, optional", W, "1", .kernel.set_size = EBUSY,
	  .sets = SET_W, .line = GOES_ON W_MIB ": ", .sentence = EBUSY },
	{ "no options, optional", W, "1", .kernel.options = EOPNOTSUPP,
	  .line = GOES_ON W_MIB NO_KERNEL },
	{ "no region, optional", W, "1", .kernel.region = EOPNOTSUPP,
	  .line = GOES_ON W_MIB NO_REGION },
	{ "mdev, optional", W, "1", .kernel.emulated = true,
	  .line = GOES_ON W_MIB ": ", .sentence = ENOENT },

	/* No window is set after a failed bind */
	{ "bind fails", W, .kernel.bind = ENODEV, .fault = ENODEV },
	{ "bind fails, optional", W, "1", .kernel.bind = ENODEV,
	  .fault = ENODEV },
	{ "bind fails, not set", NULL, "1", .kernel.bind = ENODEV,
	  .fault = ENODEV },
};

static void test_cases(void)
{
	struct vfio_device_bind_iommufd bind;
	char line[512];
	int rc;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = cases[i].name;
		bool asked;

		reset();
		kernel = cases[i].kernel;
		if (!kernel.size)
			kernel.start = UINT64_MAX;
		kernel.devices = DEVICE - 1;
		set_env("SW_MSI_WINDOW", cases[i].window);
		set_env("SW_MSI_OPTIONAL", cases[i].optional);

		errno = EXDEV;
		rc = bind_device(&bind);
		expect(name, rc == (cases[i].fault ? -1 : 0));
		expect(name, errno == (cases[i].fault ?: EXDEV));
		/* A bad setting is refused before the bind */
		asked = !cases[i].line || strncmp(cases[i].line, "bind", 4);
		expect(name, kernel.binds == asked);
		same_text(name, kernel.sets, cases[i].sets ?: "");
		line[0] = '\0';
		if (cases[i].line)
			snprintf(line, sizeof(line), "sw_msi_preload: %s%s\n",
				 cases[i].line, !cases[i].sentence ? "" :
				 sw_msi_strerror(SW_MSI_STEP_OPTION,
						 cases[i].sentence));
		same_text(name, what_was_said(), line);
	}
}

/* Each device gets its window and its line, also one that is bound again */
static void test_devices(void)
{
	struct vfio_device_bind_iommufd bind;

	reset();
	set_env("SW_MSI_WINDOW", W);
	for (uint32_t id = DEVICE; id < DEVICE + 3; id++) {
		kernel.start = UINT64_MAX;
		kernel.size = 0;
		expect("devices", !bind_device(&bind) && bind.out_devid == id);
	}
	same_text("devices", kernel.sets, "7:START=" W " 7:SIZE=0x1 "
		  "8:START=" W " 8:SIZE=0x1 9:START=" W " 9:SIZE=0x1 ");
	same_text("devices", what_was_said(),
		  "sw_msi_preload: device 7: MSI window " W_MIB "\n"
		  "sw_msi_preload: device 8: MSI window " W_MIB "\n"
		  "sw_msi_preload: device 9: MSI window " W_MIB "\n");
}

static void test_no_argument(void)
{
	reset();
	set_env("SW_MSI_WINDOW", W);
	expect("bind of NULL", ioctl(DEVICE_FD, VFIO_DEVICE_BIND_IOMMUFD,
				     NULL) == -1 && errno == EFAULT);
	same_text("bind of NULL", what_was_said(), "");
}

/* All other ioctls pass unchanged, and a bad window is not reported */
static void test_others(void)
{
	struct vfio_device_bind_iommufd bind;
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = SW_MSI_OPTION_START,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = DEVICE,
		.val64 = 0x123,
	};

	reset();
	set_env("SW_MSI_WINDOW", "low");
	set_env("SW_MSI_OPTIONAL", "yes");
	errno = EXDEV;
	expect("others", ioctl(DEVICE_FD, OTHER_REQUEST, &bind) ==
			 OTHER_ANSWER);
	expect("others", errno == EXDEV && kernel.others == 1);
	expect("others", kernel.other_arg == &bind);
	kernel.other = ENXIO;
	expect("others", ioctl(DEVICE_FD, OTHER_REQUEST, NULL) == -1);
	expect("others", errno == ENXIO && kernel.others == 2);
	expect("others", !kernel.other_arg);

	/* The program's own window too */
	kernel.devices = DEVICE;
	expect("others", !ioctl(IOMMUFD, IOMMU_OPTION, &cmd));
	same_text("others", kernel.sets, "7:START=0x123 ");
	same_text("others", what_was_said(), "");
}

int main(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return 1;
	setlinebuf(stdout);
	test_cases();
	test_devices();
	test_no_argument();
	test_others();
	return failures > 0;
}

#endif
