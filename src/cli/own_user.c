/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/own_user.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "box/user.h"
#include "image/layers.h"
#include "image/store.h"
#include "sys/fd.h"
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char TOLD[] = "told-keep-id"; /* in the store */

/* Is a folder of the host mounted, and no named volume? */
static int mounts_ask_for_it(const struct spec *s)
{
    int is_asked = 0;

    for (size_t i = 0; i < s->mount_count; i++) {
        if (s->mounts[i].volume_name != NULL) {
            return 0;
        }
        is_asked = is_asked || str_eq(s->mounts[i].type, "bind");
    }
    return is_asked;
}

/* Root is mapped nowhere, so he can't be somebody inside. */
static int may_choose(const struct spec_request *q, const struct image *image)
{
    return !q->spec.linux_.userns.asked && q->user == NULL && image->config.user != NULL &&
           image->config.user[0] != '\0' && geteuid() != 0 && mounts_ask_for_it(&q->spec);
}

static int is_number(const char *user)
{
    return user[strspn(user, "0123456789:")] == '\0';
}

static int read_optional(const struct store *store, const struct image *image, const char *path,
                         char **ret, struct err *e)
{
    int r = layers_read_file(store, &image->layers, path, ret, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    return r;
}

/* Numbers with a group are all there is to know; else the image's files say more. */
static int look_up(const struct store *store, struct image *image, const struct spec *s,
                   struct user *ret, struct err *e)
{
    const struct spec_process wanted = {.user = image->config.user};
    autofree char *passwd = NULL;
    autofree char *group = NULL;
    int r = 0;

    if (!is_number(image->config.user) || strchr(image->config.user, ':') == NULL) {
        r = image_layers(store, image, &s->linux_.uid_mappings, &s->linux_.gid_mappings, e);
        r = r < 0 ? r : read_optional(store, image, "/etc/passwd", &passwd, e);
        r = r < 0 ? r : read_optional(store, image, "/etc/group", &group, e);
    }
    return r < 0 ? r : user_resolve_in(passwd, group, &wanted, ret, e);
}

static void tell(const struct store *store, const struct image *image)
{
    struct err ignored = {0};

    if (faccessat(store->dir_fd, TOLD, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return;
    }
    notice("you are the image's user '%s' in this container, so that files in your folders stay "
           "yours; --userns=default turns that off",
           image->config.user);
    (void)file_write(store->dir_fd, TOLD, "", 0, 0, &ignored);
}

int own_user_choose(const struct store *store, struct image *image, struct spec_request *q,
                    struct err *e)
{
    struct spec_userns *u = &q->spec.linux_.userns;
    struct user user = {0};
    struct err unknown = {0};
    int r = 0;

    if (!may_choose(q, image)) {
        return 0;
    }
    if (look_up(store, image, &q->spec, &user, &unknown) < 0) {
        debug("the image's user: %s", unknown.msg);
        return 0;
    }
    if (user.uid != 0) {
        u->mode = SPEC_USERNS_KEEP_ID;
        u->keep_uid = user.uid;
        u->keep_gid = user.gid;
        q->user = xstrdup(image->config.user);
        r = userns_own_maps(&q->spec, e);
        tell(store, image);
    }
    user_done(&user);
    return r;
}
