/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened in the store: STORE/events, a JSON object a line, appended in one write(2), so
 * that writers need no lock. Past its size it becomes events.1, which replaces the one before. Host
 * side and supervisor's. */
#ifndef RBOX_BOX_EVENTS_H
#define RBOX_BOX_EVENTS_H

#include "base/err.h"
#include "image/store.h"
#include "spec/spec.h"

#include <jansson.h>
#include <stdint.h>

/* Append that @status ("pull") happened to the @type ("image") with @id and @name (each may be
 * NULL). Best effort: nothing fails because it could not be told. */
void events_add(const struct store *store, const char *type, const char *status, const char *id,
                const char *name);

/* The same of the container of @s; @attributes (stolen; may be NULL) are strings, such as
 * containerExitCode. */
void events_add_container(const struct store *store, const struct spec *s, const char *status,
                          json_t *attributes);

/* Called for each event, a borrowed object {timeNano, Type, Status, ID, Name, Image, Attributes}.
 * Non-zero ends the reading. */
typedef int events_fn(const json_t *event, void *arg);

struct events_query {
    int64_t since_ns;
    int64_t until_ns; /* 0: no end */
    int follow;       /* go on with those to come, until @until_ns */
};

/* Read the events in the order they were written. Returns what @fn did, 0, or an error. */
int events_read(const struct store *store, const struct events_query *q, events_fn *fn, void *arg,
                struct err *e);

#endif
