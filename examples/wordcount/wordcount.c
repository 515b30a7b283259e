/* Counts the words of /in/part, or of standard input if there is no such file.
 *
 *     wordcount      writes out/counts.tsv: "word<TAB>count", sorted by word
 *
 * A word is a run of letters, digits and bytes of UTF-8 beyond ASCII; ASCII letters count as lower case, and an
 * apostrophe inside a word belongs to it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LONGEST 248 /* bytes; what is longer counts as several words */

/* Words are kept in whole groups of eight bytes, filled up with zeros, to be hashed and compared eight at a time. */
struct entry {
    uint64_t *word;
    uint32_t groups, hash;
    uint64_t count;
};

static struct entry *table;
static size_t slots = 1 << 14, used;
static char letter[256]; /* 0: not part of a word, otherwise what it counts as */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) {
        fprintf(stderr, "wordcount: out of memory at %zu different words\n", used);
        exit(1);
    }
    return memory;
}

static struct entry *find(const uint64_t *word, uint32_t groups, uint32_t hash) {
    size_t at = hash & (slots - 1);
    for (;; at = (at + 1) & (slots - 1)) {
        struct entry *entry = &table[at];
        if (!entry->word) return entry;
        if (entry->hash != hash || entry->groups != groups) continue;
        uint64_t different = 0;
        for (uint32_t i = 0; i < groups; i++) different |= entry->word[i] ^ word[i];
        if (!different) return entry;
    }
}

static void grow(void) {
    struct entry *old = table;
    size_t old_slots = slots;
    slots *= 2;
    table = allocate(slots, sizeof *table);
    for (size_t i = 0; i < old_slots; i++)
        if (old[i].word) *find(old[i].word, old[i].groups, old[i].hash) = old[i];
    free(old);
}

/* Counts the `size` bytes at `word`, behind which are eight bytes to spare. */
static void count(uint64_t *word, uint32_t size) {
    uint64_t hash = 0x9e3779b97f4a7c15ULL;
    uint32_t groups = size / 8 + 1;
    memset((char *)word + size, 0, 8);
    for (uint32_t i = 0; i < groups; i++) {
        hash = (hash ^ word[i]) * 0xd6e8feb86659fd93ULL;
        hash ^= hash >> 32;
    }
    struct entry *entry = find(word, groups, (uint32_t)hash);
    if (!entry->word) {
        *entry = (struct entry){allocate(groups, sizeof *word), groups, (uint32_t)hash, 0};
        memcpy(entry->word, word, groups * sizeof *word);
        if (++used * 2 > slots) {
            grow();
            entry = find(word, groups, (uint32_t)hash);
        }
    }
    entry->count++;
}

static int by_word(const void *a, const void *b) {
    return strcmp((const char *)((const struct entry *)a)->word, (const char *)((const struct entry *)b)->word);
}

int main(void) {
    for (int c = 0; c < 256; c++) {
        int upper = c >= 'A' && c <= 'Z';
        if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80)
            letter[c] = (char)(upper ? c + 'a' - 'A' : c);
    }
    FILE *file = fopen("in/part", "rb");
    if (!file) file = stdin;
    table = allocate(slots, sizeof *table);

    static unsigned char buffer[(1 << 16) + 1]; /* behind what was read stands a zero: no part of a word */
    static uint64_t groups[LONGEST / 8 + 2];
    char *word = (char *)groups;
    uint32_t size = 0;
    int apostrophe = 0;
    uint64_t words = 0;
    size_t got;
    while ((got = fread(buffer, 1, sizeof buffer - 1, file)) > 0) {
        const unsigned char *at = buffer, *end = buffer + got;
        *(unsigned char *)end = 0;
        while (at < end) {
            char c = letter[*at];
            if (c && apostrophe) {
                word[size++] = '\'';
                apostrophe = 0;
            }
            for (; c && size < LONGEST - 1; c = letter[*++at]) word[size++] = c;
            if (at == end) break; /* the word may go on in what is read next */
            if (!c && *at++ == '\'' && size && !apostrophe && size < LONGEST - 1) {
                apostrophe = 1;
            } else {
                if (size) count(groups, size), words++;
                size = 0, apostrophe = 0;
            }
        }
    }
    if (ferror(file)) fail("wordcount: reading");
    if (size) count(groups, size), words++;

    size_t kept = 0;
    for (size_t i = 0; i < slots; i++)
        if (table[i].word) table[kept++] = table[i];
    qsort(table, kept, sizeof *table, by_word);
    mkdir("out", 0777); /* there already in the sandbox; made here when run outside of it */
    FILE *out = fopen("out/counts.tsv", "wb");
    if (!out) fail("wordcount: out/counts.tsv");
    for (size_t i = 0; i < kept; i++) fprintf(out, "%s\t%llu\n", (char *)table[i].word, (unsigned long long)table[i].count);
    if (fclose(out)) fail("wordcount: out/counts.tsv");
    printf("%llu words, %zu different\n", (unsigned long long)words, kept);
    return 0;
}
