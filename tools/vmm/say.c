// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

#define WIDTH_MAX		76

static bool failed;

void act(char letter, const char *title)
{
	printf("\nact %c: %s\n", letter, title);
}

static void picture_row(char *addresses, char *boxes, int used)
{
	boxes[used] = '\0';
	while (used && addresses[used - 1] == ' ')
		addresses[--used] = '\0';
	printf("   %s\n   %s|\n", addresses, boxes);
}

/* Not to scale: each box is as wide as its label and its address need */
void picture(const struct region *regions, size_t num)
{
	char addresses[WIDTH_MAX + 1] = "", boxes[WIDTH_MAX + 1] = "";
	int used = 0;

	for (size_t i = 0; i < num; i++) {
		const struct region *region = &regions[i];
		int label = strlen(region->label) + 2;
		int width = snprintf(NULL, 0, "0x%" PRIx64 " ", region->start);

		if (width < label + 7)
			width = label + 7;
		if (used + width > WIDTH_MAX) {
			picture_row(addresses, boxes, used);
			used = 0;
		}
		snprintf(addresses + used, width + 1, "0x%-*" PRIx64,
			 width - 2, region->start);
		memset(boxes + used, region->fill, width);
		boxes[used] = '|';
		snprintf(boxes + used + (width - label) / 2 + 1, label + 1,
			 " %s ", region->label);
		boxes[used + (width - label) / 2 + 1 + label] = region->fill;
		used += width;
	}
	picture_row(addresses, boxes, used);
}

static bool use_colours(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (!no_color || !*no_color);
}

void check(bool ok, const char *fmt, ...)
{
	const char *word = ok ? " ok " : "FAIL";
	va_list args;

	if (!ok)
		failed = true;
	if (use_colours())
		printf("[\033[%dm%s\033[0m] ", ok ? 32 : 31, word);
	else
		printf("[%s] ", word);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

bool check_failed(void)
{
	return failed;
}

const char *errno_name(int rc)
{
	return rc ? strerrorname_np(-rc) : "success";
}

void check_done(int rc, enum sw_msi_step step, const char *what)
{
	check(!rc, "%s: %s", what, errno_name(rc));
	if (rc)
		printf("       %s\n", sw_msi_strerror(step, rc));
}
