/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One container in the list of `rbox ps`: with the names of docker's and podman's templates, and as
 * podman's --format json writes it. */
#ifndef RBOX_CLI_PS_ROW_H
#define RBOX_CLI_PS_ROW_H

#include "cli/container.h"
#include "cli/format.h"

#include <jansson.h>

/* What the table shows; ends with {NULL, NULL}. */
extern const struct format_column PS_COLUMNS[];

/* Its cells, apart by tabs, without the way through JSON and a template; @id_only: the first alone.
 * The caller owns the text. */
char *ps_line(const struct container *c, int no_trunc, int id_only);

/* What the tables show and rows are sorted by; @no_trunc: ids and the command in full. New
 * reference. */
json_t *ps_row(const struct container *c, int no_trunc);

/* Add what only templates name. */
void ps_row_add_details(json_t *row, const struct container *c, int no_trunc);

/* The object of --format json. New reference. */
json_t *ps_row_json(const struct container *c);

/* Add what it has written, and that with its image, in bytes. */
void ps_row_set_size(json_t *row, int64_t own, int64_t all);
void ps_row_json_set_size(json_t *row, int64_t own, int64_t all);

/* Add the numbers of its namespaces, of --ns: CGROUPNS IPC MNT NET PIDNS USERNS UTS; "" for one
 * that does not run. */
void ps_row_add_namespaces(json_t *row, const struct container *c);
void ps_row_json_add_namespaces(json_t *row, const struct container *c);

#endif
