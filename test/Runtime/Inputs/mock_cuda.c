/* A stand-in for libcuda.so.1: memory is the host's, launches are recorded, and
 * kernels run where WINNOW_MOCK_KERNELS names a library that `--emit emulation` led
 * to, a call a thread. For tests: what the GPU would compute and time is not told by it.
 *
 * Environment: WINNOW_MOCK_COMPUTE (80), the compute capability; WINNOW_MOCK_FAIL, a
 * function's name, optionally ":n" for the n-th call from 1, which then returns
 * WINNOW_MOCK_RESULT (999); WINNOW_MOCK_MEMORY, bytes there are; WINNOW_MOCK_LOG, a
 * file that gets a line for each call. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))
enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_FOUND = 500 };

static size_t allocated;
static struct { void *memory; size_t bytes; } blocks[4096];

static int enter(const char *name, const char *detail) {
  static struct { const char *name; int count; } counts[64];
  const char *log = getenv("WINNOW_MOCK_LOG");
  if (log) {
    FILE *file = fopen(log, "a");
    if (file) {
      fprintf(file, "%s%s%s\n", name, *detail ? " " : "", detail);
      fclose(file);
    }
  }
  int count = 0;
  for (int i = 0; i < 64; ++i) {
    if (counts[i].name && strcmp(counts[i].name, name))
      continue;
    counts[i].name = name;
    count = ++counts[i].count;
    break;
  }
  const char *fail = getenv("WINNOW_MOCK_FAIL");
  size_t length = strlen(name);
  if (!fail || strncmp(fail, name, length) || (fail[length] && fail[length] != ':'))
    return SUCCESS;
  if (fail[length] && atoi(fail + length + 1) != count)
    return SUCCESS;
  const char *result = getenv("WINNOW_MOCK_RESULT");
  return result ? atoi(result) : 999;
}

/* Whether the device's memory holds all of it. */
static int holds(uint64_t address, size_t bytes) {
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) {
    uint64_t begin = (uint64_t)(uintptr_t)blocks[i].memory;
    if (begin && address >= begin && address + bytes <= begin + blocks[i].bytes)
      return 1;
  }
  return 0;
}

#define ENTER(detail)                                                           \
  do {                                                                          \
    int result_ = enter(__func__, detail);                                      \
    if (result_)                                                                \
      return result_;                                                           \
  } while (0)

API int cuInit(unsigned flags) { ENTER(""); return flags ? INVALID_VALUE : SUCCESS; }
API int cuDeviceGetCount(int *count) { ENTER(""); *count = 1; return SUCCESS; }
API int cuDeviceGet(int *device, int ordinal) { ENTER(""); *device = ordinal; return SUCCESS; }
API int cuDeviceGetAttribute(int *value, int attribute, int device) {
  ENTER("");
  (void)device;
  const char *text = getenv("WINNOW_MOCK_COMPUTE");
  int compute = text ? atoi(text) : 80;
  *value = attribute == 75 ? compute / 10 : attribute == 76 ? compute % 10 : 0;
  return SUCCESS;
}
API int cuDevicePrimaryCtxRetain(void **context, int device) { ENTER(""); (void)device; *context = blocks; return SUCCESS; }
API int cuDevicePrimaryCtxRelease_v2(int device) { ENTER(""); (void)device; return SUCCESS; }
API int cuCtxPushCurrent_v2(void *context) { ENTER(""); return context ? SUCCESS : INVALID_VALUE; }
API int cuCtxPopCurrent_v2(void **context) { ENTER(""); if (context) *context = NULL; return SUCCESS; }

static void *kernels;
API int cuModuleLoadDataEx(void **module, const void *image, unsigned count, int *options, void **values) {
  const char *text = image;
  ENTER(memcmp(image, "\177ELF", 4) ? "ptx" : "cubin");
  (void)count, (void)options, (void)values;
  if (memcmp(image, "\177ELF", 4) && !strstr(text, ".version"))
    return INVALID_VALUE;
  const char *path = getenv("WINNOW_MOCK_KERNELS");
  if (path && !kernels && !(kernels = dlopen(path, RTLD_NOW | RTLD_LOCAL))) {
    fprintf(stderr, "%s\n", dlerror());
    return NOT_FOUND;
  }
  *module = malloc(1);
  return SUCCESS;
}
API int cuModuleUnload(void *module) { ENTER(""); free(module); return SUCCESS; }

typedef struct { char name[200]; void (*run)(void **); } function;
API int cuModuleGetFunction(void **result, void *module, const char *name) {
  static function functions[4096];
  static int used;
  ENTER(name);
  (void)module;
  function *own = NULL;
  for (int i = 0; i < used; ++i)
    if (!strcmp(functions[i].name, name))
      own = &functions[i];
  if (!own)
    own = &functions[used++];
  snprintf(own->name, sizeof own->name, "%s", name);
  char symbol[240];
  snprintf(symbol, sizeof symbol, "emulated.%s", name);
  if (kernels && !(*(void **)&own->run = dlsym(kernels, symbol)))
    return NOT_FOUND;
  *result = own;
  return SUCCESS;
}
API int cuFuncSetAttribute(void *kernel, int attribute, int value) { ENTER(""); (void)kernel, (void)attribute, (void)value; return SUCCESS; }

API int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  char detail[32];
  snprintf(detail, sizeof detail, "%zu", bytes);
  ENTER(detail);
  const char *limit = getenv("WINNOW_MOCK_MEMORY");
  if (!bytes)
    return INVALID_VALUE;
  if (limit && allocated + bytes > strtoull(limit, NULL, 10))
    return OUT_OF_MEMORY;
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i)
    if (!blocks[i].memory) {
      blocks[i].memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
      if (!blocks[i].memory)
        return OUT_OF_MEMORY;
      /* What is read before it is written shows. */
      memset(blocks[i].memory, 0xfb, bytes);
      blocks[i].bytes = bytes;
      allocated += bytes;
      *address = (uint64_t)(uintptr_t)blocks[i].memory;
      return SUCCESS;
    }
  return OUT_OF_MEMORY;
}
API int cuMemFree_v2(uint64_t address) {
  ENTER("");
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i)
    if (address && (uint64_t)(uintptr_t)blocks[i].memory == address) {
      free(blocks[i].memory);
      allocated -= blocks[i].bytes;
      blocks[i].memory = NULL;
      return SUCCESS;
    }
  return INVALID_VALUE;
}
API int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
  char detail[32];
  snprintf(detail, sizeof detail, "%zu", bytes);
  ENTER(detail);
  (void)stream;
  if (!holds(to, bytes))
    return INVALID_VALUE;
  memcpy((void *)(uintptr_t)to, from, bytes);
  return SUCCESS;
}
API int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
  char detail[32];
  snprintf(detail, sizeof detail, "%zu", bytes);
  ENTER(detail);
  (void)stream;
  if (!holds(from, bytes))
    return INVALID_VALUE;
  memcpy(to, (const void *)(uintptr_t)from, bytes);
  return SUCCESS;
}
API int cuMemsetD32Async(uint64_t to, unsigned value, size_t count, void *stream) {
  ENTER("");
  (void)stream;
  if (!holds(to, 4 * count))
    return INVALID_VALUE;
  for (size_t i = 0; i < count; ++i)
    ((uint32_t *)(uintptr_t)to)[i] = value;
  return SUCCESS;
}
API int cuStreamCreate(void **stream, unsigned flags) { ENTER(""); (void)flags; *stream = malloc(1); return SUCCESS; }
API int cuStreamDestroy_v2(void *stream) { ENTER(""); free(stream); return SUCCESS; }
API int cuStreamSynchronize(void *stream) { ENTER(""); (void)stream; return SUCCESS; }

/* By the rules of the driver's documentation; the map is not what a driver writes. */
API int cuTensorMapEncodeTiled(void *map, int type, uint32_t rank, void *address, const uint64_t *extents,
                               const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,
                               int swizzle, int l2, int beyond) {
  ENTER("");
  (void)l2, (void)beyond;
  if ((uintptr_t)map % 64 || (uintptr_t)address % 16 || rank < 1 || rank > 5 || interleave || swizzle != 3)
    return INVALID_VALUE;
  for (uint32_t i = 0; i < rank; ++i)
    if (!extents[i] || extents[i] > 1ull << 32 || !box[i] || box[i] > 256 || steps[i] != 1 ||
        (i + 1 < rank && (strides[i] % 16 || strides[i] >= 1ull << 40)))
      return INVALID_VALUE;
  if ((type != 6 && type != 9) || box[0] * 2 > 128 || box[0] * 2 % 16)
    return INVALID_VALUE;
  memset(map, type, 128);
  return SUCCESS;
}

API int cuLaunchKernel(void *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                       unsigned shared, void *stream, void **params, void **extra) {
  function *own = kernel;
  char detail[320];
  snprintf(detail, sizeof detail, "%s grid %u %u %u block %u %u %u shared %u", own->name, gx, gy, gz, bx, by, bz, shared);
  ENTER(detail);
  (void)stream;
  if (!gx || !gy || !gz || !bx || !by || !bz || bx * by * bz > 1024 || extra)
    return INVALID_VALUE;
  if (!own->run)
    return SUCCESS;
  uint32_t *ids = dlsym(kernels, "winnow_emulated_ids");
  uint32_t grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
  for (int i = 0; i < 3; ++i)
    ids[6 + i] = block[i], ids[9 + i] = grid[i];
  for (ids[5] = 0; ids[5] < gz; ++ids[5])
    for (ids[4] = 0; ids[4] < gy; ++ids[4])
      for (ids[3] = 0; ids[3] < gx; ++ids[3])
        for (ids[2] = 0; ids[2] < bz; ++ids[2])
          for (ids[1] = 0; ids[1] < by; ++ids[1])
            for (ids[0] = 0; ids[0] < bx; ++ids[0])
              own->run(params);
  return SUCCESS;
}

API int cuGetErrorName(int result, const char **name) {
  *name = result == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_UNKNOWN";
  return SUCCESS;
}
API int cuGetErrorString(int result, const char **text) {
  *text = result == OUT_OF_MEMORY ? "out of memory" : "unknown error";
  return SUCCESS;
}
