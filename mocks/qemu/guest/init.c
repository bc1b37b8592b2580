/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

static int control = -1;

_Noreturn void give_up(const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (control >= 0)
		port_send(control, FRAME_FAILED, text, strlen(text));
	/* To the console, which the launcher shows when there is no answer. */
	fprintf(stderr, "mocksys: %s\n", text);
	if (getpid() != 1)
		exit(EXIT_FAILURE);
	sleep(1);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

void report_stage(const char *stage)
{
	fprintf(stderr, "mocksys: %s\n", stage);
}

static void bring_loopback_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *host;
	int input;

	if (getpid() != 1) {
		reset_run(argc > 1 && !strcmp(argv[1], "--all"));
		return 0;
	}
	report_stage("the kernel is up");
	spec_read(GUEST_SPEC);
	root_mount_early();
	for (const char *module = NULL; (module = spec_next("boot", module));)
		module_load(module);
	control = port_open(PORT_CONTROL);
	input = port_open(PORT_INPUT);
	report_stage("modules are loaded and the launcher is heard");
	root_enter();
	bring_loopback_up();
	host = spec_next("host", NULL);
	if (host)
		sethostname(host, strlen(host));
	report_stage("the host's files are mounted");
	reset_prepare();
	machine_prepare();
	report_stage("the machine is ready");
	reset_note_state();
	command_run(control, input);
}
