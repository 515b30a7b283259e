/* An epidemic (SEIR) for every combination of two parameters, one row of the grid in each task.
 *
 *     sweep INDEX ROWS COLUMNS DAYS      writes out/grid.csv
 *
 * ROWS values of the reproduction number from 1.1 to 6, COLUMNS shares of people immune before it begins, from 0 to
 * 95 %. Susceptible, exposed, infectious and recovered are shares of all people:
 *
 *     S' = -b S I     E' = b S I - E / incubation     I' = E / incubation - I / duration     R' = I / duration
 *
 * with b = reproduction number / duration; classical Runge-Kutta, 24 steps a day.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INCUBATION 5.0 /* days */
#define DURATION 7.0
#define FIRST 1e-5 /* infectious at the beginning */
#define STEPS 24
#define LOWEST 1.1
#define HIGHEST 6.0
#define MOST_IMMUNE 0.95

typedef struct {
    double s, e, i;
} people;

static people change(people p, double contacts) {
    double caught = contacts * p.s * p.i, ill = p.e / INCUBATION;
    return (people){-caught, caught - ill, ill - p.i / DURATION};
}

static people moved(people p, people by, double time) {
    return (people){p.s + by.s * time, p.e + by.e * time, p.i + by.i * time};
}

static people step(people p, double contacts, double time) {
    people a = change(p, contacts), b = change(moved(p, a, time / 2), contacts);
    people c = change(moved(p, b, time / 2), contacts), d = change(moved(p, c, time), contacts);
    people sum = {a.s + 2 * (b.s + c.s) + d.s, a.e + 2 * (b.e + c.e) + d.e, a.i + 2 * (b.i + c.i) + d.i};
    return moved(p, sum, time / 6);
}

static long number(const char *text, const char *name, long low, long high) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < low || value > high) {
        fprintf(stderr, "sweep: %s is %s; it has to be a number from %ld to %ld\n", name, text, low, high);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: sweep INDEX ROWS COLUMNS DAYS\n");
        return 2;
    }
    long rows = number(argv[2], "ROWS", 2, 10000), row = number(argv[1], "INDEX", 0, rows - 1);
    long columns = number(argv[3], "COLUMNS", 2, 100000), days = number(argv[4], "DAYS", 1, 3650);
    double reproduction = LOWEST + (HIGHEST - LOWEST) * (double)row / (double)(rows - 1);

    mkdir("out", 0777); /* there already in the sandbox; made here when run outside of it */
    FILE *out = fopen("out/grid.csv", "wb");
    if (!out) {
        perror("sweep: out/grid.csv");
        return 1;
    }
    fprintf(out, "reproduction,immune,peak_share,peak_day,infected\n");
    for (long column = 0; column < columns; column++) {
        double immune = MOST_IMMUNE * (double)column / (double)(columns - 1);
        people p = {1 - immune - FIRST, 0, FIRST};
        double begun = p.s + p.e + p.i, peak = p.i;
        long peak_step = 0;
        for (long at = 1; at <= days * STEPS; at++) {
            p = step(p, reproduction / DURATION, 1.0 / STEPS);
            if (p.i > peak) peak = p.i, peak_step = at;
        }
        fprintf(out, "%.6f,%.6f,%.9f,%.2f,%.9f\n", reproduction, immune, peak, (double)peak_step / STEPS, begun - p.s);
    }
    if (fclose(out)) {
        perror("sweep: out/grid.csv");
        return 1;
    }
    printf("%ld combinations with a reproduction number of %.3f\n", columns, reproduction);
    return 0;
}
