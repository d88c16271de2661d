// SPDX-License-Identifier: GPL-2.0
/*
 * swmsi - move the software MSI window of a device, and see its MSI arrive
 *
 * This file parses the command line and calls the commands.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "acts.h"
#include "guest.h"
#include "say.h"
#include "steps.h"
#include "vmm.h"
#include "window.h"

/* The end of an error message */
#define SEE_HELP "; see swmsi --help"

/* Each command has a default of its own */
static uint64_t window = SW_MSI_START_UNSET;

static const char usage[] =
"usage: swmsi [OPTION...] COMMAND BDF [ARGUMENT...]\n"
"\n"
"  show BDF [IOVA [SIZE]]   set this window, if one is given, and show: windows,\n"
"                           what is reserved, what can be mapped, a map of it\n"
"  check BDF IOVA [SIZE]    say whether this window would be accepted; if not,\n"
"                           why, and the nearest accepted window\n"
"  test BDF [IOVA [SIZE]]   set this window, or leave the default one, attach the\n"
"                           device, raise its MSI\n"
"  agree BDF                compare check with the kernel, on random windows\n"
"  demo BDF                 the acts for one device: default window, moved\n"
"                           window, refused windows, stage 2\n"
"  group BDF BDF            the act for two devices of one IOMMU group\n"
"  nested BDF BDF           the acts with nested translation, for two devices\n"
"                           behind one IOMMU\n"
"  vits BDF BDF BDF         the same with a guest that maps its own doorbell, for\n"
"                           a kernel with the RFC; the third is an e1000e\n"
"\n"
"  --ram IOVA:SIZE          guest RAM, for show, check, test; may be repeated\n"
"  --window IOVA            the window of the acts: a multiple of 1 MiB; for demo\n"
"                           and group above 256 MiB of RAM (default 0x10000000),\n"
"                           for nested and vits above 160 MiB (0xb000000)\n"
"  --seed N, --count N      seed and number of random windows (agree)\n"
"  --json                   for programs: show, check, test, agree\n"
"  --help                   this text\n"
"\n"
"BDF is the address of an edu device (1234:11e8) that vfio-pci drives, such as\n"
"0000:00:01.0; show and check take any device. Numbers are decimal, 0x hex,\n"
"or end in K, M, G, T. SIZE is 1M by default.\n"
"Exit status: 0 success, 1 a check failed or the answer is no, 2 bad input.\n";

static void __attribute__((noreturn, format(printf, 1, 2)))
bad_input(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("swmsi: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	exit(2);
}

/* Parse the number at the start of arg, up to the character stop */
static uint64_t parse_number(const char *arg, char stop, const char **rest)
{
	static const char units[] = "KMGT";
	unsigned long long val;
	const char *unit;
	int shift = 0;
	char *end;

	errno = 0;
	val = strtoull(arg, &end, 0);
	unit = end != arg && *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unit - units + 1);
		end++;
	}
	if (end == arg || arg[0] == '-' || errno || *end != stop)
		bad_input("'%s': not a number such as 0x10000000 or 256M", arg);
	if (val > UINT64_MAX >> shift)
		bad_input("%s: does not fit 64 bits", arg);
	*rest = end;
	return val << shift;
}

static uint64_t parse(const char *arg)
{
	const char *rest;

	return parse_number(arg, '\0', &rest);
}

static uint64_t parse_window(const char *arg)
{
	uint64_t val = parse(arg);

	if (val % SW_MSI_UNIT)
		bad_input("--window %s: not a multiple of 1 MiB, such as 0x%" PRIx64,
			  arg, val - val % SW_MSI_UNIT);
	return val;
}

static void parse_ram(struct request *request, const char *arg)
{
	uint64_t page = sysconf(_SC_PAGESIZE), start, size;
	struct iommu_iova_range *ram;
	const char *rest;

	if (request->num_ram == RAM_RANGES_MAX)
		bad_input("--ram: give it %d times at most", RAM_RANGES_MAX);
	start = parse_number(arg, ':', &rest);
	size = parse(rest + 1);
	if (!size || start % page || size % page || start + size - 1 < start)
		bad_input("--ram %s: not whole pages, or past the end of 64 bits",
			  arg);
	for (size_t i = 0; i < request->num_ram; i++)
		if (request->ram[i].start <= start + size - 1 &&
		    request->ram[i].last >= start)
			bad_input("--ram %s: overlaps another", arg);
	ram = &request->ram[request->num_ram++];
	ram->start = start;
	ram->last = start + size - 1;
}

static unsigned int parse_unsigned(const char *name, const char *arg)
{
	uint64_t val = parse(arg);

	if (val > UINT32_MAX)
		bad_input("%s %s: does not fit 32 bits", name, arg);
	return val;
}

static void check_device(const char *bdf)
{
	char path[128];

	if (strchr(bdf, '/') ||
	    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev",
		     bdf) >= (int)sizeof(path))
		bad_input("%s: not the address of a device, such as 0000:00:01.0",
			  bdf);
	if (!access(path, F_OK))
		return;
	*strrchr(path, '/') = '\0';
	if (access(path, F_OK))
		bad_input("%s: no such device in /sys/bus/pci/devices", bdf);
	bad_input("%s: vfio-pci does not drive it: write to its driver_override",
		  bdf);
}

/*
 * Place the window above the RAM, by default at dflt. The acts need size bytes
 * there, inside the aperture of the automatic domain. As only an attached
 * device has a domain, attach it. Returns the last IOVA of the aperture.
 */
static uint64_t place_window(const char *bdf, uint64_t ram_size, uint64_t dflt,
			     uint64_t size)
{
	struct iommu_iova_range *ranges;
	struct vmm_device device;
	uint64_t aperture_last;
	struct vmm vmm;
	uint32_t num;

	if (window == SW_MSI_START_UNSET)
		window = dflt;
	if (window < ram_size)
		bad_input("--window 0x%" PRIx64 ": in the guest RAM, which ends at 0x%" PRIx64,
			  window, ram_size - 1);
	vmm_open(&vmm, RAM_SIZE);
	vmm_device_open(&vmm, &device, bdf);
	if (sw_msi_set_window(vmm.iommufd, device.id, window, WINDOW_SIZE) ==
	    -EADDRINUSE)
		bad_input("--window 0x%" PRIx64 ": overlaps a reserved region; see swmsi show %s",
			  window, bdf);
	sw_msi_reset_window(vmm.iommufd, device.id);
	attach(&device, vmm.ioas_id);
	ranges = vmm_iova_ranges(&vmm, &num);
	if (!num)
		errx(1, "%s: its domain has no IOVA at all", bdf);
	aperture_last = ranges[num - 1].last;
	free(ranges);
	vmm_device_close(&device);
	vmm_close(&vmm);

	if (window + (size - 1) > aperture_last)
		bad_input("--window 0x%" PRIx64 ": outside the aperture, which ends at 0x%" PRIx64,
			  window, aperture_last);
	return aperture_last;
}

static int run_demo(char *bdfs[])
{
	uint64_t aperture_last = place_window(bdfs[0], RAM_SIZE, RAM_SIZE,
					      WINDOW_SIZE);

	demo_acts(bdfs[0], window, aperture_last);
	return 0;
}

static int run_group(char *bdfs[])
{
	place_window(bdfs[0], RAM_SIZE, RAM_SIZE, WINDOW_SIZE);
	group_act(bdfs[0], bdfs[1], window);
	return 0;
}

static int run_nested(char *bdfs[])
{
	place_window(bdfs[0], GUEST_RAM_SIZE, GUEST_WINDOW, NESTED_SIZE);
	nested_acts(bdfs[0], bdfs[1], window);
	return 0;
}

static int run_vits(char *bdfs[])
{
	place_window(bdfs[0], GUEST_RAM_SIZE, GUEST_WINDOW, WINDOW_SIZE);
	vits_acts(bdfs[0], bdfs[1], bdfs[2], window + VITS_OFFSET);
	return 0;
}

/**
 * struct command - what the command line can ask for
 * @name: name of the command
 * @devices: number of device addresses that follow
 * @window: minimum number of further arguments; -1 if none are allowed
 * @run: for commands on devices
 * @run_window: for commands on one window
 */
struct command {
	const char *name;
	int devices;
	int window;
	int (*run)(char *bdfs[]);
	int (*run_window)(const struct request *request);
};

static const struct command commands[] = {
	{ "show", 1, 0, NULL, window_show },
	{ "check", 1, 1, NULL, window_check },
	{ "test", 1, 0, NULL, window_test },
	{ "agree", 1, -1, NULL, window_agree },
	{ "demo", 1, -1, run_demo, NULL },
	{ "group", 2, -1, run_group, NULL },
	{ "nested", 2, -1, run_nested, NULL },
	{ "vits", 3, -1, run_vits, NULL },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	bad_input("%s: no such command" SEE_HELP, name);
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "window", required_argument, NULL, 'w' },
		{ "ram", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct request request = { .seed = getpid(), .count = 1000 };
	const struct command *command;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'w':
			window = parse_window(optarg);
			break;
		case 'r':
			parse_ram(&request, optarg);
			break;
		case 's':
			request.seed = parse_unsigned("--seed", optarg);
			break;
		case 'c':
			request.count = parse_unsigned("--count", optarg);
			break;
		case 'j':
			request.json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			bad_input("%s: unknown option, or its value is missing" SEE_HELP,
				  argv[optind - 1]);
		}
	}
	if (optind == argc)
		bad_input("no command" SEE_HELP);
	command = find_command(argv[optind++]);
	argc -= optind;
	argv += optind;

	if (argc < command->devices)
		bad_input("%s: give the address of %s" SEE_HELP, command->name,
			  command->devices == 1 ? "a device" :
			  command->devices == 2 ? "two devices" :
						  "three devices");
	if (argc - command->devices < command->window)
		bad_input("%s: give the IOVA of a window" SEE_HELP,
			  command->name);
	if (argc - command->devices > (command->window < 0 ? 0 : 2))
		bad_input("%s: %s is one argument too many" SEE_HELP, command->name,
			  argv[argc - 1]);
	if (request.json && command->run)
		bad_input("--json: %s has no such output" SEE_HELP, command->name);

	request.bdf = argv[0];
	if (argc > command->devices) {
		request.start = parse(argv[1]);
		request.size = argc > 2 ? parse(argv[2]) : SW_MSI_UNIT;
		if (!request.size)
			bad_input("%s: give a window 1 MiB or more", argv[2]);
	}
	for (int i = 0; i < command->devices; i++)
		check_device(argv[i]);

	/* Line buffered, so that no output is lost if the machine dies */
	setvbuf(stdout, NULL, _IOLBF, 0);
	opt = command->run ? command->run(argv) : command->run_window(&request);
	return opt || check_failed();
}
