/* Models that compute on an NVIDIA GPU. The driver's library is opened at run time:
 * neither its header nor the library is needed to build or to run other models. */
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- The driver, as its documentation gives names and numbers ---- */

typedef int cu_result;
typedef int cu_device;
typedef uint64_t cu_address;
typedef struct cu_context *cu_context;
typedef struct cu_module *cu_module;
typedef struct cu_function *cu_function;
typedef struct cu_stream *cu_stream;

enum {
  CU_SUCCESS = 0,
  CU_OUT_OF_MEMORY = 2,
  CU_ATTRIBUTE_MAJOR = 75,
  CU_ATTRIBUTE_MINOR = 76,
  CU_FUNCTION_MAX_DYNAMIC_SHARED = 8,
  CU_JIT_ERROR_LOG = 5,
  CU_JIT_ERROR_LOG_BYTES = 6,
  CU_STREAM_NON_BLOCKING = 1,
  CU_INTERLEAVE_NONE = 0,
  CU_SWIZZLE_128B = 3,
  CU_L2_PROMOTION_256B = 3,
  CU_BEYOND_IS_ZERO = 0
};

/* Names with the suffix of the version that takes 64-bit addresses. */
#define DRIVER_FUNCTIONS(f)                                                     \
  f(cuInit, (unsigned))                                                         \
  f(cuDeviceGetCount, (int *))                                                  \
  f(cuDeviceGet, (cu_device *, int))                                            \
  f(cuDeviceGetAttribute, (int *, int, cu_device))                              \
  f(cuDevicePrimaryCtxRetain, (cu_context *, cu_device))                        \
  f(cuDevicePrimaryCtxRelease_v2, (cu_device))                                  \
  f(cuCtxPushCurrent_v2, (cu_context))                                          \
  f(cuCtxPopCurrent_v2, (cu_context *))                                         \
  f(cuModuleLoadDataEx,                                                         \
    (cu_module *, const void *, unsigned, int *, void **))                      \
  f(cuModuleUnload, (cu_module))                                                \
  f(cuModuleGetFunction, (cu_function *, cu_module, const char *))              \
  f(cuFuncSetAttribute, (cu_function, int, int))                                \
  f(cuMemAlloc_v2, (cu_address *, size_t))                                      \
  f(cuMemFree_v2, (cu_address))                                                 \
  f(cuMemcpyHtoDAsync_v2, (cu_address, const void *, size_t, cu_stream))        \
  f(cuMemcpyDtoHAsync_v2, (void *, cu_address, size_t, cu_stream))              \
  f(cuMemsetD32Async, (cu_address, unsigned, size_t, cu_stream))                \
  f(cuStreamCreate, (cu_stream *, unsigned))                                    \
  f(cuStreamDestroy_v2, (cu_stream))                                            \
  f(cuStreamSynchronize, (cu_stream))                                           \
  f(cuLaunchKernel,                                                             \
    (cu_function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,   \
     unsigned, cu_stream, void **, void **))                                    \
  f(cuTensorMapEncodeTiled,                                                     \
    (void *, int, uint32_t, void *, const uint64_t *, const uint64_t *,         \
     const uint32_t *, const uint32_t *, int, int, int, int))                   \
  f(cuGetErrorName, (cu_result, const char **))                                 \
  f(cuGetErrorString, (cu_result, const char **))

static struct {
#define FIELD(name, arguments) cu_result(*name) arguments;
  DRIVER_FUNCTIONS(FIELD)
#undef FIELD
  const char *missing; /* what there is not, or NULL */
  cu_result initialised;
} driver;

static void load_driver(void) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    driver.missing = "libcuda.so.1";
    return;
  }
#define LOOK_UP(name, arguments)                                                \
  *(void **)&driver.name = dlsym(library, #name);                               \
  if (!driver.name)                                                             \
    driver.missing = #name;
  DRIVER_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
  if (!driver.missing)
    driver.initialised = driver.cuInit(0);
}

static winnow_status *driver_error(cu_result result, const char *call,
                                   const winnow_model_desc *desc) {
  const char *name = NULL, *text = NULL;
  driver.cuGetErrorName(result, &name);
  driver.cuGetErrorString(result, &text);
  return winnow_error(result == CU_OUT_OF_MEMORY ? WINNOW_ERROR_OUT_OF_MEMORY
                                                 : WINNOW_ERROR_DEVICE,
                      "model '%s': %s reports %s (%d): %s", desc->name, call,
                      name ? name : "an unknown error", result,
                      text ? text : "no description");
}

/* Sets `status`, which the function has, unless it is an error already. */
#define CALL(function, arguments, desc)                                         \
  do {                                                                          \
    if (!status) {                                                              \
      cu_result result_ = driver.function arguments;                            \
      if (result_ != CU_SUCCESS)                                                \
        status = driver_error(result_, #function, desc);                        \
    }                                                                           \
  } while (0)

static void pop_context(void) {
  cu_context ours;
  driver.cuCtxPopCurrent_v2(&ours);
}

/* ---- What belongs to a model ---- */

struct winnow_gpu {
  const winnow_model_desc *desc;
  const winnow_gpu_code *code;
  cu_device device;
  cu_context context;
  cu_module module;
  cu_function *kernels;
  int32_t *shared_bytes; /* that each kernel may have */
  cu_address weights;
  bool owns_weights;
};

static winnow_status *find_device(const winnow_model_desc *desc,
                                  cu_device *device, int *compute) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load_driver);
  if (driver.missing)
    return winnow_error(WINNOW_ERROR_DEVICE,
                        "model '%s' computes on a GPU: expected an NVIDIA "
                        "driver of CUDA 12 or later, got none with %s",
                        desc->name, driver.missing);
  winnow_status *status = NULL;
  if (driver.initialised != CU_SUCCESS)
    return driver_error(driver.initialised, "cuInit", desc);
  int count = 0, major = 0, minor = 0;
  CALL(cuDeviceGetCount, (&count), desc);
  if (status)
    return status;
  const char *text = getenv("WINNOW_CUDA_DEVICE");
  char *end = NULL;
  long number = text && *text ? strtol(text, &end, 10) : 0;
  if ((end && *end) || number < 0 || number >= count)
    return winnow_error(WINNOW_ERROR_DEVICE,
                        "expected WINNOW_CUDA_DEVICE to name one of %d GPUs by "
                        "its number from 0, got '%s'",
                        count, text && *text ? text : "0");
  CALL(cuDeviceGet, (device, (int)number), desc);
  CALL(cuDeviceGetAttribute, (&major, CU_ATTRIBUTE_MAJOR, *device), desc);
  CALL(cuDeviceGetAttribute, (&minor, CU_ATTRIBUTE_MINOR, *device), desc);
  *compute = 10 * major + minor;
  return status;
}

winnow_status *winnow_gpu_choose_code(const winnow_model_desc *desc,
                                      const winnow_code **code) {
  cu_device device = 0;
  int compute = 0;
  winnow_status *status = find_device(desc, &device, &compute);
  if (status)
    return status;
  for (int32_t i = 0; i < desc->num_codes; ++i) {
    const winnow_gpu_code *gpu = desc->codes[i].gpu;
    if (gpu->is_specific ? gpu->compute == compute : gpu->compute <= compute) {
      *code = &desc->codes[i];
      return NULL;
    }
  }
  return winnow_error(WINNOW_ERROR_DEVICE,
                      "model '%s' has no code for a GPU of compute capability "
                      "%d.%d, its last is for %s; compile it with another --chip",
                      desc->name, compute / 10, compute % 10,
                      desc->codes[desc->num_codes - 1].gpu->chip);
}

/* The assembled code if the GPU is of its family, else the driver compiles. */
static winnow_status *load_module(winnow_gpu *gpu, int compute) {
  const winnow_gpu_code *code = gpu->code;
  bool fits = code->compute / 10 == compute / 10;
  if (code->cubin && fits &&
      driver.cuModuleLoadDataEx(&gpu->module, code->cubin, 0, NULL, NULL) ==
          CU_SUCCESS)
    return NULL;
  char log[1024] = "";
  int options[] = {CU_JIT_ERROR_LOG, CU_JIT_ERROR_LOG_BYTES};
  void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)};
  cu_result result =
      driver.cuModuleLoadDataEx(&gpu->module, code->ptx, 2, options, values);
  if (result == CU_SUCCESS)
    return NULL;
  winnow_status *error = driver_error(result, "cuModuleLoadDataEx", gpu->desc);
  if (!*log)
    return error;
  winnow_status *longer = winnow_error(winnow_status_code(error), "%s: %s",
                                       winnow_status_message(error), log);
  winnow_status_free(error);
  return longer;
}

static winnow_status *load_code(winnow_gpu *gpu, int compute) {
  winnow_status *status = load_module(gpu, compute);
  size_t count = (size_t)gpu->code->num_kernels + 1;
  if (!status) {
    gpu->kernels = calloc(count, sizeof *gpu->kernels);
    gpu->shared_bytes = calloc(count, sizeof *gpu->shared_bytes);
    if (!gpu->kernels || !gpu->shared_bytes)
      status = winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                            "expected memory for model '%s', got none",
                            gpu->desc->name);
  }
  for (int32_t i = 0; i < gpu->code->num_kernels; ++i)
    CALL(cuModuleGetFunction,
         (&gpu->kernels[i], gpu->module, gpu->code->kernels[i]), gpu->desc);
  return status;
}

winnow_status *winnow_gpu_open(const winnow_model *model, winnow_gpu **result) {
  const winnow_model_desc *desc = model->desc;
  winnow_gpu *gpu = calloc(1, sizeof *gpu);
  if (!gpu)
    return winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                        "expected memory for model '%s', got none", desc->name);
  gpu->desc = desc;
  gpu->code = model->code->gpu;
  int compute = 0;
  winnow_status *status = find_device(desc, &gpu->device, &compute);
  CALL(cuDevicePrimaryCtxRetain, (&gpu->context, gpu->device), desc);
  bool is_current = false;
  CALL(cuCtxPushCurrent_v2, (gpu->context), desc);
  is_current = !status;
  if (!status)
    status = load_code(gpu, compute);
  const winnow_model *owner = model->weights.owner;
  if (owner && owner->gpu) {
    gpu->weights = owner->gpu->weights;
  } else if (desc->weights_bytes) {
    size_t bytes = (size_t)desc->weights_bytes;
    CALL(cuMemAlloc_v2, (&gpu->weights, bytes), desc);
    gpu->owns_weights = !status;
    CALL(cuMemcpyHtoDAsync_v2, (gpu->weights, model->weights.data, bytes, NULL),
         desc);
    CALL(cuStreamSynchronize, (NULL), desc);
  }
  if (is_current)
    pop_context();
  if (status) {
    winnow_gpu_close(gpu);
    return status;
  }
  *result = gpu;
  return NULL;
}

void winnow_gpu_close(winnow_gpu *gpu) {
  if (!gpu)
    return;
  if (gpu->context && driver.cuCtxPushCurrent_v2(gpu->context) == CU_SUCCESS) {
    if (gpu->owns_weights)
      driver.cuMemFree_v2(gpu->weights);
    if (gpu->module)
      driver.cuModuleUnload(gpu->module);
    pop_context();
  }
  if (gpu->context)
    driver.cuDevicePrimaryCtxRelease_v2(gpu->device);
  free(gpu->kernels);
  free(gpu->shared_bytes);
  free(gpu);
}

/* ---- What belongs to a context: a stream and memory ---- */

#define PIECE 256 /* that what lies in the memory is aligned to */

struct winnow_gpu_run {
  winnow_gpu *gpu;
  cu_stream stream;
  /* The word of failed checks, the workspace, inputs and outputs. */
  cu_address memory;
  size_t bytes;
  winnow_status *status; /* of a call during the run, or NULL */
};

winnow_status *winnow_gpu_run_create(winnow_gpu *gpu, winnow_gpu_run **result) {
  winnow_gpu_run *run = calloc(1, sizeof *run);
  if (!run)
    return winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                        "expected memory for a context, got none");
  run->gpu = gpu;
  winnow_status *status = NULL;
  CALL(cuCtxPushCurrent_v2, (gpu->context), gpu->desc);
  if (!status) {
    CALL(cuStreamCreate, (&run->stream, CU_STREAM_NON_BLOCKING), gpu->desc);
    pop_context();
  }
  if (status) {
    free(run);
    return status;
  }
  *result = run;
  return NULL;
}

void winnow_gpu_run_destroy(winnow_gpu_run *run) {
  if (!run)
    return;
  if (driver.cuCtxPushCurrent_v2(run->gpu->context) == CU_SUCCESS) {
    driver.cuStreamSynchronize(run->stream);
    if (run->memory)
      driver.cuMemFree_v2(run->memory);
    driver.cuStreamDestroy_v2(run->stream);
    pop_context();
  }
  winnow_status_free(run->status);
  free(run);
}

/* Takes a piece of what is laid out from *end on; false where it overflows. */
static bool take(size_t bytes, size_t *begin, size_t *end) {
  *begin = *end;
  size_t next;
  if (__builtin_add_overflow(*end, bytes, &next) || next > SIZE_MAX - PIECE)
    return false;
  *end = (next + PIECE - 1) / PIECE * PIECE;
  return true;
}

/* Lays out a run's memory and writes where things lie: as addresses once there is
 * memory, else as offsets. */
static bool lay_out(winnow_gpu_run *run, winnow_gpu_call *call, size_t *bytes) {
  const winnow_model_desc *desc = run->gpu->desc;
  size_t begin, end = PIECE;
  bool fits = take(call->workspace_bytes, &begin, &end);
  call->workspace = (void *)(uintptr_t)(run->memory + begin);
  for (int32_t i = 0; i < desc->num_inputs && fits; ++i) {
    fits = take((size_t)call->input_bytes[i], &begin, &end);
    call->device_inputs[i] = (void *)(uintptr_t)(run->memory + begin);
  }
  for (int32_t i = 0; i < desc->num_outputs && fits; ++i) {
    fits = take((size_t)call->output_bytes[i], &begin, &end);
    call->device_outputs[i] = (void *)(uintptr_t)(run->memory + begin);
  }
  *bytes = end;
  return fits;
}

static winnow_status *prepare(winnow_gpu_run *run, winnow_gpu_call *call) {
  const winnow_model_desc *desc = run->gpu->desc;
  winnow_status *status = NULL;
  size_t bytes;
  if (!lay_out(run, call, &bytes))
    return winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                        "model '%s': expected sizes that fit into memory, got "
                        "some that overflow",
                        desc->name);
  if (bytes > run->bytes) {
    CALL(cuStreamSynchronize, (run->stream), desc);
    if (!status && run->memory) {
      CALL(cuMemFree_v2, (run->memory), desc);
      run->memory = 0;
      run->bytes = 0;
    }
    CALL(cuMemAlloc_v2, (&run->memory, bytes), desc);
    if (status) {
      run->memory = 0;
      return status;
    }
    run->bytes = bytes;
    lay_out(run, call, &bytes);
  }
  CALL(cuMemsetD32Async, (run->memory, 0xffffffffu, 1, run->stream), desc);
  for (int32_t i = 0; i < desc->num_inputs; ++i)
    if (call->input_bytes[i])
      CALL(cuMemcpyHtoDAsync_v2,
           ((cu_address)(uintptr_t)call->device_inputs[i], call->inputs[i],
            (size_t)call->input_bytes[i], run->stream),
           desc);
  return status;
}

winnow_status *winnow_gpu_begin(winnow_gpu_run *run, winnow_gpu_call *call) {
  winnow_status *status = NULL;
  CALL(cuCtxPushCurrent_v2, (run->gpu->context), run->gpu->desc);
  if (status)
    return status;
  call->weights = (void *)(uintptr_t)run->gpu->weights;
  status = prepare(run, call);
  if (status)
    pop_context();
  return status;
}

winnow_status *winnow_gpu_end(winnow_gpu_run *run, const winnow_gpu_call *call,
                              winnow_outcome *outcome) {
  const winnow_model_desc *desc = run->gpu->desc;
  winnow_status *status = run->status;
  run->status = NULL;
  uint32_t site = 0xffffffffu;
  CALL(cuMemcpyDtoHAsync_v2, (&site, run->memory, sizeof site, run->stream),
       desc);
  CALL(cuStreamSynchronize, (run->stream), desc);
  /* What a kernel found comes before what the host made of its results. */
  if (!status && site != 0xffffffffu)
    outcome->failed_site = (int32_t)site;
  bool is_done = outcome->failed_site < 0 && outcome->grown_symbol < 0;
  for (int32_t i = 0; i < desc->num_outputs && is_done; ++i)
    if (call->output_bytes[i])
      CALL(cuMemcpyDtoHAsync_v2,
           (call->outputs[i], (cu_address)(uintptr_t)call->device_outputs[i],
            (size_t)call->output_bytes[i], run->stream),
           desc);
  CALL(cuStreamSynchronize, (run->stream), desc);
  pop_context();
  return status;
}

/* ---- What the host's code calls ---- */

static winnow_status *allow_shared(winnow_gpu *gpu, int32_t kernel,
                                   int32_t bytes) {
  winnow_status *status = NULL;
  if (bytes <= 48 * 1024 || bytes <= gpu->shared_bytes[kernel])
    return NULL;
  CALL(cuFuncSetAttribute,
       (gpu->kernels[kernel], CU_FUNCTION_MAX_DYNAMIC_SHARED, bytes), gpu->desc);
  if (!status)
    gpu->shared_bytes[kernel] = bytes;
  return status;
}

bool winnow_gpu_launch(winnow_gpu_run *run, int32_t kernel,
                       const int64_t grid[3], const int32_t block[3],
                       int32_t shared_bytes, void **params) {
  const winnow_model_desc *desc = run->gpu->desc;
  const char *name = run->gpu->code->kernels[kernel];
  if (!grid[0] || !grid[1] || !grid[2])
    return true;
  winnow_status *status = NULL;
  if (grid[0] < 0 || grid[0] > INT32_MAX || grid[1] < 0 || grid[1] > 65535 ||
      grid[2] < 0 || grid[2] > 65535)
    status = winnow_error(
        WINNOW_ERROR_DEVICE,
        "model '%s': expected a grid of at most 2147483647 x 65535 x 65535 "
        "blocks of kernel '%s', got %lld x %lld x %lld; use smaller inputs",
        desc->name, name, (long long)grid[0], (long long)grid[1],
        (long long)grid[2]);
  if (!status)
    status = allow_shared(run->gpu, kernel, shared_bytes);
  if (!status) {
    cu_result result = driver.cuLaunchKernel(
        run->gpu->kernels[kernel], (unsigned)grid[0], (unsigned)grid[1],
        (unsigned)grid[2], (unsigned)block[0], (unsigned)block[1],
        (unsigned)block[2], (unsigned)shared_bytes, run->stream, params, NULL);
    if (result != CU_SUCCESS) {
      char call[160] = "cuLaunchKernel of ";
      strncat(call, name, sizeof call - strlen(call) - 1);
      status = driver_error(result, call, desc);
    }
  }
  run->status = status;
  return !status;
}

bool winnow_gpu_read(winnow_gpu_run *run, void *to, const void *from,
                     int64_t bytes) {
  const winnow_model_desc *desc = run->gpu->desc;
  winnow_status *status = NULL;
  CALL(cuMemcpyDtoHAsync_v2,
       (to, (cu_address)(uintptr_t)from, (size_t)bytes, run->stream), desc);
  CALL(cuStreamSynchronize, (run->stream), desc);
  run->status = status;
  return !status;
}

bool winnow_gpu_tensor_map(winnow_gpu_run *run, void *map,
                           const winnow_rt_tensor *tensor) {
  enum { RANK = 3 };
  _Alignas(64) unsigned char encoded[128] = {0};
  uint64_t extents[RANK], strides[RANK - 1];
  const uint32_t box[RANK] = {(uint32_t)tensor->box[0], (uint32_t)tensor->box[1], 1};
  const uint32_t steps[RANK] = {1, 1, 1};
  bool has_elements = true;
  for (int i = 0; i < RANK; ++i) {
    extents[i] = (uint64_t)tensor->extents[i];
    has_elements = has_elements && tensor->extents[i] > 0;
  }
  for (int i = 0; i + 1 < RANK; ++i)
    strides[i] = (uint64_t)tensor->strides[i];
  winnow_status *status = NULL;
  if (has_elements)
    CALL(cuTensorMapEncodeTiled,
         (encoded, tensor->element, RANK, (void *)(uintptr_t)tensor->address,
          extents, strides, box, steps, CU_INTERLEAVE_NONE, CU_SWIZZLE_128B,
          CU_L2_PROMOTION_256B, CU_BEYOND_IS_ZERO),
         run->gpu->desc);
  memcpy(map, encoded, sizeof encoded);
  run->status = status;
  return !status;
}

void *winnow_gpu_status_word(winnow_gpu_run *run) {
  return (void *)(uintptr_t)run->memory;
}
