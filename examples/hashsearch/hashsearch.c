/* Numbers whose SHA-256 behind a text begins with many zero bits, as a proof of work or a hashcash stamp needs them.
 *
 *     hashsearch INDEX COUNT BITS TEXT      prints "number hash" for every find, in order
 *
 * Looks at SHA-256(TEXT number), the number written in 16 hexadecimal digits, for the COUNT numbers from INDEX x COUNT
 * on. Four numbers go through the compression function side by side, one in each lane of a vector; what is the same for
 * all of them (all blocks of TEXT but the last) is hashed once. Source: FIPS 180-4.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES 4
#define BLOCK 64
#define DIGITS 16
#define MAX_TEXT 4096

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint32_t START[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static inline lanes rotate(lanes x, int n) { return x >> n | x << (32 - n); }

static void compress(lanes state[8], const lanes block[16]) {
    lanes w[16], a = state[0], b = state[1], c = state[2], d = state[3];
    lanes e = state[4], f = state[5], g = state[6], h = state[7];
    memcpy(w, block, sizeof w);
    for (int round = 0; round < 64; round += 16) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            if (round) {
                lanes x = w[(i + 1) & 15], y = w[(i + 14) & 15];
                w[i] += (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[(i + 9) & 15] + (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
            }
            lanes t = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + K[round + i] + w[i];
            h = g, g = f, f = e, e = d + t;
            d = c;
            t += (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
            c = b, b = a, a = t;
        }
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static uint64_t number(const char *text, const char *name, uint64_t low, uint64_t high) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value < low || value > high) {
        fprintf(stderr, "hashsearch: %s is %s; it has to be a number from %" PRIu64 " to %" PRIu64 "\n", name, text, low, high);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: hashsearch INDEX COUNT BITS TEXT\n");
        return 2;
    }
    uint64_t index = number(argv[1], "INDEX", 0, 1 << 20), count = number(argv[2], "COUNT", 1, 1ULL << 40);
    unsigned bits = (unsigned)number(argv[3], "BITS", 1, 64);
    const char *text = argv[4];
    size_t size = strlen(text), fixed = size / BLOCK * BLOCK, rest = size - fixed;
    if (size > MAX_TEXT) {
        fprintf(stderr, "hashsearch: TEXT has %zu bytes; %d are the most\n", size, MAX_TEXT);
        return 2;
    }

    lanes before[8], block[16];
    for (int i = 0; i < 8; i++) before[i] = START[i] - (lanes){0};
    for (size_t at = 0; at < fixed; at += BLOCK) {
        for (int i = 0; i < 16; i++) {
            const unsigned char *p = (const unsigned char *)text + at + 4 * i;
            block[i] = ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) - (lanes){0};
        }
        compress(before, block);
    }

    /* The last one or two blocks: rest of the text, digits, 0x80, zeros, length in bits. */
    size_t blocks = rest + DIGITS + 9 > BLOCK ? 2 : 1;
    unsigned char tail[2 * BLOCK] = {0};
    memcpy(tail, text + fixed, rest);
    tail[rest + DIGITS] = 0x80;
    uint64_t length = (size + DIGITS) * 8;
    for (int i = 0; i < 8; i++) tail[blocks * BLOCK - 1 - i] = (unsigned char)(length >> 8 * i);

    lanes words[32];
    size_t first = rest / 4, last = (rest + DIGITS - 1) / 4; /* the words that differ between numbers */
    for (size_t i = 0; i < 32; i++)
        words[i] = ((uint32_t)tail[4 * i] << 24 | (uint32_t)tail[4 * i + 1] << 16 | (uint32_t)tail[4 * i + 2] << 8 |
                    tail[4 * i + 3]) - (lanes){0};
    uint64_t start = index * count, finds = 0;
    uint32_t high_mask = bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
    uint32_t low_mask = bits <= 32 ? 0 : bits == 64 ? UINT32_MAX : ~(UINT32_MAX >> (bits - 32));
    for (uint64_t at = 0; at < count; at += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            for (int i = 0; i < DIGITS; i++)
                tail[rest + i] = (unsigned char)"0123456789abcdef"[(start + at + lane) >> 4 * (DIGITS - 1 - i) & 15];
            for (size_t i = first; i <= last; i++)
                words[i][lane] = (uint32_t)tail[4 * i] << 24 | (uint32_t)tail[4 * i + 1] << 16 |
                                 (uint32_t)tail[4 * i + 2] << 8 | tail[4 * i + 3];
        }
        lanes state[8];
        memcpy(state, before, sizeof state);
        for (size_t i = 0; i < blocks; i++) compress(state, words + 16 * i);
        lanes wrong = (state[0] & high_mask) | (state[1] & low_mask);
        if (wrong[0] && wrong[1] && wrong[2] && wrong[3]) continue;
        for (uint64_t lane = 0; lane < LANES && at + lane < count; lane++) {
            if (wrong[lane]) continue;
            printf("%" PRIu64 " ", start + at + lane);
            for (int i = 0; i < 8; i++) printf("%08" PRIx32, state[i][lane]);
            printf("\n");
            finds++;
        }
    }
    fprintf(stderr, "%" PRIu64 " of %" PRIu64 " numbers\n", finds, count);
    return 0;
}
