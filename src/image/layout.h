/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images out of OCI layouts, in a folder or an archive, and out of folders of skopeo's dir:
 * transport. Of one that is there for several kinds of machines, that for @p (NULL: this one's) is
 * taken. Host side. */
#ifndef RBOX_IMAGE_LAYOUT_H
#define RBOX_IMAGE_LAYOUT_H

#include "base/err.h"
#include "base/mem.h"
#include "image/platform.h"
#include "image/spool.h"
#include "image/store.h"

/* Load image @tag (NULL: all) of the layout in folder @path. The names are pushed onto @ret_names
 * (may be NULL), as load.h has it. */
int layout_load(const struct store *store, const char *path, const char *tag,
                const struct platform *p, struct strv *ret_names, struct err *e);

/* All images of the layout that the archive @s is; the platform is that of its ingest. */
int layout_load_spooled(struct spool *s, struct strv *ret_names, struct err *e);

/* A folder of skopeo's and podman's dir: transport, which has one image and no name for it. */
int layout_load_dir(const struct store *store, const char *path, const struct platform *p,
                    struct strv *ret_names, struct err *e);

#endif
