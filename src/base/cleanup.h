/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resources owned by declarations: released when the variable leaves scope, on every path.
 *
 *     autoclose int fd = -1;
 *     autofree char *path = NULL;
 *
 * Always initialised; the empty value (-1, NULL) is accepted; errno is kept. Hand a resource out
 * with steal_fd() or steal_ptr(): `*ret_fd = steal_fd(&fd);`. Things with effects outside the
 * process go on the undo stack (box/undo.h). */
#ifndef RBOX_BASE_CLEANUP_H
#define RBOX_BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0) {
        int saved = errno;

        (void)close(*fd);
        errno = saved;
    }
}

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_fclose(FILE *const *f)
{
    if (*f != NULL) {
        int saved = errno;

        (void)fclose(*f);
        errno = saved;
    }
}

static inline void cleanup_closedir(DIR *const *d)
{
    if (*d != NULL) {
        int saved = errno;

        (void)closedir(*d);
        errno = saved;
    }
}

#define autoclose    __attribute__((cleanup(cleanup_close)))
#define autofree     __attribute__((cleanup(cleanup_free)))
#define autofclose   __attribute__((cleanup(cleanup_fclose)))
#define autoclosedir __attribute__((cleanup(cleanup_closedir)))

/* Give *@fd away: returns it and leaves -1. */
static inline int steal_fd(int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

/* Close *@fd now, if open, and leave -1. */
static inline void close_fd(int *fd)
{
    cleanup_close(fd);
    *fd = -1;
}

/* Give *@pp away: returns it and leaves NULL. @pp is the address of any pointer. */
static inline void *steal_ptr(void *pp)
{
    void **p = pp;
    void *stolen = *p;

    *p = NULL;
    return stolen;
}

#endif
