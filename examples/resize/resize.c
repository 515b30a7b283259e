/* Makes a picture smaller: Lanczos filter (3 lobes), proportions kept, never larger than before.
 *
 *     resize WIDTH HEIGHT      reads in/picture.qoi, writes out/picture.qoi, which fits into WIDTH x HEIGHT
 *
 * QOI is a lossless format that is short to write down (qoiformat.org, specification 1.0) and that Pillow knows.
 */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_PIXELS (64u << 20)
#define LOBES 3
#define HEAD 14
#define END 8

typedef float pixel __attribute__((vector_size(16))); /* red, green, blue times alpha, then alpha; 0 to 255 */
typedef struct {
    unsigned char r, g, b, a;
} colour;

static void fail(const char *why) {
    fprintf(stderr, "resize: %s\n", why);
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) fail("the picture is too large for this memory");
    return memory;
}

/* ---- QOI */

enum { INDEX = 0x00, DIFF = 0x40, LUMA = 0x80, RUN = 0xc0, RGB = 0xfe, RGBA = 0xff, LONGEST_RUN = 62 };

static inline int slot(colour c) { return (c.r * 3 + c.g * 5 + c.b * 7 + c.a * 11) % 64; }
static inline int same(colour x, colour y) { return memcmp(&x, &y, sizeof x) == 0; }

static uint32_t big_endian(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static pixel *decode(const unsigned char *data, size_t size, uint32_t *width, uint32_t *height, int *channels) {
    if (size < HEAD + END || memcmp(data, "qoif", 4)) fail("in/picture.qoi is not a QOI picture");
    *width = big_endian(data + 4), *height = big_endian(data + 8), *channels = data[12];
    if (!*width || !*height || *width > MOST_PIXELS / *height) fail("the picture has no pixels, or too many");
    if (*channels != 3 && *channels != 4) fail("the picture has neither 3 nor 4 channels");
    size_t count = (size_t)*width * *height, at = HEAD, end = size - END;
    pixel *pixels = allocate(count, sizeof *pixels);
    colour seen[64] = {0}, c = {0, 0, 0, 255};
    int run = 0;
    for (size_t i = 0; i < count; i++) {
        if (run) {
            run--;
        } else {
            if (at >= end) fail("the picture is cut short");
            int op = data[at++]; /* an operation has at most 4 bytes more: they lie within the END bytes behind */
            if (op == RGB || op == RGBA) {
                c.r = data[at], c.g = data[at + 1], c.b = data[at + 2], at += 3;
                if (op == RGBA) c.a = data[at++];
            } else if ((op & 0xc0) == INDEX) {
                c = seen[op];
            } else if ((op & 0xc0) == DIFF) {
                c.r += (op >> 4 & 3) - 2, c.g += (op >> 2 & 3) - 2, c.b += (op & 3) - 2;
            } else if ((op & 0xc0) == LUMA) {
                int green = (op & 63) - 32, more = data[at++];
                c.r += green + (more >> 4) - 8, c.g += green, c.b += green + (more & 15) - 8;
            } else {
                run = op & 63;
            }
            seen[slot(c)] = c;
        }
        float alpha = c.a / 255.0f;
        pixels[i] = (pixel){c.r * alpha, c.g * alpha, c.b * alpha, c.a};
    }
    return pixels;
}

static inline unsigned char byte(float value) {
    return value <= 0 ? 0 : value >= 255 ? 255 : (unsigned char)(value + 0.5f);
}

/* What it wrote, at most HEAD + 5 bytes a pixel + END. */
static size_t encode(unsigned char *out, const pixel *pixels, uint32_t width, uint32_t height, int channels) {
    unsigned char head[HEAD] = {'q', 'o', 'i', 'f', width >> 24, width >> 16, width >> 8, width,
                                height >> 24, height >> 16, height >> 8, height, channels, 0};
    memcpy(out, head, HEAD);
    size_t count = (size_t)width * height, at = HEAD;
    colour seen[64] = {0}, before = {0, 0, 0, 255};
    int run = 0;
    for (size_t i = 0; i < count; i++) {
        pixel p = pixels[i];
        float scale = p[3] > 0 ? 255.0f / p[3] : 0;
        colour c = {byte(p[0] * scale), byte(p[1] * scale), byte(p[2] * scale), channels == 4 ? byte(p[3]) : 255};
        if (same(c, before)) {
            if (++run < LONGEST_RUN && i + 1 < count) continue;
            out[at++] = RUN | (run - 1), run = 0;
            continue;
        }
        if (run) out[at++] = RUN | (run - 1), run = 0;
        int r = (signed char)(c.r - before.r), g = (signed char)(c.g - before.g), b = (signed char)(c.b - before.b);
        int rg = (signed char)(r - g), bg = (signed char)(b - g);
        if (same(c, seen[slot(c)])) {
            out[at++] = INDEX | slot(c);
        } else if (c.a != before.a) {
            out[at++] = RGBA, out[at++] = c.r, out[at++] = c.g, out[at++] = c.b, out[at++] = c.a;
        } else if (r >= -2 && r < 2 && g >= -2 && g < 2 && b >= -2 && b < 2) {
            out[at++] = DIFF | (r + 2) << 4 | (g + 2) << 2 | (b + 2);
        } else if (g >= -32 && g < 32 && rg >= -8 && rg < 8 && bg >= -8 && bg < 8) {
            out[at++] = LUMA | (g + 32), out[at++] = (rg + 8) << 4 | (bg + 8);
        } else {
            out[at++] = RGB, out[at++] = c.r, out[at++] = c.g, out[at++] = c.b;
        }
        seen[slot(c)] = before = c;
    }
    memcpy(out + at, (unsigned char[END]){[END - 1] = 1}, END);
    return at + END;
}

/* ---- Resizing */

typedef struct {
    uint32_t first, count; /* of the old pixels that make a new one */
    float *weights;
} mix;

static double lanczos(double x) {
    if (x == 0) return 1;
    if (x <= -LOBES || x >= LOBES) return 0;
    double angle = x * acos(-1);
    return LOBES * sin(angle) * sin(angle / LOBES) / (angle * angle);
}

static mix *mixes(uint32_t from, uint32_t to) {
    double scale = (double)from / to, reach = LOBES * scale;
    mix *found = allocate(to, sizeof *found);
    for (uint32_t i = 0; i < to; i++) {
        double centre = (i + 0.5) * scale, low = centre - reach, high = centre + reach, sum = 0;
        uint32_t first = low > 0 ? (uint32_t)(low + 0.5) : 0, end = high + 0.5 < from ? (uint32_t)(high + 0.5) : from;
        float *weights = allocate(end - first, sizeof *weights);
        for (uint32_t k = first; k < end; k++) sum += lanczos((k + 0.5 - centre) / scale);
        for (uint32_t k = first; k < end; k++) weights[k - first] = (float)(lanczos((k + 0.5 - centre) / scale) / sum);
        found[i] = (mix){first, end - first, weights};
    }
    return found;
}

static pixel *narrower(const pixel *old, uint32_t width, uint32_t height, uint32_t to) {
    pixel *new = allocate((size_t)to * height, sizeof *new);
    mix *columns = mixes(width, to);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < to; x++) {
            const pixel *from = old + (size_t)y * width + columns[x].first;
            pixel sum = {0};
            for (uint32_t k = 0; k < columns[x].count; k++) sum += columns[x].weights[k] * from[k];
            new[(size_t)y * to + x] = sum;
        }
    return new;
}

static pixel *lower(const pixel *old, uint32_t width, uint32_t height, uint32_t to) {
    pixel *new = allocate((size_t)width * to, sizeof *new);
    mix *rows = mixes(height, to);
    for (uint32_t y = 0; y < to; y++)
        for (uint32_t k = 0; k < rows[y].count; k++) {
            const pixel *from = old + (size_t)(rows[y].first + k) * width;
            pixel *sum = new + (size_t)y * width;
            float weight = rows[y].weights[k];
            for (uint32_t x = 0; x < width; x++) sum[x] += weight * from[x];
        }
    return new;
}

static uint32_t number(const char *text, const char *name) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < 1 || value > 65536) {
        fprintf(stderr, "resize: %s is %s; it has to be a number of pixels from 1 to 65536\n", name, text);
        exit(2);
    }
    return (uint32_t)value;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: resize WIDTH HEIGHT\n");
        return 2;
    }
    uint32_t most_wide = number(argv[1], "WIDTH"), most_high = number(argv[2], "HEIGHT");

    FILE *file = fopen("in/picture.qoi", "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status)) fail("in/picture.qoi can't be read");
    size_t size = (size_t)status.st_size;
    unsigned char *data = allocate(size + END, 1);
    if (fread(data, 1, size, file) != size) fail("in/picture.qoi can't be read");
    fclose(file);
    uint32_t width, height;
    int channels;
    pixel *pixels = decode(data, size, &width, &height, &channels);
    free(data);

    double scale = fmin(1, fmin((double)most_wide / width, (double)most_high / height));
    uint32_t to_wide = (uint32_t)fmax(1, round(width * scale)), to_high = (uint32_t)fmax(1, round(height * scale));
    if (to_wide < width) pixels = narrower(pixels, width, height, to_wide);
    if (to_high < height) pixels = lower(pixels, to_wide, height, to_high);

    unsigned char *out = allocate((size_t)to_wide * to_high * 5 + HEAD + END, 1);
    size = encode(out, pixels, to_wide, to_high, channels);
    mkdir("out", 0777); /* there already in the sandbox; made here when run outside of it */
    file = fopen("out/picture.qoi", "wb");
    if (!file || fwrite(out, 1, size, file) != size || fclose(file)) fail("out/picture.qoi can't be written");
    printf("%ux%u to %ux%u\n", width, height, to_wide, to_high);
    return 0;
}
