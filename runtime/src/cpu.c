#define _GNU_SOURCE
#include "internal.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* Which register state the operating system saves: without it, vector
 * instructions fault although the CPU has them. */
static uint64_t saved_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t)high << 32) | low;
}

uint64_t winnow_cpu_features(void) {
  enum { YMM_STATE = 0x06, ZMM_STATE = 0xe6 };
  unsigned a, b, c1, d, b7, c;
  if (!__get_cpuid(1, &a, &b, &c1, &d) ||
      !__get_cpuid_count(7, 0, &a, &b7, &c, &d))
    return 0;
  uint64_t features = b7 & (1u << 8) ? WINNOW_CPU_BMI2 : 0;
  uint64_t state = c1 & (1u << 27) ? saved_state() : 0;
  if ((state & YMM_STATE) != YMM_STATE || !(c1 & (1u << 28)))
    return features;
  features |= b7 & (1u << 5) ? WINNOW_CPU_AVX2 : 0;
  features |= c1 & (1u << 12) ? WINNOW_CPU_FMA : 0;
  features |= c1 & (1u << 29) ? WINNOW_CPU_F16C : 0;
  const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  if ((state & ZMM_STATE) == ZMM_STATE && (b7 & avx512) == avx512)
    features |= WINNOW_CPU_AVX512;
  return features;
}
#else
uint64_t winnow_cpu_features(void) { return 0; }
#endif

winnow_status *winnow_check_cpu(const winnow_model_desc *desc) {
  static const char *const names[] = {"avx2", "fma", "f16c", "bmi2",
                                      "avx512 (f, bw, cd, dq, vl)"};
  uint64_t missing = desc->cpu_features & ~winnow_cpu_features();
  if (!missing)
    return NULL;
  char list[160] = "";
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (missing >> i & 1) {
      strcat(list, *list ? ", " : "");
      strcat(list, names[i]);
    }
  uint64_t unknown = missing >> (sizeof names / sizeof *names);
  if (unknown)
    strcat(list, *list ? ", and features that this runtime does not know"
                       : "features that this runtime does not know");
  return winnow_error(
      WINNOW_ERROR_CPU_UNSUPPORTED,
      "model '%s' was compiled for %s and needs %s, which this machine lacks; "
      "compile it with --cpu=native on this machine, or with --cpu=x86-64",
      desc->name, desc->cpu_level, list);
}

int winnow_available_cpus(void) {
  /* The kernel refuses a set that is smaller than its own, so grow until it
   * fits. */
  for (int room = 1024; room <= 1 << 20; room *= 4) {
    cpu_set_t *set = CPU_ALLOC((size_t)room);
    if (!set)
      return 1;
    size_t bytes = CPU_ALLOC_SIZE((size_t)room);
    int count =
        sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0)
      return count;
  }
  return 1;
}
