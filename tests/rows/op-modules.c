/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules: of the fake by its control file, of a real kernel by system calls. */
#include "op.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAKE_MODULES "/sys/kernel/debug/mocksys/modules"

static const char *module_name(void)
{
	return path + strlen("/sys/");
}

static void fake_module_call(const char *verb, const char *parameters)
{
	char line[256];
	int fd = open(FAKE_MODULES, O_WRONLY), size;

	size = snprintf(line, sizeof(line), "%s %s%s%s", verb, module_name(), *parameters ? " " : "", parameters);
	print_status(fd < 0 || write(fd, line, (size_t)size) < 0 ? -1 : 0);
	if (fd >= 0)
		close(fd);
}

static bool is_module_file(const char *line, const char *name)
{
	const char *end = strchr(line, ':'), *base = end ? memrchr(line, '/', (size_t)(end - line)) : NULL;

	if (!base)
		return false;
	for (base++; *name; base++, name++)
		if (*base != *name && !(*base == '-' && *name == '_'))
			return false;
	return !strncmp(base, ".ko", 3);
}

/* Its file, as modules.dep has it, or -1. */
static int open_module(void)
{
	struct utsname kernel;
	char name[PATH_MAX], *line = NULL;
	size_t capacity = 0;
	int fd = -1;
	FILE *list;

	uname(&kernel);
	snprintf(name, sizeof(name), "/lib/modules/%s/modules.dep", kernel.release);
	list = fopen(name, "r");
	while (list && fd < 0 && getline(&line, &capacity, list) > 0) {
		if (!is_module_file(line, module_name()))
			continue;
		*strchr(line, ':') = '\0';
		snprintf(name, sizeof(name), "/lib/modules/%s/%s", kernel.release, line);
		fd = open(name, O_RDONLY);
	}
	free(line);
	if (list)
		fclose(list);
	return fd;
}

void op_load(char *data)
{
	int fd;

	if (access(FAKE_MODULES, F_OK) == 0) {
		fake_module_call("load", data);
		return;
	}
	fd = open_module();
	print_status(fd < 0 || syscall(SYS_finit_module, fd, data, 0) < 0 ? -1 : 0);
	if (fd >= 0)
		close(fd);
}

void op_unload(char *data)
{
	if (access(FAKE_MODULES, F_OK) == 0)
		fake_module_call("unload", "");
	else
		print_status((int)syscall(SYS_delete_module, module_name(), O_NONBLOCK));
}

static void modprobe(const char *option)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		close(STDERR_FILENO);
		execlp("modprobe", "modprobe", option, module_name(), NULL);
		execl("/sbin/modprobe", "modprobe", option, module_name(), NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	printf("= exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

void op_mod(char *data)
{
	modprobe("--");
}

void op_rmmod(char *data)
{
	modprobe("-r");
}
