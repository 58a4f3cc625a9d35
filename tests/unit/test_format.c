/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --format: templates, tables, JSON (issue 5). */
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/format.h"
#include "cli/template.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char DATA[] =
    "{\"ID\": \"abc\", \"Pid\": 42, \"Up\": true, \"Down\": false, \"Nothing\": null,"
    " \"Names\": [\"web\", \"www\"], \"Empty\": [],"
    " \"State\": {\"Status\": \"running\", \"Code\": 0},"
    " \"Labels\": {\"a\": \"1\", \"b\": \"2\"},"
    " \"Mounts\": [{\"Source\": \"/x\"}, {\"Source\": \"/y\"}]}";

static json_t *data(void)
{
    struct err e = {0};
    json_t *v = NULL;

    assert_int_equal(json_parse(DATA, strlen(DATA), "data", &v, &e), 0);
    return v;
}

static int run(const char *text, struct buf *out, struct err *e)
{
    struct template *t = NULL;
    json_t *v = data();
    int r = template_parse(text, &t, e);

    buf_puts(out, "");
    r = r < 0 ? r : template_run(t, v, out, e);
    template_free(t);
    json_decref(v);
    return r;
}

static void templates_are_filled_in(void **unused)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"plain", "plain"},
        {"{{.ID}}", "abc"},
        {"<{{ .ID }}>", "<abc>"},
        {"{{.Pid}} {{.Up}} {{.Down}} {{.Nothing}}", "42 true false <no value>"},
        {"{{.State.Status}}:{{.State.Code}}", "running:0"},
        {"{{.Names}} {{.Labels}} {{.Empty}}", "[web www] map[a:1 b:2] []"},
        {"{{json .Names}} {{json .ID}} {{.State | json}}",
         "[\"web\",\"www\"] \"abc\" {\"Status\":\"running\",\"Code\":0}"},
        {"{{upper .ID}} {{.ID | upper | lower}}", "ABC abc"},
        {"{{join .Names \", \"}}", "web, www"},
        {"{{len .Names}} {{len .ID}} {{len .Labels}}", "2 3 2"},
        {"{{index .Names 1}} {{index .Labels \"b\"}} {{index .Labels \"c\"}}|", "www 2 |"},
        {"{{.Labels.c}} {{.Labels.a}} {{.Label \"b\"}} {{.Label \"c\"}}|{{.Id}}",
         "<no value> 1 2 |abc"},
        {"{{if .Up}}up{{else}}down{{end}} {{if .Down}}down{{end}}", "up "},
        {"{{if eq .State.Status \"running\"}}yes{{end}}", "yes"},
        {"{{if ne .Pid 42}}no{{else}}42{{end}}", "42"},
        {"{{if and .Up .Names}}both{{end}}{{if or .Down .Empty}}x{{else}}neither{{end}}",
         "bothneither"},
        {"{{if not .Empty}}empty{{end}}", "empty"},
        {"{{range .Mounts}}{{.Source}} {{end}}", "/x /y "},
        {"{{range .Mounts}}{{$.ID}}{{.Source}};{{end}}", "abc/x;abc/y;"},
        {"{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "a=1 b=2 "},
        {"{{range $i, $m := .Mounts}}{{$i}}{{$m.Source}}{{end}}", "0/x1/y"},
        {"{{range .Empty}}x{{else}}none{{end}}", "none"},
        {"a\\tb\\nc", "a\tb\nc"},
        {"{{\"a\\tb\"}}{{`c\\td`}}", "a\tbc\\td"},
        {"a  {{- .ID -}}  b", "aabcb"},
        {"{{println .ID .Pid}}{{print .Pid 2}}{{print .ID 2}}", "abc 42\n42 2abc2"},
        {"{{(index .Mounts 1).Source}} {{len (split .ID \"b\")}}", "/y 2"},
        {"{{if and (eq .ID \"abc\") (not .Down)}}both{{end}}", "both"},
        {"{{join (split \"a/b/c\" \"/\") \"-\"}} {{split \"x\" \"/\"}}", "a-b-c [x]"},
        {"{{if .Down}}a{{else if .Empty}}b{{else if .Up}}c{{else}}d{{end}}!", "c!"},
        {"{{if .Down}}a{{else if .Empty}}b{{else}}d{{end}}!", "d!"},
        {"{{with .State}}{{.Status}}{{$.ID}}{{end}}{{with .Empty}}x{{else}}none{{end}}",
         "runningabcnone"},
        {"{{with $s := .State}}{{$s.Status}}{{end}}", "running"},
        {"{{$x := .ID}}{{range .Names}}{{.}}{{$x}} {{end}}{{$x}}", "webabc wwwabc abc"},
        {"a{{/* a }} comment */}}b{{- /* one */ -}} c", "abc"},
        {"{{printf \"%-5s|%5s|%.2s|%05d|%+d|%x|%6.2f|%q|%t|%v%%\" .ID .ID .ID .Pid .Pid .Pid 1.5 "
         ".ID .Up .Names}}",
         "abc  |  abc|ab|00042|+42|2a|  1.50|\"abc\"|true|[web www]%"},
        {"{{printf \"%.1s|%3s\" \"äb\" \"ä\"}}", "ä|  ä"},
        {"{{.ID | printf \"<%s>\"}}", "<abc>"},
        {"{{slice .ID 1}} {{slice .ID 0 2}} {{slice .Names 1}}", "bc ab [www]"},
        {"{{truncate .ID 2}} {{pad .ID 1 2}}|{{title .ID}}", "ab  abc  |Abc"},
        {"{{if gt .Pid 41}}1{{end}}{{if ge .Pid 42}}2{{end}}{{if lt .Pid 42}}3{{end}}{{if le .ID "
         "\"abd\"}}4{{end}}",
         "124"},
        {"{{if eq .Pid 1 2 42}}one of{{end}}", "one of"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        autobuf struct buf out = {0};
        struct err e = {0};
        int r = run(rows[i][0], &out, &e);

        if (rows[i][1] == NULL) {
            assert_int_equal(r, -EINVAL);
            continue;
        }
        if (r < 0 || strcmp(out.data, rows[i][1]) != 0) {
            print_error("'%s' gave %d '%s' %s\n", rows[i][0], r, out.data, e.msg);
        }
        assert_int_equal(r, 0);
        assert_string_equal(out.data, rows[i][1]);
    }
}

static void mistakes_are_named(void **unused)
{
    static const char *const rows[][2] = {
        {"{{.Nmae}}", "there is no field '.Nmae'"},
        {"{{.ID.X}}", "there is no field '.X'"},
        {"{{1e400}}", "'1e400' is neither a field nor a function"},
        {"{{.ID", "the template has {{ without }}"},
        {"{{}}", "{{}} says nothing"},
        {"{{\"x}}", "a string in the template does not end"},
        {"{{$x}}", "there is no variable '$x'"},
        {"{{nosuch .ID}}", "'nosuch' is neither a field nor a function"},
        {"{{.ID .Pid}}", "'.ID' is not a function"},
        {"{{.ID | .Pid}}", "'.Pid' is not a function"},
        {"{{.ID)}}", "the template has ')' where it cannot be"},
        {"{{json .ID)}}", "the template has ')' where it cannot be"},
        {"{{json (upper .ID}}", "the template has ( without )"},
        {"{{()}}", "the template has ')' where it cannot be"},
        {"{{(.ID).X}}", "there is no field '.X'"},
        {"{{((((((((((((((((( .ID )))))))))))))))))}}", "the template is nested too deeply"},
        {"{{printf \"%d\" .ID}}", "printf: the value for %d is none"},
        {"{{printf \"%s\"}}", "printf: there are fewer values than its format has"},
        {"{{printf \"x\" 1}}", "printf: there are more values than its format has"},
        {"{{printf \"%9999s\" 1}}", "printf: no width is above 1000"},
        {"{{printf \"%\" 1}}", "printf: there are %s %v %d %x %f %t %q and %%"},
        {"{{slice .ID 4}}", "slice: the value has 3 elements"},
        {"{{slice .ID 2 1}}", "slice: the end is before the start"},
        {"{{lt .ID 1}}", "only two numbers or two strings are less or greater"},
        {"{{split .ID \"\"}}", "split takes a string and what is between its parts"},
        {"{{/* x", "a comment in the template does not end"},
        {"{{if .Up}}x{{else if .Down}}y",
         "the template has {{if}}, {{with}} or {{range}} without {{end}}"},
        {"{{with .Up}}x{{else if .Down}}y{{end}}{{end}}", "{{end}} ends nothing"},
        {"{{$x := }}", "{{$x}} needs a value"},
        {"{{nosuch}}", "'nosuch' is neither a field nor a function"},
        {"{{join .Names}}", "join takes 2 values"},
        {"{{json}}", "json takes 1 value"},
        {"{{.ID | }}", "the template has '|' where it cannot be"},
        {"{{| json}}", "the template has '|' where it cannot be"},
        {"{{if .Up}}x", "the template has {{if}}, {{with}} or {{range}} without {{end}}"},
        {"{{if}}x{{end}}", "{{if}} needs a value"},
        {"{{end}}", "{{end}} ends nothing"},
        {"{{else}}", "{{else}} ends nothing"},
        {"{{range .ID}}x{{end}}", "{{range .ID}}: there is nothing to go through"},
        {"{{index .Names 7}}", "index: there is no element 7"},
        {"{{index .Names -1}}", "index takes a list and a number, or an object and a string"},
        {"{{len .Pid}}", "len: the value has no length"},
        {"{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}"
         "{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}",
         "the template is nested too deeply"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        autobuf struct buf out = {0};
        struct err e = {0};

        assert_int_equal(run(rows[i][0], &out, &e), -EINVAL);
        assert_string_equal(e.msg, rows[i][1]);
    }
}

static const struct format_column COLUMNS[] = {
    {"CONTAINER ID", "ID"}, {"NAMES", "Names"}, {NULL, NULL}};

static void check_rows(const char *format, enum format_flags flags, const char *expected)
{
    char text[1000] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    struct err e = {0};
    json_t *rows = json_pack("[{s:s,s:s,s:i},{s:s,s:s,s:i}]", "ID", "1", "Names", "a\033[2Jb",
                             "Pid", 1, "ID", "22", "Names", "ä", "Pid", 2);

    assert_non_null(out);
    assert_int_equal(format_rows(out, format, COLUMNS, rows, flags, &e), 0);
    (void)fclose(out);
    assert_string_equal(text, expected);
    json_decref(rows);
}

static void tables_are_aligned_and_harmless(void **unused)
{
    (void)unused;
    check_rows(NULL, 0, "CONTAINER ID  NAMES\n1             a?[2Jb\n22            ä\n");
    check_rows(NULL, FORMAT_NO_HEADING, "1   a?[2Jb\n22  ä\n");
    check_rows("table {{.Names}}\\t{{.Pid}}", 0, "NAMES   PID\na?[2Jb  1\nä       2\n");
    check_rows("table {{.Names}} {{.Pid}}", 0, "NAMES   PID\na?[2Jb  1\nä       2\n");
    check_rows("{{.ID}}/{{.Pid}}", 0, "1/1\n22/2\n");
}

static void nothing_is_printed_when_the_format_is_wrong(void **unused)
{
    char text[100] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    struct err e = {0};
    json_t *rows = json_pack("[{s:s}]", "ID", "1");

    (void)unused;
    assert_int_equal(format_rows(out, "{{.X}}", COLUMNS, rows, 0, &e), -EINVAL);
    (void)fclose(out);
    assert_string_equal(text, "");
    assert_string_equal(e.msg, "--format: there is no field '.X'");
    assert_string_equal(e.hint, ".ID");
    json_decref(rows);
}

static void ages_and_sizes_are_short(void **unused)
{
    static const struct {
        int64_t n;
        const char *age;
        const char *size;
    } rows[] = {
        {0, "0 seconds", "0 B"},        {1, "1 second", "1 B"},
        {59, "59 seconds", "59 B"},     {60, "1 minute", "60 B"},
        {7200, "2 hours", "7.2 kB"},    {86400, "1 day", "86.4 kB"},
        {1296000, "2 weeks", "1.3 MB"}, {4190000, "6 weeks", "4.19 MB"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        autofree char *age = format_age(rows[i].n);
        autofree char *size = format_size(rows[i].n);

        assert_string_equal(size, rows[i].size);
        assert_string_equal(age, rows[i].age);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_filled_in),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(tables_are_aligned_and_harmless),
        cmocka_unit_test(nothing_is_printed_when_the_format_is_wrong),
        cmocka_unit_test(ages_and_sizes_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
