/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several processes at once, and what makes them wait. */
#include "op.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FAKE "/sys/kernel/debug/mocksys"
#define DRIVER "vfio-pci-e1000e"
#define PARAMETERS "/sys/module/vfio_pci_e1000e/parameters"
#define MAX_OTHERS 32

/* ---- processes ---- */

static struct {
	pid_t pid;
	FILE *said;
} others[MAX_OTHERS];
static int n_others;

/* Of the VFIO device that is held: no other process keeps it. */
static int container = -1, group = -1, device = -1;

static void close_device(void)
{
	close(device);
	close(group);
	close(container);
	device = group = container = -1; /* others may get these numbers */
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Asleep in one system call for long: in these tests nothing takes so long that does not wait for something. */
static bool waits_in_kernel(pid_t pid)
{
	char name[64], before[256] = "", now[256];

	snprintf(name, sizeof(name), "/proc/%d/syscall", pid);
	for (int same = 0; same < 35; nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL)) {
		FILE *file = fopen(name, "re");

		if (!file || !fgets(now, sizeof(now), file))
			strcpy(now, "");
		if (file)
			fclose(file);
		if (has_ended(pid))
			return false;
		same = *now && strcmp(now, "running\n") && !strcmp(now, before) ? same + 1 : 0;
		strcpy(before, now);
	}
	return true;
}

/* When it is over. */
static void end_other(int which, bool print)
{
	char *line = NULL;
	size_t capacity = 0;

	waitpid(others[which].pid, NULL, 0);
	rewind(others[which].said);
	while (print && getline(&line, &capacity, others[which].said) > 0)
		fputs(line, stdout);
	free(line);
	fclose(others[which].said);
}

void start_other(char *line)
{
	FILE *said = tmpfile();
	pid_t pid;

	if (!said || n_others == MAX_OTHERS)
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		bool known;

		close_device();
		dup2(fileno(said), STDOUT_FILENO);
		known = run(line);
		fflush(stdout);
		_exit(!known);
	}
	others[n_others].pid = pid;
	others[n_others].said = said;
	if (waits_in_kernel(pid)) {
		puts("= waits");
		n_others++;
	} else {
		end_other(n_others, true);
	}
}

void join_others(bool print)
{
	for (int i = 0; i < n_others; i++)
		end_other(i, print);
	if (!n_others || !print)
		puts(n_others ? "= 0" : "= none");
	n_others = 0;
}

/* ---- what the driver does: by its parameters, or by the fake's rules ---- */

static int write_line(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

static bool on_fake(void)
{
	return access(FAKE, F_OK) == 0;
}

static const char *word(void)
{
	return path + strlen("/sys/");
}

/* Lets go of whatever a rule holds. */
static int release_held(void)
{
	FILE *held = fopen(FAKE "/held", "re");
	char *line = NULL;
	size_t capacity = 0;
	int ret = held ? 0 : -1;

	while (held && !ret && getline(&line, &capacity, held) > 0) {
		line[strcspn(line, " ")] = '\0';
		ret = write_line(FAKE "/release", line);
	}
	free(line);
	if (held)
		fclose(held);
	return ret;
}

void op_gate(char *data)
{
	bool shut = !strcmp(data, "shut");
	char text[128];

	if (!on_fake()) {
		snprintf(text, sizeof(text), PARAMETERS "/%s_gate", word());
		print_status(write_line(text, shut ? "Y" : "N"));
		return;
	}
	snprintf(text, sizeof(text), "dd.%s driver=" DRIVER " hold", word());
	print_status(write_line(FAKE "/faults", shut ? text : "clear") < 0 || (!shut && release_held() < 0) ? -1 : 0);
}

static int errno_number(const char *name)
{
	for (int number = 1; number < 200; number++)
		if (strerrorname_np(number) && !strcmp(strerrorname_np(number), name))
			return number;
	return !strcmp(name, "EPROBE_DEFER") ? 517 : 0;
}

void op_failing(char *data)
{
	char text[128];

	if (on_fake()) {
		write_line(FAKE "/faults", "clear");
		snprintf(text, sizeof(text), "dd.%s driver=" DRIVER " fail=%s", word(), data);
		print_status(strcmp(data, "0") ? write_line(FAKE "/faults", text) : 0);
	} else {
		snprintf(text, sizeof(text), "%d", errno_number(data));
		print_status(write_line(PARAMETERS "/probe_errno", text));
	}
}

/* ---- users of a VFIO device ---- */

static int open_device(const char *address)
{
	char name[128], target[PATH_MAX];
	ssize_t n;

	snprintf(name, sizeof(name), "/sys/bus/pci/devices/%s/iommu_group", address);
	n = readlink(name, target, sizeof(target) - 1);
	if (n < 0)
		return -1;
	target[n] = '\0';
	snprintf(name, sizeof(name), "/dev/vfio/%.20s", strrchr(target, '/') + 1);
	container = open("/dev/vfio/vfio", O_RDWR);
	group = open(name, O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0 ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) < 0)
		return -1;
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
	return device < 0 ? -1 : 0;
}

/* A group can be opened once only: what did not come to a device is given back. */
static int hold_device(const char *address)
{
	int ret = open_device(address), error = errno;

	if (ret < 0)
		close_device();
	errno = error;
	return ret;
}

void op_hold(char *data)
{
	char line[64];

	snprintf(line, sizeof(line), "open %.40s", word());
	print_status(on_fake() ? write_line(FAKE "/users", line) : hold_device(word()));
}

void op_drop(char *data)
{
	char line[64];

	if (on_fake()) {
		snprintf(line, sizeof(line), "close %.40s", word());
		print_status(write_line(FAKE "/users", line));
		return;
	}
	close_device();
	print_status(0);
}
