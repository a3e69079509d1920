// file-lock PATH KIND COUNT ROUNDS: takes the free lock of a file (KIND 0 ofd, 1 flock), looks whether the
// file has been removed, and gives it back. Prints the nanoseconds of a turn, round by round.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

static int fd, kind;

static int Lock(short type) {
  if (kind == 1) return flock(fd, type == F_UNLCK ? LOCK_UN : LOCK_EX | LOCK_NB);
  struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
  return fcntl(fd, F_OFD_SETLK, &whole);
}

static int Turn(void) {
  struct stat found;
  return Lock(F_WRLCK) == 0 && fstat(fd, &found) == 0 && found.st_nlink > 0 && Lock(F_UNLCK) == 0;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  fd = open(argv[1], O_RDWR | O_CLOEXEC);
  kind = atoi(argv[2]);
  long count = atol(argv[3]);
  int rounds = atoi(argv[4]);
  if (fd < 0 || count < 1) return 2;
  printf("[");
  for (int round = 0; round < rounds; round++) {
    int64_t start = NowNs();
    for (long i = 0; i < count; i++) {
      if (Turn()) continue;
      perror("file-lock");
      return 1;
    }
    printf("%s%.3f", round > 0 ? "," : "", (double)(NowNs() - start) / count);
  }
  printf("]\n");
  return 0;
}
