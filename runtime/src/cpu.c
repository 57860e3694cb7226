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
    features |= WINNOW_CPU_AVX512 | (c & (1u << 11) ? WINNOW_CPU_AVX512_VNNI : 0);
  unsigned a71;
  if (__get_cpuid_count(7, 1, &a71, &b, &c, &d))
    features |= a71 & (1u << 4) ? WINNOW_CPU_AVX_VNNI : 0;
  return features;
}
#else
uint64_t winnow_cpu_features(void) { return 0; }
#endif

/* Appends to a list of names, as far as there is room. */
static void append(char *list, size_t room, const char *name) {
  size_t used = strlen(list);
  snprintf(list + used, room - used, "%s%s", used ? ", " : "", name);
}

/* What the machine lacks to run the code; empty if nothing. */
static void list_missing(const winnow_code *code, char *list, size_t room) {
  static const char *const names[] = {"avx2", "fma", "f16c", "bmi2",
                                      "avx512 (f, bw, cd, dq, vl)", "avx512_vnni",
                                      "avx_vnni"};
  uint64_t missing = code->cpu_features & ~winnow_cpu_features();
  *list = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (missing >> i & 1)
      append(list, room, names[i]);
  uint64_t unknown = missing >> (sizeof names / sizeof *names);
  if (unknown)
    append(list, room,
           *list ? "and features that this runtime does not know"
                 : "features that this runtime does not know");
}

/* The code for the level that the environment names. */
static winnow_status *choose_named(const winnow_model_desc *desc,
                                   const char *name, const char *levels,
                                   const winnow_code **code) {
  for (int32_t i = 0; i < desc->num_codes; ++i) {
    if (strcmp(desc->codes[i].cpu_level, name) != 0)
      continue;
    char missing[160];
    list_missing(&desc->codes[i], missing, sizeof missing);
    if (*missing)
      return winnow_error(
          WINNOW_ERROR_CPU_UNSUPPORTED,
          "expected WINNOW_CPU to name a level that this machine can run, got "
          "'%s', whose code in model '%s' needs %s",
          name, desc->name, missing);
    *code = &desc->codes[i];
    return NULL;
  }
  return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                      "expected WINNOW_CPU to name a level that model '%s' was "
                      "compiled for (%s), got '%s'",
                      desc->name, levels, name);
}

winnow_status *winnow_choose_code(const winnow_model_desc *desc,
                                  const winnow_code **code) {
  char levels[160] = "", missing[160] = "";
  for (int32_t i = 0; i < desc->num_codes; ++i)
    append(levels, sizeof levels, desc->codes[i].cpu_level);
  const char *name = getenv("WINNOW_CPU");
  if (name && *name)
    return choose_named(desc, name, levels, code);
  for (int32_t i = 0; i < desc->num_codes; ++i) {
    list_missing(&desc->codes[i], missing, sizeof missing);
    if (!*missing) {
      *code = &desc->codes[i];
      return NULL;
    }
  }
  return winnow_error(
      WINNOW_ERROR_CPU_UNSUPPORTED,
      "model '%s' was compiled for %s and needs %s%s, which this machine "
      "lacks; compile it with --cpu=native on this machine, or with "
      "--cpu=x86-64",
      desc->name, levels, desc->num_codes > 1 ? "at least " : "", missing);
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
