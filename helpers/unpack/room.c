/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/statvfs.h>

enum {
    BLOCK_BYTES = 4096,
    BLOCK_BYTES_MAX = 64 << 10,
    /* An inode and a name: what ext4 and XFS need for them, and what an archive does. */
    FILE_BYTES = 512
};

void room_open(struct room *r, const struct amount *max, int dir_fd)
{
    struct statvfs fs;
    uint64_t block = fstatvfs(dir_fd, &fs) == 0 ? fs.f_frsize : 0;

    /* A server (NFS) says there how much it likes to send at once. */
    *r = (struct room){.max = *max,
                       .block_bytes =
                           block >= FILE_BYTES && block <= BLOCK_BYTES_MAX ? block : BLOCK_BYTES};
}

int room_too_small(const struct amount *max, struct err *e)
{
    return err_new(e, EOVERFLOW, "more than %" PRIu64 " bytes or %" PRIu64 " files", max->bytes,
                   max->files);
}

int room_take(struct room *r, uint64_t bytes, struct err *e)
{
    r->taken.bytes += bytes;
    return r->taken.bytes > r->max.bytes || r->taken.files > r->max.files
               ? room_too_small(&r->max, e)
               : 0;
}

int room_take_files(struct room *r, uint64_t count, struct err *e)
{
    r->taken.files += count;
    return room_take(r, count * FILE_BYTES, e);
}

int room_take_blocks(struct room *r, uint64_t bytes, struct err *e)
{
    return room_take(r, (bytes + r->block_bytes - 1) / r->block_bytes * r->block_bytes, e);
}

struct amount room_left(const struct room *r)
{
    return (struct amount){r->max.bytes - r->taken.bytes, r->max.files - r->taken.files};
}
