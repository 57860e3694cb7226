/* The runtime's interface: open a compiled model, make a context for each
 * thread that runs it, run it.
 *
 *   winnow_model *model;
 *   winnow_context *context;
 *   winnow_status *status = winnow_model_open(&bert_model, &options, &model);
 *   status = winnow_context_create(model, NULL, &context);
 *   status = winnow_run(context, inputs, 3, outputs, 1);
 *
 * Where dims of outputs depend on data (winnow_dim.from_data), the room that an
 * output needs is not always known before the run:
 *
 *   do {
 *     status = winnow_context_plan(context, inputs, 3, dims, rank, NULL);
 *     ... give each output the room that `dims` say ...
 *     status = winnow_run(context, inputs, 3, outputs, 1);
 *   } while (winnow_status_code(status) == WINNOW_ERROR_CAPACITY);
 *   status = winnow_context_output_dims(context, dims, rank);
 *
 * Every function that can fail returns a status: NULL for success, else an
 * object that the caller frees. Nothing here prints, aborts, exits or throws.
 * Structs start with their size, so that a program keeps working with later
 * runtimes; use the WINNOW_*_INIT macros. All sizes are in bytes unless they
 * are called counts, and all memory stays its owner's. */
#ifndef WINNOW_RUNTIME_H
#define WINNOW_RUNTIME_H

#include "winnow/abi.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WINNOW_API __attribute__((visibility("default")))
#else
#define WINNOW_API
#endif

/* ---- Status ---- */

typedef struct winnow_status winnow_status;

typedef enum winnow_status_code_t {
  WINNOW_OK = 0,
  WINNOW_ERROR_INVALID_ARGUMENT = 1, /* the caller's tensor, size or option */
  WINNOW_ERROR_VERSION = 2,          /* model and runtime do not fit */
  WINNOW_ERROR_CPU_UNSUPPORTED = 3,  /* the CPU lacks what the code needs */
  WINNOW_ERROR_WEIGHTS = 4,          /* weights absent, of wrong size or hash */
  WINNOW_ERROR_OUT_OF_MEMORY = 5,
  WINNOW_ERROR_RUN_CHECK = 6, /* a check inside the model: a bad index, say */
  WINNOW_ERROR_IO = 7,        /* the system refused a file or a thread */
  WINNOW_ERROR_BUSY = 8,      /* another thread is using this context */
  WINNOW_ERROR_CAPACITY = 9, /* an output needs more room: plan and run again */
  WINNOW_ERROR_DEVICE = 10   /* no GPU that fits, or its driver reports an error */
} winnow_status_code_t;

/* Thread-safe. Both accept NULL: WINNOW_OK and "ok". The message is one
 * sentence without a full stop and lives as long as the status. */
WINNOW_API winnow_status_code_t winnow_status_code(const winnow_status *status);
WINNOW_API const char *winnow_status_message(const winnow_status *status);

/* Accepts NULL. Thread-safe for different statuses. */
WINNOW_API void winnow_status_free(winnow_status *status);

/* ---- Model: immutable, shared between threads ---- */

typedef struct winnow_model winnow_model;

enum {
  /* Trust the weights: opening then reads none of them, and their file is mapped,
   * so that processes share its pages. Runs are slower by up to a tenth. */
  WINNOW_MODEL_SKIP_WEIGHTS_HASH = 1u << 0
};

typedef struct winnow_model_options {
  size_t struct_size;
  /* The weights file. What is mapped is not to be changed while the model is
   * open. */
  const char *weights_path;
  /* Or the weights themselves, 64-byte aligned, which outlive the model. */
  const void *weights;
  size_t weights_bytes;
  uint32_t flags; /* WINNOW_MODEL_* */
  /* Or an open model whose weights this one uses too: another form from the same
   * library. It may be closed first. */
  winnow_model *shared;
} winnow_model_options;
#define WINNOW_MODEL_OPTIONS_INIT                                              \
  { sizeof(winnow_model_options), NULL, NULL, 0, 0, NULL }

/* Checks that the model fits this runtime, chooses the code for the highest level
 * of this CPU, or the level that the environment's WINNOW_CPU names, finds the
 * weights and compares them with the SHA-256 in the descriptor. `options` may be NULL for
 * a model with embedded weights, which are part of the code and not hashed
 * again. The descriptor outlives the model. Thread-safe.
 * Errors: INVALID_ARGUMENT, VERSION, CPU_UNSUPPORTED, WEIGHTS, IO,
 * OUT_OF_MEMORY. */
WINNOW_API winnow_status *winnow_model_open(const winnow_model_desc *desc,
                                            const winnow_model_options *options,
                                            winnow_model **model);

/* Gives up the handle; what contexts still use lives until they are destroyed.
 * Accepts NULL. */
WINNOW_API void winnow_model_close(winnow_model *model);

/* What the model is. All thread-safe; results live as long as the model, and
 * an index out of range yields NULL. */
WINNOW_API const char *winnow_runtime_version(void);
WINNOW_API const winnow_model_desc *
winnow_model_descriptor(const winnow_model *model);
/* The code that was chosen: one of the descriptor's. */
WINNOW_API const winnow_code *winnow_model_code(const winnow_model *model);
WINNOW_API const char *winnow_model_name(const winnow_model *model);
WINNOW_API const char *winnow_model_compiler_version(const winnow_model *model);
WINNOW_API size_t winnow_model_num_inputs(const winnow_model *model);
WINNOW_API size_t winnow_model_num_outputs(const winnow_model *model);
WINNOW_API size_t winnow_model_num_symbols(const winnow_model *model);
WINNOW_API const winnow_tensor_desc *
winnow_model_input(const winnow_model *model, size_t index);
WINNOW_API const winnow_tensor_desc *
winnow_model_output(const winnow_model *model, size_t index);
WINNOW_API const winnow_symbol_desc *
winnow_model_symbol(const winnow_model *model, size_t index);

/* The name ("float32") and size of a WINNOW_DTYPE_*; "unknown" and 0 for other
 * numbers. Thread-safe. */
WINNOW_API const char *winnow_dtype_name(int32_t dtype);
WINNOW_API size_t winnow_dtype_size(int32_t dtype);

/* ---- Tensors ---- */

/* For an output of which the caller promises that it is large enough. */
#define WINNOW_BYTES_UNCHECKED ((size_t)-1)

/* A dense, row-major tensor, aligned to its element. All tensors of one call
 * have the same struct_size. */
typedef struct winnow_tensor {
  uint32_t struct_size;
  int32_t dtype; /* WINNOW_DTYPE_* */
  int32_t rank; /* the model's; one element of any rank may stand for a scalar */
  uint32_t reserved;
  const int64_t
      *dims;    /* `rank` of them; for an output NULL means "as computed", and
                   those that depend on data are not looked at */
  void *data;   /* NULL only when there are no elements; inputs are only read */
  size_t bytes; /* of `data`; for an input 0 means "as dims say" */
  const char *name; /* the ONNX name, or NULL: this position in the model */
} winnow_tensor;

static inline winnow_tensor winnow_make_tensor(int32_t dtype, int32_t rank,
                                               const int64_t *dims,
                                               const void *data, size_t bytes) {
  winnow_tensor tensor;
  tensor.struct_size = (uint32_t)sizeof(winnow_tensor);
  tensor.dtype = dtype;
  tensor.rank = rank;
  tensor.reserved = 0;
  tensor.dims = dims;
  tensor.data = (void *)(uintptr_t)data;
  tensor.bytes = bytes;
  tensor.name = NULL;
  return tensor;
}

/* Checks the inputs (not their data) and writes the value of each symbol, in
 * the model's order; for symbols that data gives it is the capacity that a
 * first run has. Thread-safe, allocates nothing on success. Errors:
 * INVALID_ARGUMENT. */
WINNOW_API winnow_status *
winnow_model_infer_symbols(const winnow_model *model,
                           const winnow_tensor *inputs, size_t count,
                           int64_t *symbols);

/* Writes the dims of every output, one output after the other; `count` is the
 * room in `dims` and has to be at least the sum of the outputs' ranks.
 * Thread-safe. Errors: INVALID_ARGUMENT. */
WINNOW_API winnow_status *winnow_model_output_dims(const winnow_model *model,
                                                   const int64_t *symbols,
                                                   int64_t *dims, size_t count);

/* Bytes of workspace that a run with these symbol values needs. Thread-safe.
 * Errors: INVALID_ARGUMENT. */
WINNOW_API winnow_status *winnow_model_workspace_size(const winnow_model *model,
                                                      const int64_t *symbols,
                                                      size_t *bytes);

/* ---- Context: one per thread that runs the model ---- */

typedef struct winnow_context winnow_context;

typedef struct winnow_context_options {
  size_t struct_size;
  /* Threads of a run, the caller's included; 0: one per CPU that the calling
   * thread may use. Where those CPUs suffice for all threads, the context's own
   * threads are kept off the CPU that the caller of winnow_run is on. */
  int32_t num_threads;
  /* How long an idle thread spins before it sleeps, in microseconds; 0: the
   * default (20, or never when there are more threads than CPUs); -1: never. */
  int32_t spin_us;
  /* Caller-owned workspace, 64-byte aligned; NULL: the context owns one that
   * grows as runs need it. */
  void *workspace;
  size_t workspace_bytes;
} winnow_context_options;
#define WINNOW_CONTEXT_OPTIONS_INIT                                            \
  { sizeof(winnow_context_options), 0, 0, NULL, 0 }

/* Makes a context with its own threads; `options` may be NULL. Thread-safe.
 * Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, IO (no thread to be had). */
WINNOW_API winnow_status *
winnow_context_create(winnow_model *model,
                      const winnow_context_options *options,
                      winnow_context **context);

/* Joins the context's threads and frees it. Not to be called during a run.
 * Accepts NULL. */
WINNOW_API void winnow_context_destroy(winnow_context *context);

/* Threads of a run, the caller's included. Thread-safe. */
WINNOW_API int32_t winnow_context_num_threads(const winnow_context *context);

/* Grows the internal workspace to what these symbol values need, so that a run
 * with them (or with fewer bytes) allocates nothing. For symbols that data
 * gives they are capacities of all later runs, and small values such as 0 leave
 * those as they are. Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, BUSY. */
WINNOW_API winnow_status *winnow_context_reserve(winnow_context *context,
                                                 const int64_t *symbols);

/* Replaces the workspace; NULL goes back to an internal one, and to the
 * capacities of a first run.
 * Errors: INVALID_ARGUMENT, BUSY. */
WINNOW_API winnow_status *winnow_context_set_workspace(winnow_context *context,
                                                       void *workspace,
                                                       size_t bytes);

/* Writes the dims that the outputs of the next run with such inputs need room
 * for, one output after the other; `count` as for winnow_model_output_dims.
 * Only dims that depend on data are not those of the outputs.
 * `workspace_bytes`, which may be NULL, gets what a caller-owned workspace
 * needs. The inputs' data is not looked at. Errors: INVALID_ARGUMENT, BUSY. */
WINNOW_API winnow_status *
winnow_context_plan(winnow_context *context, const winnow_tensor *inputs,
                    size_t num_inputs, int64_t *output_dims, size_t count,
                    size_t *workspace_bytes);

/* Writes the dims of the outputs of the last run that succeeded.
 * Errors: INVALID_ARGUMENT, BUSY. */
WINNOW_API winnow_status *winnow_context_output_dims(winnow_context *context,
                                                     int64_t *output_dims,
                                                     size_t count);

/* Runs the model once. All inputs and all outputs are given, in the model's
 * order or by name; output memory is the caller's and overlaps nothing else.
 * Allocates nothing when the workspace suffices. Contexts run concurrently;
 * one context runs one call at a time, and a second call gets BUSY. After an
 * error the outputs are undefined, and the context can be used again.
 *
 * An output whose dims depend on data has to have the room that
 * winnow_context_plan says and states it in `bytes`; it lies dense at the start
 * of its memory, with the dims that winnow_context_output_dims says. A context
 * remembers the capacities that data needed. When they do not suffice, the run
 * begins anew with larger ones as long as the outputs have the room for them,
 * and ends with CAPACITY when one has not. A caller that cannot provide what
 * the plan then asks for calls winnow_context_set_workspace(context, NULL, 0),
 * or the context asks the same of the next run.
 * Errors: INVALID_ARGUMENT, RUN_CHECK, OUT_OF_MEMORY, BUSY, CAPACITY. */
WINNOW_API winnow_status *
winnow_run(winnow_context *context, const winnow_tensor *inputs,
           size_t num_inputs, const winnow_tensor *outputs, size_t num_outputs);

/* ---- Profiles ---- */

/* An operation of a run, or a part of one that a thread worked on. */
typedef struct winnow_profile_event {
  int32_t op; /* index into winnow_model_desc.ops; -1 begins a run, and lasts until
                 its first operation */
  int32_t thread;  /* 0 is the caller's, on which operations lie end to end */
  int32_t is_part; /* 1: of the operation on this thread, within its time */
  int32_t reserved;
  int64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
  int64_t flops, bytes;     /* what the operation computes and has to move at the
                               least, 0 for parts; see winnow-mark-ops */
  /* Of an operation that leaves out what zeros make needless: the elements that it
   * looked at, how many were not zero, and how many it computed with, of which
   * `flops` knows; else 0. */
  int64_t elements, active, computed;
} winnow_profile_event;

/* Records what later runs of the context do in the caller's memory, which has to
 * live until winnow_context_stop_profile. A run costs two readings of the clock
 * for each operation and each part more than without. A second call starts
 * anew. Errors: INVALID_ARGUMENT, BUSY. */
WINNOW_API winnow_status *
winnow_context_start_profile(winnow_context *context,
                             winnow_profile_event *events, size_t capacity);

/* Ends that; `count`, which may be NULL, gets the number of events, in order of
 * their beginning on each thread. Those beyond the capacity are lost.
 * Errors: INVALID_ARGUMENT, BUSY. */
WINNOW_API winnow_status *winnow_context_stop_profile(winnow_context *context,
                                                      size_t *count);

#ifdef __cplusplus
}
#endif
#endif
