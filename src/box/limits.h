/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a spec's resources to lines for cgroup v2 files: units, conversions, and refusing what the
 * kernel would accept and then not do.
 *
 * Calling sequence: limits_plan() turns a spec into rows, for a running container
 * limits_plan_change(); cgroup.c finds out which of their controllers there are; limits_write()
 * writes each row into the open cgroup folder. */
#ifndef RBOX_BOX_LIMITS_H
#define RBOX_BOX_LIMITS_H

#include "base/err.h"
#include "spec/spec.h"

#include <stddef.h>
#include <stdint.h>

/* What counts against other containers (weights, protection) stands on TOP, among its siblings;
 * what bounds this one stands on box/. TOP belongs to systemd where it made it: set by a property.
 */
struct limit {
    char *option;         /* "--memory", "--cgroup-conf memory.high": for messages */
    char *file;           /* "memory.max" */
    char *value;          /* "5242880" */
    const char *property; /* "CPUWeight" and its value: a limit on TOP. NULL: on box/ */
    uint64_t property_value;
    int asked;  /* by an option: cannot be set is an error. A default is left out then */
    int exact;  /* it holds whatever the cgroups above are set to */
    int lifted; /* what was there before: @value is the kernel's default */
};

struct limits {
    struct limit *rows;
    size_t count;
};

/* Is any limit of @s asked for by an option? */
int limits_asked(const struct spec *s);

/* Make the rows of @s. Values that contradict each other or the machine are refused: 0 bytes, swap
 * below memory, weights that nothing heeds. Reads /proc and /sys, changes nothing. On success the
 * caller owns *ret. Errors: -EINVAL. */
int limits_plan(const struct spec *s, struct limits *ret, struct err *e);

/* The rows by which a container that was started by @before gets what a start by @after would give
 * it: those that differ, and for those that @after has no more the kernel's defaults. Errors as
 * limits_plan() of @after. */
int limits_plan_change(const struct spec *before, const struct spec *after, struct limits *ret,
                       struct err *e);
/* Append a row for box/, which holds and is no lifted one. Copies @option and @file, takes @value.
 */
struct limit *limits_add(struct limits *l, const char *option, const char *file, char *value,
                         int asked);
void limits_done(struct limits *l);
#define autolimits __attribute__((cleanup(limits_done)))

/* Name of @row's controller ("memory"): the caller's @buf of @size holds it. "" for cgroup.max.*.
 */
void limits_controller(const struct limit *row, char *buf, size_t size);

/* Would the kernel take @row for folder @dir_fd and not do it? Errors: -EINVAL. */
int limits_check(int dir_fd, const struct limit *row, struct err *e);

/* Check @row, and write it into the cgroup folder @dir_fd. Errors: -EINVAL and others from
 * write(2), in words. */
int limits_write(int dir_fd, const struct limit *row, struct err *e);

/* cpu.weight (1 to 10000) of @shares (2 to 262144), by crun's curve: 1024 gives 100. */
unsigned int limits_cpu_weight(int64_t shares);

/* Is every number of list @want ("0-2,5") in list @have? 1 or 0; -EINVAL: @want is no such list. */
int limits_list_within(const char *want, const char *have);

#endif
