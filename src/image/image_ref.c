/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/image_ref.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_BYTES_MAX = 255,
    TAG_BYTES_MAX = 128,
    DIGEST_HEX = 64
};

static int is_alnum_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One part of a repository: lower case letters and digits, with single separators (. _ __ or
 * dashes) between. */
static int is_component(const char *s, size_t len)
{
    if (len == 0 || !is_alnum_lower(s[0]) || !is_alnum_lower(s[len - 1])) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_alnum_lower(s[i]) && strchr("._-", s[i]) == NULL) {
            return 0;
        }
        if (s[i] == '.' && s[i + 1] == '.') {
            return 0;
        }
    }
    return 1;
}

static int is_repository(const char *s)
{
    while (*s != '\0') {
        size_t len = strcspn(s, "/");

        if (!is_component(s, len)) {
            return 0;
        }
        s += len;
        if (*s == '/' && *++s == '\0') {
            return 0;
        }
    }
    return 1;
}

static int is_tag(const char *s)
{
    size_t len = strlen(s);

    if (len == 0 || len > TAG_BYTES_MAX || *s == '.' || *s == '-') {
        return 0;
    }
    for (; *s != '\0'; s++) {
        if (!isalnum((unsigned char)*s) && strchr("._-", *s) == NULL) {
            return 0;
        }
    }
    return 1;
}

static int is_digest(const char *s)
{
    const char *hex = str_after(s, "sha256:");

    return hex != NULL && strlen(hex) == DIGEST_HEX &&
           strspn(hex, "0123456789abcdef") == DIGEST_HEX;
}

/* What stands before the first '/' is a registry if it looks like a host: a dot, a port, or
 * "localhost" (docker's rule). */
static int is_registry(const char *s, size_t len)
{
    autofree char *host = xstrndup(s, len);

    return strpbrk(host, ".:") != NULL || strcmp(host, "localhost") == 0;
}

static int is_host(const char *s)
{
    char last = '\0';

    for (; *s != '\0'; last = *s++) {
        if (!isalnum((unsigned char)*s) && strchr(".-:[]", *s) == NULL) {
            return 0;
        }
    }
    return last != ':';
}

/* "oci:DIR", "docker-archive:FILE": what skopeo and podman call a transport. */
static int is_transport(const char *registry)
{
    static const char *const TRANSPORTS[] = {
        "dir:", "oci:", "oci-archive:", "docker-archive:", "docker-daemon:", "containers-storage:"};

    for (size_t i = 0; i < sizeof(TRANSPORTS) / sizeof(TRANSPORTS[0]); i++) {
        if (strcmp(registry, TRANSPORTS[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int invalid(const char *text, const char *why, struct err *e)
{
    return err_new(e, EINVAL, "'%s' is not the name of an image: %s", text, why);
}

static void split_registry(char *name, struct image_ref *r)
{
    char *slash = strchr(name, '/');

    r->is_short = slash == NULL || !is_registry(name, (size_t)(slash - name));
    if (!r->is_short) {
        r->registry = xstrndup(name, (size_t)(slash - name));
        name = slash + 1;
    } else {
        r->registry = xstrdup("docker.io");
    }
    if (strcmp(r->registry, "index.docker.io") == 0) {
        free(r->registry);
        r->registry = xstrdup("docker.io");
    }
    r->repository = strcmp(r->registry, "docker.io") == 0 && strchr(name, '/') == NULL
                        ? xasprintf("library/%s", name)
                        : xstrdup(name);
}

static int parse(const char *text, struct image_ref *r, struct err *e)
{
    autofree char *name = xstrdup(text);
    char *at = strchr(name, '@');
    char *colon = NULL;

    if (at != NULL) {
        *at = '\0';
        r->digest = xstrdup(at + 1);
        if (!is_digest(r->digest)) {
            return invalid(text, "its digest is not sha256 and 64 hex digits", e);
        }
    }
    colon = strrchr(name, ':');
    if (colon != NULL && strchr(colon, '/') == NULL) {
        *colon = '\0';
        r->tag = xstrdup(colon + 1);
        if (!is_tag(r->tag)) {
            return invalid(text, "a tag has letters, digits, '.', '_' and '-', at most 128", e);
        }
    }
    if (*name == '\0') {
        return invalid(text, "it is empty", e);
    }
    split_registry(name, r);
    if (strlen(r->registry) + 1 + strlen(r->repository) > NAME_BYTES_MAX) {
        return invalid(text, "it is longer than 255 bytes", e);
    }
    if (is_transport(r->registry)) {
        (void)err_new(e, EINVAL, "'%s' is no image of a registry", text);
        return err_hint(e, "rbox load --input, or rbox save --format and --output");
    }
    if (!is_host(r->registry)) {
        return invalid(text, "its registry is no host name", e);
    }
    if (!is_repository(r->repository)) {
        return invalid(
            text, "a name has lower case letters, digits, and '.', '_', '-' or '/' between them",
            e);
    }
    if (r->tag == NULL && r->digest == NULL) {
        r->tag = xstrdup("latest");
    }
    return 0;
}

int image_ref_parse(const char *text, struct image_ref *ret, struct err *e)
{
    struct image_ref r = {0};

    if (parse(text, &r, e) < 0) {
        image_ref_done(&r);
        return -e->errnum;
    }
    *ret = r;
    return 0;
}

void image_ref_done(struct image_ref *r)
{
    free(r->registry);
    free(r->repository);
    free(r->tag);
    free(r->digest);
    memset(r, 0, sizeof(*r));
}

char *image_ref_text(const struct image_ref *r)
{
    if (r->digest != NULL) {
        return xasprintf("%s/%s@%s", r->registry, r->repository, r->digest);
    }
    return xasprintf("%s/%s:%s", r->registry, r->repository, r->tag);
}

char *image_ref_without_tag(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *last = slash != NULL ? slash : name;

    return xstrndup(name, (size_t)(last - name) + strcspn(last, ":@"));
}

static int matches_end(const char *pattern, const char *name)
{
    while (name != NULL) {
        if (fnmatch(pattern, name, 0) == 0) {
            return 1;
        }
        name = strchr(name, '/');
        name = name != NULL ? name + 1 : NULL;
    }
    return 0;
}

int image_ref_matches(const char *pattern, const char *name)
{
    autofree char *base = image_ref_without_tag(name);
    autofree char *given = image_ref_without_tag(pattern);
    autofree char *full = NULL;
    struct image_ref ref = {0};
    struct err ignored = {0};

    if (matches_end(pattern, name) || matches_end(pattern, base)) {
        return 1;
    }
    if (image_ref_parse(pattern, &ref, &ignored) < 0) {
        return 0;
    }
    full = strcmp(given, pattern) != 0 ? image_ref_text(&ref)
                                       : xasprintf("%s/%s", ref.registry, ref.repository);
    image_ref_done(&ref);
    return strcmp(full, name) == 0 || strcmp(full, base) == 0;
}
