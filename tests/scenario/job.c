/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* What the header promises: a thread of this size is enough. */
#define STACK_SIZE (128 * 1024)

static bool failed(struct job *job, bool good, const char *what)
{
	if (!good)
		snprintf(job->what, sizeof(job->what), "%s", what);
	return !good;
}

static void free_result(struct vfiobind_result **result)
{
	vfiobind_result_free(*result);
}

static void free_device(struct vfiobind_device **device)
{
	vfiobind_device_free(*device);
}

static void detach_and_reattach(struct job *job, struct vfiobind_context *context)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	_cleanup_(free_result) struct vfiobind_result *detached = NULL, *reattached = NULL;
	_cleanup_(free_device) struct vfiobind_device *device = NULL;
	int r;

	options.driver = job->driver;
	r = vfiobind_device_detach(context, job->address, 1, &options, &detached, &job->error);
	if (failed(job, r == 0, "detach") ||
	    failed(job, strcmp(detached->devices[0]->to, job->driver) == 0, "the driver after the detach"))
		return;
	r = vfiobind_device_read(context, job->address, &device, &job->error);
	if (failed(job, r == 0, "read") || failed(job, device->detached != NULL, "the record of the detach"))
		return;
	r = vfiobind_device_reattach(context, job->address, 1, NULL, &reattached, &job->error);
	if (!failed(job, r == 0, "reattach"))
		failed(job, strcmp(reattached->devices[0]->to, "igbvf") == 0, "the driver after the reattach");
}

void *work(void *data)
{
	struct job *job = data;

	for (size_t i = 0; i < job->rounds && !job->what[0]; i++) {
		struct vfiobind_context *context = job->context;

		if (!context && failed(job, vfiobind_context_new(&context) == 0, "context"))
			break;
		detach_and_reattach(job, context);
		if (!job->context)
			vfiobind_context_free(context);
	}
	return NULL;
}

void assert_job(const struct job *job)
{
	char text[1024];

	vfiobind_error_format(&job->error, text, sizeof(text));
	if (job->what[0])
		fail_msg("%s: %s", job->what, text);
}

pthread_t start_thread(void *(*function)(void *), void *data)
{
	pthread_attr_t attributes;
	pthread_t thread;

	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attributes, function, data), 0);
	pthread_attr_destroy(&attributes);
	return thread;
}

void run_job(struct job *job)
{
	pthread_join(start_thread(work, job), NULL);
}

void load_modules(void)
{
	RUN_WELL("modprobe", "-a", "vfio_pci_igbvf", "igbvf_vfio_pci");
}

bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(directory);
	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

void *make_context(void *data)
{
	struct vfiobind_context **context = data;
	struct vfiobind_device *device;

	if (vfiobind_context_new(context) == 0 && vfiobind_device_read(*context, &vf, &device, NULL) == 0)
		vfiobind_device_free(device);
	return NULL;
}
