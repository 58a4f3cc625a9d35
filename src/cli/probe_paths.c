/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes of what one container brings along (paths, image) and of what was left. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/probe_rows.h"
#include "image/image.h"
#include "image/platform.h"
#include "image/pull.h"
#include "sys/fd.h"
#include "sys/harden.h"
#include "sys/reach.h"
#include "sys/selinux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- paths of the host that a container gets */

typedef int path_check(const char *path);

/* The first source of a bind mount that @is_bad, and is not made by the run; NULL: none. Borrowed.
 */
static const char *first_source(const struct spec *wanted, path_check *is_bad)
{
    for (size_t i = 0; wanted != NULL && i < wanted->mount_count; i++) {
        const struct spec_mount *m = &wanted->mounts[i];

        if (str_eq(m->type, "bind") && !strv_has(&m->options, "create") && is_bad(m->source)) {
            return m->source;
        }
    }
    return NULL;
}

/* The same of what comes as a device. */
static const char *first_device(const struct spec *wanted, path_check *is_bad)
{
    for (size_t i = 0; wanted != NULL && i < wanted->linux_.device_count; i++) {
        if (is_bad(wanted->linux_.devices[i].host_path)) {
            return wanted->linux_.devices[i].host_path;
        }
    }
    return NULL;
}

static int is_out_of_reach(const char *path)
{
    return access(path, F_OK) < 0;
}

void probe_sources(const struct probe_host *h, struct probe_result *r)
{
    const char *source = first_source(h->wanted, is_out_of_reach);

    if (source != NULL) {
        autofree char *end = reach_end(source, &r->fix_arg0);

        probe_set(r, PROBE_FAIL, xasprintf("'%s' cannot be reached: see '%s'", source, end));
        return;
    }
    probe_set(r, PROBE_OK, xstrdup("every path that it gets is there"));
}

static int is_in_groups(gid_t gid)
{
    gid_t groups[1024];
    int n = getgroups(1024, groups);

    for (int i = 0; i < n; i++) {
        if (groups[i] == gid) {
            return 1;
        }
    }
    return 0;
}

/* Open to the group, not to everybody, and neither the user's own nor of the primary group. */
static int is_by_group(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_uid != geteuid() && st.st_gid != getegid() &&
           (st.st_mode & S_IRGRP) != 0 && (st.st_mode & S_IROTH) == 0 && is_in_groups(st.st_gid);
}

void probe_group_paths(const struct probe_host *h, struct probe_result *r)
{
    const struct spec *wanted = h->wanted->process.keep_groups ? NULL : h->wanted;
    const char *source = first_source(wanted, is_by_group);

    source = source != NULL ? source : first_device(wanted, is_by_group);
    if (source != NULL) {
        r->fix_arg0 = xstrdup_null(h->words);
        probe_set(r, PROBE_FAIL, xasprintf("'%s' is open to you by a supplementary group", source));
        return;
    }
    probe_set(r, PROBE_OK, xstrdup("no path needs a supplementary group"));
}

static int has_no_label(const char *path)
{
    return !selinux_is_labelled(path);
}

void probe_selinux(const struct probe_host *h, struct probe_result *r)
{
    const char *source = NULL;

    if (probe_number("/sys/fs/selinux/enforce", 0) != 1) {
        probe_set(r, PROBE_OK, xstrdup("not enforcing"));
        return;
    }
    source = h->wanted != NULL && strv_has(&h->wanted->linux_.label_options, "disable")
                 ? NULL
                 : first_source(h->wanted, has_no_label);
    if (source == NULL) {
        probe_set(r, PROBE_OK, xstrdup("enforcing, and no path lacks a label"));
        return;
    }
    r->fix_arg0 = str_shell(source);
    probe_set(r, PROBE_WARN, xasprintf("enforcing, and '%s' has no label for containers", source));
}

void probe_landlock(const struct probe_host *h, struct probe_result *r)
{
    int abi = harden_abi();

    (void)h;
    probe_set(r, abi >= HARDEN_BENEATH_ABI ? PROBE_OK : PROBE_WARN,
              abi == 0 ? xstrdup("this kernel has none: containers go on without the second wall")
                       : xasprintf("ABI %d%s", abi,
                                   abi >= HARDEN_BENEATH_ABI
                                       ? ""
                                       : ", too old: containers go on without the second wall"));
}

/* ---- what was left */

static size_t count_entries(const struct store *store, const char *folder)
{
    autoclosedir DIR *d = NULL;
    const struct dirent *entry = NULL;
    size_t count = 0;
    int fd = openat(store->dir_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    d = fd >= 0 ? fdopendir(fd) : NULL;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    return count;
}

void probe_leftovers(const struct probe_host *h, struct probe_result *r)
{
    autoclose int lock_fd = -1;
    struct err ignored = {0};
    size_t count = 0;

    /* Who loads or pulls right now has a right to be in there. */
    if (h->store == NULL || store_lock(h->store, STORE_TRY, &lock_fd, &ignored) < 0) {
        probe_set(r, PROBE_OK, xstrdup("not looked at: the store is in use"));
        return;
    }
    count = count_entries(h->store, "tmp") + count_entries(h->store, "trash") +
            count_entries(h->store, "partial");
    probe_set(r, count > 0 ? PROBE_WARN : PROBE_OK,
              count > 0 ? xasprintf("%zu of killed loads and pulls", count) : xstrdup("nothing"));
}

void probe_boot_id(const struct probe_host *h, struct probe_result *r)
{
    autofree char *id = NULL;
    struct err e = {0};

    (void)h;
    if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128, &id, NULL, &e) < 0) {
        probe_set(r, PROBE_FAIL, xstrdup(e.msg));
        return;
    }
    id[strcspn(id, "\n")] = '\0';
    probe_set(r, PROBE_OK, xasprintf("%.8s", id));
}

/* ---- images */

/* What emulates other processors for containers, as binfmt_misc knows it. The caller owns it. */
static char *emulators(void)
{
    autoclosedir DIR *d = opendir("/proc/sys/fs/binfmt_misc");
    const struct dirent *entry = NULL;
    struct buf found = {0};

    while (d != NULL && (entry = readdir(d)) != NULL) {
        const char *name = str_after(entry->d_name, "qemu-");

        if (name != NULL) {
            buf_printf(&found, "%s%s", found.len > 0 ? " " : "emulated: ", name);
        }
    }
    return found.data != NULL ? found.data : xstrdup("no emulator is registered");
}

void probe_emulators(const struct probe_host *h, struct probe_result *r)
{
    autofree char *found = emulators();
    struct image image = {.lock_fd = -1};
    struct err ignored = {0};

    if (h->store != NULL && h->image != NULL &&
        image_find(h->store, h->image, &image, &ignored) == 0 &&
        !platform_runs_here(image.config.architecture)) {
        probe_set(r, PROBE_FAIL,
                  xasprintf("'%s' is for %s; %s", h->image, image.config.architecture, found));
    } else {
        probe_set(r, PROBE_OK, steal_ptr(&found));
    }
    image_done(&image);
}

void probe_registry(const struct probe_host *h, struct probe_result *r)
{
    const struct pull_options o = {.fetch = {.tls_verify = 0}};
    autofree char *name = NULL;
    autofree char *digest = NULL;
    struct image_ref ref = {0};
    struct err e = {0};

    if (image_ref_parse(h->registry, &ref, &e) == 0) {
        r->fix_arg0 = xstrdup(ref.registry);
        image_ref_done(&ref);
    }
    if (h->store == NULL || image_pull_look(h->store, h->registry, &o, &name, &digest, &e) < 0) {
        probe_set(r, PROBE_FAIL, xstrdup(e.msg));
        return;
    }
    probe_set(r, PROBE_OK, xasprintf("%s is %.19s", name, digest));
}
