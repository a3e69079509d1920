// hand-off TURNS SETTLE_US: two threads on two cores wake each other by a futex in turn, as team/hand-off.ts
// does it with locks. Prints the nanoseconds of each turn, from before the wake to the return of the wait.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

// One each; `ready` counts the times its thread was about to wait.
static struct {
  _Alignas(64) atomic_int granted;
  _Alignas(64) atomic_int ready;
} side[2];

static int turns;
static int64_t settle_ns;
static int64_t released_at;
static int64_t* took;
static cpu_set_t cores;

static void* Run(void* argument) {
  int index = (int)(intptr_t)argument;
  Pin(&cores, index);
  // Thread 0 has the first even turn, thread 1 the first odd one.
  for (int turn = index; turn < turns; turn += 2) {
    if (turn > 0) {
      atomic_fetch_add(&side[index].ready, 1);
      while (atomic_load(&side[index].granted) == 0)
        syscall(SYS_futex, &side[index].granted, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
      took[turn] = NowNs() - released_at;
      atomic_store(&side[index].granted, 0);
    }
    if (turn + 1 == turns) break;
    int needed = turn / 2 + 1;
    while (atomic_load(&side[1 - index].ready) < needed) {
    }
    for (int64_t end = NowNs() + settle_ns; NowNs() < end;) {
    }
    released_at = NowNs();
    atomic_store(&side[1 - index].granted, 1);
    syscall(SYS_futex, &side[1 - index].granted, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  }
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  turns = atoi(argv[1]);
  settle_ns = atol(argv[2]) * INT64_C(1000);
  if (turns < 2) return 2;
  took = calloc(turns, sizeof *took);
  sched_getaffinity(0, sizeof cores, &cores);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, Run, (void*)(intptr_t)i);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  for (int turn = 1; turn < turns; turn++) printf("%s%lld", turn > 1 ? "," : "[", (long long)took[turn]);
  printf("]\n");
  return 0;
}
