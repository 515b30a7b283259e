/* Counts the primes of one range, and finds its widest gap, in a way that survives the machine it runs on.
 *
 *     primes INDEX COUNT EVERY      prints "count first last gap before" for INDEX x COUNT <= n < (INDEX + 1) x COUNT
 *
 * `gap` is the widest between two neighbouring primes of the range, `before` the first prime before such a gap; a range
 * without primes has zeros. A segmented sieve of Eratosthenes over odd numbers. After every EVERY segments of 2^18
 * numbers it saves where it is: it writes a file whose name ends in .tmp and renames it, so that there is always a whole
 * one. Where /checkpoint holds one at the start, it goes on from there. What it prints, it prints at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT (1 << 18)
#define MAX_ROOT (1 << 21)
#define STATE "/checkpoint/state"

/* All that the rest of the work needs. */
struct state {
    uint64_t next, count, first, last, gap, before;
};

static unsigned char composite[MAX_ROOT / 2], segment[SEGMENT / 2];
static uint32_t base[160000];
static size_t bases;

static uint64_t number(const char *text, const char *name, uint64_t low, uint64_t high) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value < low || value > high) {
        fprintf(stderr, "primes: %s is %s; it has to be a number from %" PRIu64 " to %" PRIu64 "\n", name, text, low, high);
        exit(2);
    }
    return value;
}

static void save(const struct state *state) {
    FILE *file = fopen(STATE ".tmp", "wb");
    if (!file) return; /* the job gives no checkpoints */
    size_t written = fwrite(state, sizeof *state, 1, file);
    if (fclose(file) || written != 1 || rename(STATE ".tmp", STATE)) {
        fprintf(stderr, "primes: the checkpoint can't be written\n");
        exit(1);
    }
}

static int load(struct state *state, uint64_t start, uint64_t end) {
    FILE *file = fopen(STATE, "rb");
    if (!file) return 0;
    size_t read = fread(state, sizeof *state, 1, file);
    fclose(file);
    if (read != 1 || state->next < start || state->next > end) {
        fprintf(stderr, "primes: the checkpoint is of another range\n");
        exit(1);
    }
    return 1;
}

static void found(struct state *state, uint64_t prime) {
    if (!state->count++) state->first = prime;
    else if (prime - state->last > state->gap) state->gap = prime - state->last, state->before = state->last;
    state->last = prime;
}

/* The primes in [from, to), at most SEGMENT numbers; `from` is even. */
static void sieve(struct state *state, uint64_t from, uint64_t to) {
    size_t size = (size_t)(to - from + 1) / 2; /* odd numbers from + 1, from + 3, … */
    memset(segment, 0, size);
    for (size_t i = 0; i < bases; i++) {
        uint64_t p = base[i], multiple = p * p;
        if (multiple >= to) break;
        if (multiple < from) multiple = (from + p - 1) / p * p;
        if (multiple % 2 == 0) multiple += p;
        for (size_t at = (size_t)(multiple - from) / 2; at < size; at += p) segment[at] = 1;
    }
    if (from <= 2 && to > 2) found(state, 2);
    for (size_t at = from == 0; at < size; at++) {
        uint64_t n = from + 2 * at + 1;
        if (!segment[at] && n < to) found(state, n);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: primes INDEX COUNT EVERY\n");
        return 2;
    }
    uint64_t index = number(argv[1], "INDEX", 0, 1 << 20), count = number(argv[2], "COUNT", 2, 1ULL << 40);
    uint64_t every = number(argv[3], "EVERY", 1, 1 << 20), start = index * count, end = start + count;
    if (count % 2 || end > (1ULL << 42)) {
        fprintf(stderr, "primes: COUNT has to be even, and ranges end at 2^42\n");
        return 2;
    }
    for (uint64_t n = 3; n < MAX_ROOT && n * n < end; n += 2) {
        if (composite[n / 2]) continue;
        base[bases++] = (uint32_t)n;
        for (uint64_t multiple = n * n; multiple < MAX_ROOT; multiple += 2 * n) composite[multiple / 2] = 1;
    }

    struct state state = {.next = start};
    load(&state, start, end);
    for (uint64_t segments = (state.next - start) / SEGMENT; state.next < end;) {
        uint64_t to = end - state.next < SEGMENT ? end : state.next + SEGMENT;
        sieve(&state, state.next, to);
        state.next = to;
        if (++segments % every == 0 && to < end) save(&state);
    }
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", state.count, state.first, state.last, state.gap,
           state.before);
    return 0;
}
