/* The contract between generated code and the runtime, and the only header
 * that the compiler (Link, Codegen) and the runtime share. Everything here is
 * plain data: a compiled model is one `winnow_model_desc` and the functions
 * that it points to. */
#ifndef WINNOW_ABI_H
#define WINNOW_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a struct below or a call contract changes. The runtime
 * refuses a model of another version with WINNOW_ERROR_VERSION. */
#define WINNOW_ABI_VERSION 10

/* Element types carry ONNX's TensorProto.DataType numbers. */
enum {
  WINNOW_DTYPE_F32 = 1,
  WINNOW_DTYPE_U8 = 2,
  WINNOW_DTYPE_I8 = 3,
  WINNOW_DTYPE_U16 = 4,
  WINNOW_DTYPE_I16 = 5,
  WINNOW_DTYPE_I32 = 6,
  WINNOW_DTYPE_I64 = 7,
  WINNOW_DTYPE_BOOL = 9, /* one byte, 0 or 1 */
  WINNOW_DTYPE_F16 = 10,
  WINNOW_DTYPE_F64 = 11,
  WINNOW_DTYPE_U32 = 12,
  WINNOW_DTYPE_U64 = 13,
  WINNOW_DTYPE_BF16 = 16,
  /* A byte for each element. Of less than 8 bits the low ones count: the others
   * are ignored in inputs, and 0 in what a model computes. */
  WINNOW_DTYPE_F8E4M3FN = 17,
  WINNOW_DTYPE_F8E4M3FNUZ = 18,
  WINNOW_DTYPE_F8E5M2 = 19,
  WINNOW_DTYPE_F8E5M2FNUZ = 20,
  WINNOW_DTYPE_U4 = 21,
  WINNOW_DTYPE_I4 = 22,
  WINNOW_DTYPE_F4E2M1 = 23,
  WINNOW_DTYPE_F8E8M0 = 24,
  WINNOW_DTYPE_U2 = 25,
  WINNOW_DTYPE_I2 = 26
};

/* CPU features that code may need; `cpu_features` is their union. */
enum {
  WINNOW_CPU_AVX2 = 1u << 0,
  WINNOW_CPU_FMA = 1u << 1,
  WINNOW_CPU_F16C = 1u << 2,
  WINNOW_CPU_BMI2 = 1u << 3,
  WINNOW_CPU_AVX512 = 1u << 4, /* F, BW, CD, DQ and VL: x86-64-v4 */
  WINNOW_CPU_AVX512_VNNI = 1u << 5,
  WINNOW_CPU_AVX_VNNI = 1u << 6
};

/* A dimension of an input or output. */
typedef struct winnow_dim {
  int64_t size;   /* static size, or -1 */
  int32_t symbol; /* index into winnow_model_desc.symbols when the dimension is
                     `factor` times that symbol plus `offset`, else -1 (static, or
                     an expression that `output_dims` or `input_dim` knows) */
  int32_t from_data; /* 1 when it depends on a symbol that data gives (outputs
                        only), else 0 */
  int64_t factor; /* 1 or more when there is a symbol, else 0 */
  int64_t offset; /* any number when there is a symbol, else 0 */
} winnow_dim;

/* A named run-time dimension, such as `batch`, with inclusive bounds. Its value
 * is read off the dims of the inputs, or computed from data during the run.
 * What data will give is not known before, so buffers are sized by a capacity:
 * a value within the bounds that the actual one must not exceed. */
typedef struct winnow_symbol_desc {
  const char *name;
  int64_t min;
  int64_t max;       /* INT64_MAX when unbounded */
  int32_t from_data; /* 1: winnow_rt_define gives the value, else 0 */
  int32_t reserved;
} winnow_symbol_desc;

typedef struct winnow_tensor_desc {
  const char *name;   /* the ONNX name, any bytes but NUL */
  const char *c_name; /* a legal, unique C identifier made from it */
  int32_t dtype;
  int32_t rank;
  const winnow_dim *dims;
} winnow_tensor_desc;

/* A place in the model whose run-time check can fail, for example a Gather
 * index outside its table. */
typedef struct winnow_site {
  const char *node;    /* the ONNX node's name */
  const char *message; /* what went wrong there, lower case, no full stop */
} winnow_site;

/* An operation of the compiled model, as a profile names it. */
typedef struct winnow_op {
  const char *kind;  /* such as "linear", "attention", "elementwise", "copy" */
  const char *nodes; /* the ONNX nodes that it stands for, joined by ", " */
} winnow_op;

/* What the generated entry point receives; every pointer is valid, every
 * tensor dense, row-major and checked before the call. */
typedef struct winnow_call {
  uint32_t struct_size;
  uint32_t reserved;
  /* Values, and for data symbols capacities, in whose place winnow_rt_define
   * writes values. */
  int64_t *symbols;
  const void *weights;       /* 64-byte aligned */
  void *workspace;           /* 64-byte aligned, workspace_bytes(symbols) */
  const void *const *inputs; /* one data pointer per input */
  void *const *outputs;      /* one data pointer per output, preallocated */
} winnow_call;

/* What generated code reaches its run through. A process may hold several
 * copies of the runtime (one in each model's shared library, one in the
 * program), so the copy that runs a model hands its scope to the copy that the
 * model is linked with, by the model's `bind`. */
typedef struct winnow_rt_scope winnow_rt_scope;

/* Kernels for one chip, which the host's code launches by number. */
typedef struct winnow_gpu_code {
  const char *chip;        /* such as sm_90a */
  const char *precision;   /* fp32, tf32, bf16 or fp16 */
  int32_t compute;         /* of the compute capability: 10 major + minor */
  int32_t is_specific;     /* 1: runs where the capability is just this one */
  int32_t num_kernels;
  int32_t reserved;
  const char *const *kernels; /* their names */
  const char *ptx;            /* ends with a NUL */
  const void *cubin;          /* the same assembled, or NULL */
} winnow_gpu_code;

/* The model's code for one CPU level, or for one chip. */
typedef struct winnow_code {
  const char *cpu_level; /* x86-64, x86-64-v3, x86-64-v4, or one of these with -vnni */
  uint64_t cpu_features; /* WINNOW_CPU_* that must be present */
  /* Scratch that winnow_rt_parallel hands to each task, per thread. */
  int64_t scratch_bytes;
  /* Bytes of workspace for these symbol values. */
  int64_t (*workspace_bytes)(const int64_t *symbols);
  /* Runs the model. Errors are reported by winnow_rt_fail. */
  void (*run)(const winnow_call *call);
  /* Of code that computes on a GPU, else NULL. What a call's weights, workspace,
   * inputs and outputs point to is then the device's memory. All of a model's codes
   * are for GPUs or none. */
  const winnow_gpu_code *gpu;
} winnow_code;

typedef struct winnow_model_desc {
  uint32_t abi_version;
  uint32_t struct_size;
  const char *name;
  const char *compiler_version;
  const char *target; /* LLVM triple */

  int32_t num_inputs;
  int32_t num_outputs;
  int32_t num_symbols;
  int32_t num_sites;
  int32_t num_ops;
  int32_t num_codes; /* 1 or more */
  const winnow_tensor_desc *inputs;
  const winnow_tensor_desc *outputs;
  const winnow_symbol_desc *symbols;
  const winnow_site *sites;
  const winnow_op *ops;
  /* Each needs what the next one needs and more, so that the first one that the
   * machine can run is the best. The functions below are those of the last. */
  const winnow_code *codes;

  int64_t weights_bytes;
  uint8_t weights_sha256[32];
  const void *embedded_weights; /* or NULL: they are in a file */

  /* Writes the dims of all outputs, one output after the other. */
  void (*output_dims)(const int64_t *symbols, int64_t *dims);
  /* Given values of the input symbols, raises the data symbols, one after the
   * other, to the most that they can be, where that is known, else to their
   * min. Values that are larger stay. */
  void (*capacities)(int64_t *symbols);
  /* Like output_dims, but given capacities, and the dims are the largest that
   * data symbols up to them can lead to. */
  void (*output_room)(const int64_t *symbols, int64_t *dims);
  /* The n-th of the inputs' dims that are neither static nor made of one
   * symbol, such as the length of a mask over a cache and new tokens. NULL without any. */
  int64_t (*input_dim)(const int64_t *symbols, int64_t n);
  /* &winnow_rt_bind, as linked with the generated code. */
  winnow_rt_scope *(*bind)(winnow_rt_scope *scope);
} winnow_model_desc;

/* ---- What generated code may call (besides libc and libm) ---- */

/* Indices begin <= i < end of one parallel loop; `scratch` is 64-byte aligned
 * and belongs to the running thread for the duration of the call. */
typedef void (*winnow_task_fn)(void *ctx, int64_t begin, int64_t end,
                               void *scratch);

/* Runs fn over [0, n) on the threads of the context whose run is in progress
 * on this thread, in chunks of at least `grain` indices, and returns when all
 * are done. Which thread gets which chunk may vary; what an index computes may
 * not. A call from within a task runs serially and is handed that task's
 * scratch. A call outside any run is serial too, with scratch NULL. */
void winnow_rt_parallel(winnow_task_fn fn, void *ctx, int64_t n, int64_t grain);

/* Records that the check at sites[site] failed; the first one is reported by
 * winnow_run after the entry point returns. Thread-safe, does not jump. */
void winnow_rt_fail(int32_t site);

/* Gives a data symbol its value, which the code may then rely on to be within
 * the symbol's bounds and its capacity. Otherwise it does not return: outside
 * its bounds the check at sites[site] has failed; beyond its capacity the
 * runtime runs the model again with a larger one. The last value is the one
 * that `output_dims` gets. Both this and winnow_rt_stop are called on the
 * thread that entered `run`, outside of tasks, and leave `run` by longjmp: it
 * holds nothing that would have to be given back. */
void winnow_rt_define(int32_t symbol, int64_t value, int32_t site);

/* Fails at sites[site] and leaves the run. */
void winnow_rt_stop(int32_t site);

/* ops[op] begins, which computes `flops` and moves at least `bytes`; it ends with
 * the next one or the run. Called on the thread that entered `run`, outside of
 * tasks. */
void winnow_rt_mark(int32_t op, int64_t flops, int64_t bytes);

/* The operation that began last looked at `elements` of a tensor to leave out what
 * zeros make needless: `active` of them are not zero, and it computes with `computed`.
 * Called where winnow_rt_mark is. */
void winnow_rt_count(int64_t active, int64_t elements, int64_t computed);

/* The four below are for code that computes on a GPU; they are called on the thread
 * that entered `run`, and leave the run where the driver reports an error. */

/* Begins kernels[kernel] with so many blocks in each direction, of so many threads,
 * and so many bytes of dynamic shared memory, after what was begun before. Does
 * nothing where there is no block. params[i] points to the i-th parameter. */
void winnow_rt_launch(int32_t kernel, int64_t grid_x, int64_t grid_y,
                      int64_t grid_z, int32_t block_x, int32_t block_y,
                      int32_t block_z, int32_t shared_bytes, void **params);

/* A tensor in the device's memory, innermost dimension first, and the boxes of it that
 * kernels copy, to rows of up to 128 bytes in shared memory with their swizzle. */
typedef struct winnow_rt_tensor {
  const void *address;
  int32_t element; /* the driver's number of its type: 6 is f16, 9 is bf16 */
  int64_t extents[3];
  int64_t strides[2]; /* in bytes, of the second and third dimension */
  int32_t box[2];     /* of the first and second; one of the third */
} winnow_rt_tensor;

/* Writes the 128 bytes of the driver's map of a tensor, which kernels take by value.
 * Of a tensor without elements, which no kernel copies from, they are zeros. */
void winnow_rt_tensor_map(void *map, const void *address, int32_t element,
                          int64_t extent_0, int64_t extent_1, int64_t extent_2,
                          int64_t stride_1, int64_t stride_2, int32_t box_0,
                          int32_t box_1);

/* Waits for what was begun and copies from the device's memory. */
void winnow_rt_read(void *to, const void *from, int64_t bytes);

/* A word of the device's memory to which kernels write the smallest number of a site
 * whose check failed; all ones before the run. */
void *winnow_rt_device_status(void);

/* ---- Between copies of the runtime; generated code calls none of it ---- */

struct winnow_rt_scope {
  void (*parallel)(winnow_rt_scope *scope, winnow_task_fn fn, void *ctx,
                   int64_t n, int64_t grain);
  void (*fail)(winnow_rt_scope *scope, int32_t site);
  void (*define)(winnow_rt_scope *scope, int32_t symbol, int64_t value,
                 int32_t site);
  void (*stop)(winnow_rt_scope *scope, int32_t site);
  /* Both NULL unless the run is profiled. */
  void (*mark)(winnow_rt_scope *scope, int32_t op, int64_t flops,
               int64_t bytes);
  void (*count)(winnow_rt_scope *scope, int64_t active, int64_t elements,
                int64_t computed);
  /* All four NULL unless the code is for a GPU. */
  void (*launch)(winnow_rt_scope *scope, int32_t kernel, const int64_t grid[3],
                 const int32_t block[3], int32_t shared_bytes, void **params);
  void (*read)(winnow_rt_scope *scope, void *to, const void *from, int64_t bytes);
  void *(*device_status)(winnow_rt_scope *scope);
  void (*tensor_map)(winnow_rt_scope *scope, void *map,
                     const winnow_rt_tensor *tensor);
};

/* Makes `scope` (or NULL) the calling thread's scope and returns the one that
 * it replaces. */
winnow_rt_scope *winnow_rt_bind(winnow_rt_scope *scope);

#ifdef __cplusplus
}
#endif
#endif
