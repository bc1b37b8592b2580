/* SPDX-License-Identifier: CC0-1.0 */
/* test-toybind TOYBIND: to be run on machine.yaml. */
#include <errno.h>
#include <mocksys.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CARD "0000:03:00.0"
#define DEVICE "/sys/bus/pci/devices/" CARD

static struct mocksys *machine;
static const char *toybind;

/* ---- what a test needs ---- */

static bool failed;

static bool check(bool holds, const char *what)
{
	if (!holds) {
		printf("# not so: %s\n", what);
		failed = true;
	}
	return holds;
}
#define CHECK(condition) check((condition), #condition)

/* Of a function of libmocksys. */
static void check_result(int result, const char *what)
{
	if (!check(result == 0, what))
		printf("# %s\n", mocksys_error(machine));
}
#define CHECK_RESULT(call) check_result((call), #call)

static pid_t start_toybind(const char *driver)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(toybind, toybind, CARD, driver, NULL);
		_exit(127);
	}
	return pid;
}

/* Its exit status, or minus the signal that ended it. */
static int end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		return 126;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool is_on(const char *driver)
{
	char target[256];
	ssize_t n = readlink(DEVICE "/driver", target, sizeof(target) - 1);

	if (n < 0)
		return !*driver;
	target[n] = '\0';
	return strcmp(strrchr(target, '/') + 1, driver) == 0;
}

static bool has_no_override(void)
{
	char text[64] = "";
	FILE *file = fopen(DEVICE "/driver_override", "r");
	bool none = file && fgets(text, sizeof(text), file) && strcmp(text, "(null)\n") == 0;

	if (file)
		fclose(file);
	return none;
}

/* ---- the tests ---- */

static void a_device_goes_to_the_driver(void)
{
	CHECK(end_of(start_toybind("toy-vfio-pci")) == 0);
	CHECK(is_on("toy-vfio-pci"));
	CHECK(access(DEVICE "/vfio-dev", F_OK) == 0);
}

static void a_probe_that_fails_changes_nothing(void)
{
	CHECK_RESULT(mocksys_fault_add(machine, "dd.probe driver=toy-vfio-pci fail=EBUSY"));
	CHECK(end_of(start_toybind("toy-vfio-pci")) == 1);
	CHECK(is_on("e1000e"));
	CHECK(has_no_override());
}

/* Each write that it makes, failing once, with each errno that comes to mind. */
static void no_single_failure_leaves_it_between(void)
{
	static const char *const errnos[] = {"EIO", "ENODEV", "EBUSY", "ENOMEM", "EACCES"};
	enum { WRITES = 3 };

	for (int n = 0; n < WRITES; n++)
		for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++) {
			unsigned long fired = 0;
			char rule[64];

			CHECK_RESULT(mocksys_reset(machine));
			snprintf(rule, sizeof(rule), "sys.write after=%d times=1 fail=%s", n, errnos[i]);
			CHECK_RESULT(mocksys_fault_add(machine, rule));
			CHECK(end_of(start_toybind("toy-vfio-pci")) == 1);
			CHECK_RESULT(mocksys_fault_count(machine, rule, &fired));
			CHECK(fired == 1);
			CHECK(is_on("e1000e"));
			CHECK(has_no_override());
		}
}

/* What others see while it is at it: nothing is slept for. */
static void while_the_driver_probes_the_device_is_on_it_already(void)
{
	unsigned long id;
	pid_t pid;

	CHECK_RESULT(mocksys_fault_add(machine, "dd.probe driver=toy-vfio-pci hold times=1"));
	pid = start_toybind("toy-vfio-pci");
	CHECK_RESULT(mocksys_step_wait_held(machine, "dd.probe driver=toy-vfio-pci", &id, NULL));
	CHECK(is_on("toy-vfio-pci"));
	CHECK(access(DEVICE "/vfio-dev", F_OK) < 0);
	CHECK_RESULT(mocksys_step_release(machine, id));
	CHECK(end_of(pid) == 0);
	CHECK(access(DEVICE "/vfio-dev", F_OK) == 0);
}

static void it_waits_for_a_guest_that_has_the_device(void)
{
	pid_t pid;

	CHECK(end_of(start_toybind("toy-vfio-pci")) == 0);
	CHECK_RESULT(mocksys_user_open(machine, CARD));
	pid = start_toybind("vfio-pci");
	CHECK_RESULT(mocksys_step_wait(machine, "vfio.wait-users device=" CARD, NULL));
	CHECK(is_on(""));
	CHECK(waitpid(pid, NULL, WNOHANG) == 0);
	CHECK_RESULT(mocksys_user_close(machine, CARD));
	CHECK(end_of(pid) == 0);
	CHECK(is_on("vfio-pci"));
}

/* It is no better than that: a killed toybind leaves the device where it was at the moment. */
static void when_it_is_killed_the_device_has_no_driver(void)
{
	CHECK_RESULT(mocksys_fault_add(machine, "sys.return path=*/unbind kill"));
	CHECK(end_of(start_toybind("toy-vfio-pci")) == -9);
	CHECK(is_on(""));
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
#define TEST(function)              \
	{                           \
#function, function \
	}
	TEST(a_device_goes_to_the_driver),
	TEST(a_probe_that_fails_changes_nothing),
	TEST(no_single_failure_leaves_it_between),
	TEST(while_the_driver_probes_the_device_is_on_it_already),
	TEST(it_waits_for_a_guest_that_has_the_device),
	TEST(when_it_is_killed_the_device_has_no_driver),
};

enum { N_TESTS = sizeof(tests) / sizeof(*tests) };

static void run(int number)
{
	char *unfired = NULL;

	failed = false;
	CHECK_RESULT(mocksys_reset(machine));
	tests[number].run();
	/* A rule that never fired would have tested nothing. */
	CHECK_RESULT(mocksys_fault_unfired(machine, &unfired));
	CHECK(unfired && !*unfired);
	free(unfired);
	printf("%s %d - %s\n", failed ? "not ok" : "ok", number + 1, tests[number].name);
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	if (argc != 2)
		return 64;
	toybind = argv[1];
	/* A real kernel has no faults to order. */
	if (mocksys_new(NULL, &machine) == -ENODEV) {
		printf("1..0 # skipped: this is no fake machine\n");
		return 0;
	}
	printf("1..%d\n", N_TESTS);
	for (int i = 0; i < N_TESTS; i++)
		run(i);
	mocksys_free(machine);
	return 0;
}
