/* One tile of a ray-traced poster: a chain of spheres winding out of the fog over a checkered floor.
 *
 *     poster INDEX TILES WIDTH HEIGHT SAMPLES      writes out/tile.ppm
 *
 * The picture is cut into TILES rectangles; this run draws number INDEX. Every pixel draws its random numbers from
 * its own place in the picture, so a tile is the same whichever machine draws it and however the picture is cut.
 * tile.ppm is a binary PPM whose comment says where it belongs: "# tile X Y of WIDTH HEIGHT".
 */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef float f4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));
typedef f4 vec; /* x, y, z and a lane that stays 0 */

#define INLINE static inline __attribute__((always_inline))
#define NEAR 1e-3f
#define FAR 1e30f
#define GROUPS 11 /* spheres are met four at a time */
#define SPHERES (4 * GROUPS)
#define BOUNCES 6

enum kind { MATTE, GLOSSY, METAL, GLASS };

struct material {
    enum kind kind;
    vec color;
};

static f4 center_x[GROUPS], center_y[GROUPS], center_z[GROUPS], radius_squared[GROUPS];
static vec centers[SPHERES];
static float radii[SPHERES];
static struct material materials[SPHERES];
static int spheres = 0;
static vec sun, sun_u, sun_v;

INLINE vec v(float x, float y, float z) { return (vec){x, y, z, 0}; }
INLINE vec scale(vec a, float s) { return a * (f4){s, s, s, s}; }
INLINE float dot(vec a, vec b) { vec p = a * b; return p[0] + p[1] + p[2]; }
INLINE vec unit(vec a) { return scale(a, 1 / sqrtf(dot(a, a))); }
INLINE vec mix(vec a, vec b, float t) { return a + scale(b - a, t); }
INLINE vec cross(vec a, vec b) {
    return v(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]);
}
INLINE float clamp(float x, float low, float high) { return x < low ? low : x > high ? high : x; }
INLINE float smooth(float low, float high, float x) {
    float t = clamp((x - low) / (high - low), 0, 1);
    return t * t * (3 - 2 * t);
}
INLINE f4 choose(i4 mask, f4 a, f4 b) { return (f4)((mask & (i4)a) | (~mask & (i4)b)); }

/* Sobol-like cheap low discrepancy: sample k of dimension d is frac(pixel's hash + k * alpha[d]) */
struct sampler {
    uint32_t pixel, sample, dimension;
};

INLINE uint32_t hash(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7feb352dU;
    x ^= x >> 15;
    x *= 0x846ca68bU;
    return x ^ (x >> 16);
}

INLINE float next(struct sampler *s) {
    static const uint32_t step[8] = {3242174889U, 2447445414U, 1847483629U, 1394610164U,
                                     1052741927U, 794676861U, 599872393U, 452821499U};
    uint32_t d = s->dimension++;
    uint32_t x = hash(s->pixel + d * 0x9e3779b9U) + s->sample * step[d & 7];
    return (float)(x >> 8) * (1.0f / 16777216.0f);
}

/* Nearest sphere in front of the ray: its number, or -1; the distance goes to *distance. */
INLINE int nearest(vec origin, vec direction, float *distance) {
    f4 ox = {origin[0], origin[0], origin[0], origin[0]}, oy = {origin[1], origin[1], origin[1], origin[1]},
       oz = {origin[2], origin[2], origin[2], origin[2]};
    f4 dx = {direction[0], direction[0], direction[0], direction[0]},
       dy = {direction[1], direction[1], direction[1], direction[1]},
       dz = {direction[2], direction[2], direction[2], direction[2]};
    f4 zero = {0, 0, 0, 0}, near = {NEAR, NEAR, NEAR, NEAR}, best = {FAR, FAR, FAR, FAR};
    i4 found = {-1, -1, -1, -1}, number = {0, 1, 2, 3};
    for (int g = 0; g < GROUPS; g++, number += 4) {
        f4 x = center_x[g] - ox, y = center_y[g] - oy, z = center_z[g] - oz;
        f4 b = x * dx + y * dy + z * dz;
        f4 inside = b * b - (x * x + y * y + z * z - radius_squared[g]);
        i4 hit = inside > zero;
        if (!__builtin_reduce_or(hit)) continue;
        f4 root = __builtin_elementwise_sqrt(choose(hit, inside, zero));
        f4 enter = b - root, leave = b + root;
        f4 t = choose(enter > near, enter, leave);
        hit &= (t > near) & (t < best);
        best = choose(hit, t, best);
        found = (hit & number) | (~hit & found);
    }
    int lane = 0;
    for (int i = 1; i < 4; i++) lane = best[i] < best[lane] ? i : lane;
    *distance = best[lane];
    return found[lane];
}

INLINE float lattice(int32_t x, int32_t y) {
    return (float)(hash((uint32_t)x * 0x8da6b343U ^ (uint32_t)y * 0xd8163841U) >> 8) * (1.0f / 16777216.0f);
}

INLINE float noise(float x, float y) {
    float fx = floorf(x), fy = floorf(y);
    int32_t ix = (int32_t)fx, iy = (int32_t)fy;
    float u = x - fx, w = y - fy;
    u = u * u * (3 - 2 * u);
    w = w * w * (3 - 2 * w);
    float top = lattice(ix, iy) + (lattice(ix + 1, iy) - lattice(ix, iy)) * u;
    float bottom = lattice(ix, iy + 1) + (lattice(ix + 1, iy + 1) - lattice(ix, iy + 1)) * u;
    return top + (bottom - top) * w;
}

static float cloud(float x, float y) {
    float sum = 0, weight = 0.5f;
    for (int octave = 0; octave < 5; octave++, weight *= 0.5f) {
        sum += weight * noise(x, y);
        float turned = x * 1.6f - y * 1.2f + 7.3f;
        y = x * 1.2f + y * 1.6f - 3.1f;
        x = turned;
    }
    return sum;
}

static const vec HORIZON = {0.86f, 0.56f, 0.44f, 0}, ZENITH = {0.03f, 0.07f, 0.24f, 0}, MIDDLE = {0.27f, 0.32f, 0.60f, 0};

static vec sky(vec d) {
    float up = d[1] < 0 ? 0 : d[1];
    vec color = mix(mix(HORIZON, MIDDLE, smooth(0, 0.24f, up)), ZENITH, smooth(0.10f, 0.62f, up));
    if (up > 0.03f) {
        float cover = cloud(d[0] / (up + 0.12f) * 1.1f + 40, d[2] / (up + 0.12f) * 1.1f);
        float amount = smooth(0.46f, 0.78f, cover) * smooth(0.03f, 0.22f, up) * 0.85f;
        color = mix(color, v(1.0f, 0.70f, 0.58f), amount);
    }
    float glow = dot(d, sun);
    if (glow > 0) {
        float g2 = glow * glow, g8 = g2 * g2 * g2 * g2, g32 = g8 * g8 * g8 * g8, g128 = g32 * g32 * g32 * g32;
        float g1024 = g128 * g128 * g128 * g128 * g128 * g128 * g128 * g128;
        float g4096 = g1024 * g1024 * g1024 * g1024;
        color += scale(v(1.0f, 0.62f, 0.35f), 0.15f * g8 + 0.16f * g128);
        color += scale(v(1.0f, 0.92f, 0.78f), 5.0f * g4096);
    }
    return color;
}

/* How much of a thing the fog hides at a distance, and the fog's own light. */
INLINE float fog(float distance) { return 1 - expf(-0.0011f * distance * distance); }
INLINE vec haze(vec d) { return mix(HORIZON, v(1.0f, 0.66f, 0.40f), 0.6f * clamp(dot(d, sun), 0, 1)); }

INLINE vec floor_color(vec p, float distance) {
    float x = floorf(p[0] * 0.8f), z = floorf(p[2] * 0.8f);
    int dark = ((int32_t)x + (int32_t)z) & 1;
    vec color = dark ? v(0.055f, 0.06f, 0.085f) : v(0.80f, 0.78f, 0.74f);
    float vein = noise(p[0] * 2.3f + 4 * noise(p[0] * 0.9f, p[2] * 0.9f), p[2] * 2.3f);
    return scale(mix(color, v(0.43f, 0.42f, 0.41f), smooth(14, 60, distance)), 0.86f + 0.22f * vein);
}

INLINE vec bounce_about(vec n, float a, float b) { /* cosine-weighted direction about n */
    float r = sqrtf(a), phi = 6.2831853f * b;
    vec t = unit(cross(fabsf(n[0]) > 0.7f ? v(0, 1, 0) : v(1, 0, 0), n));
    return unit(scale(t, r * cosf(phi)) + scale(cross(n, t), r * sinf(phi)) + scale(n, sqrtf(1 - a)));
}

/* Light that reaches a matte surface: the sun through soft shadows, and the sky where nothing hides it. */
static vec lit(vec p, vec n, vec color, struct sampler *s) {
    float t;
    float r = 0.055f * sqrtf(next(s)), phi = 6.2831853f * next(s);
    vec towards = unit(sun + scale(sun_u, r * cosf(phi)) + scale(sun_v, r * sinf(phi)));
    vec light = v(0, 0, 0);
    float facing = dot(n, towards);
    if (facing > 0 && nearest(p, towards, &t) < 0) light += scale(v(3.6f, 2.4f, 1.45f), facing);
    float a = next(s), b = next(s);
    vec around = bounce_about(n, a, b);
    int hidden = nearest(p, around, &t);
    if (around[1] < 0) light += scale(v(0.20f, 0.17f, 0.16f), 1); /* the floor's own light */
    else if (hidden < 0) light += mix(mix(HORIZON, MIDDLE, smooth(0, 0.24f, around[1])), ZENITH, smooth(0.10f, 0.62f, around[1]));
    else light += scale(materials[hidden].color, 0.16f);
    return color * light;
}

INLINE float schlick(float cosine, float base) {
    float m = 1 - cosine, m2 = m * m;
    return base + (1 - base) * m2 * m2 * m;
}

static vec trace(vec origin, vec direction, struct sampler *s) {
    vec color = v(0, 0, 0), through = v(1, 1, 1);
    for (int depth = 0; depth < BOUNCES; depth++) {
        float t;
        int hit = nearest(origin, direction, &t);
        float down = direction[1] < -1e-4f ? -origin[1] / direction[1] : FAR;
        int on_floor = down > NEAR && down < t;
        if (on_floor) t = down;
        if (!on_floor && hit < 0) return color + through * sky(direction);
        vec p = origin + scale(direction, t), n, seen;
        float mirror;
        enum kind kind = GLOSSY;
        vec tint = v(1, 1, 1);
        if (on_floor) {
            n = v(0, 1, 0);
            mirror = schlick(-direction[1], 0.07f);
            seen = scale(lit(p, n, floor_color(p, t), s), 1 - mirror);
        } else {
            n = scale(p - centers[hit], 1 / radii[hit]);
            kind = materials[hit].kind;
            float cosine = -dot(n, direction);
            if (kind == GLASS) {
                int entering = cosine > 0;
                float ratio = entering ? 1 / 1.45f : 1.45f;
                vec m = entering ? n : -n;
                float c = entering ? cosine : -cosine, inner = 1 - ratio * ratio * (1 - c * c);
                float r = inner <= 0 ? 1 : schlick(entering ? c : sqrtf(inner), 0.034f);
                if (next(s) < r) direction = unit(direction + scale(m, 2 * c));
                else direction = unit(scale(direction, ratio) + scale(m, ratio * c - sqrtf(inner > 0 ? inner : 0)));
                if (!entering) through = through * materials[hit].color;
                origin = p;
                continue;
            }
            float facing = clamp(cosine, 0, 1);
            if (kind == METAL) {
                mirror = 1;
                tint = mix(materials[hit].color, v(1, 1, 1), schlick(facing, 0));
                seen = v(0, 0, 0);
            } else {
                mirror = kind == GLOSSY ? schlick(facing, 0.05f) : 0;
                seen = scale(lit(p, n, materials[hit].color, s), 1 - mirror);
            }
        }
        float thick = fog(t);
        color += through * mix(seen, haze(direction), thick);
        through = through * scale(tint, mirror * (1 - thick));
        if (through[0] + through[1] + through[2] < 0.01f) break;
        direction = unit(direction - scale(n, 2 * dot(direction, n)));
        origin = p;
    }
    return color;
}

static void add(vec center, float radius, enum kind kind, vec color) {
    int g = spheres / 4, lane = spheres % 4;
    centers[spheres] = center;
    radii[spheres] = radius;
    materials[spheres] = (struct material){kind, color};
    center_x[g][lane] = center[0];
    center_y[g][lane] = center[1];
    center_z[g][lane] = center[2];
    radius_squared[g][lane] = radius * radius;
    spheres++;
}

static vec hue(float h) {
    return v(0.5f + 0.5f * cosf(6.2831853f * (h + 0.00f)), 0.5f + 0.5f * cosf(6.2831853f * (h + 0.33f)),
             0.5f + 0.5f * cosf(6.2831853f * (h + 0.67f)));
}

static void build_scene(void) {
    sun = unit(v(-0.60f, 0.205f, 0.80f));
    sun_u = unit(cross(v(0, 1, 0), sun));
    sun_v = cross(sun, sun_u);
    for (int g = 0; g < GROUPS; g++)
        for (int lane = 0; lane < 4; lane++) center_y[g][lane] = -1e6f; /* unused lanes: far below, no size */
    add(v(0.0f, 1.35f, 4.4f), 1.35f, METAL, v(0.95f, 0.95f, 0.97f));
    add(v(-2.35f, 0.72f, 2.5f), 0.72f, GLASS, v(0.93f, 0.98f, 1.0f));
    add(v(2.25f, 0.66f, 2.6f), 0.66f, METAL, v(1.0f, 0.74f, 0.36f));
    for (int i = 0; i < 40; i++) { /* the chain: a helix that rises round the mirror and leads off into the fog */
        float a = (float)i / 39, angle = -2.2f + 9.6f * a;
        float wide = 2.35f + 5.2f * a * a, radius = 0.17f + 0.20f * a;
        vec p = v(wide * cosf(angle), radius + 2.9f * a * a + 0.35f * a * (1 + sinf(13 * a)), 4.4f + wide * sinf(angle) + 5.0f * a * a);
        vec c = mix(v(0.92f, 0.92f, 0.92f), hue(0.55f - 0.75f * a), 0.85f);
        add(p, radius, i % 5 == 4 ? METAL : GLOSSY, i % 5 == 4 ? mix(c, v(1, 1, 1), 0.35f) : scale(c, 0.80f));
    }
}

static float film(float x) { /* ACES filmic curve (Narkowicz 2015), then gamma */
    x *= 0.82f;
    x = clamp(x * (2.51f * x + 0.03f) / (x * (2.43f * x + 0.59f) + 0.14f), 0, 1);
    return powf(x, 1 / 2.2f);
}

static long number(const char *text, const char *name, long low, long high) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < low || value > high) {
        fprintf(stderr, "poster: %s is %s; it has to be a number from %ld to %ld\n", name, text, low, high);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: poster INDEX TILES WIDTH HEIGHT SAMPLES\n");
        return 2;
    }
    int tiles = (int)number(argv[2], "TILES", 1, 10000), tile = (int)number(argv[1], "INDEX", 0, tiles - 1);
    int width = (int)number(argv[3], "WIDTH", 1, 16384), height = (int)number(argv[4], "HEIGHT", 1, 16384);
    int samples = (int)number(argv[5], "SAMPLES", 1, 4096);

    int columns = 1; /* the grid whose tiles come nearest to squares */
    float squarest = FAR;
    for (int c = 1; c <= tiles; c++) {
        if (tiles % c) continue;
        float odd = fabsf(logf((float)width * (float)(tiles / c) / ((float)c * (float)height)));
        if (odd < squarest) squarest = odd, columns = c;
    }
    int rows = tiles / columns, column = tile % columns, row = tile / columns;
    int left = width * column / columns, right = width * (column + 1) / columns;
    int top = height * row / rows, bottom = height * (row + 1) / rows;

    build_scene();
    vec eye = v(0.55f, 1.05f, -4.4f), forward = unit(v(0.10f, 1.52f, 4.4f) - eye);
    vec across = unit(cross(v(0, 1, 0), forward)), upward = cross(forward, across);
    float view = 0.47f, focus = 7.6f, lens = 0.018f, aspect = (float)width / (float)height;

    size_t line = (size_t)(right - left) * 3, size = line * (size_t)(bottom - top);
    uint8_t *pixels = malloc(size ? size : 1), *out = pixels;
    if (!pixels) {
        fprintf(stderr, "poster: no memory for a tile of %zu bytes\n", size);
        return 1;
    }
    for (int y = top; y < bottom; y++) {
        for (int x = left; x < right; x++) {
            vec sum = v(0, 0, 0);
            uint32_t pixel = hash((uint32_t)(y * width + x) + 1);
            for (int k = 0; k < samples; k++) {
                struct sampler s = {pixel, (uint32_t)k, 0};
                float px = ((float)x + next(&s)) / (float)width * 2 - 1, py = 1 - ((float)y + next(&s)) / (float)height * 2;
                float r = lens * sqrtf(next(&s)), phi = 6.2831853f * next(&s);
                vec shift = scale(across, r * cosf(phi)) + scale(upward, r * sinf(phi));
                vec at = scale(forward + scale(across, px * view * aspect) + scale(upward, py * view), focus);
                vec light = trace(eye + shift, unit(at - shift), &s);
                for (int c = 0; c < 3; c++) light[c] = light[c] > 8 ? 8 : light[c]; /* no fireflies */
                sum += light;
            }
            for (int c = 0; c < 3; c++) *out++ = (uint8_t)(film(sum[c] / (float)samples) * 255 + 0.5f);
        }
    }

    mkdir("out", 0777); /* there already in the sandbox; made here when run outside of it */
    FILE *file = fopen("out/tile.ppm", "wb");
    if (!file) {
        perror("poster: out/tile.ppm");
        return 1;
    }
    fprintf(file, "P6\n# tile %d %d of %d %d\n%d %d\n255\n", left, top, width, height, right - left, bottom - top);
    if (fwrite(pixels, 1, size, file) != size || fclose(file)) {
        perror("poster: out/tile.ppm");
        return 1;
    }
    free(pixels);
    printf("tile %d of %d: %dx%d pixels at %d,%d\n", tile, tiles, right - left, bottom - top, left, top);
    return 0;
}
