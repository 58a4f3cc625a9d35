/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/mount_options.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "spec/spec_label.h"
#include "sys/mount.h"

#include <string.h>
#include <sys/mount.h>

static const struct {
    const char *name;
    int set;
    int clear;
} FLAGS[] = {
    {"ro", MOUNT_RDONLY, 0},
    {"rw", 0, MOUNT_RDONLY},
    {"nosuid", MOUNT_NOSUID, 0},
    {"suid", 0, MOUNT_NOSUID},
    {"nodev", MOUNT_NODEV, 0},
    {"dev", 0, MOUNT_NODEV},
    {"noexec", MOUNT_NOEXEC, 0},
    {"exec", 0, MOUNT_NOEXEC},
    {"bind", 0, MOUNT_RECURSIVE},
    {"rbind", MOUNT_RECURSIVE, 0},
    {"noatime", MOUNT_NOATIME, 0},
    {"strictatime", MOUNT_STRICTATIME, 0},
    {"atime", 0, MOUNT_NOATIME},
    {"relatime", 0, MOUNT_NOATIME | MOUNT_STRICTATIME}, /* the kernel's default */
    /* what changes nothing, or is seen to elsewhere */
    {"defaults", 0, 0},
    {"norelatime", 0, 0},
    {"diratime", 0, 0},
    {"async", 0, 0},
    {"nomand", 0, 0},
    {"U", 0, 0},
    {"z", 0, 0},
    {"Z", 0, 0},
    {"O", 0, 0},
    {"create", 0, 0},
    {"nocopy", 0, 0},
    {"copy", 0, 0},
    {"tmpcopyup", 0, 0},
    {"notmpcopyup", 0, 0},
};

enum {
    FLAG_COUNT = sizeof(FLAGS) / sizeof(FLAGS[0])
};

static const struct {
    const char *name;
    unsigned long flag;
} PROPAGATION[] = {
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
    {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
    {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};

enum {
    PROPAGATION_COUNT = sizeof(PROPAGATION) / sizeof(PROPAGATION[0])
};

static size_t find_flag(const char *option)
{
    size_t i = 0;

    while (i < FLAG_COUNT && strcmp(option, FLAGS[i].name) != 0) {
        i++;
    }
    return i;
}

static size_t find_propagation(const char *option)
{
    size_t i = 0;

    while (i < PROPAGATION_COUNT && strcmp(option, PROPAGATION[i].name) != 0) {
        i++;
    }
    return i;
}

int mount_options_attrs(const struct spec_mount *v, int defaults)
{
    int attrs = defaults;

    for (size_t i = 0; i < v->options.len; i++) {
        size_t row = find_flag(v->options.v[i]);

        if (row < FLAG_COUNT) {
            attrs = (attrs | FLAGS[row].set) & ~FLAGS[row].clear;
        }
    }
    return attrs;
}

unsigned long mount_options_propagation(const struct spec_mount *v)
{
    unsigned long flag = 0;

    for (size_t i = 0; i < v->options.len; i++) {
        size_t row = find_propagation(v->options.v[i]);

        flag = row < PROPAGATION_COUNT ? PROPAGATION[row].flag : flag;
    }
    return flag;
}

char *mount_options_labelled(const struct spec *s, const char *type, const char *options,
                             const char *level)
{
    /* Those that take context= in a user namespace (overlay since Linux 5.13). */
    static const char *const TYPES[] = {"overlay", "tmpfs", "devpts"};
    int takes = 0;
    autofree char *label = NULL;

    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        takes |= str_eq(type, TYPES[i]);
    }
    if (s->linux_.mount_label == NULL || !takes) {
        return xstrdup_null(options);
    }
    label = spec_label_with_level(s->linux_.mount_label, level);
    return xasprintf("%s%scontext=\"%s\"", options != NULL ? options : "",
                     options != NULL ? "," : "", label);
}

char *mount_options_data(const struct spec *s, const struct spec_mount *v)
{
    autobuf struct buf b = {0};

    for (size_t i = 0; i < v->options.len; i++) {
        const char *option = v->options.v[i];

        if (find_flag(option) == FLAG_COUNT && find_propagation(option) == PROPAGATION_COUNT) {
            buf_printf(&b, "%s%s", b.len > 0 ? "," : "", option);
        }
    }
    return mount_options_labelled(s, v->type, b.data, NULL);
}
