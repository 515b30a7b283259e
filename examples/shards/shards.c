/* Asks one shard of a database an SQL question with SQLite.
 *
 *     shards      reads in/shard.db and in/query.sql, writes out/rows.jsonl: the columns' names, then row by row
 *
 * The shard is taken into memory and read there: SQLite gets no file system at all, so nothing of it can make two runs
 * differ. Temporary tables are in memory, too. Each line is a JSON array, so that numbers stay numbers and texts texts.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sqlite3.h"

static void fail(const char *what, const char *why) {
    fprintf(stderr, "shards: %s: %s\n", what, why);
    exit(1);
}

/* ---- What SQLite wants of a system without files (SQLITE_OS_OTHER) */

static int no_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *flags_out) {
    (void)vfs, (void)name, (void)flags, (void)flags_out;
    file->pMethods = NULL;
    return SQLITE_CANTOPEN;
}

static int no_delete(sqlite3_vfs *vfs, const char *name, int sync) {
    (void)vfs, (void)name, (void)sync;
    return SQLITE_IOERR_DELETE;
}

static int no_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    (void)vfs, (void)name, (void)flags;
    *result = 0;
    return SQLITE_OK;
}

static int same_path(sqlite3_vfs *vfs, const char *name, int size, char *out) {
    (void)vfs;
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
}

static int randomness(sqlite3_vfs *vfs, int size, char *out) {
    (void)vfs;
    return getentropy(out, (size_t)size) ? 0 : size;
}

static int no_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return microseconds;
}

static int now(sqlite3_vfs *vfs, sqlite3_int64 *milliseconds) {
    (void)vfs;
    *milliseconds = 210866760000000LL + (sqlite3_int64)time(NULL) * 1000; /* since noon of Julian day 0 */
    return SQLITE_OK;
}

static int now_days(sqlite3_vfs *vfs, double *days) {
    sqlite3_int64 milliseconds;
    now(vfs, &milliseconds);
    *days = (double)milliseconds / 86400000.0;
    return SQLITE_OK;
}

static sqlite3_vfs no_files = {
    .iVersion = 2, .szOsFile = sizeof(sqlite3_file), .mxPathname = 256, .zName = "none", .xOpen = no_file,
    .xDelete = no_delete, .xAccess = no_access, .xFullPathname = same_path, .xRandomness = randomness,
    .xSleep = no_sleep, .xCurrentTime = now_days, .xCurrentTimeInt64 = now,
};

int sqlite3_os_init(void) { return sqlite3_vfs_register(&no_files, 1); }
int sqlite3_os_end(void) { return SQLITE_OK; }

/* ---- The question */

/* The file with a zero behind it. */
static unsigned char *content(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status)) fail(path, "can't be read");
    *size = (size_t)status.st_size;
    unsigned char *data = malloc(*size + 1);
    if (!data) fail(path, "is too large for this memory");
    if (fread(data, 1, *size, file) != *size) fail(path, "can't be read");
    fclose(file);
    data[*size] = 0;
    return data;
}

static void quoted(FILE *out, const char *text) {
    putc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20) fprintf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
        else putc(c, out);
    }
    putc('"', out);
}

static void number(FILE *out, double value) {
    if (isinf(value)) fputs(value < 0 ? "-9e999" : "9e999", out); /* too large for a double: read as infinity */
    else fprintf(out, "%.17g", value);
}

static void cell(FILE *out, sqlite3_stmt *rows, int column) {
    switch (sqlite3_column_type(rows, column)) {
    case SQLITE_INTEGER: fprintf(out, "%lld", sqlite3_column_int64(rows, column)); break;
    case SQLITE_FLOAT: number(out, sqlite3_column_double(rows, column)); break;
    case SQLITE_TEXT: quoted(out, (const char *)sqlite3_column_text(rows, column)); break;
    case SQLITE_NULL: fputs("null", out); break;
    default: fail("in/query.sql", "a column is a blob; ask for hex() of it");
    }
}

int main(void) {
    size_t size, query_size;
    unsigned char *shard = content("in/shard.db", &size);
    const char *query = (const char *)content("in/query.sql", &query_size), *rest;
    sqlite3 *db;
    sqlite3_stmt *rows;
    if (sqlite3_open(":memory:", &db)) fail("sqlite", sqlite3_errmsg(db));
    if (size > 18 && memcmp(shard, "SQLite format 3", 16) == 0) shard[18] = shard[19] = 1; /* a WAL is not looked for */
    if (sqlite3_deserialize(db, "main", shard, (sqlite3_int64)size, (sqlite3_int64)size, SQLITE_DESERIALIZE_READONLY))
        fail("in/shard.db", sqlite3_errmsg(db));
    if (sqlite3_prepare_v2(db, query, -1, &rows, &rest)) fail("in/query.sql", sqlite3_errmsg(db));
    if (!rows) fail("in/query.sql", "there is no statement in it");
    sqlite3_stmt *more;
    if (sqlite3_prepare_v2(db, rest, -1, &more, NULL) || more) fail("in/query.sql", "has to be one statement");

    mkdir("out", 0777); /* there already in the sandbox; made here when run outside of it */
    FILE *out = fopen("out/rows.jsonl", "wb");
    if (!out) fail("out/rows.jsonl", "can't be written");
    int columns = sqlite3_column_count(rows), state;
    if (!columns) fail("in/query.sql", "has to be a SELECT");
    for (int i = 0; i < columns; i++) {
        putc(i ? ',' : '[', out);
        quoted(out, sqlite3_column_name(rows, i));
    }
    fputs("]\n", out);
    long count = 0;
    for (; (state = sqlite3_step(rows)) == SQLITE_ROW; count++) {
        for (int i = 0; i < columns; i++) {
            putc(i ? ',' : '[', out);
            cell(out, rows, i);
        }
        fputs("]\n", out);
    }
    if (state != SQLITE_DONE) fail("in/query.sql", sqlite3_errmsg(db));
    if (fclose(out)) fail("out/rows.jsonl", "can't be written");
    printf("%ld rows, SQLite %s\n", count, sqlite3_libversion());
    return 0;
}
