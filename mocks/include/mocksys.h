/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MOCKSYS_H
#define MOCKSYS_H

/**
 * libmocksys: what a test that runs on a fake machine (`mocksys run -m MACHINE -- TEST`) can do to it. It makes steps of
 * the fake kernel fail or wait, waits for them, plugs devices, and reads what has happened and why.
 *
 * All of it goes through the machine's control files, so a shell can do the same; and it works in every way to the fake
 * that `mocksys run` has. On a real kernel there are no control files: mocksys_new() says -ENODEV, and a test that needs
 * them can skip.
 *
 * Conventions, true for each function unless it says otherwise:
 *
 * - It returns 0 or a negative errno. mocksys_error() then has a line for people. Outputs are named ret_… and stay
 *   untouched on failure; they may be NULL where the caller has no use for them.
 * - Text that is returned through a pointer belongs to the caller and goes back with free().
 * - A STEP is a name, as docs/testing.md lists them, and what it is about: "dd.probe", "dd.probe device=0000:04:11.5",
 *   "sys.write path=/sys/bus/pci/drivers_probe actor=1234". The keys are device, driver, path (a glob) and actor.
 * - Threads: a machine belongs to one thread at a time, and so does a watch. Several machines are independent handles to
 *   the same one.
 * - A function that waits is ended by a signal whose handler was set without SA_RESTART: it returns -EINTR. Everything
 *   that waits ends with -EIO when the machine is reset.
 * - Errors that any function can have: -ENODEV and -ENOENT, the machine has ended; -EACCES, the test is no longer root
 *   on it; -ENOMEM; and what open(2), read(2) and write(2) have.
 * - Nothing is printed, no signal handler is installed, no process is started, no global state is kept.
 */

#ifdef __cplusplus
extern "C" {
#endif

/* The library is built with hidden visibility: what is declared here is what it exports. */
#pragma GCC visibility push(default)

/** Where the control files of the machine are that a process runs on. */
#define MOCKSYS_CONTROL "/sys/kernel/debug/mocksys"

/** The machine that this process runs on. */
struct mocksys;

/**
 * The library's version, as "major.minor.patch".
 *
 * Returns: a constant string. Since: 0.1
 */
const char *mocksys_library_version(void);

/**
 * Gets hold of the machine.
 *
 * @control: the directory of its control files; NULL for MOCKSYS_CONTROL. Another is right for a machine that
 *           `mocksys mount` serves somewhere: DIR/sys/kernel/debug/mocksys.
 * @ret_machine: the machine, for mocksys_free()
 *
 * Returns: 0; -ENODEV if this is no fake machine. Since: 0.1
 */
int mocksys_new(const char *control, struct mocksys **ret_machine);

/**
 * Lets go of the machine, which stays as it is. NULL is accepted. Its watches must be gone.
 *
 * Since: 0.1
 */
void mocksys_free(struct mocksys *machine);

/**
 * What went wrong in the last function that failed: what was asked for, and why it was refused.
 *
 * Returns: one line without a newline, "" if nothing has failed yet; valid until the next function fails. Since: 0.1
 */
const char *mocksys_error(const struct mocksys *machine);

/**
 * Makes the machine what it was at its start, and clears trace and fault rules. Whatever waits in the kernel ends with
 * -EIO first. (A rule that this drops before it fired is named at the end of `mocksys run`.)
 *
 * Since: 0.1
 */
int mocksys_reset(struct mocksys *machine);

/* ------------------------------------------------------------------------------------------------------ fault rules */

/**
 * Adds fault rules.
 *
 * @rules: one a line: a STEP, then perhaps `after=N` (let N such steps pass) and `times=N` (then no more), and what is to
 *         happen: `fail=ERRNO` (by name), `delay=MILLISECONDS`, `hold`, `vanish` (the device is pulled out at this moment,
 *         see mocksys_device_remove()), `kill` (SIGKILL to the process whose operation is at the step).
 *         "dd.probe driver=vfio-pci times=1 fail=EBUSY"
 *
 * Returns: 0; -EINVAL if any of them is malformed, or such a step can neither fail nor wait, -E2BIG if it is more than
 * 64 KiB: then none is added.
 * Since: 0.1
 */
int mocksys_fault_add(struct mocksys *machine, const char *rules);

/**
 * Removes all fault rules. What they hold stays held.
 *
 * Since: 0.1
 */
int mocksys_fault_clear(struct mocksys *machine);

/**
 * How often a rule has fired.
 *
 * @rule: one line as it was added
 * @ret_fired: the number, for all rules with this text together
 *
 * Returns: 0; -ENOENT if there is no such rule. Since: 0.1
 */
int mocksys_fault_count(struct mocksys *machine, const char *rule, unsigned long *ret_fired);

/**
 * The rules that have never fired: a test that ends with one of these has tested something else than it means to.
 *
 * @ret_rules: one a line, as they were added; "" if there is none
 *
 * Since: 0.1
 */
int mocksys_fault_unfired(struct mocksys *machine, char **ret_rules);

/* ------------------------------------------------------------------------------------------------------- held steps */

/**
 * Waits until a rule with `hold` holds a step.
 *
 * @step: the STEP; of several that are held the first
 * @ret_id: its number, for mocksys_step_release()
 * @ret_step: the step, as "ACTOR STEP key=value…"
 *
 * Returns: 0; -EINVAL if @step is malformed; -EINTR. Since: 0.1
 */
int mocksys_step_wait_held(struct mocksys *machine, const char *step, unsigned long *ret_id, char **ret_step);

/**
 * Lets a held step go on.
 *
 * Returns: 0; -ENOENT if no step of this number is held. Since: 0.1
 */
int mocksys_step_release(struct mocksys *machine, unsigned long id);

/* ------------------------------------------------------------------------------------------------------------ trace */

/**
 * What the kernel has done since the trace was cleared: one step a line, "NUMBER ACTOR STEP key=value… = RESULT", and for
 * what failed " why=REASON".
 *
 * @ret_trace: the text
 *
 * Since: 0.1
 */
int mocksys_trace_read(struct mocksys *machine, char **ret_trace);

/**
 * Forgets what has happened; numbers begin anew.
 *
 * Since: 0.1
 */
int mocksys_trace_clear(struct mocksys *machine);

/**
 * Waits until a step has been passed; at once if one has since the trace was cleared.
 *
 * @step: the STEP
 * @ret_line: the first such line of the trace, without its newline
 *
 * Returns: 0; -EINVAL if @step is malformed; -EINTR. Since: 0.1
 */
int mocksys_step_wait(struct mocksys *machine, const char *step, char **ret_line);

/** Steps of one kind, one after the other. */
struct mocksys_watch;

/**
 * Begins to look for steps, from the first one in the trace on.
 *
 * @step: the STEP; with "held " in front of it, those that rules hold
 * @ret_watch: for mocksys_watch_free()
 *
 * Returns: 0; -EINVAL if @step is malformed. Since: 0.1
 */
int mocksys_watch_new(struct mocksys *machine, const char *step, struct mocksys_watch **ret_watch);

/**
 * Waits for the next one.
 *
 * @ret_line: the line of the trace, or "ID ACTOR STEP key=value…" of a held one, without its newline
 *
 * Returns: 0; -EINTR; -EIO, the machine has been reset. mocksys_error() of its machine says which. Since: 0.1
 */
int mocksys_watch_next(struct mocksys_watch *watch, char **ret_line);

/**
 * Ends it. NULL is accepted.
 *
 * Since: 0.1
 */
void mocksys_watch_free(struct mocksys_watch *watch);

/* ---------------------------------------------------------------------------------------------------------- devices */

/**
 * Plugs a function in, as by hot-plug: the kernel notices by itself, and offers it to the drivers. Returns when it has
 * done so, or waits for something (a rule that holds a step, a lock): it goes on then without the caller.
 *
 * @address: where: a bus that is there, nothing at this address
 * @model: which kind: a device model of the machine, or one that `mocksys list` shows; no bridge
 * @group: its IOMMU group; -1: the lowest free one
 *
 * Returns: 0; -EINVAL; -EEXIST if there is a function at @address; -ENODEV if there is no such bus; -ENOENT if there is no
 * such model. Since: 0.1
 */
int mocksys_device_add(struct mocksys *machine, const char *address, const char *model, int group);

/**
 * Pulls a function out: it is gone at once, its configuration space reads as all ones, and no rescan finds it. The kernel
 * notices by itself, and takes it off the bus: which waits for its lock, and for users of its VFIO device. Returns when
 * it has done so, or waits: it goes on then without the caller.
 *
 * @address: of any function, a single VF, or a bridge, which takes along what is behind it
 *
 * Returns: 0; -ENODEV if there is no such function; -EINVAL. Since: 0.1
 */
int mocksys_device_remove(struct mocksys *machine, const char *address);

/**
 * Somebody opens the VFIO device of a function that is bound to a VFIO driver: until it is closed, unbinding waits. May be
 * done several times.
 *
 * @address: "0000:04:11.5"
 *
 * Returns: 0; -ENODEV if there is no such function, it is on no VFIO driver or about to leave it; -EPERM if another
 * function of its IOMMU group is on a host driver; -EINVAL if @address cannot be one. Since: 0.1
 */
int mocksys_user_open(struct mocksys *machine, const char *address);

/**
 * Closes it, once.
 *
 * Returns: 0; -ENODEV if nobody has it open; -EINVAL. Since: 0.1
 */
int mocksys_user_close(struct mocksys *machine, const char *address);

/**
 * What the machine is like now.
 *
 * @ret_fixture: as a fixture, which `mocksys run -m FILE` takes
 *
 * Since: 0.1
 */
int mocksys_state_read(struct mocksys *machine, char **ret_fixture);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
