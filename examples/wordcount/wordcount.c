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

#define LONGEST 255

struct entry {
    char *word;
    uint32_t size, hash;
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

static struct entry *find(const char *word, uint32_t size, uint32_t hash) {
    size_t at = hash & (slots - 1);
    while (table[at].word && !(table[at].hash == hash && table[at].size == size && !memcmp(table[at].word, word, size)))
        at = (at + 1) & (slots - 1);
    return &table[at];
}

static void grow(void) {
    struct entry *old = table;
    size_t old_slots = slots;
    slots *= 2;
    table = allocate(slots, sizeof *table);
    for (size_t i = 0; i < old_slots; i++)
        if (old[i].word) *find(old[i].word, old[i].size, old[i].hash) = old[i];
    free(old);
}

static void count(const char *word, uint32_t size, uint32_t hash) {
    struct entry *entry = find(word, size, hash);
    if (!entry->word) {
        *entry = (struct entry){allocate(1, size + 1), size, hash, 0};
        memcpy(entry->word, word, size);
        if (++used * 2 > slots) {
            grow();
            entry = find(word, size, hash);
        }
    }
    entry->count++;
}

static int by_word(const void *a, const void *b) {
    return strcmp(((const struct entry *)a)->word, ((const struct entry *)b)->word);
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

    static unsigned char buffer[1 << 16];
    char word[LONGEST];
    uint32_t size = 0, hash = 2166136261U; /* FNV-1a */
    int apostrophe = 0;
    uint64_t words = 0;
    size_t got;
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) {
        for (size_t i = 0; i < got; i++) {
            char c = letter[buffer[i]];
            if (c && size < LONGEST - 1) {
                if (apostrophe) {
                    word[size++] = '\'';
                    hash = (hash ^ '\'') * 16777619U;
                    apostrophe = 0;
                }
                word[size++] = c;
                hash = (hash ^ (uint8_t)c) * 16777619U;
            } else if (buffer[i] == '\'' && size && !apostrophe && size < LONGEST - 2) {
                apostrophe = 1;
            } else if (size) {
                count(word, size, hash);
                words++;
                size = 0, hash = 2166136261U, apostrophe = 0;
                if (c) word[size++] = c, hash = (hash ^ (uint8_t)c) * 16777619U; /* an overlong word goes on as another */
            }
        }
    }
    if (ferror(file)) fail("wordcount: reading");
    if (size) count(word, size, hash), words++;

    size_t kept = 0;
    for (size_t i = 0; i < slots; i++)
        if (table[i].word) table[kept++] = table[i];
    qsort(table, kept, sizeof *table, by_word);
    mkdir("out", 0777); /* there already in the sandbox; made here when run outside of it */
    FILE *out = fopen("out/counts.tsv", "wb");
    if (!out) fail("wordcount: out/counts.tsv");
    for (size_t i = 0; i < kept; i++) fprintf(out, "%s\t%llu\n", table[i].word, (unsigned long long)table[i].count);
    if (fclose(out)) fail("wordcount: out/counts.tsv");
    printf("%llu words, %zu different\n", (unsigned long long)words, kept);
    return 0;
}
