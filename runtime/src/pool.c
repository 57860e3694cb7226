/* The threads of a context, and what generated code calls.
 *
 * A parallel region is a number and a count of chunks, of which each thread owns
 * as many as any other, neighbours: the same rows in most regions, so that what
 * one region writes is in the cache of who reads it in the next. A thread takes
 * its own chunks from the first on, then those of others from the last back.
 *
 * What is taken of a thread's chunks is a word with the region's number, changed
 * by compare-and-swap. A thread that is late cannot take a chunk of a region
 * that is over: all of them were taken, so every word that had any says so, or
 * names a later region. The number is odd while the fields of a region change,
 * and who reads them reads it before and after. A region is over when all chunks
 * are done; no thread waits for another that has none. Idle threads spin for a
 * while and then sleep on a futex. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
  CACHE_LINE = WINNOW_CACHE_LINE,
  STACK_BYTES = 1 << 20,
  CHUNKS_PER_THREAD = 8, /* enough to even out threads of unequal speed */
  COUNT_BITS = 8, /* of chunks that are taken, twice in a word */
  MAX_THREADS = 1 << 16
};

struct winnow_pool {
  /* The region. Written by the caller's thread between regions only. */
  _Atomic(winnow_task_fn) fn;
  _Atomic(void *) ctx;
  atomic_int_fast64_t n, chunks;

  _Alignas(CACHE_LINE) _Atomic uint64_t region;    /* its number */
  _Alignas(CACHE_LINE) _Atomic uint32_t remaining; /* chunks not done; futex */
  _Atomic uint32_t caller_sleeps;
  _Alignas(CACHE_LINE) _Atomic uint32_t signal; /* one more per region; futex */
  _Atomic uint32_t sleepers;
  atomic_bool stop;

  _Alignas(CACHE_LINE) _Atomic int32_t failed_site;
  /* The run that is in progress. Only the caller's thread uses this. */
  const winnow_model_desc *desc;
  int64_t *symbols;
  const int64_t *capacities;
  int32_t grown_symbol;
  int64_t grown_value;
  jmp_buf leave;

  winnow_gpu_run *gpu; /* of code that computes there */
  winnow_recorder recorder;
  winnow_rt_scope *(*bind)(winnow_rt_scope *);
  int64_t spin_ns;
  void *scratch; /* of all threads */
  size_t scratch_bytes;
  int num_threads;
  int num_started;
  int avoided_cpu; /* that the workers are kept off, or -1 */
  pthread_t *handles;
  winnow_thread threads[];
};

/* ---- Waiting ---- */

static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void relax(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Returns once *word differs from `value`, or false after spinning in vain. */
static bool spin_until_changed(_Atomic uint32_t *word, uint32_t value,
                               int64_t spin_ns) {
  if (atomic_load_explicit(word, memory_order_acquire) != value)
    return true;
  if (spin_ns <= 0)
    return false;
  int64_t end = winnow_now_ns() + spin_ns;
  do {
    for (int i = 0; i < 16; ++i) {
      if (atomic_load_explicit(word, memory_order_acquire) != value)
        return true;
      relax();
    }
  } while (winnow_now_ns() < end);
  return false;
}

/* Rounding and denormal modes are each thread's own; all threads of a run use
 * the default ones, or results would depend on who computes what. */
static uint32_t set_default_float_mode(void) {
#if defined(__x86_64__)
  uint32_t before = _mm_getcsr();
  _mm_setcsr(0x1f80);
  return before;
#else
  return 0;
#endif
}

static void restore_float_mode(uint32_t mode) {
#if defined(__x86_64__)
  _mm_setcsr(mode);
#else
  (void)mode;
#endif
}

/* ---- Regions ---- */

static void run_task(winnow_thread *thread, winnow_task_fn fn, void *ctx,
                     int64_t begin, int64_t end) {
  bool nested = thread->in_task;
  winnow_recorder *recorder = &thread->pool->recorder;
  int64_t start = nested ? 0 : winnow_recorder_now(recorder);
  thread->in_task = true;
  fn(ctx, begin, end, thread->scratch);
  thread->in_task = nested;
  if (!nested)
    winnow_recorder_add_part(recorder, (int32_t)(thread - thread->pool->threads),
                             start);
}

/* The fields of a region, as they were at one time. */
typedef struct {
  uint64_t number;
  winnow_task_fn fn;
  void *ctx;
  int64_t n, chunks;
} region_fields;

static bool read_region(winnow_pool *pool, region_fields *region) {
  for (;;) {
    region->number = atomic_load_explicit(&pool->region, memory_order_acquire);
    /* Who begins a region signals it then. */
    if (region->number % 2)
      return false;
    region->fn = atomic_load_explicit(&pool->fn, memory_order_acquire);
    region->ctx = atomic_load_explicit(&pool->ctx, memory_order_acquire);
    region->n = atomic_load_explicit(&pool->n, memory_order_acquire);
    region->chunks = atomic_load_explicit(&pool->chunks, memory_order_acquire);
    if (atomic_load_explicit(&pool->region, memory_order_acquire) ==
        region->number)
      return true;
  }
}

/* Where a chunk begins: their sizes differ by one at most. */
static int64_t get_begin(const region_fields *region, int64_t chunk) {
  int64_t size = region->n / region->chunks, rest = region->n % region->chunks;
  return chunk * size + chunk * rest / region->chunks;
}

/* The number of a chunk that a thread owns, or -1 if none is left. */
static int64_t take_chunk(winnow_pool *pool, const region_fields *region,
                          int owner, bool from_front) {
  int64_t threads = pool->num_threads;
  /* Of few chunks the caller has the first. */
  int64_t begin = (owner * region->chunks + threads - 1) / threads;
  int64_t end = ((owner + 1) * region->chunks + threads - 1) / threads;
  int64_t count = end - begin;
  _Atomic uint64_t *word = &pool->threads[owner].taken;
  uint64_t taken = atomic_load_explicit(word, memory_order_acquire);
  for (;;) {
    uint64_t number = taken >> 2 * COUNT_BITS;
    int64_t front = 0, back = 0;
    if (number == region->number) {
      front = (int64_t)(taken >> COUNT_BITS) & ((1 << COUNT_BITS) - 1);
      back = (int64_t)taken & ((1 << COUNT_BITS) - 1);
    }
    if (number > region->number || front + back >= count)
      return -1;
    int64_t index = from_front ? front++ : count - 1 - back++;
    uint64_t next = region->number << 2 * COUNT_BITS |
                    (uint64_t)front << COUNT_BITS | (uint64_t)back;
    /* On failure, `taken` becomes the present one. */
    if (atomic_compare_exchange_weak_explicit(word, &taken, next,
                                              memory_order_acq_rel,
                                              memory_order_acquire))
      return begin + index;
  }
}

/* Takes and runs chunks until none is left. */
static void work(winnow_thread *thread) {
  winnow_pool *pool = thread->pool;
  region_fields region;
  if (!read_region(pool, &region))
    return;
  int self = (int)(thread - pool->threads);
  for (int i = 0; i < pool->num_threads; ++i) {
    int owner = (self + i) % pool->num_threads;
    int64_t index;
    while ((index = take_chunk(pool, &region, owner, i == 0)) >= 0) {
      run_task(thread, region.fn, region.ctx, get_begin(&region, index),
               get_begin(&region, index + 1));
      if (atomic_fetch_sub(&pool->remaining, 1) == 1 &&
          atomic_load(&pool->caller_sleeps))
        futex_wake(&pool->remaining, 1);
    }
    if (atomic_load_explicit(&pool->remaining, memory_order_relaxed) == 0)
      return;
  }
}

static void wait_for_the_others(winnow_pool *pool) {
  uint32_t left;
  while ((left = atomic_load_explicit(&pool->remaining,
                                      memory_order_acquire)) != 0) {
    if (spin_until_changed(&pool->remaining, left, pool->spin_ns))
      continue;
    atomic_store(&pool->caller_sleeps, 1);
    if ((left = atomic_load(&pool->remaining)) != 0)
      futex_wait(&pool->remaining, left);
    atomic_store(&pool->caller_sleeps, 0);
  }
}

/* Keeps the workers off the CPU that the caller runs on. A kernel under a
 * hypervisor takes the other, halted CPUs for busy and would wake a worker
 * behind the caller, where it waits until the region is over. Does nothing
 * where the caller's CPUs do not suffice for all threads. */
static void avoid_callers_cpu(winnow_pool *pool) {
  int cpu = sched_getcpu();
  if (cpu < 0 || cpu == pool->avoided_cpu)
    return;
  pool->avoided_cpu = cpu;
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) != 0 || cpu >= CPU_SETSIZE ||
      CPU_COUNT(&cpus) < pool->num_threads)
    return;
  CPU_CLR(cpu, &cpus);
  for (int i = 1; i <= pool->num_started; ++i)
    (void)pthread_setaffinity_np(pool->handles[i], sizeof cpus, &cpus);
}

static void pool_parallel(winnow_rt_scope *scope, winnow_task_fn fn, void *ctx,
                          int64_t n, int64_t grain) {
  winnow_thread *thread = (winnow_thread *)scope;
  winnow_pool *pool = thread->pool;
  if (n <= 0)
    return;
  /* All threads own as many chunks, unless there is too little for that. */
  int64_t chunks = (int64_t)pool->num_threads * CHUNKS_PER_THREAD;
  if (chunks > n / (grain > 1 ? grain : 1))
    chunks = n / (grain > 1 ? grain : 1);
  if (chunks > pool->num_threads)
    chunks -= chunks % pool->num_threads;
  if (thread->in_task || pool->num_threads == 1 || chunks <= 1) {
    run_task(thread, fn, ctx, 0, n);
    return;
  }
  uint64_t number =
      atomic_load_explicit(&pool->region, memory_order_relaxed) + 1;
  /* Released field by field: who reads a new field also finds the number odd.
   */
  atomic_store_explicit(&pool->region, number, memory_order_relaxed);
  atomic_store_explicit(&pool->fn, fn, memory_order_release);
  atomic_store_explicit(&pool->ctx, ctx, memory_order_release);
  atomic_store_explicit(&pool->n, n, memory_order_release);
  atomic_store_explicit(&pool->chunks, chunks, memory_order_release);
  atomic_store_explicit(&pool->remaining, (uint32_t)chunks,
                        memory_order_relaxed);
  atomic_store_explicit(&pool->region, number + 1, memory_order_release);
  /* A sleeper counts itself before it compares the signal, so either it is
   * seen here or it sees the new signal. */
  atomic_fetch_add(&pool->signal, 1);
  if (atomic_load(&pool->sleepers)) {
    avoid_callers_cpu(pool);
    futex_wake(&pool->signal, (int)chunks - 1);
  }
  work(thread);
  wait_for_the_others(pool);
}

static void pool_fail(winnow_rt_scope *scope, int32_t site) {
  winnow_pool *pool = ((winnow_thread *)scope)->pool;
  int32_t none = -1;
  atomic_compare_exchange_strong(&pool->failed_site, &none, site);
}

/* Ends the run from within the model's code. No other thread works for it then:
 * the call is outside of tasks. */
static _Noreturn void leave_run(winnow_pool *pool) { longjmp(pool->leave, 1); }

static void pool_stop(winnow_rt_scope *scope, int32_t site) {
  pool_fail(scope, site);
  leave_run(((winnow_thread *)scope)->pool);
}

static void pool_define(winnow_rt_scope *scope, int32_t symbol, int64_t value,
                        int32_t site) {
  winnow_pool *pool = ((winnow_thread *)scope)->pool;
  const winnow_symbol_desc *desc = &pool->desc->symbols[symbol];
  if (value < desc->min || value > desc->max)
    pool_stop(scope, site);
  if (value > pool->capacities[symbol]) {
    pool->grown_symbol = symbol;
    pool->grown_value = value;
    leave_run(pool);
  }
  pool->symbols[symbol] = value;
}

static void pool_mark(winnow_rt_scope *scope, int32_t op, int64_t flops,
                      int64_t bytes) {
  winnow_recorder_begin(&((winnow_thread *)scope)->pool->recorder, op, flops,
                        bytes);
}

static void pool_count(winnow_rt_scope *scope, int64_t active, int64_t elements,
                       int64_t computed) {
  winnow_recorder_count(&((winnow_thread *)scope)->pool->recorder, active,
                        elements, computed);
}

static void pool_launch(winnow_rt_scope *scope, int32_t kernel,
                        const int64_t grid[3], const int32_t block[3],
                        int32_t shared_bytes, void **params) {
  winnow_pool *pool = ((winnow_thread *)scope)->pool;
  if (!winnow_gpu_launch(pool->gpu, kernel, grid, block, shared_bytes, params))
    leave_run(pool);
}

static void pool_read(winnow_rt_scope *scope, void *to, const void *from,
                      int64_t bytes) {
  winnow_pool *pool = ((winnow_thread *)scope)->pool;
  if (!winnow_gpu_read(pool->gpu, to, from, bytes))
    leave_run(pool);
}

static void pool_tensor_map(winnow_rt_scope *scope, void *map,
                            const winnow_rt_tensor *tensor) {
  winnow_pool *pool = ((winnow_thread *)scope)->pool;
  if (!winnow_gpu_tensor_map(pool->gpu, map, tensor))
    leave_run(pool);
}

static void *pool_device_status(winnow_rt_scope *scope) {
  return winnow_gpu_status_word(((winnow_thread *)scope)->pool->gpu);
}

void winnow_pool_set_gpu(winnow_pool *pool, winnow_gpu_run *run) {
  winnow_rt_scope *scope = &pool->threads[0].scope;
  pool->gpu = run;
  scope->launch = run ? pool_launch : NULL;
  scope->read = run ? pool_read : NULL;
  scope->device_status = run ? pool_device_status : NULL;
  scope->tensor_map = run ? pool_tensor_map : NULL;
}

static void *worker(void *argument) {
  winnow_thread *thread = argument;
  winnow_pool *pool = thread->pool;
  pool->bind(&thread->scope);
  set_default_float_mode();
  uint32_t seen = 0;
  while (!atomic_load(&pool->stop)) {
    if (!spin_until_changed(&pool->signal, seen, pool->spin_ns)) {
      atomic_fetch_add(&pool->sleepers, 1);
      futex_wait(&pool->signal, seen);
      atomic_fetch_sub(&pool->sleepers, 1);
    }
    uint32_t signal = atomic_load(&pool->signal);
    if (signal != seen)
      work(thread);
    seen = signal;
  }
  return NULL;
}

/* ---- Life ---- */

static winnow_status *start_workers(winnow_pool *pool) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0)
    return winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                        "expected memory for threads, got none");
  /* A failure leaves the default size, which is larger. */
  (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
  /* Signals are the program's: its handlers do not run on our threads. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  for (int i = 1; i < pool->num_threads && !error; ++i) {
    error = pthread_create(&pool->handles[i], &attributes, worker,
                           &pool->threads[i]);
    pool->num_started += !error;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (!error)
    return NULL;
  return winnow_error(WINNOW_ERROR_IO,
                      "cannot start thread %d of %d: %s; ask for fewer threads",
                      pool->num_started + 1, pool->num_threads,
                      strerror(error));
}

winnow_status *winnow_pool_create(const winnow_model *model,
                                  int num_threads, int spin_us,
                                  winnow_pool **result) {
  if (num_threads < 0 || num_threads > MAX_THREADS)
    return winnow_error(
        WINNOW_ERROR_INVALID_ARGUMENT,
        "expected num_threads between 0 (all CPUs) and %d, got %d", MAX_THREADS,
        num_threads);
  int cpus = winnow_available_cpus();
  if (num_threads == 0)
    num_threads = cpus;
  /* More threads than CPUs: who spins keeps the one with work from running. */
  if (spin_us == 0)
    spin_us = num_threads > cpus ? -1 : 20;

  int64_t scratch = (model->code->scratch_bytes + WINNOW_ALIGNMENT - 1) /
                    WINNOW_ALIGNMENT * WINNOW_ALIGNMENT;
  int64_t all_scratch;
  size_t bytes =
      sizeof(winnow_pool) + (size_t)num_threads * sizeof(winnow_thread);
  bytes = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
  winnow_pool *pool = aligned_alloc(CACHE_LINE, bytes);
  if (!pool || !winnow_multiply(scratch, num_threads, &all_scratch)) {
    free(pool);
    return winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                        "expected memory for %d threads, got none",
                        num_threads);
  }
  memset(pool, 0, bytes);
  pool->bind = model->desc->bind;
  pool->spin_ns = (int64_t)spin_us * 1000;
  pool->num_threads = num_threads;
  pool->scratch_bytes = (size_t)all_scratch;
  pool->failed_site = -1;
  pool->avoided_cpu = -1;
  pool->handles = calloc((size_t)num_threads, sizeof *pool->handles);
  winnow_status *status = NULL;
  if (all_scratch > 0)
    pool->scratch = winnow_map_memory(pool->scratch_bytes);
  if (!pool->handles || (all_scratch > 0 && !pool->scratch))
    status =
        winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                     "expected %lld bytes of scratch for %d threads, got none",
                     (long long)all_scratch, num_threads);
  for (int i = 0; i < num_threads; ++i) {
    winnow_thread *thread = &pool->threads[i];
    thread->scope.parallel = pool_parallel;
    thread->scope.fail = pool_fail;
    thread->scope.define = pool_define;
    thread->scope.stop = pool_stop;
    thread->pool = pool;
    thread->scratch =
        pool->scratch ? (char *)pool->scratch + (int64_t)i * scratch : NULL;
  }
  if (!status)
    status = start_workers(pool);
  if (status) {
    winnow_pool_destroy(pool);
    return status;
  }
  *result = pool;
  return NULL;
}

void winnow_pool_destroy(winnow_pool *pool) {
  if (!pool)
    return;
  atomic_store(&pool->stop, true);
  atomic_fetch_add(&pool->signal, 1);
  futex_wake(&pool->signal, INT_MAX);
  for (int i = 1; i <= pool->num_started; ++i)
    pthread_join(pool->handles[i], NULL);
  winnow_unmap_memory(pool->scratch, pool->scratch_bytes);
  free(pool->handles);
  free(pool);
}

int winnow_pool_num_threads(const winnow_pool *pool) {
  return pool->num_threads;
}

size_t winnow_pool_profile(winnow_pool *pool, winnow_profile_event *events,
                           size_t capacity) {
  winnow_recorder *recorder = &pool->recorder;
  recorder->events = events;
  recorder->capacity = capacity;
  recorder->op = -1;
  recorder->open = NULL;
  pool->threads[0].scope.mark = events ? pool_mark : NULL;
  pool->threads[0].scope.count = events ? pool_count : NULL;
  return atomic_exchange(&recorder->count, 0);
}

winnow_outcome winnow_pool_run(winnow_pool *pool, const winnow_model *model,
                               const winnow_call *call,
                               const int64_t *capacities) {
  atomic_store(&pool->failed_site, -1);
  pool->desc = model->desc;
  pool->symbols = call->symbols;
  pool->capacities = capacities;
  pool->grown_symbol = -1;
  /* No local changes after setjmp, so all have their values when it returns for
   * the second time. */
  const uint32_t mode = set_default_float_mode();
  winnow_rt_scope *const outer = pool->bind(&pool->threads[0].scope);
  if (pool->recorder.events)
    winnow_recorder_begin(&pool->recorder, -1, 0, 0);
  if (setjmp(pool->leave) == 0)
    model->code->run(call);
  winnow_recorder_end(&pool->recorder, 0);
  pool->bind(outer);
  restore_float_mode(mode);
  return (winnow_outcome){.failed_site = atomic_load(&pool->failed_site),
                          .grown_symbol = pool->grown_symbol,
                          .grown_value = pool->grown_value};
}

/* ---- What generated code calls ---- */

static _Thread_local winnow_rt_scope *current_scope;

WINNOW_API winnow_rt_scope *winnow_rt_bind(winnow_rt_scope *scope) {
  winnow_rt_scope *before = current_scope;
  current_scope = scope;
  return before;
}

WINNOW_API void winnow_rt_parallel(winnow_task_fn fn, void *ctx, int64_t n,
                                   int64_t grain) {
  winnow_rt_scope *scope = current_scope;
  if (scope)
    scope->parallel(scope, fn, ctx, n, grain);
  else if (n > 0)
    fn(ctx, 0, n, NULL);
}

WINNOW_API void winnow_rt_fail(int32_t site) {
  winnow_rt_scope *scope = current_scope;
  if (scope)
    scope->fail(scope, site);
}

WINNOW_API void winnow_rt_define(int32_t symbol, int64_t value, int32_t site) {
  winnow_rt_scope *scope = current_scope;
  if (scope)
    scope->define(scope, symbol, value, site);
}

WINNOW_API void winnow_rt_mark(int32_t op, int64_t flops, int64_t bytes) {
  winnow_rt_scope *scope = current_scope;
  if (scope && scope->mark)
    scope->mark(scope, op, flops, bytes);
}

WINNOW_API void winnow_rt_count(int64_t active, int64_t elements,
                                int64_t computed) {
  winnow_rt_scope *scope = current_scope;
  if (scope && scope->count)
    scope->count(scope, active, elements, computed);
}

WINNOW_API void winnow_rt_stop(int32_t site) {
  winnow_rt_scope *scope = current_scope;
  if (scope)
    scope->stop(scope, site);
}

WINNOW_API void winnow_rt_launch(int32_t kernel, int64_t grid_x, int64_t grid_y,
                                 int64_t grid_z, int32_t block_x,
                                 int32_t block_y, int32_t block_z,
                                 int32_t shared_bytes, void **params) {
  winnow_rt_scope *scope = current_scope;
  const int64_t grid[3] = {grid_x, grid_y, grid_z};
  const int32_t block[3] = {block_x, block_y, block_z};
  if (scope && scope->launch)
    scope->launch(scope, kernel, grid, block, shared_bytes, params);
}

WINNOW_API void winnow_rt_tensor_map(void *map, const void *address,
                                     int32_t element, int64_t extent_0,
                                     int64_t extent_1, int64_t extent_2,
                                     int64_t stride_1, int64_t stride_2,
                                     int32_t box_0, int32_t box_1) {
  winnow_rt_scope *scope = current_scope;
  const winnow_rt_tensor tensor = {address,
                                   element,
                                   {extent_0, extent_1, extent_2},
                                   {stride_1, stride_2},
                                   {box_0, box_1}};
  if (scope && scope->tensor_map)
    scope->tensor_map(scope, map, &tensor);
}

WINNOW_API void winnow_rt_read(void *to, const void *from, int64_t bytes) {
  winnow_rt_scope *scope = current_scope;
  if (scope && scope->read)
    scope->read(scope, to, from, bytes);
}

WINNOW_API void *winnow_rt_device_status(void) {
  winnow_rt_scope *scope = current_scope;
  return scope && scope->device_status ? scope->device_status(scope) : NULL;
}
