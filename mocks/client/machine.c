/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine: its control files, and why they refuse something. */
#include "client/client.h"
#include "wire/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SHOWN = 200 }; /* bytes of what was written, in a message of one line */

const char *mocksys_library_version(void)
{
	return MOCKSYS_VERSION;
}

int mocksys_new(const char *control, struct mocksys **ret_machine)
{
	struct mocksys *machine = calloc(1, sizeof(*machine));
	_cleanup_free_ char *trace = NULL;

	if (!machine)
		return -ENOMEM;
	machine->control = strdup(control ? control : MOCKSYS_CONTROL);
	if (!machine->control || asprintf(&trace, "%s/trace", machine->control) < 0) {
		trace = NULL;
		mocksys_free(machine);
		return -ENOMEM;
	}
	if (access(trace, F_OK) < 0) {
		mocksys_free(machine);
		return -ENODEV;
	}
	*ret_machine = machine;
	return 0;
}

void mocksys_free(struct mocksys *machine)
{
	if (!machine)
		return;
	free(machine->control);
	free(machine->error);
	free(machine);
}

const char *mocksys_error(const struct mocksys *machine)
{
	return machine->error ? machine->error : "";
}

int client_fail(struct mocksys *machine, int error, const char *format, ...)
{
	va_list arguments;

	free(machine->error);
	va_start(arguments, format);
	if (vasprintf(&machine->error, format, arguments) < 0)
		machine->error = NULL;
	va_end(arguments);
	/* One line, whatever it was that was refused. */
	for (char *c = machine->error; c && *c; c++)
		if (*c == '\n')
			*c = ' ';
	return error;
}

/* ---- control files ---- */

int client_open(struct mocksys *machine, const char *file, int flags)
{
	_cleanup_free_ char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/%s", machine->control, file) < 0) {
		path = NULL;
		return client_fail(machine, -ENOMEM, "out of memory");
	}
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return client_fail(machine, -errno, "cannot open %s: %s", path, strerror(errno));
	return fd;
}

static int read_all(int fd, char **ret_text)
{
	size_t size = 0, room = 4096;
	char *text = malloc(room), *more;
	ssize_t n;

	while (text && (n = read(fd, text + size, room - size - 1)) != 0) {
		if (n < 0) {
			n = -errno;
			free(text);
			return (int)n;
		}
		size += (size_t)n;
		if (room - size > 1)
			continue;
		room *= 2;
		more = realloc(text, room);
		if (!more)
			free(text);
		text = more;
	}
	if (!text)
		return -ENOMEM;
	text[size] = '\0';
	*ret_text = text;
	return 0;
}

int client_read(struct mocksys *machine, const char *file, char **ret_text)
{
	_cleanup_close_ int fd = client_open(machine, file, O_RDONLY);
	int r = fd < 0 ? fd : read_all(fd, ret_text);

	if (fd >= 0 && r < 0)
		client_fail(machine, r, "cannot read %s: %s", file, strerror(-r));
	return r;
}

/* The trace says why a control file refused something, in a line of its own: the last is the one. */
static char *reason_of_refusal(struct mocksys *machine, const char *file)
{
	_cleanup_free_ char *trace = NULL, *mark = NULL;
	char *last = NULL, *why;

	if (client_read(machine, "trace", &trace) < 0)
		return NULL;
	if (asprintf(&mark, " sys.write path=sys/kernel/debug/mocksys/%s ", file) < 0) {
		mark = NULL;
		return NULL;
	}
	for (char *at = trace; (at = strstr(at, mark)); at++)
		last = at;
	if (!last)
		return NULL;
	last[strcspn(last, "\n")] = '\0';
	why = strstr(last, " why=");
	return why ? strdup(why + strlen(" why=")) : NULL;
}

int client_write_to(struct mocksys *machine, int fd, const char *file, const char *text)
{
	_cleanup_free_ char *why = NULL;
	int error;

	/* More would come in parts, each taken or refused by itself. */
	if (strlen(text) > WIRE_DATA)
		return client_fail(machine, -E2BIG, "%s: more than %d bytes at once", file, WIRE_DATA);
	if (write(fd, text, strlen(text)) >= 0)
		return 0;
	error = errno;
	why = reason_of_refusal(machine, file);
	return client_fail(machine, -error, "%s: '%.*s%s': %s", file, SHOWN, text, strlen(text) > SHOWN ? "…" : "",
			   why ? why : strerror(error));
}

int client_write(struct mocksys *machine, const char *file, const char *text)
{
	_cleanup_close_ int fd = client_open(machine, file, O_WRONLY);

	return fd < 0 ? fd : client_write_to(machine, fd, file, text);
}

/* ---- what is one file ---- */

int mocksys_reset(struct mocksys *machine)
{
	return client_write(machine, "reset", "1");
}

int mocksys_trace_read(struct mocksys *machine, char **ret_trace)
{
	return client_read(machine, "trace", ret_trace);
}

int mocksys_trace_clear(struct mocksys *machine)
{
	return client_write(machine, "trace", "clear");
}

int mocksys_state_read(struct mocksys *machine, char **ret_fixture)
{
	return client_read(machine, "state", ret_fixture);
}
