/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several threads do at random what clients can do, while steps are delayed and the machine is reset under them. Nothing
 * may crash or hang, and a last reset must give the machine as it was. The seed is printed; give it as an argument to try it again.
 */
#include "model.h"
#include "q35-machine.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 3000 };

static unsigned seed;
static struct kernel *k;

static const struct {
	const char *path, *data;
} stores[] = {
	{"bus/pci/drivers/e1000e/unbind", "0000:01:00.0"},
	{"bus/pci/drivers/e1000e/bind", "0000:01:00.0"},
	{"bus/pci/drivers/vfio-pci/unbind", "0000:01:00.0"},
	{"bus/pci/drivers/vfio-pci/new_id", "8086 2930"},
	{"bus/pci/drivers/vfio-pci/remove_id", "8086 2930"},
	{"bus/pci/drivers_probe", "0000:01:00.0"},
	{"bus/pci/drivers_probe", "0000:02:10.0"},
	{"bus/pci/devices/0000:01:00.0/driver_override", "vfio-pci"},
	{"bus/pci/devices/0000:01:00.0/driver_override", "\n"},
	{"bus/pci/devices/0000:01:00.0/remove", "1"},
	{"bus/pci/devices/0000:00:03.0/remove", "1"},
	{"bus/pci/devices/0000:01:00.0/reset", "1"},
	{"bus/pci/devices/0000:01:00.0/enable", "1"},
	{"bus/pci/devices/0000:02:00.0/sriov_numvfs", "3"},
	{"bus/pci/devices/0000:02:00.0/sriov_numvfs", "0"},
	{"bus/pci/devices/0000:02:10.0/driver_override", "vfio-pci"},
	{"bus/pci/drivers/igb/unbind", "0000:02:00.0"},
	{"bus/pci/rescan", "1"},
	{"kernel/debug/mocksys/modules", "load e1000e"},
	{"kernel/debug/mocksys/modules", "load igb"},
	{"kernel/debug/mocksys/modules", "load vfio"},
	{"kernel/debug/mocksys/modules", "load irqbypass"},
	{"kernel/debug/mocksys/modules", "load vfio_pci_core"},
	{"kernel/debug/mocksys/modules", "load vfio_pci"},
	{"kernel/debug/mocksys/modules", "unload vfio_pci"},
	{"kernel/debug/mocksys/modules", "unload e1000e"},
	{"kernel/debug/mocksys/modules", "unload igb"},
	{"kernel/debug/mocksys/users", "open 0000:01:00.0"},
	{"kernel/debug/mocksys/users", "close 0000:01:00.0"},
	{"kernel/debug/mocksys/users", "close 0000:01:00.0"},
};

static void *client(void *argument)
{
	struct client self = {.pid = 2, .actor = "stress"};
	unsigned random = *(unsigned *)argument;
	char text[8192];

	kernel_enter(&self);
	for (int i = 0; i < ROUNDS; i++) {
		size_t n = (size_t)rand_r(&random) % (sizeof(stores) / sizeof(*stores));

		model_write(k, stores[n].path, stores[n].data);
		model_read(k, "bus/pci/devices/0000:02:00.0/sriov_numvfs", text, sizeof(text));
		free(model_list(k, "bus/pci/devices"));
	}
	return NULL;
}

static void reset(void)
{
	assert_int_equal(model_write(k, "kernel/debug/mocksys/reset", "1"), 1);
}

static void whatever_clients_do_a_reset_gives_the_machine_as_it_was(void **state)
{
	static const char rules[] = "dd.probe delay=1\ndd.remove delay=1 after=3\npci.remove-device delay=1\n"
				    "iov.add-vf delay=1\nmodule.load delay=1\nvfio.remove-device delay=2\n";
	pthread_t threads[THREADS];
	unsigned seeds[THREADS];
	char *before, *after;

	k = model_new(&q35_machine, NULL);
	before = model_dump(k);
	assert_true(model_write(k, "kernel/debug/mocksys/faults", rules) > 0);
	for (size_t i = 0; i < THREADS; i++) {
		seeds[i] = seed + (unsigned)i;
		assert_int_equal(pthread_create(&threads[i], NULL, client, &seeds[i]), 0);
	}
	/* A store that waits for users, or for a lock behind one, is ended by the next reset at the latest. */
	for (size_t i = 0; i < THREADS; i++) {
		struct timespec soon;

		do {
			reset();
			assert_true(model_write(k, "kernel/debug/mocksys/faults", rules) > 0);
			clock_gettime(CLOCK_REALTIME, &soon);
			soon.tv_nsec += 20000000;
			soon.tv_sec += soon.tv_nsec / 1000000000;
			soon.tv_nsec %= 1000000000;
		} while (pthread_timedjoin_np(threads[i], NULL, &soon));
	}
	reset();
	after = model_dump(k);
	assert_string_equal(before, after);
	free(before);
	free(after);
	kernel_free(k);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_clients_do_a_reset_gives_the_machine_as_it_was),
	};

	seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : (unsigned)time(NULL);
	printf("seed %u\n", seed);
	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
