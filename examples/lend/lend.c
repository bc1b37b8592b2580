/* SPDX-License-Identifier: CC0-1.0 */
/*
 * lend DEVICE COMMAND [ARGUMENT...]: gives a device to the VFIO driver that suits it best, runs COMMAND, which finds the
 * node to open in $VFIO_NODE, and gives the device back. The exit status is the command's; 125 if something of vfiobind's
 * failed, 126 if the command could not be run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vfiobind.h>

enum { FAILED = 125, NOT_RUN = 126, USAGE = 64 };

/* One line, whatever the device and the kernel call themselves. */
static int complain(const struct vfiobind_error *error)
{
	char line[2048];

	vfiobind_error_format(error, line, sizeof(line));
	fprintf(stderr, "lend: %s\n", line);
	return FAILED;
}

static void print_warnings(const struct vfiobind_result *result)
{
	for (size_t i = 0; i < result->n_devices; i++)
		for (size_t j = 0; j < result->devices[i]->n_warnings; j++) {
			char line[1024];

			vfiobind_text_escape(result->devices[i]->warnings[j], line, sizeof(line));
			fprintf(stderr, "lend: warning: %s\n", line);
		}
}

/* What a guest's program opens: the device's own node where the kernel has such nodes, else that of its IOMMU group. */
static const char *node_of(const struct vfiobind_result *result)
{
	const struct vfiobind_vfio *vfio = result->devices[0]->vfio;

	if (!vfio)
		return "";
	return vfio->cdev ? vfio->cdev : vfio->group_node ? vfio->group_node : "";
}

static int run(char **command, const char *node)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setenv("VFIO_NODE", node, 1);
		execvp(command[0], command);
		fprintf(stderr, "lend: %s: %s\n", command[0], strerror(errno));
		_exit(NOT_RUN);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return NOT_RUN;
	if (pid < 0)
		return NOT_RUN;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int lend(struct vfiobind_context *context, const char *name, char **command)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_address address;
	struct vfiobind_result *result;
	int status;

	if (vfiobind_device_find(context, name, &address, &error) < 0)
		return complain(&error);
	if (vfiobind_device_detach(context, &address, 1, NULL, &result, &error) < 0)
		return complain(&error);
	print_warnings(result);
	status = run(command, node_of(result));
	vfiobind_result_free(result);
	/* Somebody may have the device open still: this waits until the time-out. */
	if (vfiobind_device_reattach(context, &address, 1, NULL, &result, &error) < 0)
		return complain(&error);
	print_warnings(result);
	vfiobind_result_free(result);
	return status;
}

int main(int argc, char **argv)
{
	struct vfiobind_context *context;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: lend DEVICE COMMAND [ARGUMENT...]\n");
		return USAGE;
	}
	if (vfiobind_context_new(&context) < 0) {
		fprintf(stderr, "lend: %s\n", strerror(ENOMEM));
		return FAILED;
	}
	status = lend(context, argv[1], argv + 2);
	vfiobind_context_free(context);
	return status;
}
