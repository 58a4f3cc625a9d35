/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/one_id.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/probe.h"
#include "sys/fd.h"
#include "userns/idmap.h"

#include <fcntl.h>
#include <stdlib.h>
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

/* 1: it is the cause of @id, which is told. */
static int tell_cause(const struct store *store, enum hint_id id)
{
    const struct probe_host host = {.store = store};
    const struct probe *p = NULL;
    int told = 0;

    for (size_t i = 0; (p = probe_at(i)) != NULL; i++) {
        struct probe_result r = {0};

        if (p->id == id && probe_run(p, &host, &r) && r.level != PROBE_OK) {
            autofree char *fix = hint_fix(id, r.fix_arg0, r.fix_arg1);

            notice(
                "you have one user id here: chown and other users have no effect inside; for all "
                "of them: %s  (RBX-%d)",
                fix, (int)id);
            told = 1;
        }
        probe_result_done(&r);
    }
    return told;
}

void one_id_notice(const struct store *store, const struct spec *s)
{
    struct err ignored = {0};
    int told = 0;

    if (!idmap_is_single(&s->linux_.uid_mappings) || s->linux_.userns.mode != SPEC_USERNS_DEFAULT ||
        faccessat(store->dir_fd, TOLD, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return;
    }
    for (size_t i = 0; !told && i < sizeof(CAUSES) / sizeof(CAUSES[0]); i++) {
        told = may_be_cause(CAUSES[i]) && tell_cause(store, CAUSES[i]);
    }
    (void)file_write(store->dir_fd, TOLD, "", 0, 0, &ignored);
}
