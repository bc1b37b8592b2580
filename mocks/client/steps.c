/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for steps: the control file `wait` answers a read when there is one. */
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct mocksys_watch {
	struct mocksys *machine;
	int fd;
};

int mocksys_watch_new(struct mocksys *machine, const char *step, struct mocksys_watch **ret_watch)
{
	struct mocksys_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return client_fail(machine, -ENOMEM, "out of memory");
	watch->machine = machine;
	r = watch->fd = client_open(machine, "wait", O_RDWR);
	if (r >= 0)
		r = client_write_to(machine, watch->fd, "wait", step);
	if (r < 0) {
		mocksys_watch_free(watch);
		return r;
	}
	*ret_watch = watch;
	return 0;
}

void mocksys_watch_free(struct mocksys_watch *watch)
{
	if (!watch)
		return;
	close_file(&watch->fd);
	free(watch);
}

/* Lines have no limit that could be relied on: a read gives as much of one as there is room for. */
int mocksys_watch_next(struct mocksys_watch *watch, char **ret_line)
{
	size_t size = 0, room = 1024;
	_cleanup_free_ char *line = malloc(room);

	while (line) {
		ssize_t n = read(watch->fd, line + size, room - size);

		if (n < 0)
			return client_fail(watch->machine, -errno, "cannot wait for a step: %s",
					   errno == EIO ? "the machine has been reset" : strerror(errno));
		if (n == 0)
			return client_fail(watch->machine, -EIO, "cannot wait for a step: the machine has ended");
		size += (size_t)n;
		if (line[size - 1] == '\n') {
			line[size - 1] = '\0';
			if (ret_line) {
				*ret_line = line;
				line = NULL;
			}
			return 0;
		}
		if (size == room) {
			char *more = realloc(line, room *= 2);

			if (!more)
				break;
			line = more;
		}
	}
	return client_fail(watch->machine, -ENOMEM, "out of memory");
}

static int wait_once(struct mocksys *machine, const char *step, char **ret_line)
{
	struct mocksys_watch *watch;
	int r = mocksys_watch_new(machine, step, &watch);

	if (r < 0)
		return r;
	r = mocksys_watch_next(watch, ret_line);
	mocksys_watch_free(watch);
	return r;
}

int mocksys_step_wait(struct mocksys *machine, const char *step, char **ret_line)
{
	return wait_once(machine, step, ret_line);
}

int mocksys_step_wait_held(struct mocksys *machine, const char *step, unsigned long *ret_id, char **ret_step)
{
	_cleanup_free_ char *held = NULL, *line = NULL, *found = NULL;
	char *end;
	unsigned long id;
	int r;

	if (asprintf(&held, "held %s", step) < 0) {
		held = NULL;
		return client_fail(machine, -ENOMEM, "out of memory");
	}
	r = wait_once(machine, held, &line);
	if (r < 0)
		return r;
	id = strtoul(line, &end, 10);
	found = strdup(end + (*end == ' '));
	if (!found)
		return client_fail(machine, -ENOMEM, "out of memory");
	if (ret_id)
		*ret_id = id;
	if (ret_step) {
		*ret_step = found;
		found = NULL;
	}
	return 0;
}

int mocksys_step_release(struct mocksys *machine, unsigned long id)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", id);
	return client_write(machine, "release", text);
}
