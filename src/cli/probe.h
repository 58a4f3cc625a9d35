/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rbox needs of a host, one probe for each thing: `doctor` runs them all, `info` tells what
 * they found. Host side; nothing is changed, and what a probe makes it takes back. */
#ifndef RBOX_CLI_PROBE_H
#define RBOX_CLI_PROBE_H

#include "base/hints.h"
#include "base/mem.h"
#include "image/store.h"
#include "spec/spec.h"

enum probe_level {
    PROBE_OK = 0,
    PROBE_WARN, /* rbox works, with less */
    PROBE_FAIL  /* something that a plain run needs is not there */
};

struct probe_result {
    enum probe_level level;
    char *evidence; /* what was seen; owned */
    char *fix_arg0; /* for the hint's command, or NULL; owned */
    char *fix_arg1;
    char *fix; /* another command than the hint's, or NULL; owned */
};

struct probe_host {
    const struct store *store; /* NULL: it could not be opened, and store_error says why */
    const struct err *store_error;
    const char *registry;      /* an image to look for in its registry, or NULL */
    const struct spec *wanted; /* NULL: anything may be; else only what this container needs */
    const char *image;         /* its image, or NULL */
    char *words;               /* the command's, quoted for a shell, or NULL */
};

enum probe_when {
    PROBE_ALWAYS = 0,
    PROBE_FOR_CONTAINER, /* only when it is known which container it is for */
    PROBE_FOR_REGISTRY   /* only when a registry is asked about */
};

struct probe {
    enum hint_id id;
    const char *what; /* a few words */
    void (*run)(const struct probe_host *h, struct probe_result *ret);
    int (*is_needed)(const struct spec *wanted); /* NULL: always */
    enum probe_when when;
};

/* Row @i of the table, or NULL past its end. */
const struct probe *probe_at(size_t i);

/* Run row @p for @h. Returns 0 when what is wanted does not need it. */
int probe_run(const struct probe *p, const struct probe_host *h, struct probe_result *ret);

void probe_result_done(struct probe_result *r);

/* The command that mends what row @p found. The caller owns it. */
char *probe_fix(const struct probe *p, const struct probe_result *r);

/* Let a run say what row @id finds: "@text: FIX  (RBX-n)", what was seen for a NULL @text. Returns
 * 0 when the row finds nothing. */
int probe_notice(enum hint_id id, const struct probe_host *h, const char *text);

#endif
