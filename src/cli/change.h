/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --change of import and commit: instructions of a Dockerfile that change an image's config. */
#ifndef RBOX_CLI_CHANGE_H
#define RBOX_CLI_CHANGE_H

#include "base/err.h"

/* An opt_parser: put @value ("CMD [\"sh\"]") into the struct image_config @config. */
int change_parse(const char *value, void *config, struct err *e);

/* The option, for options that have a struct image_config at @offset. */
#define CHANGE_OPTION(offset)                                                                    \
    {                                                                                            \
        "change", 'c', "INSTRUCTION", OPT_PARSE, offset,                                         \
            "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR, as in a " \
            "Dockerfile",                                                                        \
            change_parse                                                                         \
    }

#endif
