/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which driver suits a device best, by modules.alias as it may be found. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

#define ANY "vfio_pci:v*d*sv*sd*bc*sc*i*"
#define THIS "vfio_pci:v00008086d000010CAsv*sd*bc*sc*i*"
#define CLASS "vfio_pci:v*d*sv*sd*bc02sc*i*"

static struct vfiobind_ranking *rank(const struct tree *tree)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_ranking *ranking = NULL;

	assert_int_equal(vfiobind_driver_rank(tree->context, &vf, &ranking, &error), 0);
	assert_non_null(ranking->chosen);
	return ranking;
}

/* "MODULE@LINE, …" of all that match, the best one first; without the fallback's. */
static const char *describe(const struct vfiobind_ranking *ranking)
{
	static char text[512];
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ranking->n_candidates; i++)
		if (ranking->candidates[i]->alias)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s@%u", length ? ", " : "",
						   ranking->candidates[i]->module, ranking->candidates[i]->line);
	return text;
}

static void the_most_specific_alias_wins(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_ranking *ranking = rank(tree);

	assert_int_equal(ranking->n_candidates, 2);
	assert_ptr_equal(ranking->chosen, ranking->candidates[0]);
	assert_string_equal(ranking->chosen->driver, "vfio-pci-igbvf");
	assert_string_equal(ranking->chosen->module, "vfio_pci_igbvf");
	assert_int_equal(ranking->chosen->line, 5);
	assert_int_equal(ranking->chosen->rank, 1);
	assert_string_equal(ranking->candidates[1]->driver, "vfio-pci");
	assert_int_equal(ranking->candidates[1]->rank, 2);
	assert_int_equal(ranking->n_warnings, 0);
	vfiobind_ranking_free(ranking);
}

static void equal_aliases_are_a_warning_that_names_both(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_ranking *ranking;

	put_driver(tree, "igbvf-vfio-pci", "igbvf_vfio_pci");
	put(tree,
	    "alias vfio_pci:v00008086d000010CAsv*sd*bc*sc*i* igbvf_vfio_pci\n"
	    "alias vfio_pci:v00008086d000010CAsv*sd*bc*sc*i* vfio_pci_igbvf\n",
	    "modules/modules.alias");
	ranking = rank(tree);
	assert_string_equal(ranking->chosen->module, "igbvf_vfio_pci");
	assert_int_equal(ranking->candidates[0]->rank, 1);
	assert_int_equal(ranking->candidates[1]->rank, 1);
	assert_int_equal(ranking->n_warnings, 1);
	assert_non_null(strstr(ranking->warnings[0], "igbvf_vfio_pci"));
	assert_non_null(strstr(ranking->warnings[0], "vfio_pci_igbvf"));
	vfiobind_ranking_free(ranking);
}

static void a_module_that_is_missing_is_passed_over(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_ranking *ranking;

	put(tree,
	    "alias vfio_pci:v00008086d000010CAsv00001AF4sd00001100bc*sc*i* no_such_module\n"
	    "alias vfio_pci:v00008086d000010CAsv*sd*bc*sc*i* vfio_pci_igbvf\n",
	    "modules/modules.alias");
	ranking = rank(tree);
	assert_string_equal(ranking->chosen->module, "vfio_pci_igbvf");
	assert_false(ranking->candidates[0]->usable);
	assert_int_equal(ranking->n_warnings, 1);
	assert_non_null(strstr(ranking->warnings[0], "no_such_module"));
	vfiobind_ranking_free(ranking);
}

static void without_modules_alias_vfio_pci_is_taken_with_a_warning(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_ranking *ranking;

	drop(tree, "modules/modules.alias");
	ranking = rank(tree);
	assert_string_equal(ranking->chosen->driver, "vfio-pci");
	assert_null(ranking->chosen->alias);
	assert_int_equal(ranking->n_warnings, 2);
	assert_non_null(strstr(ranking->warnings[0], "modules.alias"));
	vfiobind_ranking_free(ranking);
}

static void built_in_modules_have_aliases_too(void **state)
{
	static const char modinfo[] = "igb.alias=pci:v1d2\0vfio_pci_igbvf.license=GPL\0"
				      "vfio_pci_igbvf.alias=vfio_pci:v00008086d000010CAsv*sd*bc*sc*i*";
	const struct tree *tree = *state;
	struct vfiobind_ranking *ranking;

	put(tree, "", "modules/modules.alias");
	put_bytes(tree, modinfo, sizeof(modinfo), "modules/modules.builtin.modinfo");
	ranking = rank(tree);
	assert_string_equal(ranking->chosen->module, "vfio_pci_igbvf");
	assert_int_equal(ranking->chosen->line, 0);
	vfiobind_ranking_free(ranking);
}

static void lines_that_are_no_alias_of_ours_are_passed_over(void **state)
{
	static const char *const lines[] = {
		"",
		"   ",
		"# a comment",
		"alias",
		"alias " THIS,
		"alias pci:v00008086d000010CAsv*sd*bc*sc*i* vfio_pci_igbvf",
		"aliases " THIS " vfio_pci_igbvf",
		"alias vfio_pci:v00008086 vfio_pci_igbvf",
		"alias vfio_pci:v00008086d000010CBsv*sd*bc*sc*i* vfio_pci_igbvf",
		"softdep " THIS " vfio_pci_igbvf",
	};
	const struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct vfiobind_ranking *ranking;
		char text[256];

		snprintf(text, sizeof(text), "%s\nalias %s vfio_pci\n", lines[i], ANY);
		put(tree, text, "modules/modules.alias");
		ranking = rank(tree);
		assert_string_equal(describe(ranking), "vfio_pci@2");
		assert_string_equal(ranking->chosen->driver, "vfio-pci");
		assert_int_equal(ranking->n_warnings, 0);
		vfiobind_ranking_free(ranking);
	}
}

/* Words are told by any blank; the last line may lack its end. */
static void a_line_is_three_words(void **state)
{
	static const char *const texts[] = {
		"alias " THIS " vfio_pci_igbvf\n",
		"alias " THIS " vfio_pci_igbvf",
		"\talias\t" THIS "   vfio_pci_igbvf \n",
		"alias " THIS " vfio-pci-igbvf more\n",
	};
	const struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct vfiobind_ranking *ranking;

		put(tree, texts[i], "modules/modules.alias");
		ranking = rank(tree);
		assert_string_equal(describe(ranking), "vfio_pci_igbvf@1");
		assert_string_equal(ranking->chosen->driver, "vfio-pci-igbvf");
		vfiobind_ranking_free(ranking);
	}
}

/* It is nobody's, whatever it begins with and wherever it is cut in two; and it counts as one. */
static void a_line_longer_than_any_is_one_line(void **state)
{
	static const char alias[] = "alias " THIS " vfio_pci_igbvf", other[] = "alias " ANY " vfio_pci\n";
	const struct tree *tree = *state;

	for (size_t length = 1000; length < 2100; length += length < 1040 ? 1 : 97) {
		struct vfiobind_ranking *ranking;
		char filler[2200], text[8192];

		memset(filler, 'x', length);
		filler[length] = '\0';
		snprintf(text, sizeof(text), "%s %s %s\n%s%s", alias, filler, alias, other, filler);
		put(tree, text, "modules/modules.alias");
		ranking = rank(tree);
		assert_string_equal(describe(ranking), "vfio_pci@2");
		vfiobind_ranking_free(ranking);
		snprintf(text, sizeof(text), "%s %s\n%s", filler, alias, other);
		put(tree, text, "modules/modules.alias");
		ranking = rank(tree);
		assert_string_equal(describe(ranking), "vfio_pci@2");
		vfiobind_ranking_free(ranking);
	}
}

static void an_index_that_cannot_be_read_is_a_warning(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_ranking *ranking;

	drop(tree, "modules/modules.alias");
	assert_int_equal(mkdir(tree_path(tree, "modules/modules.alias"), 0755), 0);
	ranking = rank(tree);
	assert_string_equal(ranking->chosen->driver, "vfio-pci");
	assert_non_null(strstr(ranking->warnings[0], "modules.alias cannot be read (Input/output error)"));
	vfiobind_ranking_free(ranking);
}

/* modules.builtin.modinfo is MODULE.KEY=VALUE, each ended by a NUL. */
static void entries_of_built_in_modules_that_are_no_alias_of_ours_are_passed_over(void **state)
{
	static const char *const entries[] = {
		"",
		"vfio_pci_igbvf",
		"vfio_pci_igbvf.alias",
		"alias=" THIS,
		".alias=" THIS,
		"vfio_pci_igbvf=x.alias=" THIS,
		"vfio_pci_igbvf=" THIS ".alias=",
		"vfio_pci_igbvf.aliases=" THIS,
		"vfio_pci_igbvf.license=GPL",
		"vfio_pci_igbvf.alias=pci:v00008086d000010CAsv*sd*bc*sc*i*",
		"vfio_pci_igbvf.alias=",
	};
	static const char last[] = "vfio_pci.alias=" ANY;
	const struct tree *tree = *state;

	put(tree, "", "modules/modules.alias");
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		size_t length = strlen(entries[i]) + 1;
		struct vfiobind_ranking *ranking;
		char text[256];

		memcpy(text, entries[i], length);
		memcpy(text + length, last, sizeof(last));
		put_bytes(tree, text, length + sizeof(last), "modules/modules.builtin.modinfo");
		ranking = rank(tree);
		assert_string_equal(describe(ranking), "vfio_pci@0");
		assert_int_equal(ranking->n_candidates, 1);
		vfiobind_ranking_free(ranking);
	}
}

/* By the best one; the others of it say nothing new. */
static void a_module_is_known_by_the_best_of_its_aliases(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_ranking *ranking;

	put(tree,
	    "alias " CLASS " vfio_pci_igbvf\n"
	    "alias " THIS " mlx5_vfio_pci\n"
	    "alias " THIS " vfio-pci-igbvf\n"
	    "alias " ANY " vfio_pci\n"
	    "alias " ANY " mlx5-vfio-pci\n",
	    "modules/modules.alias");
	ranking = rank(tree);
	assert_string_equal(describe(ranking), "mlx5_vfio_pci@2, vfio_pci_igbvf@3, vfio_pci@4");
	assert_int_equal(ranking->candidates[0]->rank, 1);
	assert_int_equal(ranking->candidates[1]->rank, 1);
	assert_int_equal(ranking->candidates[2]->rank, 3);
	assert_string_equal(ranking->candidates[1]->reason, "matches vendor, device; loaded");
	vfiobind_ranking_free(ranking);
}

/* Nothing has been decided by the order in which they were found. */
static void of_equals_that_cannot_be_used_nothing_is_said_but_that(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_ranking *ranking;

	put(tree,
	    "alias " THIS " vfio_pci_igbvf\n"
	    "alias " THIS " no_such_module\n"
	    "alias " ANY " vfio_pci\n",
	    "modules/modules.alias");
	ranking = rank(tree);
	assert_string_equal(ranking->chosen->module, "vfio_pci_igbvf");
	assert_false(ranking->candidates[1]->usable);
	assert_int_equal(ranking->n_warnings, 0);
	vfiobind_ranking_free(ranking);
}

/* Whatever it is, vfio-pci takes it. */
static void a_device_without_a_modalias_gets_vfio_pci(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_ranking *ranking;

	drop(tree, VF_DIRECTORY "/modalias");
	ranking = rank(tree);
	assert_string_equal(ranking->chosen->driver, "vfio-pci");
	assert_null(ranking->modalias);
	assert_string_equal(ranking->warnings[0], "the device's modalias cannot be read");
	vfiobind_ranking_free(ranking);
}

static void a_device_that_does_not_say_what_it_is_gets_vfio_pci(void **state)
{
	static const char *const texts[] = {"pci:v0000", "usb:v00008086", "\n", ""};
	struct vfiobind_ranking *ranking;
	const struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put(tree, texts[i], "sys/devices/pci0000:00/0000:04:11.5/modalias");
		ranking = rank(tree);
		assert_string_equal(ranking->chosen->driver, "vfio-pci");
		assert_non_null(strstr(ranking->warnings[0], "modalias"));
		vfiobind_ranking_free(ranking);
	}
}

static void a_device_that_is_not_there_has_no_drivers(void **state)
{
	static const struct vfiobind_address other = {.bus = 4, .slot = 0x11, .function = 4};
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_ranking *ranking = NULL;
	const struct tree *tree = *state;

	assert_int_equal(vfiobind_driver_rank(tree->context, &other, &ranking, &error), -ENODEV);
	assert_int_equal(error.code, VFIOBIND_ERROR_DEVICE_NOT_FOUND);
	assert_string_equal(error.operation, "rank the drivers");
	assert_null(ranking);
	assert_null(vfiobind_ranking_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_tree(the_most_specific_alias_wins),
		test_on_tree(equal_aliases_are_a_warning_that_names_both),
		test_on_tree(a_module_that_is_missing_is_passed_over),
		test_on_tree(without_modules_alias_vfio_pci_is_taken_with_a_warning),
		test_on_tree(built_in_modules_have_aliases_too),
		test_on_tree(lines_that_are_no_alias_of_ours_are_passed_over),
		test_on_tree(a_line_is_three_words),
		test_on_tree(a_line_longer_than_any_is_one_line),
		test_on_tree(an_index_that_cannot_be_read_is_a_warning),
		test_on_tree(entries_of_built_in_modules_that_are_no_alias_of_ours_are_passed_over),
		test_on_tree(a_module_is_known_by_the_best_of_its_aliases),
		test_on_tree(of_equals_that_cannot_be_used_nothing_is_said_but_that),
		test_on_tree(a_device_without_a_modalias_gets_vfio_pci),
		test_on_tree(a_device_that_does_not_say_what_it_is_gets_vfio_pci),
		test_on_tree(a_device_that_is_not_there_has_no_drivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
