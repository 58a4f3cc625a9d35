/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/one_id.h"

#include "cli/probe.h"
#include "sys/fd.h"
#include "userns/idmap.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char TOLD[] = "told-one-id"; /* in the store */

/* The probes that know why there is one id only, the cause first; of them the one that is about
 * no_new_privs. */
static const enum hint_id CAUSES[] = {HINT_OUTER_SECCOMP, HINT_NEWIDMAP, HINT_SUBID};

static int may_be_cause(enum hint_id id)
{
    return id != HINT_OUTER_SECCOMP || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

void one_id_notice(const struct store *store, const struct spec *s)
{
    static const char TEXT[] =
        "you have one user id here: chown and other users have no effect inside; for all of them";
    const struct probe_host host = {.store = store};
    struct err ignored = {0};
    int told = 0;

    if (!idmap_is_single(&s->linux_.uid_mappings) || s->linux_.userns.mode != SPEC_USERNS_DEFAULT ||
        faccessat(store->dir_fd, TOLD, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return;
    }
    for (size_t i = 0; !told && i < sizeof(CAUSES) / sizeof(CAUSES[0]); i++) {
        told = may_be_cause(CAUSES[i]) && probe_notice(CAUSES[i], &host, TEXT);
    }
    (void)file_write(store->dir_fd, TOLD, "", 0, 0, &ignored);
}
