// Preloaded into the program: ends it with SIGKILL at a chosen file operation below a chosen
// folder, as a power cut would, but for what the kernel still holds.
//
//   DIE_UNDER   the folder
//   DIE_AT      the operation that is the last, counted from 1 (opening for writing, write, fsync,
//               rename, ftruncate); 0: none, only count
//   DIE_HOW     before | after it, or half: a write of half its bytes
//   DIE_COUNT   a file that gets the number of operations when the program ends by itself
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long done;

static int is_under(const char* path) {
  const char* folder = getenv("DIE_UNDER");
  return folder != NULL && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_file_under(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  return is_under(path);
}

static int how(const char* name) {
  const char* set = getenv("DIE_HOW");
  return set != NULL && strcmp(set, name) == 0;
}

// Counts an operation; whether it is the last one.
static int is_last(void) {
  const char* at = getenv("DIE_AT");
  return atomic_fetch_add(&done, 1) + 1 == (at != NULL ? atol(at) : 0);
}

static void die(void) { kill(getpid(), SIGKILL); }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define AROUND(call)                   \
  do {                                 \
    const int last = is_last();        \
    if (last && !how("after")) die();  \
    const __typeof__(call) out = call; \
    if (last) die();                   \
    return out;                        \
  } while (0)

ssize_t write(int fd, const void* bytes, size_t size) {
  if (!is_file_under(fd)) return REAL(write)(fd, bytes, size);
  const int last = is_last();
  if (last && how("before")) die();
  const ssize_t out = REAL(write)(fd, bytes, last && how("half") ? size / 2 : size);
  if (last) die();
  return out;
}

int fsync(int fd) {
  if (!is_file_under(fd)) return REAL(fsync)(fd);
  AROUND(REAL(fsync)(fd));
}

int ftruncate(int fd, off_t size) {
  if (!is_file_under(fd)) return REAL(ftruncate)(fd, size);
  AROUND(REAL(ftruncate)(fd, size));
}

int rename(const char* from, const char* to) {
  if (!is_under(to)) return REAL(rename)(from, to);
  AROUND(REAL(rename)(from, to));
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if ((flags & (O_WRONLY | O_RDWR)) == 0 || !is_under(path)) return REAL(open)(path, flags, mode);
  AROUND(REAL(open)(path, flags, mode));
}

__attribute__((destructor)) static void tell(void) {
  const char* path = getenv("DIE_COUNT");
  FILE* file = path != NULL ? fopen(path, "w") : NULL;
  if (file == NULL) return;
  fprintf(file, "%ld\n", atomic_load(&done));
  fclose(file);
}
