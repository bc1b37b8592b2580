/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests on a machine share. They run inside `mocksys run`, drive the fake by its control files, and compare all
 * that can be seen of it. Whatever does not work here fails the test that asked for it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <vfiobind.h>

#include "prerequisites.h"

#define CONTROL "/sys/kernel/debug/mocksys"
#define DEVICES "/sys/bus/pci/devices"
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define _cleanup_(function) __attribute__((cleanup(function)))
static inline void free_text(char **text)
{
	free(*text);
}
#define _cleanup_text_ _cleanup_(free_text)

/* ---- the program ---- */

/* The tests for one machine. */
struct suite {
	const char *machine;
	const struct CMUnitTest *tests;
	size_t n_tests;
};
#define SUITE(name, table)                                                        \
	{                                                                         \
		.machine = (name), .tests = (table), .n_tests = ARRAY_SIZE(table) \
	}

/* A test that starts from a machine as it booted. */
#define SCENARIO(function) cmocka_unit_test_setup(function, machine_reset)

/* PROGRAM MACHINE [PATTERN]: the tests of the suite for MACHINE whose names match PATTERN. Returns the exit status. */
int scenario_main(int argc, char **argv, const struct suite *suites, size_t n_suites);
#define SCENARIO_MAIN(...)                                                                    \
	int main(int argc, char **argv)                                                       \
	{                                                                                     \
		static const struct suite suites[] = {__VA_ARGS__};                           \
		return scenario_main(argc, argv, suites, sizeof(suites) / sizeof(suites[0])); \
	}

/* ---- the machine ---- */

/* In way qemu: the same program on a stock Linux. What touches a control file there ends the test as skipped. */
bool on_real_kernel(void);
/* Ends the test there as skipped: it is not the kernel that is asked, and it would take long. */
void needs_no_kernel(void);
int machine_reset(void **state);
__attribute__((format(printf, 1, 2))) char *format_text(const char *format, ...); /* malloc'd */
void write_file(const char *path, const char *text);
int try_write_file(const char *path, const char *text); /* 0 or a negative errno */
char *read_file(const char *path);                      /* malloc'd; NULL if it cannot be read */
void assert_text(const char *path, const char *expected);
bool exists(const char *path);
/* What a link's target ends in, as "igbvf"; NULL if there is no such link. malloc'd. */
__attribute__((format(printf, 1, 2))) char *link_name(const char *format, ...);
/* The driver of a device must be @driver (NULL: none), its driver_override must read @driver_override. */
void assert_device(const char *address, const char *driver, const char *driver_override);

/* A rule for the fake: see mocks/kernel/fault.c. */
__attribute__((format(printf, 1, 2))) void add_fault(const char *format, ...);
void clear_faults(void);
/* How often rules whose text begins with @rule have fired. */
unsigned long fault_fired(const char *rule);

/* ---- the trace ---- */

/* The steps since the reset or trace_clear(), without those of the control files; malloc'd. */
char *trace_read(void);
void trace_clear(void);
/* The lines that hold @words, all of them. */
unsigned int trace_count(const char *const *words);
#define TRACE_COUNT(...) trace_count((const char *const[]){__VA_ARGS__, NULL})
/* There are @n such lines; on a real kernel nobody can tell. */
void assert_traced(unsigned int n, const char *const *words);
#define ASSERT_TRACED(n, ...) assert_traced((n), (const char *const[]){__VA_ARGS__, NULL})
/* No attribute was written, no module loaded; on a real kernel nobody can tell. */
void assert_nothing_written(void);

/* ---- all that can be seen ---- */

/*
 * Every node of the fake /sys and of /dev/vfio with its type, mode, size and text or target, /proc/modules, and what the
 * command says of all devices. Left out, for these count upwards on a real kernel too: interface indexes, the numbers of
 * VFIO devices, of interrupts.
 */
struct snapshot;
struct snapshot *snapshot_take(void);
/* Without the command: for loops. */
struct snapshot *snapshot_take_nodes(void);
void snapshot_free(struct snapshot **snapshot);
#define _cleanup_snapshot_ _cleanup_(snapshot_free)
/* How many nodes differ; they are printed when @what is not NULL. */
size_t snapshot_compare(const struct snapshot *before, const struct snapshot *after, const char *what);
/* All is now as it was. */
void assert_unchanged(const struct snapshot *before);

/* ---- programs ---- */

struct output {
	int status; /* exit status; 128 + signal */
	char *out, *err;
};
void output_free(struct output *output);
#define _cleanup_output_ _cleanup_(output_free)
struct output run(const char *const *command);
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})
/* It must end with @status. */
struct output run_expecting(int status, const char *const *command);
#define RUN_EXPECTING(status, ...) run_expecting((status), (const char *const[]){__VA_ARGS__, NULL})
/* It must end with 0; what it prints is of no interest. */
void run_well(const char *const *command);
#define RUN_WELL(...) run_well((const char *const[]){__VA_ARGS__, NULL})
bool have_program(const char *name);
/* Whether the machine is seen in way plain, which cannot show all. */
bool is_way_plain(void);

/* Until the step that a rule holds, on a machine with better things to do; and then it is waited for. */
#define ENOUGH (under_valgrind() ? "--timeout=20" : "--timeout=2")

struct json_object *json_of(const struct output *output); /* must be one document, and nothing else */
void json_free(struct json_object **object);
#define _cleanup_json_ _cleanup_(json_free)
/* What is at "error.code" or "devices.0.vfio"; fails if there is no such member. NULL for null. */
struct json_object *json_at(struct json_object *object, const char *path);
void assert_json_text(struct json_object *object, const char *path, const char *expected);
void assert_json_bool(struct json_object *object, const char *path, bool expected);
void assert_json_int(struct json_object *object, const char *path, int expected);

/* The command fails so: this status, code and state; a document on stdout, and one line on stderr. */
struct failure {
	int status;
	const char *code;
	const char *state;
};
void assert_fails(const struct failure *expected, const char *const *command);
#define ASSERT_FAILS(exit_status, error_code, error_state, ...)                     \
	assert_fails(&(const struct failure){exit_status, error_code, error_state}, \
		     (const char *const[]){"vfiobind", __VA_ARGS__, NULL})
