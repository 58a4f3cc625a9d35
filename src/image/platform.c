/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/platform.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* @machine: uname(2)'s name; @emulator: of qemu's entry in binfmt_misc; @also: what the processor
 * runs besides. */
static const struct architecture {
    const char *name;
    const char *machine;
    const char *emulator;
    const char *also;
    const char *variant; /* of the machine; NULL: there is one only */
} ARCHITECTURES[] = {
    {"amd64", "x86_64", "qemu-x86_64", "386", NULL},
    {"arm64", "aarch64", "qemu-aarch64", "arm", "v8"},
    {"arm", "armv7l", "qemu-arm", NULL, "v7"},
    {"arm", "armv6l", "qemu-arm", NULL, "v6"},
    {"386", "i686", "qemu-i386", NULL, NULL},
    {"386", "i386", "qemu-i386", NULL, NULL},
    {"ppc64le", "ppc64le", "qemu-ppc64le", NULL, NULL},
    {"s390x", "s390x", "qemu-s390x", NULL, NULL},
    {"riscv64", "riscv64", "qemu-riscv64", NULL, NULL},
    {"mips64le", "mips64", "qemu-mips64el", NULL, NULL},
    {"loong64", "loongarch64", "qemu-loongarch64", NULL, NULL},
};

enum {
    ARCHITECTURE_COUNT = sizeof(ARCHITECTURES) / sizeof(ARCHITECTURES[0])
};

static const struct architecture *host(void)
{
    static const struct architecture UNKNOWN = {.name = "unknown"};
    struct utsname u;

    for (size_t i = 0; uname(&u) == 0 && i < ARCHITECTURE_COUNT; i++) {
        if (strcmp(ARCHITECTURES[i].machine, u.machine) == 0) {
            return &ARCHITECTURES[i];
        }
    }
    return &UNKNOWN;
}

const char *platform_host_architecture(void)
{
    return host()->name;
}

const char *platform_architecture(const char *name)
{
    for (size_t i = 0; name != NULL && i < ARCHITECTURE_COUNT; i++) {
        if (strcmp(ARCHITECTURES[i].machine, name) == 0) {
            return ARCHITECTURES[i].name;
        }
    }
    return name;
}

int platform_parse(char *text, struct platform *ret, struct err *e)
{
    autostrv struct strv parts = {0};
    const char *fields[3] = {NULL, NULL, NULL};
    char *rest = text;

    strv_split(&parts, text, '/');
    if (parts.len < 1 || parts.len > 3 || strv_has(&parts, "")) {
        return err_new(e, EINVAL, "'%s' is not OS/ARCH[/VARIANT]", text);
    }
    for (size_t i = parts.len == 1 && strcmp(text, "linux") != 0 ? 1 : 0; rest != NULL; i++) {
        fields[i] = strsep(&rest, "/");
    }
    *ret = (struct platform){
        .os = fields[0], .architecture = platform_architecture(fields[1]), .variant = fields[2]};
    return 0;
}

int platform_is_asked(const struct platform *p)
{
    return p != NULL && (p->os != NULL || p->architecture != NULL || p->variant != NULL);
}

static struct platform filled(const struct platform *p)
{
    struct platform f = p != NULL ? *p : (struct platform){0};
    const struct architecture *here = host();

    if (f.architecture == NULL) {
        f.architecture = here->name;
        f.variant = f.variant != NULL ? f.variant : here->variant;
    }
    f.os = f.os != NULL ? f.os : "linux";
    return f;
}

/* "v7" is 7; anything else -1. */
static int version(const char *variant)
{
    return variant != NULL && variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9' &&
                   variant[2] == '\0'
               ? variant[1] - '0'
               : -1;
}

static int is_set(const char *s)
{
    return s != NULL && *s != '\0';
}

int platform_fit(const struct platform *p, const struct platform *made)
{
    const struct platform f = filled(p);
    int older = str_eq(f.architecture, "arm") && version(made->variant) > 0 &&
                version(made->variant) <= version(f.variant);

    if ((is_set(made->os) && strcmp(f.os, made->os) != 0) ||
        (is_set(made->architecture) &&
         strcmp(f.architecture, platform_architecture(made->architecture)) != 0)) {
        return 0;
    }
    if (!is_set(made->variant) || !is_set(f.variant)) {
        return 1;
    }
    if (older) {
        return 1 + version(made->variant);
    }
    return strcmp(f.variant, made->variant) == 0 ? 10 : 0;
}

char *platform_text(const struct platform *p)
{
    const struct platform f = filled(p);
    int has_variant = p != NULL && is_set(p->variant);

    return xasprintf("%s/%s%s%s", f.os, f.architecture, has_variant ? "/" : "",
                     has_variant ? p->variant : "");
}

int platform_runs_here(const char *architecture)
{
    const struct architecture *here = host();
    const char *name = platform_architecture(architecture);

    if (!is_set(name) || strcmp(name, here->name) == 0 || str_eq(name, here->also)) {
        return 1;
    }
    for (size_t i = 0; i < ARCHITECTURE_COUNT; i++) {
        autofree char *path = NULL;

        if (strcmp(ARCHITECTURES[i].name, name) != 0) {
            continue;
        }
        path = xasprintf("/proc/sys/fs/binfmt_misc/%s", ARCHITECTURES[i].emulator);
        if (access(path, F_OK) == 0) {
            return 1;
        }
    }
    return 0;
}
