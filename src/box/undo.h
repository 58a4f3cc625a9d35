/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Effects outside the process and how to take them back: push one for each thing made, run them in
 * reverse on failure. Cleanup attributes release memory and descriptors; this is for folders,
 * names, processes. Undoing never fails. */
#ifndef RBOX_BOX_UNDO_H
#define RBOX_BOX_UNDO_H

#include <stddef.h>

typedef void undo_fn(void *arg);

enum {
    UNDO_MAX = 16
};

struct undo {
    struct {
        undo_fn *fn;
        void *arg; /* borrowed: must outlive the stack */
    } step[UNDO_MAX];
    size_t count;
};

/* Remember @fn(@arg). More than UNDO_MAX steps is a programming error and aborts. */
void undo_push(struct undo *u, undo_fn *fn, void *arg);

/* Run all steps, last first, and empty the stack. For `autoundo struct undo u = {0};` it runs at
 * scope's end. */
void undo_run(struct undo *u);

/* Everything went well: forget the steps. */
void undo_forget(struct undo *u);

#define autoundo __attribute__((cleanup(undo_run)))

#endif
