/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory service's part of libsubid ("subid: service" in nsswitch.conf), for tests: ranges
 * come from /etc/subid.service, in the format of /etc/subuid, for users and groups alike. What
 * shadow calls has these names. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

struct range {
    unsigned long start;
    unsigned long count;
};

enum {
    DONE = 0,
    OWNER_MAX = 64
};

int shadow_subid_has_range(const char *owner, unsigned long start, unsigned long count, int type,
                           bool *ret);
int shadow_subid_list_owner_ranges(const char *owner, int type, struct range **ret, int *ret_count);
int shadow_subid_find_subid_owners(unsigned long id, int type, uid_t **ret, int *ret_count);

int shadow_subid_list_owner_ranges(const char *owner, int type, struct range **ret, int *ret_count)
{
    FILE *f = fopen("/etc/subid.service", "re");
    char name[OWNER_MAX];
    struct range r;

    (void)type;
    *ret = NULL;
    *ret_count = 0;
    while (f != NULL && fscanf(f, "%63[^:]:%lu:%lu\n", name, &r.start, &r.count) == 3) {
        if (strcmp(name, owner) == 0) {
            *ret = realloc(*ret, (size_t)(*ret_count + 1) * sizeof(r));
            (*ret)[(*ret_count)++] = r;
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return DONE;
}

int shadow_subid_has_range(const char *owner, unsigned long start, unsigned long count, int type,
                           bool *ret)
{
    struct range *ranges = NULL;
    int n = 0;

    *ret = false;
    (void)shadow_subid_list_owner_ranges(owner, type, &ranges, &n);
    for (int i = 0; i < n; i++) {
        *ret = *ret ||
               (start >= ranges[i].start && start + count <= ranges[i].start + ranges[i].count);
    }
    free(ranges);
    return DONE;
}

int shadow_subid_find_subid_owners(unsigned long id, int type, uid_t **ret, int *ret_count)
{
    (void)id;
    (void)type;
    *ret = NULL;
    *ret_count = 0;
    return DONE;
}
