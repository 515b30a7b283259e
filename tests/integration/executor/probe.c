/* Tries out what a task may do and what it may not, through an ordinary C library; one line per finding. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void attempt(const char *what, int failed) { printf("%s: %s\n", what, failed ? strerror(errno) : "done"); }

static void refused(const char *path, int flags) {
    int fd = open(path, flags, 0666);
    printf("open %s: %s\n", path, fd < 0 ? "refused" : "OPENED");
    if (fd >= 0) close(fd);
}

static void write_file(const char *path, const char *mode, const char *text) {
    FILE *file = fopen(path, mode);
    if (!file || fputs(text, file) < 0 || fclose(file)) printf("write %s: %s\n", path, strerror(errno));
}

static void list(const char *path) {
    DIR *folder = opendir(path);
    printf("list %s:", path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        printf(" %s%s", entry->d_name, entry->d_type == DT_DIR ? "/" : "");
    printf("\n");
    if (folder) closedir(folder);
}

int main(int argc, char **argv) {
    for (int i = 0; i < argc; i++) printf("arg %s\n", argv[i]);
    for (char **e = environ; *e; e++) printf("env %s\n", *e);

    char line[200];
    while (fgets(line, sizeof line, stdin)) printf("stdin %s", line);
    list("/in");
    list("/");

    struct stat status;
    attempt("stat", stat("/in/b.txt", &status));
    printf("size %lld inode %llu modified %lld\n", (long long)status.st_size, (unsigned long long)status.st_ino,
           (long long)status.st_mtime);

    mkdir("/out/sub", 0777);
    mkdir("/out/sub/deep", 0777);
    for (int i = 9; i >= 0; i--) {
        char name[40];
        snprintf(name, sizeof name, "/out/sub/file%d", i);
        write_file(name, "w", "some text\n");
    }
    list("/out/sub");
    attempt("rename", rename("/out/sub/file0", "/out/moved"));
    attempt("rename over", rename("/out/sub/file1", "/out/sub/file2"));
    attempt("rename folder into itself", rename("/out/sub", "/out/sub/deep/sub"));
    for (int i = 3; i < 10; i++) {
        char name[40];
        snprintf(name, sizeof name, "/out/sub/file%d", i);
        if (unlink(name)) printf("unlink: %s\n", strerror(errno));
    }
    attempt("remove full folder", rmdir("/out/sub"));
    attempt("remove folder", rmdir("/out/sub/deep"));
    list("/out/sub");

    write_file("/out/log", "w", "one\n");
    write_file("/out/log", "a", "two\n");
    FILE *file = fopen("/out/log", "r+");
    fseek(file, 0, SEEK_END);
    long end = ftell(file);
    fseek(file, 4, SEEK_SET);
    fputs("TWO", file);
    fseek(file, 20, SEEK_SET);
    fputs("far", file);
    fclose(file);
    stat("/out/log", &status);
    printf("end %ld, then %lld bytes\n", end, (long long)status.st_size);
    attempt("truncate", truncate("/out/log", 8));

    refused("/etc/passwd", O_RDONLY);
    refused("/in/../../etc/passwd", O_RDONLY);
    refused("/in/../etc/passwd", O_RDONLY);
    refused("../etc/passwd", O_RDONLY);
    refused("/out/../in/b.txt", O_RDONLY);
    refused("/in/b.txt", O_RDWR);
    refused("/in/new", O_WRONLY | O_CREAT);
    refused("/out/.hidden", O_WRONLY | O_CREAT);
    refused("/out/-rf", O_WRONLY | O_CREAT);
    refused("/out/a\nb", O_WRONLY | O_CREAT);
    refused("/out/sub/../../../x", O_WRONLY | O_CREAT);
    refused("/proc/self/environ", O_RDONLY);
    attempt("symbolic link", symlink("/etc/passwd", "/out/link"));
    attempt("link", link("/in/b.txt", "/out/link"));
    attempt("unlink input", unlink("/in/b.txt"));
    attempt("read link", (int)readlink("/in/b.txt", line, sizeof line) < 0);

    struct timespec now, later, rest = {3600, 5};
    clock_gettime(CLOCK_REALTIME, &now);
    printf("date %lld\n", (long long)now.tv_sec);
    clock_gettime(CLOCK_MONOTONIC, &now);
    nanosleep(&rest, NULL);
    clock_gettime(CLOCK_MONOTONIC, &later);
    printf("slept %d s\n", (int)(later.tv_sec - now.tv_sec));
    printf("clock %lld.%09ld\n", (long long)later.tv_sec, later.tv_nsec);

    unsigned char random[8];
    getentropy(random, sizeof random);
    printf("random");
    for (int i = 0; i < 8; i++) printf(" %02x", random[i]);

    /* Bits of not-a-number differ between processors unless the engine makes them one. */
    volatile double zero = 0;
    double nothing = zero / zero, less = -nothing, root = sqrt(-1 - zero);
    unsigned long long bits[2];
    memcpy(&bits[0], &nothing, 8);
    memcpy(&bits[1], &root, 8);
    printf("\nnan %llx %llx sine %.17g less %d\n", bits[0], bits[1], sin(1e6 + zero), less < 0);
    fprintf(stderr, "done\n");
    return 3;
}
