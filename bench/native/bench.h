// What the programs share: the clock, the cores, and the work inside a section (team/sections.ts has the
// same).
#ifndef TIERLOCK_BENCH_H_
#define TIERLOCK_BENCH_H_

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t NowNs(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * INT64_C(1000000000) + at.tv_nsec;
}

// Keeps the calling thread on the i-th of the cores of `allowed`, counted round.
static inline void Pin(const cpu_set_t* allowed, int i) {
  int left = i % CPU_COUNT(allowed);
  for (int core = 0; core < CPU_SETSIZE; core++) {
    if (!CPU_ISSET(core, allowed) || left-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) {
      perror("sched_setaffinity");
      exit(1);
    }
    return;
  }
}

static inline uint32_t Work(uint32_t x, long steps) {
  for (long i = 0; i < steps; i++) x = x * 1664525u + 1013904223u;
  return x;
}

#endif  // TIERLOCK_BENCH_H_
