/*
 * Faults for tests/faults.rs, loaded before the C library (LD_PRELOAD): the program under test is the real one.
 *
 * Every operation that changes a file below the directory FAULT_DIR is a step, counted from 1. At step FAULT_AT,
 * by FAULT_MODE:
 *   kill   the process is killed, as SIGKILL does it, before the operation
 *   power  the same, and what was not synced is lost: content written since a file's last fsync, names made or changed
 *          since their directory's last fsync (see `lose`)
 *   full   this and every later operation that needs room fails with ENOSPC
 *   none   nothing; FAULT_LOG gets a line for each step
 * One line a step goes to FAULT_LOG, which is where a test learns how many there are and what they are called.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum mode { NONE, KILL, POWER, FULL };

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char dir[PATH_MAX], log_path[PATH_MAX];
static enum mode mode = NONE;
static long at, step;
static int full, ready, log_fd = -1;

/* What a power cut takes: the length a file was synced at, and names that are not yet on the disk. */
#define MANY 4096
static struct { ino_t inode; off_t synced; } files[MANY];
static struct { int made; char name[PATH_MAX], before[PATH_MAX]; } names[MANY];
static int file_count, name_count;

#define REAL(result, name, ...) \
    static result (*real_##name)(__VA_ARGS__); \
    if (!real_##name) real_##name = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static void start(void) {
    if (ready) return;
    ready = 1;
    const char *word = getenv("FAULT_DIR");
    if (!word) return;
    snprintf(dir, sizeof dir, "%s", word);
    if ((word = getenv("FAULT_AT"))) at = atol(word);
    word = getenv("FAULT_MODE");
    if (word) mode = !strcmp(word, "kill") ? KILL : !strcmp(word, "power") ? POWER : !strcmp(word, "full") ? FULL : NONE;
    if ((word = getenv("FAULT_LOG"))) snprintf(log_path, sizeof log_path, "%s", word);
}

/* Whether a path, from the directory `from`, is of FAULT_DIR; the whole path goes to `whole`. */
static int ours_at(int from, const char *path, char *whole) {
    start();
    if (!dir[0] || !path) return 0;
    if (!strncmp(path, "/proc/self/fd/", 14)) {
        /* A file that is open already, by whatever name it has. */
        ssize_t length = readlink(path, whole, PATH_MAX - 1);
        if (length < 0) return 0;
        whole[length] = 0;
    } else if (path[0] == '/') snprintf(whole, PATH_MAX, "%s", path);
    else if (from != AT_FDCWD) {
        char link[64], there[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", from);
        ssize_t length = readlink(link, there, sizeof there - 1);
        if (length < 0) return 0;
        there[length] = 0;
        if (snprintf(whole, PATH_MAX, "%s/%s", there, path) >= PATH_MAX) return 0;
    } else {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return 0;
        if (snprintf(whole, PATH_MAX, "%s/%s", here, path) >= PATH_MAX) return 0;
    }
    return !strncmp(whole, dir, strlen(dir));
}

static int ours(const char *path, char *whole) { return ours_at(AT_FDCWD, path, whole); }

static int ours_fd(int fd, char *whole) {
    start();
    if (!dir[0]) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    if (length < 0) return 0;
    whole[length] = 0;
    return !strncmp(whole, dir, strlen(dir));
}

static int file_of(ino_t inode) {
    for (int i = 0; i < file_count; i++) if (files[i].inode == inode) return i;
    if (file_count == MANY) abort();
    files[file_count].inode = inode;
    files[file_count].synced = 0;
    return file_count++;
}

/* A file that was there before this process is on the disk; one that it makes is not until it is synced. */
static void made(const char *path) {
    struct stat status;
    if (!stat(path, &status)) files[file_of(status.st_ino)].synced = 0;
}

static void named(int is_new, const char *name, const char *before) {
    if (name_count == MANY) abort();
    names[name_count].made = is_new;
    snprintf(names[name_count].name, PATH_MAX, "%s", name);
    snprintf(names[name_count].before, PATH_MAX, "%s", before ? before : "");
    name_count++;
}

static void synced(int fd, const char *path) {
    struct stat status;
    if (fstat(fd, &status)) return;
    if (S_ISDIR(status.st_mode)) {
        /* The names in it are on the disk now. */
        size_t length = strlen(path);
        for (int i = 0; i < name_count; i++) {
            char *name = names[i].name;
            if (!strncmp(name, path, length) && name[length] == '/' && !strchr(name + length + 1, '/')) {
                if (names[i].before[0]) { REAL(int, unlink, const char *); real_unlink(names[i].before); }
                name[0] = 0;
            }
        }
    } else {
        for (int i = 0; i < file_count; i++) if (files[i].inode == status.st_ino) files[i].synced = status.st_size;
    }
}

/* The power goes: unsynced content first, then unsynced names, the last first. What a name meant before comes back. */
static void lose(void) {
    REAL(int, rename, const char *, const char *);
    REAL(int, unlink, const char *);
    for (int i = name_count - 1; i >= 0; i--) {
        if (!names[i].name[0]) continue;
        struct stat status;
        if (!stat(names[i].name, &status) && S_ISDIR(status.st_mode)) continue;
        if (names[i].before[0]) real_rename(names[i].before, names[i].name);
        else real_unlink(names[i].name);
    }
    /* Content: every file below the directory that this process made and did not sync to its end. */
    char *stack[64];
    int depth = 0;
    stack[depth++] = strdup(dir);
    while (depth) {
        char *path = stack[--depth];
        DIR *entries = opendir(path);
        struct dirent *entry;
        while (entries && (entry = readdir(entries))) {
            if (entry->d_name[0] == '.' && (!entry->d_name[1] || entry->d_name[1] == '.')) continue;
            char child[PATH_MAX];
            snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
            struct stat status;
            if (stat(child, &status)) continue;
            if (S_ISDIR(status.st_mode)) { if (depth < 64) stack[depth++] = strdup(child); continue; }
            for (int i = 0; i < file_count; i++)
                if (files[i].inode == status.st_ino && files[i].synced < status.st_size)
                    if (truncate(child, files[i].synced)) abort();
        }
        if (entries) closedir(entries);
        free(path);
    }
}

/* Counts a step; tells whether it is to fail for want of room. */
static int count(const char *operation, const char *path, int needs_room) {
    REAL(ssize_t, write, int, const void *, size_t);
    step++;
    if (log_path[0]) {
        if (log_fd < 0) {
            static int (*real_open)(const char *, int, ...);
            if (!real_open) real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
            log_fd = real_open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        }
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%s %s\n", operation, path + strlen(dir));
        if (real_write(log_fd, line, length) != length) abort();
    }
    if (step == at) {
        if (mode == POWER) lose();
        if (mode == KILL || mode == POWER) { kill(getpid(), SIGKILL); pause(); }
        if (mode == FULL) full = 1;
    }
    return full && needs_room;
}

#define STEP(operation, path, room, failed) \
    if (count(operation, path, room)) { pthread_mutex_unlock(&lock); errno = ENOSPC; return failed; }

static int opened(const char *name, const char *path, int flags, mode_t bits) {
    static int (*real)(const char *, int, ...);
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
    char whole[PATH_MAX];
    int changes = flags & (O_CREAT | O_TRUNC);
    if (!changes || !ours(path, whole)) return real(path, flags, bits);
    pthread_mutex_lock(&lock);
    int is_new = access(whole, F_OK) != 0;
    STEP("open", whole, 1, -1);
    int fd = real(path, flags, bits);
    if (fd >= 0 && is_new) { named(1, whole, NULL); made(whole); }
    pthread_mutex_unlock(&lock);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t bits = va_arg(rest, mode_t); va_end(rest);
    return opened("open", path, flags, bits);
}
int open64(const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t bits = va_arg(rest, mode_t); va_end(rest);
    return opened("open64", path, flags, bits);
}

static int opened_at(const char *name, int from, const char *path, int flags, mode_t bits) {
    int (*real)(int, const char *, int, ...) = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, name);
    char whole[PATH_MAX];
    int changes = flags & (O_CREAT | O_TRUNC);
    if (!changes || !ours_at(from, path, whole)) return real(from, path, flags, bits);
    pthread_mutex_lock(&lock);
    int is_new = access(whole, F_OK) != 0;
    STEP("open", whole, 1, -1);
    int fd = real(from, path, flags, bits);
    if (fd >= 0 && is_new) { named(1, whole, NULL); made(whole); }
    pthread_mutex_unlock(&lock);
    return fd;
}
int openat(int from, const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t bits = va_arg(rest, mode_t); va_end(rest);
    return opened_at("openat", from, path, flags, bits);
}
int openat64(int from, const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t bits = va_arg(rest, mode_t); va_end(rest);
    return opened_at("openat64", from, path, flags, bits);
}

static FILE *fopened(const char *name, const char *path, const char *how) {
    FILE *(*real)(const char *, const char *) = (FILE *(*)(const char *, const char *))dlsym(RTLD_NEXT, name);
    char whole[PATH_MAX];
    if (how[0] == 'r' || !ours(path, whole)) return real(path, how);
    pthread_mutex_lock(&lock);
    int is_new = access(whole, F_OK) != 0;
    STEP("open", whole, 1, NULL);
    FILE *file = real(path, how);
    if (file && is_new) { named(1, whole, NULL); made(whole); }
    pthread_mutex_unlock(&lock);
    return file;
}
FILE *fopen(const char *path, const char *how) { return fopened("fopen", path, how); }
FILE *fopen64(const char *path, const char *how) { return fopened("fopen64", path, how); }

ssize_t write(int fd, const void *bytes, size_t length) {
    REAL(ssize_t, write, int, const void *, size_t);
    char whole[PATH_MAX];
    if (!ours_fd(fd, whole)) return real_write(fd, bytes, length);
    pthread_mutex_lock(&lock);
    STEP("write", whole, 1, -1);
    ssize_t written = real_write(fd, bytes, length);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    char whole[PATH_MAX];
    if (!ours_fd(fd, whole)) return real_writev(fd, parts, number);
    pthread_mutex_lock(&lock);
    STEP("write", whole, 1, -1);
    ssize_t written = real_writev(fd, parts, number);
    pthread_mutex_unlock(&lock);
    return written;
}

size_t fwrite(const void *bytes, size_t size, size_t number, FILE *file) {
    REAL(size_t, fwrite, const void *, size_t, size_t, FILE *);
    char whole[PATH_MAX];
    if (!ours_fd(fileno(file), whole)) return real_fwrite(bytes, size, number, file);
    pthread_mutex_lock(&lock);
    STEP("write", whole, 1, 0);
    size_t written = real_fwrite(bytes, size, number, file);
    pthread_mutex_unlock(&lock);
    return written;
}

static int sync_by(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    char whole[PATH_MAX];
    if (!ours_fd(fd, whole)) return real(fd);
    pthread_mutex_lock(&lock);
    STEP("sync", whole, 0, -1);
    int status = real(fd);
    if (!status) synced(fd, whole);
    pthread_mutex_unlock(&lock);
    return status;
}
int fsync(int fd) { return sync_by("fsync", fd); }
int fdatasync(int fd) { return sync_by("fdatasync", fd); }

int ftruncate64(int fd, off_t length) {
    REAL(int, ftruncate64, int, off_t);
    char whole[PATH_MAX];
    if (!ours_fd(fd, whole)) return real_ftruncate64(fd, length);
    pthread_mutex_lock(&lock);
    STEP("truncate", whole, 0, -1);
    int status = real_ftruncate64(fd, length);
    pthread_mutex_unlock(&lock);
    return status;
}

static ssize_t written_at(const char *name, int fd, const void *bytes, size_t length, off_t at_byte) {
    ssize_t (*real)(int, const void *, size_t, off_t) = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, name);
    char whole[PATH_MAX];
    if (!ours_fd(fd, whole)) return real(fd, bytes, length, at_byte);
    pthread_mutex_lock(&lock);
    STEP("write", whole, 1, -1);
    ssize_t written = real(fd, bytes, length, at_byte);
    pthread_mutex_unlock(&lock);
    return written;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at_byte) {
    return written_at("pwrite", fd, bytes, length, at_byte);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at_byte) {
    return written_at("pwrite64", fd, bytes, length, at_byte);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    REAL(int, link, const char *, const char *);
    char whole[PATH_MAX], target[PATH_MAX], kept[PATH_MAX] = "";
    if (!ours_at(from_dir, from, whole) || !ours_at(to_dir, to, target)) return real_renameat(from_dir, from, to_dir, to);
    pthread_mutex_lock(&lock);
    STEP("rename", target, 0, -1);
    if (mode == POWER && !access(target, F_OK)) {
        /* What the name meant, in case the power goes before the directory is synced. Beside FAULT_DIR. */
        snprintf(kept, sizeof kept, "%.*s.kept%ld", (int)(sizeof kept - 32), dir, step);
        if (real_link(target, kept)) abort();
    }
    int status = real_renameat(from_dir, from, to_dir, to);
    if (!status) {
        for (int i = 0; i < name_count; i++) if (!strcmp(names[i].name, whole)) names[i].name[0] = 0;
        named(0, target, kept);
    }
    pthread_mutex_unlock(&lock);
    return status;
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    REAL(int, linkat, int, const char *, int, const char *, int);
    char whole[PATH_MAX];
    if (!ours_at(to_dir, to, whole)) return real_linkat(from_dir, from, to_dir, to, flags);
    pthread_mutex_lock(&lock);
    STEP("link", whole, 1, -1);
    int status = real_linkat(from_dir, from, to_dir, to, flags);
    if (!status) named(1, whole, NULL);
    pthread_mutex_unlock(&lock);
    return status;
}

int unlinkat(int from, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    char whole[PATH_MAX];
    if (!ours_at(from, path, whole)) return real_unlinkat(from, path, flags);
    pthread_mutex_lock(&lock);
    STEP("unlink", whole, 0, -1);
    int status = real_unlinkat(from, path, flags);
    pthread_mutex_unlock(&lock);
    return status;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int mkdirat(int from, const char *path, mode_t bits) {
    REAL(int, mkdirat, int, const char *, mode_t);
    char whole[PATH_MAX];
    if (!ours_at(from, path, whole)) return real_mkdirat(from, path, bits);
    pthread_mutex_lock(&lock);
    STEP("mkdir", whole, 1, -1);
    int status = real_mkdirat(from, path, bits);
    pthread_mutex_unlock(&lock);
    return status;
}
int mkdir(const char *path, mode_t bits) { return mkdirat(AT_FDCWD, path, bits); }
