// contend WORKERS STEPS BATCH TIMED WINDOWS WINDOW_MS: threads that all want one pthread_mutex, as
// team/member.ts does it with the locks of JavaScript. Prints the stints of each worker, window by window.
#define _GNU_SOURCE
#include <pthread.h>

#include "bench.h"

enum { kMaxWorkers = 64, kMaxWindows = 64 };

typedef struct {
  long turns;
  double from;
  double to;
  double longest;
} Stint;

static struct {
  _Alignas(64) pthread_mutex_t mutex;
  _Alignas(64) volatile long count;
  _Alignas(64) pthread_barrier_t gate;
  int64_t deadline;
} shared = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int workers, batch, timed, windows;
static long steps;
static int64_t window_ns;
static cpu_set_t cores;
static Stint stints[kMaxWorkers][kMaxWindows];
static volatile uint32_t sink;

static void* Run(void* argument) {
  int index = (int)(intptr_t)argument;
  uint32_t x = 1;
  Pin(&cores, index);
  for (int window = 0; window < windows; window++) {
    if (pthread_barrier_wait(&shared.gate) == PTHREAD_BARRIER_SERIAL_THREAD)
      shared.deadline = NowNs() + window_ns;
    pthread_barrier_wait(&shared.gate);
    int64_t from = NowNs(), since = from, longest = 0;
    long turns = 0;
    do {
      for (int i = 0; i < batch; i++) {
        pthread_mutex_lock(&shared.mutex);
        if (timed) {
          int64_t waited = NowNs() - since;
          if (waited > longest) longest = waited;
        }
        long before = shared.count;
        x = Work(x, steps);
        shared.count = before + 1;
        if (timed) since = NowNs();
        pthread_mutex_unlock(&shared.mutex);
      }
      turns += batch;
    } while (NowNs() < shared.deadline);
    stints[index][window] = (Stint){turns, from / 1e6, NowNs() / 1e6, longest / 1e6};
  }
  sink = x;
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  workers = atoi(argv[1]);
  steps = atol(argv[2]);
  batch = atoi(argv[3]);
  timed = atoi(argv[4]);
  windows = atoi(argv[5]);
  window_ns = atol(argv[6]) * INT64_C(1000000);
  if (workers < 1 || workers > kMaxWorkers || windows < 1 || windows > kMaxWindows || batch < 1) return 2;
  sched_getaffinity(0, sizeof cores, &cores);
  pthread_barrier_init(&shared.gate, NULL, workers);
  pthread_t threads[kMaxWorkers];
  for (int i = 0; i < workers; i++) pthread_create(&threads[i], NULL, Run, (void*)(intptr_t)i);
  for (int i = 0; i < workers; i++) pthread_join(threads[i], NULL);

  long sum = 0;
  printf("[");
  for (int i = 0; i < workers; i++) {
    printf(i > 0 ? ",[" : "[");
    for (int window = 0; window < windows; window++) {
      Stint* stint = &stints[i][window];
      sum += stint->turns;
      printf("%s{\"turns\":%ld,\"writes\":%ld,\"from\":%.6f,\"to\":%.6f,\"longest\":%.6f}",
             window > 0 ? "," : "", stint->turns, stint->turns, stint->from, stint->to, stint->longest);
    }
    printf("]");
  }
  printf("]\n");
  if (sum == shared.count) return 0;
  fprintf(stderr, "the lock does not exclude: %ld sections counted to %ld\n", sum, shared.count);
  return 1;
}
