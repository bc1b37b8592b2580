/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine as at its start, without another start: GUEST_RESET, this very program under another name, does it for
 * whoever calls it in the guest. What was touched is removed from its bus and found again, and modules that came later
 * go. Numbers that a kernel never gives out twice (interface indexes) go on.
 */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER "/run/mocksys"
#define STATE FOLDER "/state"          /* a line a function: ADDRESS DRIVER OVERRIDE PF */
#define MODULES FOLDER "/modules"      /* /proc/modules then */
#define BOOT_MODULES FOLDER "/without" /* /proc/modules before the machine's own */
#define DEVICES "/sys/bus/pci/devices"

/* ---- at the start ---- */

static void copy(const char *from, const char *to, mode_t mode)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	char data[65536];
	ssize_t n;

	while ((n = read(in, data, sizeof(data))) > 0)
		if (write(out, data, (size_t)n) != n)
			break;
	if (n || out < 0)
		give_up("cannot write %s: %s", to, strerror(errno));
	close(in);
	close(out);
}

void reset_prepare(void)
{
	mkdir(FOLDER, 0755);
	copy("/proc/self/exe", GUEST_RESET, 0755);
	copy("/proc/modules", BOOT_MODULES, 0644);
	spec_write(FOLDER GUEST_SPEC);
}

static void print_functions(FILE *stream)
{
	struct dirent **entries;
	int n = scandir(DEVICES, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		const char *address = entries[i]->d_name;
		char driver[NAME_MAX], pf[NAME_MAX], override[4096];

		if (address[0] != '.') {
			device_link(address, "driver", driver);
			device_link(address, "physfn", pf);
			device_override(address, override);
			fprintf(stream, "%s %s %s %s\n", address, driver, override, pf);
		}
		free(entries[i]);
	}
	free(entries);
}

void reset_note_state(void)
{
	FILE *stream = fopen(STATE, "we");

	if (!stream)
		give_up("cannot write " STATE ": %s", strerror(errno));
	print_functions(stream);
	fclose(stream);
	copy("/proc/modules", MODULES, 0644);
}

/* ---- what is not as it was ---- */

static char *read_text(const char *path)
{
	FILE *stream = fopen(path, "re");
	char *text = NULL;
	size_t capacity = 0;

	if (!stream || getdelim(&text, &capacity, '\0', stream) < 0)
		give_up("cannot read %s: %s", path, strerror(errno));
	fclose(stream);
	return text;
}

static char *functions_now(void)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		give_up("no memory");
	print_functions(stream);
	fclose(stream);
	return text;
}

/* Whether @text has @line, of @length, among its lines. */
static bool has_line(const char *text, const char *line, size_t length)
{
	for (; text && *text; text = strchr(text, '\n'), text += text != NULL)
		if (!strncmp(text, line, length) && text[length] == '\n')
			return true;
	return false;
}

enum change { NOTHING, VFS, MORE };

/* VFS: none but VFs are not what they were, or gone; then @touch is called with each, its driver and its PF. */
static enum change find_change(const char *before, const char *now,
			       void (*touch)(const char *vf, const char *driver, const char *pf))
{
	enum change change = NOTHING;
	char address[32], driver[128], pf[32];

	for (const char *line = before; *line; line = strchr(line, '\n') + 1) {
		if (has_line(now, line, strcspn(line, "\n")))
			continue;
		if (sscanf(line, "%31s %127s %*s %31s", address, driver, pf) != 3 || !strcmp(pf, "-"))
			return MORE;
		change = VFS;
		touch(address, driver, pf);
	}
	for (const char *line = now; *line; line = strchr(line, '\n') + 1)
		if (sscanf(line, "%31s", address) == 1 && !strstr(before, address))
			return MORE;
	return change;
}

static bool was_loaded(const char *before, const char *line)
{
	char start[80];
	const char *at = before;

	snprintf(start, sizeof(start), "%.*s ", (int)strcspn(line, " "), line);
	for (; at; at = strchr(at, '\n'), at += at != NULL)
		if (!strncmp(at, start, strlen(start)))
			return true;
	return false;
}

/* One of those that came later, that nobody needs: its name. */
static bool unload_one(const char *before)
{
	char *now = read_text("/proc/modules"), *rest = now;
	bool unloaded = false;

	for (char *line; !unloaded && (line = strsep(&rest, "\n")) && *line;) {
		if (was_loaded(before, line))
			continue;
		line[strcspn(line, " ")] = '\0';
		unloaded = syscall(SYS_delete_module, line, O_NONBLOCK) == 0;
	}
	free(now);
	return unloaded;
}

/* ---- putting it right ---- */

static void ignore(const char *vf, const char *driver, const char *pf)
{
}

/* As anybody would give it back: the quickest way, where it works. */
static void give_back(const char *vf, const char *driver, const char *pf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/driver_override", vf);
	write_file(path, "\n");
	snprintf(path, sizeof(path), DEVICES "/%s/driver/unbind", vf);
	write_file(path, vf);
	if (strcmp(driver, "-"))
		write_file("/sys/bus/pci/drivers_probe", vf);
}

static void set_numvfs(const char *address, const char *number)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/sriov_numvfs", address);
	write_file(path, number);
}

/* Of the functions that have it: no driver takes a VF without. */
static void put_back_autoprobe(void)
{
	char address[32], autoprobe[4], path[PATH_MAX];

	for (const char *line = NULL; (line = spec_next("device", line));) {
		if (sscanf(line, "%31s %*s %3s", address, autoprobe) != 2)
			continue;
		snprintf(path, sizeof(path), DEVICES "/%s/sriov_drivers_autoprobe", address);
		write_file(path, autoprobe);
	}
}

static void remove_vfs(const char *vf, const char *driver, const char *pf)
{
	set_numvfs(pf, "0");
}

/* Its VFs first: some drivers leave them behind. */
static void remove_function(const char *address)
{
	char path[PATH_MAX];
	int r;

	set_numvfs(address, "0");
	snprintf(path, sizeof(path), DEVICES "/%s/remove", address);
	r = write_file(path, "1");
	if (r < 0 && r != -ENOENT)
		give_up("cannot remove %s: %s", address, strerror(-r));
}

static void remove_described(void)
{
	char address[32];

	for (const char *line = NULL; (line = spec_next("device", line));)
		if (sscanf(line, "%31s", address) == 1)
			remove_function(address);
}

/* Those that have none of theirs now. */
static void add_vfs(void)
{
	char address[32], number[8], vf[NAME_MAX];

	for (const char *line = NULL; (line = spec_next("device", line));) {
		if (sscanf(line, "%31s %7s", address, number) != 2 || !strcmp(number, "0"))
			continue;
		device_link(address, "virtfn0", vf);
		if (!strcmp(vf, "-"))
			set_numvfs(address, number);
	}
}

static void unload_all_but(const char *file)
{
	char *before = read_text(file);

	while (unload_one(before))
		;
	free(before);
}

static void reset_all(void)
{
	remove_described();
	unload_all_but(BOOT_MODULES);
	write_file("/sys/bus/pci/drivers_autoprobe", "1");
	write_file("/sys/bus/pci/resource_alignment", "\n");
	write_file("/sys/bus/pci/rescan", "1");
	machine_prepare();
}

static bool modules_are_missing(void)
{
	char *now = read_text("/proc/modules"), *before = read_text(MODULES);
	bool missing = false;

	for (const char *line = before; *line; line = strchr(line, '\n') + 1)
		missing |= !was_loaded(now, line);
	free(now);
	free(before);
	return missing;
}

static char *look_again(char *now)
{
	free(now);
	return functions_now();
}

void reset_run(bool all)
{
	char *before = read_text(STATE), *now = functions_now();
	enum change change;

	spec_read(FOLDER GUEST_SPEC);
	put_back_autoprobe();
	change = all || modules_are_missing() ? MORE : find_change(before, now, ignore);
	if (change == VFS) {
		find_change(before, now, give_back);
		now = look_again(now);
		change = find_change(before, now, ignore);
	}
	if (change == MORE) {
		reset_all();
	} else {
		find_change(before, now, remove_vfs);
		unload_all_but(MODULES);
		add_vfs();
	}
	now = look_again(now);
	if (strcmp(before, now))
		give_up("the machine is not as it was at its start, which was\n%sbut\n%s", before, now);
	free(before);
	free(now);
}
