/* What the machine can do, now, on the given number of threads.
 *
 *   probe fma THREADS MILLISECONDS [avx512|avx2|sse]
 *
 * runs independent chains of fused multiply-adds on registers only and prints
 * the instruction set and the GFLOP/s of all threads together, once by the
 * clock on the wall and once by the threads' CPU time, which other programs
 * disturb less.
 *
 *   probe read THREADS MILLISECONDS MEBIBYTES
 *
 * reads a buffer of that size from front to back, a part of it a thread, and
 * prints the GB/s of all threads together by both clocks. */
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
#define MAX_THREADS 1024

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
  void (*run)(void); /* or NULL, to read */
  const char *data;
  size_t bytes;
  double seconds, cpu_seconds, calls;
  pthread_barrier_t *start;
} task;

/* SSE2 reads at the memory's speed; the sums keep the loads. */
static void read_all(const char *data, size_t bytes) {
  __m128i sums[4] = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128(),
                     _mm_setzero_si128()};
  for (size_t at = 0; at < bytes; at += 64)
    for (int i = 0; i < 4; ++i)
      sums[i] = _mm_add_epi32(sums[i], _mm_load_si128((const __m128i *)(data + at) + i));
  for (int i = 0; i < 4; ++i)
    __asm__ volatile("" : : "x"(sums[i]));
}

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *work(void *argument) {
  task *t = argument;
  for (int i = 0; t->run && i < 20; ++i)
    t->run(); /* wakes the vector units and the clock */
  pthread_barrier_wait(t->start);
  double cpu_begin = now(CLOCK_THREAD_CPUTIME_ID);
  double begin = now(CLOCK_MONOTONIC), end = begin, limit = begin + t->seconds;
  while (end < limit) {
    for (int i = 0; t->run && i < 8; ++i)
      t->run();
    if (!t->run)
      read_all(t->data, t->bytes);
    t->calls += t->run ? 8 : 1;
    end = now(CLOCK_MONOTONIC);
  }
  t->cpu_seconds = now(CLOCK_THREAD_CPUTIME_ID) - cpu_begin;
  t->seconds = end - begin;
  return NULL;
}

/* -> calls a second of all threads together, by both clocks */
static int measure(task proto, int threads, double *rate, double *cpu_rate) {
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, (unsigned)threads);
  proto.start = &start;
  task tasks[MAX_THREADS];
  pthread_t ids[MAX_THREADS];
  for (int i = 0; i < threads; ++i) {
    tasks[i] = proto;
    if (proto.data)
      tasks[i].data += (size_t)i * proto.bytes;
    if (i && pthread_create(&ids[i], NULL, work, &tasks[i]))
      return fprintf(stderr, "probe: no thread to be had\n"), 1;
  }
  work(&tasks[0]);
  *rate = *cpu_rate = 0;
  for (int i = 0; i < threads; ++i) {
    if (i)
      pthread_join(ids[i], NULL);
    *rate += tasks[i].calls / tasks[i].seconds;
    *cpu_rate += tasks[i].calls / tasks[i].cpu_seconds;
  }
  return 0;
}

static int probe_fma(int threads, double seconds, const char *isa) {
  if (!*isa)
    isa = __builtin_cpu_supports("avx512f") ? "avx512"
          : __builtin_cpu_supports("fma")   ? "avx2"
                                            : "sse";
  task proto = {run_sse, NULL, 0, seconds, 0, 0, NULL};
  double flops = 12.0 * STEPS * 4 * 2, rate, cpu_rate;
  if (!strcmp(isa, "avx2")) {
    proto.run = run_avx2;
    flops = 12.0 * STEPS * 8 * 2;
  } else if (!strcmp(isa, "avx512")) {
    proto.run = run_avx512;
    flops = 24.0 * STEPS * 16 * 2;
  } else if (strcmp(isa, "sse")) {
    return fprintf(stderr, "probe: expected avx512, avx2 or sse\n"), 2;
  }
  if (measure(proto, threads, &rate, &cpu_rate))
    return 1;
  printf("%s %.3f %.3f\n", isa, rate * flops * 1e-9, cpu_rate * flops * 1e-9);
  return 0;
}

static int probe_read(int threads, double seconds, size_t mebibytes) {
  size_t part = (mebibytes << 20) / (size_t)threads & ~(size_t)4095;
  size_t bytes = part * (size_t)threads;
  char *data = aligned_alloc(4096, bytes);
  double rate, cpu_rate;
  if (!part || !data)
    return fprintf(stderr, "probe: no memory to be had\n"), 1;
  /* Pages that were never written are all one page of zeros. */
  memset(data, 1, bytes);
  task proto = {NULL, data, part, seconds, 0, 0, NULL};
  if (measure(proto, threads, &rate, &cpu_rate))
    return 1;
  printf("%.3f %.3f\n", rate * (double)part * 1e-9, cpu_rate * (double)part * 1e-9);
  free(data);
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  int threads = argc > 2 ? atoi(argv[2]) : 1;
  double seconds = (argc > 3 ? atof(argv[3]) : 50) * 1e-3;
  if (threads < 1 || threads > MAX_THREADS)
    return fprintf(stderr, "probe: expected 1 to %d threads\n", MAX_THREADS), 2;
  if (!strcmp(what, "fma"))
    return probe_fma(threads, seconds, argc > 4 ? argv[4] : "");
  if (!strcmp(what, "read"))
    return probe_read(threads, seconds, argc > 4 ? (size_t)atol(argv[4]) : 256);
  return fprintf(stderr, "probe: expected fma or read\n"), 2;
}
