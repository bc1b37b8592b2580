/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fault rules on the bare model: which steps they match, what they do, and the control file that waits for a step. */
#include "actors.h"
#include "model.h"
#include "q35-machine.h"

#include "kernel/step-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NIC "0000:01:00.0"
#define NIC_DIR "bus/pci/devices/" NIC
#define PORT "0000:00:02.0"
#define CONTROL "kernel/debug/mocksys/"
#define BIND "bus/pci/drivers/e1000e/bind"
#define UNBIND "bus/pci/drivers/e1000e/unbind"

static struct kernel *k;
static pid_t killed;

static void note_kill(void *context, pid_t pid)
{
	killed = pid;
}

static int set_up(void **state)
{
	static const struct kernel_host host = {.kill = note_kill};
	char *error = NULL;

	killed = 0;
	kernel_enter(&(struct client){.pid = 7, .actor = "test"});
	assert_int_equal(kernel_new(&q35_machine, NULL, &host, &k, &error), 0);
	kernel_lock(k);
	assert_int_equal(kernel_modprobe(k, "e1000e"), 0);
	assert_int_equal(kernel_modprobe(k, "vfio_pci"), 0);
	step_trace_clear(k);
	kernel_unlock(k);
	return 0;
}

static int tear_down(void **state)
{
	kernel_free(k);
	return 0;
}

static void control(const char *file, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), CONTROL "%s", file);
	assert_int_equal(model_write(k, path, text), (long)strlen(text));
}

static void rule(const char *text)
{
	control("faults", text);
}

static void assert_rules(const char *expected)
{
	char text[4096];

	assert_true(model_read(k, CONTROL "faults", text, sizeof(text)) >= 0);
	assert_string_equal(text, expected);
}

/* ---- what they match ---- */

static void a_rule_lets_some_pass_and_fires_a_number_of_times(void **state)
{
	static const long expected[] = {12, 12, -EIO, -EIO, 12};

	rule("sys.write path=/sys/bus/pci/drivers/e1000e/* after=2 times=2 fail=EIO");
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		assert_int_equal(model_write(k, i % 2 ? BIND : UNBIND, NIC), expected[i]);
	assert_rules("sys.write path=/sys/bus/pci/drivers/e1000e/* after=2 times=2 fail=EIO # fired 2 of 5\n");
}

static void each_key_must_match(void **state)
{
	static const struct {
		const char *rule;
		long result;
	} rules[] = {
		{"dd.probe device=" NIC " fail=EIO", -EIO},
		{"dd.probe device=" PORT " fail=EIO", 12},
		{"dd.probe driver=e1000e fail=EIO", -EIO},
		{"dd.probe driver=e1000 fail=EIO", 12},
		{"dd.probe actor=test fail=EIO", -EIO},
		{"dd.probe actor=tes fail=EIO", 12},
		{"dd.probe path=* fail=EIO", 12}, /* it has none */
		{"sys.write path=/sys/bus/pci/drivers/*/bind fail=EIO", -EIO},
		{"sys.write path=/sys/bus/pci/drivers/*/unbind fail=EIO", 12},
		{"sys.write device=" NIC " fail=EIO", -EIO},
		{"sys.return device=" NIC " fail=EIO", -EIO},
		{"sys.write device=" PORT " fail=EIO", 12},
		{"dd.probe device=" NIC " driver=e1000e actor=test fail=EIO", -EIO},
		{"dd.probe device=" NIC " driver=e1000e actor=other fail=EIO", 12},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		control("reset", "1");
		kernel_lock(k);
		assert_int_equal(kernel_modprobe(k, "e1000e"), 0);
		kernel_unlock(k);
		assert_int_equal(model_write(k, UNBIND, NIC), 12);
		rule(rules[i].rule);
		if (model_write(k, BIND, NIC) != rules[i].result)
			fail_msg("%s", rules[i].rule);
	}
}

static void of_several_that_fail_the_first_counts(void **state)
{
	assert_int_equal(model_write(k, UNBIND, NIC), 12);
	rule("dd.probe device=" PORT " fail=ENOMEM\ndd.probe delay=1\ndd.probe fail=EIO\ndd.probe fail=EBUSY");
	assert_int_equal(model_write(k, BIND, NIC), -EIO);
	assert_rules("dd.probe device=" PORT " fail=ENOMEM # fired 0 of 0\n"
		     "dd.probe delay=1 # fired 1 of 1\ndd.probe fail=EIO # fired 1 of 1\ndd.probe fail=EBUSY # fired 1 "
		     "of 1\n");
}

/* ---- what they do ---- */

static void kill_is_for_clients(void **state)
{
	rule("dd.remove kill times=1");
	kernel_enter(NULL);
	assert_int_equal(model_write(k, UNBIND, NIC), 12);
	assert_int_equal(killed, 0);
	assert_int_equal(model_write(k, BIND, NIC), 12);
	kernel_enter(&(struct client){.pid = 7, .actor = "test"});
	assert_int_equal(model_write(k, UNBIND, NIC), 12);
	assert_int_equal(killed, 7);
	assert_rules("dd.remove kill times=1 # fired 1 of 1\n");
}

static void a_rule_that_never_fired_is_known_at_the_end(void **state)
{
	char *text;

	rule("dd.probe fail=EIO\ndd.remove delay=1");
	assert_int_equal(model_write(k, UNBIND, NIC), 12);
	control("reset", "1");
	rule("dd.remove hold");
	control("reset", "1");
	rule("dd.probe fail=EIO\ndd.probed fail=EIO\nclear");
	rule("dd.probe fail=EIO");
	kernel_lock(k);
	text = kernel_unfired_rules(k);
	kernel_unlock(k);
	assert_string_equal(text, "dd.probe fail=EIO\ndd.remove hold\ndd.probe fail=EIO\n");
	free(text);
}

/* ---- waiting ---- */

/* An open `wait`, asked for @wanted. */
static struct kernfs_file *watch_for(const char *wanted)
{
	struct kernfs_file *file = NULL;

	kernel_lock(k);
	assert_int_equal(kernfs_open(model_find(k, CONTROL "wait"), O_RDWR, &file), 0);
	assert_int_equal(kernfs_write(file, wanted, strlen(wanted), 0), (long)strlen(wanted));
	kernel_unlock(k);
	return file;
}

static void end_watch(struct kernfs_file *file)
{
	kernel_lock(k);
	kernfs_release(file);
	kernel_unlock(k);
}

static long next_line(struct kernfs_file *file, char *text, size_t size)
{
	long ret;

	kernel_lock(k);
	ret = kernfs_read(file, text, size - 1, 99 /* the offset means nothing */);
	kernel_unlock(k);
	text[ret > 0 ? ret : 0] = '\0';
	return ret;
}

/* A whole line, but for its number. */
static void assert_next(struct kernfs_file *file, const char *expected)
{
	char text[1024];

	assert_true(next_line(file, text, sizeof(text)) > 2);
	assert_string_equal(strchr(text, ' ') + 1, expected);
}

static void steps_of_the_past_are_found_in_their_order(void **state)
{
	struct kernfs_file *file;

	assert_int_equal(model_write(k, UNBIND, NIC), 12);
	assert_int_equal(model_write(k, BIND, NIC), 12);
	file = watch_for("sys.return device=" NIC "\n");
	assert_next(file, "test sys.return path=sys/bus/pci/drivers/e1000e/unbind value=" NIC " = 12\n");
	assert_next(file, "test sys.return path=sys/bus/pci/drivers/e1000e/bind value=" NIC " = 12\n");
	end_watch(file);
	file = watch_for("dd.remove driver=e1000e actor=test");
	assert_next(file, "test dd.remove device=" NIC " driver=e1000e = 0\n");
	control("trace", "clear");
	assert_int_equal(model_write(k, UNBIND, NIC), 12);
	assert_next(file, "test dd.remove device=" NIC " driver=e1000e = 0\n");
	end_watch(file);
}

static void a_line_may_be_read_in_pieces(void **state)
{
	struct kernfs_file *file;
	char text[8];

	assert_int_equal(model_write(k, UNBIND, NIC), 12);
	file = watch_for("dd.lock");
	assert_int_equal(next_line(file, text, 4), 3);
	assert_string_equal(text, "3 t");
	assert_next(file, "dd.lock device=" NIC " = 0\n");
	end_watch(file);
}

struct reader {
	pthread_t thread;
	struct kernfs_file *file;
	bool interrupted;
	char text[1024];
	long ret;
};

static void *read_on_thread(void *argument)
{
	struct reader *reader = argument;

	kernel_enter(&(struct client){.pid = 8, .actor = "reader", .interrupted = &reader->interrupted});
	reader->ret = next_line(reader->file, reader->text, sizeof(reader->text));
	return NULL;
}

/* Returns when it waits. */
static void start_reader(struct reader *reader, const char *wanted)
{
	bool waits = false;

	*reader = (struct reader){.file = watch_for(wanted)};
	assert_int_equal(pthread_create(&reader->thread, NULL, read_on_thread, reader), 0);
	while (!waits) {
		kernel_lock(k);
		waits = k->steps->n_watchers > 0;
		kernel_unlock(k);
	}
}

static long finish_reader(struct reader *reader)
{
	pthread_join(reader->thread, NULL);
	end_watch(reader->file);
	return reader->ret;
}

static void a_reader_waits_for_a_step_to_come(void **state)
{
	struct reader reader;

	start_reader(&reader, "dd.uevent-unbind device=" NIC);
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
	assert_int_equal(model_write(k, UNBIND, NIC), 12);
	assert_true(finish_reader(&reader) > 0);
	assert_non_null(strstr(reader.text, " test dd.uevent-unbind device=" NIC " driver=e1000e = 0\n"));
}

static void held_steps_are_found_one_after_the_other(void **state)
{
	struct reader reader;
	struct kernfs_file *file;
	struct store *unbind, *write;

	assert_int_equal(model_write(k, NIC_DIR "/driver_override", "none"), 4);
	rule("dd.remove hold\npci.driver-override hold");
	start_reader(&reader, "held dd.remove");
	write = store_start(k, "writer", NIC_DIR "/driver_override", "other");
	unbind = store_start(k, "unbinder", UNBIND, NIC);
	assert_true(finish_reader(&reader) > 0);
	assert_non_null(strstr(reader.text, " unbinder dd.remove device=" NIC " driver=e1000e\n"));
	file = watch_for("held pci.driver-override actor=writer");
	assert_true(next_line(file, reader.text, sizeof(reader.text)) > 0);
	assert_non_null(strstr(reader.text, " writer pci.driver-override device=" NIC " value=other\n"));
	end_watch(file);
	control("release", "1");
	control("release", "2");
	assert_int_equal(store_finish(unbind), 12);
	assert_int_equal(store_finish(write), 5);
}

static void a_signal_ends_the_wait(void **state)
{
	struct reader reader;

	start_reader(&reader, "dd.remove");
	kernel_lock(k);
	kernel_interrupt(k, &reader.interrupted);
	kernel_unlock(k);
	assert_int_equal(finish_reader(&reader), -EINTR);
}

static void a_reset_ends_the_wait(void **state)
{
	struct reader reader;

	start_reader(&reader, "held dd.remove");
	control("reset", "1");
	assert_int_equal(finish_reader(&reader), -EIO);
}

static void what_cannot_be_waited_for_is_refused(void **state)
{
	static const struct {
		const char *wanted, *why;
	} broken[] = {
		{"", "no step"},
		{"\n", "no step"},
		{"held ", "no step"},
		{"no.such.step", "no such step"},
		{"dd.probe color=red", "no such key"},
		{"dd.probe fail=EIO", "only device=, driver=, path= and actor= say which step"},
		{"dd.probe after=1", "only device=, driver=, path= and actor= say which step"},
	};
	struct kernfs_file *file = NULL;
	char text[64], *trace;

	kernel_lock(k);
	assert_int_equal(kernfs_open(model_find(k, CONTROL "wait"), O_RDWR, &file), 0);
	assert_int_equal(kernfs_read(file, text, sizeof(text), 0), -EINVAL); /* nothing asked for */
	for (size_t i = 1; i < sizeof(broken) / sizeof(*broken); i++) {
		step_trace_clear(k);
		assert_int_equal(kernfs_write(file, broken[i].wanted, strlen(broken[i].wanted), 0), -EINVAL);
		trace = kernel_trace(k);
		if (!strstr(trace, "/wait value=") || !strstr(trace, broken[i].why))
			fail_msg("%s: %s", broken[i].wanted, trace);
		free(trace);
	}
	assert_int_equal(kernfs_read(file, text, sizeof(text), 0), -EINVAL);
	kernfs_release(file);
	kernel_unlock(k);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_rule_lets_some_pass_and_fires_a_number_of_times),
		TEST(each_key_must_match),
		TEST(of_several_that_fail_the_first_counts),
		TEST(kill_is_for_clients),
		TEST(a_rule_that_never_fired_is_known_at_the_end),
		TEST(steps_of_the_past_are_found_in_their_order),
		TEST(a_line_may_be_read_in_pieces),
		TEST(a_reader_waits_for_a_step_to_come),
		TEST(held_steps_are_found_one_after_the_other),
		TEST(a_signal_ends_the_wait),
		TEST(a_reset_ends_the_wait),
		TEST(what_cannot_be_waited_for_is_refused),
	};

	return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
