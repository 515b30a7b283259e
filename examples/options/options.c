/* Monte-Carlo prices of options on one stock (geometric Brownian motion), one part of the paths.
 *
 *     options INDEX PATHS STEPS SPOT STRIKE RATE VOLATILITY YEARS      prints one line per option
 *
 * Every INDEX draws from a stream of random numbers of its own, so parts add up to one large sample. A line is
 * "name paths sum sum-of-squares sum-of-products" over discounted payoffs; products are with the geometric Asian
 * option, whose exact price is known and which therefore steadies the arithmetic one (control variate).
 */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* xoshiro256++ 1.0 (Blackman and Vigna), seeded by SplitMix64 */
static uint64_t state[4];

static inline uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static inline uint64_t next(void) {
    uint64_t result = rotate(state[0] + state[3], 23) + state[0], t = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = rotate(state[3], 45);
    return result;
}

static void seed(uint64_t x) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = (x += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        state[i] = z ^ (z >> 31);
    }
}

/* Two standard normal numbers: Marsaglia's polar method. */
static inline void normals(double *a, double *b) {
    double u, v, s;
    do {
        u = (double)(int64_t)next() * 0x1p-63;
        v = (double)(int64_t)next() * 0x1p-63;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    double scale = sqrt(-2 * log(s) / s);
    *a = u * scale;
    *b = v * scale;
}

struct sums {
    double sum, squares, products;
};

static inline void add(struct sums *sums, double payoff, double control) {
    sums->sum += payoff;
    sums->squares += payoff * payoff;
    sums->products += payoff * control;
}

static inline double above(double x, double strike) { return x > strike ? x - strike : 0; }

static double number(const char *text, const char *name, double low, double high) {
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || *end || end == text || !(value >= low && value <= high)) {
        fprintf(stderr, "options: %s is %s; it has to be a number from %g to %g\n", name, text, low, high);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    if (argc != 9) {
        fprintf(stderr, "usage: options INDEX PATHS STEPS SPOT STRIKE RATE VOLATILITY YEARS\n");
        return 2;
    }
    seed((uint64_t)number(argv[1], "INDEX", 0, 1e9));
    long paths = (long)number(argv[2], "PATHS", 1, 1e9);
    int steps = (int)number(argv[3], "STEPS", 1, 10000);
    double spot = number(argv[4], "SPOT", 1e-6, 1e9), strike = number(argv[5], "STRIKE", 1e-6, 1e9);
    double rate = number(argv[6], "RATE", -1, 1), volatility = number(argv[7], "VOLATILITY", 0, 5);
    double years = number(argv[8], "YEARS", 1e-3, 100);

    double step = years / steps, drift = (rate - 0.5 * volatility * volatility) * step;
    double spread = volatility * sqrt(step), discount = exp(-rate * years);
    struct sums call = {0}, put = {0}, arithmetic = {0}, geometric = {0};
    for (long path = 0; path < paths; path++) {
        double log_growth = 0, growth_sum = 0, log_sum = 0, growth = 1, first, second = 0;
        for (int i = 0; i < steps; i++) {
            if (i & 1) first = second;
            else normals(&first, &second);
            log_growth += drift + spread * first;
            growth = exp(log_growth);
            growth_sum += growth;
            log_sum += log_growth;
        }
        double geometric_payoff = discount * above(spot * exp(log_sum / steps), strike);
        add(&call, discount * above(spot * growth, strike), geometric_payoff);
        add(&put, discount * above(strike, spot * growth), geometric_payoff);
        add(&arithmetic, discount * above(spot * growth_sum / steps, strike), geometric_payoff);
        add(&geometric, geometric_payoff, geometric_payoff);
    }
    const char *names[] = {"call", "put", "asian", "asian-geometric"};
    struct sums *all[] = {&call, &put, &arithmetic, &geometric};
    for (int i = 0; i < 4; i++)
        printf("%s %ld %.17g %.17g %.17g\n", names[i], paths, all[i]->sum, all[i]->squares, all[i]->products);
    return 0;
}
