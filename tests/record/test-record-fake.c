/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `mocksys record` in the fake: the machine that it writes shows what the first one showed. */
#include "fixture/fixture.h"
#include "nodes.h"
#include "prerequisites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Profiles are told by the release that uname says, and in the fake that is the host's. */
#define PROFILE "6.12"

static const char *mocksys, *way; /* argv[1], argv[2] */

static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void load(const char *machine, struct fixture **ret_fixture, struct node_list *list)
{
	struct kernel *k;
	char *error = NULL;

	assert_int_equal(fixture_load(&machine, 1, stderr, ret_fixture), 0);
	assert_int_equal(kernel_new(fixture_machine(*ret_fixture), PROFILE, NULL, &k, &error), 0);
	nodes_from_kernel(list, k, SIZE_MAX);
	nodes_renumber(list);
	kernel_free(k);
	fixture_free(*ret_fixture);
}

static void round_trip(const char *machine)
{
	char file[] = "/tmp/record-XXXXXX.yaml", command[1024];
	struct node_list before = {0}, after = {0};
	struct fixture *fixture;
	size_t n;

	close(mkstemps(file, 5));
	snprintf(command, sizeof(command), "'%s' run --via %s -m %s -- '%s' record --keep-serials >%s", mocksys, way,
		 machine, mocksys, file);
	assert_int_equal(run(command), 0);
	snprintf(command, sizeof(command), "'%s' check %s", mocksys, file);
	assert_int_equal(run(command), 0);
	load(machine, &fixture, &before);
	load(file, &fixture, &after);
	n = nodes_compare(&before, &after, NULL, 0, stderr);
	nodes_free(&before);
	nodes_free(&after);
	unlink(file);
	assert_int_equal(n, 0);
}

static void igb_sriov_comes_back(void **context)
{
	round_trip("igb-sriov");
}

static void e1000e_comes_back(void **context)
{
	round_trip("e1000e");
}

static void mlx5_sriov_comes_back(void **context)
{
	round_trip("mlx5-sriov");
}

static void shared_group_comes_back(void **context)
{
	round_trip("shared-group");
}

/* 64 bytes of config space: no capabilities, but VFs all the same, and a fixture that loads. */
static void an_ordinary_user_gets_what_he_can_see(void **context)
{
	char file[] = "/tmp/record-XXXXXX.yaml", command[1024];

	if (geteuid() != 0 && strcmp(way, "mount") != 0) {
		print_message("skipped: --uid needs root in this way\n");
		skip();
	}
	if (under_valgrind()) {
		print_message("skipped: valgrind cannot follow who becomes another user\n");
		skip();
	}
	close(mkstemps(file, 5));
	snprintf(command, sizeof(command), "'%s' run --via %s -m igb-sriov --uid 1000 -- '%s' record >%s 2>%s.txt",
		 mocksys, way, mocksys, file, file);
	assert_int_equal(run(command), 0);
	snprintf(command, sizeof(command), "grep -q 'as root' %s.txt && grep -q 'numvfs: 7' %s && '%s' check %s", file,
		 file, mocksys, file);
	assert_int_equal(run(command), 0);
	snprintf(command, sizeof(command), "%s.txt", file);
	unlink(command);
	unlink(file);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(igb_sriov_comes_back),
		cmocka_unit_test(e1000e_comes_back),
		cmocka_unit_test(mlx5_sriov_comes_back),
		cmocka_unit_test(shared_group_comes_back),
		cmocka_unit_test(an_ordinary_user_gets_what_he_can_see),
	};

	if (argc < 3) {
		fprintf(stderr, "usage: %s MOCKSYS WAY [TEST]\n", argv[0]);
		return 2;
	}
	mocksys = argv[1];
	way = argv[2];
	if (argc > 3)
		cmocka_set_test_filter(argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
