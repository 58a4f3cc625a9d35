/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from JSON by a template: the part of Go's text/template that --format of docker and podman
 * is used with.
 *
 *     {{.ID}}  {{.State.Pid}}  {{$.ID}}          fields; . is the value in hand, $ the whole
 *     {{json .}}  {{.Names | upper}}             json upper lower title join split truncate pad
 *     {{printf "%-20s" .Names}}                  printf print println
 *     {{(index .Mounts 0).Source}}               index slice len
 *     {{if eq .Status "running"}}…{{else if …}}…{{else}}…{{end}}   eq ne lt le gt ge not and or
 *     {{with .Labels}}…{{end}}  {{$x := .ID}}    variables
 *     {{range .Mounts}}{{.Source}} {{end}}       {{range $k, $v := .Labels}}…{{end}}
 *     {{.Label "KEY"}}                           docker's, of what has .Labels
 *
 * {{- and -}} drop the white space beside them. \t and \n of the template are a tab and a new line.
 * A field that does not exist is an error that names it; a label is <no value> then, as in Go. */
#ifndef RBOX_CLI_TEMPLATE_H
#define RBOX_CLI_TEMPLATE_H

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>

struct template;

/* Parse @text. On success the caller owns *ret. Errors: -EINVAL. */
int template_parse(const char *text, struct template **ret, struct err *e);

/* Append the text for @data to @out. Errors: -EINVAL; @out then holds a part. */
int template_run(const struct template *t, json_t *data, struct buf *out, struct err *e);

void template_free(struct template *t); /* NULL-safe */

#endif
