/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/labels.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "sys/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    LABELS_BYTES_MAX = 1 << 20
};

int labels_write(int dir_fd, const char *name, const struct strv *labels, struct err *e)
{
    json_auto_t *o = json_from_pairs(labels);
    autofree char *text = json_text(o);

    return file_write(dir_fd, name, text, strlen(text), FILE_SYNC | FILE_PRIVATE, e);
}

int labels_read(int dir_fd, const char *path, struct strv *ret, struct err *e)
{
    autofree char *text = NULL;
    json_auto_t *o = NULL;
    size_t len = 0;
    int r = file_read(dir_fd, path, LABELS_BYTES_MAX, &text, &len, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    r = r < 0 ? r : json_parse(text, len, path, &o, e);
    json_to_pairs(o, ret);
    return r;
}
