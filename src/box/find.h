/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers by the words people use for them: name, id, or a beginning of the id that fits one
 * only. Reads names/ of the store and the locks, after a sweep: what a dead supervisor left is not
 * taken for a container that was never run. Host side. */
#ifndef RBOX_BOX_FIND_H
#define RBOX_BOX_FIND_H

#include "base/err.h"
#include "image/store.h"

#include <stddef.h>

struct found {
    char *id;
    char *name;
    int dir_fd; /* containers/ID */
    int run_fd; /* its run folder; -1 unless it is running */
};

struct found_list {
    struct found *rows;
    size_t count;
};

/* The container that @word means. On success the caller owns *ret. Errors: -ENOENT none (exit code
 * 125); -ENOTUNIQ the beginning of an id fits several. */
int find_container(const struct store *store, const char *word, struct found *ret, struct err *e);

/* The same, and it must be running: -ESRCH. */
int find_running(const struct store *store, const char *word, struct found *ret, struct err *e);

/* All of them, by name. On success the caller owns *ret. */
int find_all(const struct store *store, struct found_list *ret, struct err *e);

/* Those that run, by name: costs what they are, however many do not. */
int find_all_running(const struct store *store, struct found_list *ret, struct err *e);

/* Is container @id one of @l? */
int found_list_has(const struct found_list *l, const char *id);

void found_done(struct found *f);
void found_list_done(struct found_list *l);
#define autofound      __attribute__((cleanup(found_done)))
#define autofound_list __attribute__((cleanup(found_list_done)))

#endif
