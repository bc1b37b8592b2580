/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a repair makes of what it finds written down, as far as that needs no kernel: journals and records by hand, and a
 * device that stays as it is whatever is stored.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

#define OTHER "0000:04:11.6"
#define IDENTITY "pci:v00008086d000010CAsv00001AF4sd00001100bc02sc00i00"
/* What cannot be told is taken for the same. */
#define HEAD "vfiobind-record 1\nidentity unknown\nboot unknown\nsince 0\nprocess 1\n"
#define DETACH HEAD "operation detach\ntransaction 1\ntarget vfio-pci\ntarget-module vfio_pci\n"
#define REATTACH HEAD "operation reattach\ntransaction 1\n"

/* @directory: "journals" or "devices". */
static void put_record(const struct tree *tree, const char *directory, const char *address, const char *text,
		       const char *more)
{
	char whole[2048];

	snprintf(whole, sizeof(whole), "%saddress %s\n%send\n", text, address, more);
	put(tree, whole, "state/%s/%s", directory, address);
	chmod(tree_path(tree, "state/journals"), 0700);
}

static bool is_written(const struct tree *tree, const char *directory, const char *address)
{
	return access(tree_path(tree, "state/%s/%s", directory, address), F_OK) == 0;
}

static void put_state(const struct tree *tree, const char *driver, const char *driver_override)
{
	char target[128], text[128];

	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver ? driver : "none");
	put_link(tree, target, VF_DIRECTORY "/driver");
	if (!driver)
		drop(tree, VF_DIRECTORY "/driver");
	snprintf(text, sizeof(text), "%s\n", driver_override);
	put(tree, text, VF_DIRECTORY "/driver_override");
}

static struct vfiobind_repairs *repair(const struct tree *tree, bool dry_run)
{
	struct vfiobind_repair_options options = VFIOBIND_REPAIR_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_repairs *repairs = NULL;

	options.dry_run = dry_run;
	assert_int_equal(vfiobind_repair(tree->context, &options, &repairs, &error), 0);
	assert_non_null(repairs);
	return repairs;
}

/* "ADDRESS OUTCOME", a line each, and the note of what was forgotten. */
static const char *describe(const struct vfiobind_repairs *repairs)
{
	static char text[1024];
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < repairs->n_devices; i++) {
		const struct vfiobind_repaired *device = repairs->devices[i];
		bool noted = device->outcome == VFIOBIND_REPAIR_FORGOTTEN;
		char address[VFIOBIND_ADDRESS_SIZE];

		vfiobind_address_format(&device->address, address, sizeof(address));
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s %s%s%s\n", address,
					   vfiobind_repair_outcome_name(device->outcome), noted ? ": " : "",
					   noted ? device->note : "");
	}
	return text;
}

static void check_outcome(const struct tree *tree, bool dry_run, const char *expected)
{
	struct vfiobind_repairs *repairs = repair(tree, dry_run);

	assert_string_equal(describe(repairs), expected);
	vfiobind_repairs_free(repairs);
}

/* ---- arguments ---- */

static void outcomes_have_words(void **state)
{
	assert_string_equal(vfiobind_repair_outcome_name(VFIOBIND_REPAIR_FINISHED), "finished");
	assert_string_equal(vfiobind_repair_outcome_name(VFIOBIND_REPAIR_MALFORMED), "malformed");
	assert_null(vfiobind_repair_outcome_name((enum vfiobind_repair_outcome)0));
	assert_null(vfiobind_repair_outcome_name((enum vfiobind_repair_outcome)99));
}

/* Whoever does not want to know what became of the devices; whose options are older than their members. */
static void what_is_left_out_is_as_by_default(void **state)
{
	struct vfiobind_repair_options options = VFIOBIND_REPAIR_OPTIONS_INIT;
	const struct tree *tree = *state;

	put_record(tree, "journals", VF, DETACH, "before-driver igbvf\nmember " VF "\n");
	options.dry_run = true;
	assert_int_equal(vfiobind_repair(tree->context, &options, NULL, NULL), 0);
	assert_true(is_written(tree, "journals", VF));
	options.size = offsetof(struct vfiobind_repair_options, dry_run);
	assert_int_equal(vfiobind_repair(tree->context, &options, NULL, NULL), 0);
	assert_false(is_written(tree, "journals", VF));
	assert_null(vfiobind_repairs_free(NULL));
}

static void a_directory_that_is_not_ours_is_an_error(void **state)
{
	static const char *const names[] = {"journals", "devices"};
	const struct tree *tree = *state;

	put(tree, "", "elsewhere/file");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct vfiobind_error error = VFIOBIND_ERROR_INIT;
		struct vfiobind_repairs *repairs = NULL;

		put_link(tree, "../elsewhere", "state/%s", names[i]);
		assert_int_equal(vfiobind_repair(tree->context, NULL, &repairs, &error), -EPERM);
		assert_int_equal(error.code, VFIOBIND_ERROR_STATE_UNSAFE);
		assert_int_equal(error.state, VFIOBIND_STATE_UNTOUCHED);
		assert_null(repairs);
		drop(tree, "state/%s", names[i]);
	}
}

/* ---- a detach that was not ended ---- */

/* Finished if the kernel has, else undone, as far as it is this one's doing; here nothing that is stored has an effect. */
static void what_is_found_tells_what_becomes_of_a_detach(void **state)
{
	static const struct {
		const char *before; /* of the journal */
		const char *driver, *driver_override;
		const char *outcome;
	} cases[] = {
		{"before-driver igbvf\n", "igbvf", "(null)", "undone"},
		{"before-driver igbvf\nbefore-override pci-stub\n", "igbvf", "pci-stub", "undone"},
		{"", NULL, "(null)", "undone"},
		{"before-override vfio-pci\n", NULL, "vfio-pci", "undone"},
		{"before-driver igbvf\n", "vfio-pci", "vfio-pci", "finished"},
		/* The override alone was stored, and can be put back. */
		{"before-driver igbvf\nbefore-override igb-twin\n", "igbvf", "vfio-pci", "undone"},
		/* It was unbound, and cannot be bound. */
		{"before-driver igbvf\n", NULL, "vfio-pci", "failed"},
		/* An undo had begun. */
		{"before-driver igbvf\n", NULL, "igbvf", "failed"},
		/* Another driver; another override; both. */
		{"before-driver igbvf\n", "mlx5_vfio_pci", "(null)", "left"},
		{"before-driver igbvf\n", "igbvf", "mlx5_vfio_pci", "left"},
		{"before-driver igbvf\n", "mlx5_vfio_pci", "mlx5_vfio_pci", "left"},
		{"before-driver igbvf\nbefore-override pci-stub\n", "igbvf", "(null)", "left"},
		{"before-driver igbvf\nbefore-override pci-stub\n", NULL, "(null)", "left"},
		/* Its virtual functions went when it was unbound. */
		{"before-driver igbvf\nhad-vfs\n", "igbvf", "(null)", "failed"},
	};
	const struct tree *tree = *state;

	put(tree, "", VF_DIRECTORY "/vfio-dev/vfio0/uevent");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char more[256], expected[256];
		bool failed = strncmp(cases[i].outcome, "failed", strlen("failed")) == 0;

		put_state(tree, cases[i].driver, cases[i].driver_override);
		snprintf(more, sizeof(more), "%smember " VF "\n", cases[i].before);
		put_record(tree, "journals", VF, DETACH, more);
		snprintf(expected, sizeof(expected), VF " %s\n", cases[i].outcome);
		check_outcome(tree, false, expected);
		assert_int_equal(is_written(tree, "journals", VF), failed);
		assert_int_equal(is_written(tree, "devices", VF), strcmp(cases[i].outcome, "finished") == 0);
		if (failed)
			drop(tree, "state/journals/" VF);
		if (is_written(tree, "devices", VF))
			drop(tree, "state/devices/" VF);
	}
}

static void virtual_functions_that_are_still_there_are_as_they_were(void **state)
{
	const struct tree *tree = *state;

	put_link(tree, "../" OTHER, VF_DIRECTORY "/virtfn0");
	put_record(tree, "journals", VF, DETACH, "before-driver igbvf\nhad-vfs\nmember " VF "\n");
	check_outcome(tree, false, VF " undone\n");
}

static void a_dry_repair_says_so_and_does_nothing(void **state)
{
	const struct tree *tree = *state;

	put(tree, "", VF_DIRECTORY "/vfio-dev/vfio0/uevent");
	put_record(tree, "journals", VF, DETACH, "before-driver igbvf\nmember " VF "\n");
	put_state(tree, "vfio-pci", "vfio-pci");
	check_outcome(tree, true, VF " finished\n");
	put_state(tree, "igbvf", "(null)");
	check_outcome(tree, true, VF " undone\n");
	assert_true(is_written(tree, "journals", VF));
	drop(tree, "sys/bus/pci/devices/" VF);
	check_outcome(tree, true, VF " forgotten: the device is gone\n");
	assert_true(is_written(tree, "journals", VF));
}

/* All that the kernel had to do is done, but there is no room for the record. */
static void what_cannot_be_written_down_is_not_finished(void **state)
{
	const struct tree *tree = *state;

	put(tree, "", VF_DIRECTORY "/vfio-dev/vfio0/uevent");
	put_state(tree, "vfio-pci", "vfio-pci");
	put_record(tree, "journals", VF, DETACH, "before-driver igbvf\nmember " VF "\n");
	put(tree, "", "state/devices/" VF "/in the way");
	check_outcome(tree, false, VF " failed\n");
	assert_true(is_written(tree, "journals", VF));
}

/* A module's driver has a name only once it is loaded; then nothing was stored before. */
static void a_driver_whose_name_was_not_known_is_asked_for(void **state)
{
	const struct tree *tree = *state;

	put(tree, "", VF_DIRECTORY "/vfio-dev/vfio0/uevent");
	for (int loaded = 0; loaded <= 1; loaded++) {
		char more[256];

		put_state(tree, "vfio-pci-igbvf", "vfio-pci-igbvf");
		snprintf(more, sizeof(more), "before-driver igbvf\ntarget-module %s\nmember " VF "\n",
			 loaded ? "vfio_pci_igbvf" : "no_such_module");
		put_record(tree, "journals", VF, HEAD "operation detach\ntransaction 1\n", more);
		check_outcome(tree, false, loaded ? VF " finished\n" : VF " left\n");
	}
}

/* ---- a reattach ---- */

/* It is on the host's driver: nothing is left to be done, whatever it was before. */
static void a_reattach_that_the_kernel_has_done_is_finished(void **state)
{
	const struct tree *tree = *state;

	put_state(tree, "igbvf", "pci-stub");
	put_record(
		tree, "journals", VF, REATTACH,
		"owned\nhost-driver igbvf\nhost-override pci-stub\nbefore-driver vfio-pci\nbefore-override vfio-pci\n"
		"member " VF "\n");
	put_record(tree, "devices", VF, DETACH, "");
	check_outcome(tree, false, VF " finished\n");
	assert_false(is_written(tree, "journals", VF));
	assert_false(is_written(tree, "devices", VF));
}

/* It was being insisted on when the operation came to its end; what others have named stays. */
static void the_name_of_a_host_driver_that_was_insisted_on_is_taken_back(void **state)
{
	static const struct {
		const char *record, *driver, *before, *after;
	} cases[] = {
		{"owned\nhost-driver igbvf\nhost-override igb-twin\n", "igbvf", "igbvf", "igb-twin"},
		{"owned\nhost-driver igb\nhost-override igb-twin\n", "igbvf", "igbvf", "igbvf\n"},
		{"host-driver igbvf\nhost-override igb-twin\n", "igbvf", "igbvf", "igbvf\n"},
		{"owned\nhost-driver igbvf\nhost-override igb-twin\n", "igbvf", "igb", "igb\n"},
		{"owned\nhost-driver igbvf\nhost-override igb-twin\n", "igbvf", "(null)", "(null)\n"},
		{"owned\nhost-override igb-twin\n", NULL, "igbvf", "igb-twin"},
	};
	const struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char more[256];

		put_state(tree, cases[i].driver, cases[i].before);
		snprintf(more, sizeof(more), "%sbefore-driver vfio-pci\nmember " VF "\n", cases[i].record);
		put_record(tree, "journals", VF, REATTACH, more);
		check_outcome(tree, false, VF " finished\n");
		assert_string_equal(slurp(tree, VF_DIRECTORY "/driver_override"), cases[i].after);
	}
}

/* Neither way works: the unbind has no effect, and so has what undoes the override. */
static void a_reattach_that_cannot_be_finished_is_undone(void **state)
{
	const struct tree *tree = *state;

	put(tree, "", VF_DIRECTORY "/vfio-dev/vfio0/uevent");
	put_state(tree, "vfio-pci", "vfio-pci");
	put_record(
		tree, "journals", VF, REATTACH,
		"owned\nhost-driver igbvf\nhost-override igb-twin\nbefore-driver vfio-pci\nbefore-override vfio-pci\n"
		"member " VF "\n");
	check_outcome(tree, false, VF " undone\n");
	assert_string_equal(slurp(tree, VF_DIRECTORY "/driver_override"), "vfio-pci\n");
	assert_false(is_written(tree, "journals", VF));
}

/* ---- of several devices ---- */

#define BOTH "before-driver igbvf\nmember " VF "\nmember " OTHER "\n"

static void what_is_another_operations_by_now_is_left_to_it(void **state)
{
	const struct tree *tree = *state;

	put_device(tree, OTHER, "igbvf", 14);
	put_record(tree, "journals", VF, DETACH, BOTH);
	put_record(tree, "journals", OTHER, HEAD "operation reattach\ntransaction 2\n", "member " OTHER "\n");
	check_outcome(tree, false, VF " undone\n" OTHER " finished\n");
}

/* Without the first one's journal it had not begun, whatever the second one is like; nor with another operation's. */
static void without_the_first_ones_journal_nothing_had_begun(void **state)
{
	static const char *const firsts[] = {NULL, "garbage", HEAD "operation detach\ntransaction 2\n"};
	const struct tree *tree = *state;

	put_device(tree, OTHER, "vfio-pci", 14);
	put(tree, "vfio-pci\n", "sys/devices/pci0000:00/" OTHER "/driver_override");
	put(tree, "", "sys/devices/pci0000:00/" OTHER "/vfio-dev/vfio0/uevent");
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		struct vfiobind_repairs *repairs;
		const char *outcome;

		if (firsts[i])
			put_record(tree, "journals", VF, firsts[i], "before-driver igbvf\nmember " VF "\n");
		/* It is where it was to be. */
		put_record(tree, "journals", OTHER, DETACH,
			   "before-driver vfio-pci\nbefore-override vfio-pci\nmember " VF "\nmember " OTHER "\n");
		repairs = repair(tree, true);
		outcome = describe(repairs);
		/* What is there and cannot be read may be the first one's. */
		if (i == 1)
			assert_non_null(strstr(outcome, OTHER " finished\n"));
		else
			assert_non_null(strstr(outcome, OTHER " undone\n"));
		vfiobind_repairs_free(repairs);
	}
}

static void a_member_that_cannot_be_read_is_malformed_and_the_other_repaired(void **state)
{
	const struct tree *tree = *state;

	put_device(tree, OTHER, "igbvf", 14);
	put_record(tree, "journals", VF, DETACH, BOTH);
	put(tree, "garbage", "state/journals/" OTHER);
	check_outcome(tree, false, VF " undone\n" OTHER " malformed\n");
	assert_false(is_written(tree, "journals", VF));
	assert_true(is_written(tree, "journals", OTHER));
}

static void a_member_that_is_gone_is_forgotten_and_the_other_repaired(void **state)
{
	const struct tree *tree = *state;

	put_record(tree, "journals", VF, DETACH, BOTH);
	put_record(tree, "journals", OTHER, DETACH, BOTH);
	check_outcome(tree, false, VF " undone\n" OTHER " forgotten: the device is gone\n");
	assert_false(is_written(tree, "journals", VF));
	assert_false(is_written(tree, "journals", OTHER));
}

/* Another one has come to its address. */
static void a_member_that_is_another_device_is_forgotten(void **state)
{
	const struct tree *tree = *state;

	put_device(tree, OTHER, "igbvf", 14);
	put(tree, "pci:v00008086d000010CBsv00001AF4sd00001100bc02sc00i00\n",
	    "sys/devices/pci0000:00/" OTHER "/modalias");
	put_record(tree, "journals", VF, DETACH, BOTH);
	put_record(tree, "journals", OTHER,
		   "vfiobind-record 1\nidentity " IDENTITY "\nboot unknown\nsince 0\nprocess 1\noperation detach\n"
		   "transaction 1\n",
		   BOTH);
	check_outcome(tree, false,
		      VF " undone\n" OTHER " forgotten: it is another device, or the kernel was booted since\n");
}

/* There, and yet it cannot be looked at. */
static void a_member_that_cannot_be_looked_at_stays_as_it_is(void **state)
{
	const struct tree *tree = *state;

	put_device(tree, OTHER, "igbvf", 14);
	put_link(tree, "../../../kernel/iommu_groups/none", "sys/devices/pci0000:00/" OTHER "/iommu_group");
	put_record(tree, "journals", OTHER, DETACH, "before-driver igbvf\nmember " OTHER "\n");
	check_outcome(tree, false, OTHER " failed\n");
	assert_true(is_written(tree, "journals", OTHER));
}

/* By hand, or by one who wants something of it. */
static void a_journal_that_names_a_member_twice_is_repaired_once(void **state)
{
	const struct tree *tree = *state;

	put_device(tree, OTHER, "igbvf", 14);
	put(tree, "igb-twin\n", "sys/devices/pci0000:00/" OTHER "/driver_override");
	put_record(tree, "journals", VF, DETACH, BOTH "member " VF "\n");
	put_record(tree, "journals", OTHER, DETACH, "before-override igb-twin\n" BOTH "member " VF "\n");
	check_outcome(tree, false, VF " undone\n" OTHER " undone\n");
	assert_false(is_written(tree, "journals", VF));
	assert_false(is_written(tree, "journals", OTHER));
}

static void a_journal_without_members_or_of_another_device_is_malformed(void **state)
{
	const struct tree *tree = *state;

	put_record(tree, "journals", VF, DETACH, "before-driver igbvf\n");
	check_outcome(tree, false, VF " malformed\n");
	put(tree, DETACH "address " OTHER "\n" BOTH "end\n", "state/journals/" VF);
	check_outcome(tree, false, VF " malformed\n");
	assert_true(is_written(tree, "journals", VF));
}

static void a_journal_that_is_no_file_is_malformed(void **state)
{
	const struct tree *tree = *state;

	put(tree, "", "state/journals/not-an-address");
	put(tree, "", "state/journals/." VF);
	chmod(tree_path(tree, "state/journals"), 0700);
	put_link(tree, "not-an-address", "state/journals/" VF);
	check_outcome(tree, false, VF " malformed\n");
}

static void without_its_locks_nothing_is_repaired(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_repairs *repairs;

	put_record(tree, "journals", VF, DETACH, "before-driver igbvf\nmember " VF "\n");
	put(tree, "", "elsewhere/file");
	put_link(tree, "../elsewhere", "state/locks");
	repairs = repair(tree, false);
	assert_int_equal(repairs->devices[0]->outcome, VFIOBIND_REPAIR_FAILED);
	vfiobind_repairs_free(repairs);
	assert_true(is_written(tree, "journals", VF));
}

/* ---- records ---- */

static void a_record_is_forgotten_when_it_is_of_no_device_that_is_detached(void **state)
{
	static const struct {
		const char *driver, *driver_override, *head;
		const char *note; /* NULL: it is kept */
	} cases[] = {
		{"vfio-pci", "vfio-pci", HEAD, NULL},
		{NULL, "(null)", HEAD, NULL},
		{"pci-stub", "(null)", HEAD, NULL},
		{"igbvf", "vfio-pci", HEAD, NULL},
		{"igbvf", "(null)", HEAD, "another process has reattached it"},
		{"vfio-pci", "vfio-pci", "vfiobind-record 1\nidentity x\nboot unknown\nsince 0\nprocess 1\n",
		 "it is another device, or the kernel was booted since"},
		{"vfio-pci", "vfio-pci", "vfiobind-record 1\nidentity unknown\nboot x\nsince 0\nprocess 1\n",
		 "it is another device, or the kernel was booted since"},
	};
	const struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int dry_run = 1; dry_run >= 0; dry_run--) {
			char expected[256] = "";

			put_state(tree, cases[i].driver, cases[i].driver_override);
			put_record(tree, "devices", VF, cases[i].head, "operation detach\ntransaction 1\n");
			if (cases[i].note)
				snprintf(expected, sizeof(expected), VF " forgotten: %s\n", cases[i].note);
			put(tree, "", "state/journals/.none");
			chmod(tree_path(tree, "state/journals"), 0700);
			check_outcome(tree, dry_run, expected);
			assert_int_equal(is_written(tree, "devices", VF), dry_run || !cases[i].note);
		}
}

/* It does not say what it is: that is no reason to forget it. */
static void a_record_of_a_device_without_a_modalias_is_kept(void **state)
{
	const struct tree *tree = *state;

	put_state(tree, "vfio-pci", "vfio-pci");
	drop(tree, VF_DIRECTORY "/modalias");
	put_record(tree, "devices", VF, "vfiobind-record 1\nidentity " IDENTITY "\nboot unknown\nsince 0\nprocess 1\n",
		   "operation detach\ntransaction 1\n");
	put(tree, "", "state/devices/not-an-address");
	check_outcome(tree, false, "");
	assert_true(is_written(tree, "devices", VF));
}

static void a_record_of_a_device_that_cannot_be_looked_at_is_kept(void **state)
{
	const struct tree *tree = *state;

	put(tree, "no directory", "sys/bus/pci/devices/" OTHER);
	put_record(tree, "devices", OTHER, DETACH, "");
	check_outcome(tree, false, "");
	assert_true(is_written(tree, "devices", OTHER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_have_words),
		test_on_tree(what_is_left_out_is_as_by_default),
		test_on_tree(a_directory_that_is_not_ours_is_an_error),
		test_on_tree(what_is_found_tells_what_becomes_of_a_detach),
		test_on_tree(virtual_functions_that_are_still_there_are_as_they_were),
		test_on_tree(a_dry_repair_says_so_and_does_nothing),
		test_on_tree(what_cannot_be_written_down_is_not_finished),
		test_on_tree(a_driver_whose_name_was_not_known_is_asked_for),
		test_on_tree(a_reattach_that_the_kernel_has_done_is_finished),
		test_on_tree(the_name_of_a_host_driver_that_was_insisted_on_is_taken_back),
		test_on_tree(a_reattach_that_cannot_be_finished_is_undone),
		test_on_tree(what_is_another_operations_by_now_is_left_to_it),
		test_on_tree(without_the_first_ones_journal_nothing_had_begun),
		test_on_tree(a_member_that_cannot_be_read_is_malformed_and_the_other_repaired),
		test_on_tree(a_member_that_is_gone_is_forgotten_and_the_other_repaired),
		test_on_tree(a_member_that_is_another_device_is_forgotten),
		test_on_tree(a_member_that_cannot_be_looked_at_stays_as_it_is),
		test_on_tree(a_journal_that_names_a_member_twice_is_repaired_once),
		test_on_tree(a_journal_without_members_or_of_another_device_is_malformed),
		test_on_tree(a_journal_that_is_no_file_is_malformed),
		test_on_tree(without_its_locks_nothing_is_repaired),
		test_on_tree(a_record_is_forgotten_when_it_is_of_no_device_that_is_detached),
		test_on_tree(a_record_of_a_device_without_a_modalias_is_kept),
		test_on_tree(a_record_of_a_device_that_cannot_be_looked_at_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
