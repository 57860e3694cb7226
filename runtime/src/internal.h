/* What the runtime's files share. Nothing here is exported. */
#ifndef WINNOW_RUNTIME_INTERNAL_H
#define WINNOW_RUNTIME_INTERNAL_H

#include "winnow/runtime.h"

#include <stdatomic.h>
#include <stdbool.h>

#define WINNOW_ALIGNMENT 64

/* ---- status.c ---- */

/* Never returns NULL: when memory is out, that becomes the status. */
winnow_status *winnow_error(winnow_status_code_t code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- sha256.c ---- */

void winnow_sha256(const void *data, size_t bytes, uint8_t digest[32]);

/* ---- cpu.c ---- */

/* The WINNOW_CPU_* of this machine that the system also saves state for. */
uint64_t winnow_cpu_features(void);
/* The code that this machine is to run. */
winnow_status *winnow_choose_code(const winnow_model_desc *desc,
                                  const winnow_code **code);
/* CPUs that the calling thread may use, at least 1. */
int winnow_available_cpus(void);

/* ---- memory.c ---- */

/* Zero-filled memory that costs nothing until it is used, in huge pages where it is
 * large: with small ones, walks of the page table take up to a tenth of the time in
 * which weights are read. NULL where there is none. */
void *winnow_map_memory(size_t bytes);
void winnow_unmap_memory(void *memory, size_t bytes); /* accepts NULL */

/* ---- weights.c ---- */

typedef struct winnow_weights {
  const void *data;
  void *mapping; /* of the file, or NULL */
  void *memory;  /* that the file was read into, or NULL */
  size_t bytes;  /* of either */
  winnow_model *owner; /* that they belong to, or NULL */
} winnow_weights;

winnow_status *winnow_find_weights(const winnow_model_desc *desc,
                                   const winnow_model_options *options,
                                   winnow_weights *weights);
void winnow_release_weights(winnow_weights *weights);

/* ---- cuda.c ---- */

typedef struct winnow_gpu winnow_gpu;         /* a model's code and weights on a GPU */
typedef struct winnow_gpu_run winnow_gpu_run; /* a context's stream and memory there */

/* One call, by the host's addresses and the device's. */
typedef struct winnow_gpu_call {
  size_t workspace_bytes;
  const void *const *inputs;
  void *const *outputs;
  const int64_t *input_bytes, *output_bytes;
  /* winnow_gpu_begin writes those below; the arrays have room. */
  const void *weights;
  void *workspace;
  void **device_inputs, **device_outputs;
} winnow_gpu_call;

/* ---- model.c ---- */

struct winnow_model {
  winnow_gpu *gpu; /* or NULL: it computes on the CPU */
  const winnow_model_desc *desc;
  const winnow_code *code;
  winnow_weights weights;
  size_t output_ranks; /* the sum over all outputs */
  bool has_data_symbols;
  atomic_int references;
};

winnow_status *winnow_gpu_choose_code(const winnow_model_desc *desc,
                                      const winnow_code **code);
/* Loads code and weights; the model's weights are those of its owner if it has one. */
winnow_status *winnow_gpu_open(const winnow_model *model, winnow_gpu **gpu);
void winnow_gpu_close(winnow_gpu *gpu); /* accepts NULL */
winnow_status *winnow_gpu_run_create(winnow_gpu *gpu, winnow_gpu_run **run);
void winnow_gpu_run_destroy(winnow_gpu_run *run); /* accepts NULL */

void winnow_model_retain(winnow_model *model);
/* Writes the capacities of data symbols: what the input symbols lead to, and at
 * least `least`, or NULL. */
void winnow_set_capacities(const winnow_model *model, const int64_t *least,
                           int64_t *symbols);
/* Whether `dims`, of `count`, has room for those of all outputs. */
winnow_status *winnow_check_room(const winnow_model *model, const int64_t *dims,
                                 size_t count);

/* ---- check.c ---- */

/* a * b into *result; false when it does not fit or is negative. */
bool winnow_multiply(int64_t a, int64_t b, int64_t *result);
/* Bytes of a dense tensor; false on overflow or a negative dim. */
bool winnow_tensor_bytes(int32_t dtype, int32_t rank, const int64_t *dims,
                         int64_t *bytes);
winnow_status *winnow_check_symbols(const winnow_model_desc *desc,
                                    const int64_t *symbols);
/* Both write one data pointer per descriptor tensor and its size in bytes. The
 * dims of outputs are what they need room for. */
winnow_status *winnow_check_inputs(const winnow_model_desc *desc,
                                   const winnow_tensor *inputs, size_t count,
                                   int64_t *symbols, const void **data,
                                   int64_t *bytes);
winnow_status *winnow_check_outputs(const winnow_model_desc *desc,
                                    const winnow_tensor *outputs, size_t count,
                                    const int64_t *dims, void **data,
                                    int64_t *bytes);

/* ---- profile.c ---- */

/* Of CLOCK_MONOTONIC. */
int64_t winnow_now_ns(void);

typedef struct winnow_recorder {
  winnow_profile_event *events; /* NULL: nothing is recorded */
  size_t capacity;
  atomic_size_t count;
  /* The operation that runs. Changes between parallel regions only. */
  int32_t op;
  winnow_profile_event *open;
} winnow_recorder;

/* An operation begins, and what ran before ends. */
void winnow_recorder_begin(winnow_recorder *recorder, int32_t op, int64_t flops,
                           int64_t bytes);
/* What the operation that began last leaves out, see winnow_rt_count. */
void winnow_recorder_count(winnow_recorder *recorder, int64_t active, int64_t elements,
                           int64_t computed);
/* What ran ends at `now`, or at this moment if that is 0. */
void winnow_recorder_end(winnow_recorder *recorder, int64_t now);
/* Around a part of the operation on one thread; 0 where nothing is recorded. */
int64_t winnow_recorder_now(const winnow_recorder *recorder);
void winnow_recorder_add_part(winnow_recorder *recorder, int32_t thread,
                              int64_t begin);

/* ---- pool.c ---- */

typedef struct winnow_pool winnow_pool;
#define WINNOW_CACHE_LINE 64

/* What one thread of a pool is to generated code. */
typedef struct winnow_thread {
  winnow_rt_scope scope; /* first, so that a scope is its thread */
  winnow_pool *pool;
  void *scratch;
  bool in_task;
  /* The region that its chunks were last taken in, and how many of them from
   * the front and from the back. On a cache line of its own. */
  _Alignas(WINNOW_CACHE_LINE) _Atomic uint64_t taken;
} winnow_thread;

winnow_status *winnow_pool_create(const winnow_model *model,
                                  int num_threads, int spin_us,
                                  winnow_pool **pool);
void winnow_pool_destroy(winnow_pool *pool);
int winnow_pool_num_threads(const winnow_pool *pool);
/* Runs from now on write to `events`; NULL: to none. Returns how many events
 * there were since the last call, also those that had no place. */
size_t winnow_pool_profile(winnow_pool *pool, winnow_profile_event *events,
                           size_t capacity);
/* How a run ended. */
typedef struct winnow_outcome {
  int32_t failed_site;  /* the first, or -1 */
  int32_t grown_symbol; /* the one whose capacity does not suffice, or -1 */
  int64_t grown_value;  /* what it would have to be */
} winnow_outcome;

/* Runs the model with the calling thread as the pool's first. `capacities` are
 * those of data symbols, at their places among the symbols. */
winnow_outcome winnow_pool_run(winnow_pool *pool, const winnow_model *model,
                               const winnow_call *call,
                               const int64_t *capacities);
/* Where code for a GPU goes; NULL: nowhere. */
void winnow_pool_set_gpu(winnow_pool *pool, winnow_gpu_run *run);

/* ---- cuda.c, during a run ---- */

/* Copies the inputs. Without an error the driver's context is the thread's until
 * winnow_gpu_end, which waits, copies the outputs of a run that succeeded, and adds
 * to the outcome what kernels found. */
winnow_status *winnow_gpu_begin(winnow_gpu_run *run, winnow_gpu_call *call);
winnow_status *winnow_gpu_end(winnow_gpu_run *run, const winnow_gpu_call *call,
                              winnow_outcome *outcome);
/* False after an error, which winnow_gpu_end reports. */
bool winnow_gpu_launch(winnow_gpu_run *run, int32_t kernel,
                       const int64_t grid[3], const int32_t block[3],
                       int32_t shared_bytes, void **params);
bool winnow_gpu_read(winnow_gpu_run *run, void *to, const void *from,
                     int64_t bytes);
bool winnow_gpu_tensor_map(winnow_gpu_run *run, void *map,
                           const winnow_rt_tensor *tensor);
void *winnow_gpu_status_word(winnow_gpu_run *run);

#endif
