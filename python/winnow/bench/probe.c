/* The machine's FMA rate, now: independent chains of fused multiply-adds on
 * registers only, on the given number of threads.
 *
 *   probe THREADS MILLISECONDS [avx512|avx2|sse]
 *
 * prints the instruction set and the GFLOP/s of all threads together, once by
 * the clock on the wall and once by the threads' CPU time, which other programs
 * disturb less. */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Latency 4 times two FMAs a cycle needs 8 chains; 12 fit the 16 registers of
 * SSE and AVX2 beside the operands, 24 the 32 of AVX-512. The empty asm keeps
 * each value in a register and unknown. */
#define STEPS 4096

#define PROBE(name, isa, CHAINS, reg, vector, set1, step)                      \
  __attribute__((target(isa), noinline)) static void name(void) {              \
    vector acc[CHAINS], a = set1(0.999f), b = set1(0.001f);                    \
    for (int i = 0; i < CHAINS; ++i)                                           \
      acc[i] = set1((float)i);                                                 \
    for (int s = 0; s < STEPS; ++s) {                                          \
      _Pragma("GCC unroll 24") for (int i = 0; i < CHAINS; ++i) {              \
        acc[i] = step(acc[i], a, b);                                           \
        __asm__ volatile("" : "+" reg(acc[i]));                                \
      }                                                                        \
    }                                                                          \
    for (int i = 0; i < CHAINS; ++i)                                           \
      __asm__ volatile("" : : reg(acc[i]));                                    \
  }

#define SSE_STEP(x, a, b) _mm_add_ps(_mm_mul_ps(x, a), b)
#define AVX2_STEP(x, a, b) _mm256_fmadd_ps(x, a, b)
#define AVX512_STEP(x, a, b) _mm512_fmadd_ps(x, a, b)
PROBE(run_sse, "sse2", 12, "x", __m128, _mm_set1_ps, SSE_STEP)
PROBE(run_avx2, "avx2,fma", 12, "x", __m256, _mm256_set1_ps, AVX2_STEP)
PROBE(run_avx512, "avx512f", 24, "v", __m512, _mm512_set1_ps, AVX512_STEP)

typedef struct {
  void (*run)(void);
  double seconds, cpu_seconds, calls;
  pthread_barrier_t *start;
} task;

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *work(void *argument) {
  task *t = argument;
  for (int i = 0; i < 20; ++i)
    t->run(); /* wakes the vector units and the clock */
  pthread_barrier_wait(t->start);
  double cpu_begin = now(CLOCK_THREAD_CPUTIME_ID);
  double begin = now(CLOCK_MONOTONIC), end = begin, limit = begin + t->seconds;
  while (end < limit) {
    for (int i = 0; i < 8; ++i)
      t->run();
    t->calls += 8;
    end = now(CLOCK_MONOTONIC);
  }
  t->cpu_seconds = now(CLOCK_THREAD_CPUTIME_ID) - cpu_begin;
  t->seconds = end - begin;
  return NULL;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  double seconds = (argc > 2 ? atof(argv[2]) : 50) * 1e-3;
  const char *isa = argc > 3 ? argv[3] : "";
  if (threads < 1 || threads > 256)
    return fprintf(stderr, "probe: expected 1 to 256 threads\n"), 2;
  if (!*isa)
    isa = __builtin_cpu_supports("avx512f") ? "avx512"
          : __builtin_cpu_supports("fma")   ? "avx2"
                                            : "sse";
  task proto = {run_sse, seconds, 0, 0, NULL};
  double flops = 12.0 * STEPS * 4 * 2;
  if (!strcmp(isa, "avx2")) {
    proto.run = run_avx2;
    flops = 12.0 * STEPS * 8 * 2;
  } else if (!strcmp(isa, "avx512")) {
    proto.run = run_avx512;
    flops = 24.0 * STEPS * 16 * 2;
  } else if (strcmp(isa, "sse")) {
    return fprintf(stderr, "probe: expected avx512, avx2 or sse\n"), 2;
  }

  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, (unsigned)threads);
  proto.start = &start;
  task tasks[256];
  pthread_t ids[256];
  for (int i = 0; i < threads; ++i) {
    tasks[i] = proto;
    if (i && pthread_create(&ids[i], NULL, work, &tasks[i]))
      return fprintf(stderr, "probe: no thread to be had\n"), 1;
  }
  work(&tasks[0]);
  double rate = tasks[0].calls / tasks[0].seconds;
  double cpu_rate = tasks[0].calls / tasks[0].cpu_seconds;
  for (int i = 1; i < threads; ++i) {
    pthread_join(ids[i], NULL);
    rate += tasks[i].calls / tasks[i].seconds;
    cpu_rate += tasks[i].calls / tasks[i].cpu_seconds;
  }
  printf("%s %.3f %.3f\n", isa, rate * flops * 1e-9, cpu_rate * flops * 1e-9);
  return 0;
}
