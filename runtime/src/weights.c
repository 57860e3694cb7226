#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static winnow_status *check_file(const winnow_model_desc *desc,
                                 const char *path, int file) {
  struct stat info;
  if (fstat(file, &info) != 0)
    return winnow_error(WINNOW_ERROR_IO,
                        "cannot read the size of weights file '%s': %s", path,
                        strerror(errno));
  if (!S_ISREG(info.st_mode))
    return winnow_error(
        WINNOW_ERROR_WEIGHTS,
        "expected '%s' to be a weights file, got no regular file", path);
  if (info.st_size != desc->weights_bytes)
    return winnow_error(
        WINNOW_ERROR_WEIGHTS,
        "expected weights file '%s' to have %lld bytes as compiled into model "
        "'%s', got %lld; use the file of the same compilation",
        path, (long long)desc->weights_bytes, desc->name,
        (long long)info.st_size);
  return NULL;
}

static winnow_status *map_file(const char *path, int file,
                               winnow_weights *weights) {
  void *mapping = mmap(NULL, weights->bytes, PROT_READ, MAP_PRIVATE, file, 0);
  if (mapping == MAP_FAILED)
    return winnow_error(WINNOW_ERROR_IO, "cannot map weights file '%s': %s",
                        path, strerror(errno));
  weights->data = weights->mapping = mapping;
  return NULL;
}

/* Into huge pages, which the pages of a file rarely are. */
static winnow_status *read_file(const char *path, int file,
                                winnow_weights *weights) {
  char *memory = winnow_map_memory(weights->bytes);
  if (!memory)
    return winnow_error(WINNOW_ERROR_OUT_OF_MEMORY,
                        "expected %zu bytes for the weights in '%s', got none",
                        weights->bytes, path);
  weights->data = weights->memory = memory;
  for (size_t done = 0; done < weights->bytes;) {
    ssize_t count = read(file, memory + done, weights->bytes - done);
    if (count > 0)
      done += (size_t)count;
    else if (count == 0)
      return winnow_error(WINNOW_ERROR_IO,
                          "expected %zu bytes in weights file '%s', read %zu",
                          weights->bytes, path, done);
    else if (errno != EINTR)
      return winnow_error(WINNOW_ERROR_IO, "cannot read weights file '%s': %s",
                          path, strerror(errno));
  }
  return NULL;
}

static winnow_status *check_hash(const winnow_model_desc *desc,
                                 const char *path, const void *data) {
  uint8_t digest[32];
  winnow_sha256(data, (size_t)desc->weights_bytes, digest);
  if (memcmp(digest, desc->weights_sha256, sizeof digest) == 0)
    return NULL;
  char expected[17], got[17];
  for (int i = 0; i < 8; ++i) {
    snprintf(expected + 2 * i, 3, "%02x", desc->weights_sha256[i]);
    snprintf(got + 2 * i, 3, "%02x", digest[i]);
  }
  return winnow_error(WINNOW_ERROR_WEIGHTS,
                      "expected the SHA-256 of %s to begin with %s as compiled "
                      "into model '%s', "
                      "got %s; use the weights of the same compilation",
                      path, expected, desc->name, got);
}

winnow_status *winnow_find_weights(const winnow_model_desc *desc,
                                   const winnow_model_options *options,
                                   winnow_weights *weights) {
  static const char no_weights[WINNOW_ALIGNMENT]
      __attribute__((aligned(WINNOW_ALIGNMENT)));
  memset(weights, 0, sizeof *weights);
  weights->data = no_weights;
  if (desc->weights_bytes == 0)
    return NULL;
  if (desc->embedded_weights) {
    weights->data = desc->embedded_weights;
    return NULL;
  }
  if (options->shared) {
    const winnow_model *owner = options->shared;
    if (memcmp(owner->desc->weights_sha256, desc->weights_sha256,
               sizeof desc->weights_sha256))
      return winnow_error(WINNOW_ERROR_WEIGHTS,
                          "expected model '%s' to share the weights of a model "
                          "from the same compilation, got '%s'",
                          desc->name, owner->desc->name);
    weights->data = owner->weights.data;
    weights->owner = owner->weights.owner ? owner->weights.owner : options->shared;
    winnow_model_retain(weights->owner);
    return NULL;
  }
  const char *path = "the weights in memory";
  winnow_status *status = NULL;
  if (options->weights) {
    if (options->weights_bytes != (size_t)desc->weights_bytes)
      return winnow_error(
          WINNOW_ERROR_WEIGHTS,
          "expected %lld bytes of weights for model '%s', got %zu",
          (long long)desc->weights_bytes, desc->name, options->weights_bytes);
    if ((uintptr_t)options->weights % WINNOW_ALIGNMENT)
      return winnow_error(WINNOW_ERROR_INVALID_ARGUMENT,
                          "expected weights in memory to be aligned to %d "
                          "bytes, got address %p",
                          WINNOW_ALIGNMENT, options->weights);
    weights->data = options->weights;
  } else if (options->weights_path) {
    path = options->weights_path;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
      return winnow_error(errno == ENOENT ? WINNOW_ERROR_WEIGHTS
                                          : WINNOW_ERROR_IO,
                          "cannot open weights file '%s' of model '%s': %s",
                          path, desc->name, strerror(errno));
    status = check_file(desc, path, file);
    weights->bytes = (size_t)desc->weights_bytes;
    if (!status)
      status = options->flags & WINNOW_MODEL_SKIP_WEIGHTS_HASH
                   ? map_file(path, file, weights)
                   : read_file(path, file, weights);
    close(file); /* A mapping keeps the file. */
  } else {
    return winnow_error(
        WINNOW_ERROR_WEIGHTS,
        "expected %lld bytes of weights for model '%s', got none; set "
        "weights_path to its %s.weights",
        (long long)desc->weights_bytes, desc->name, desc->name);
  }
  if (!status && !(options->flags & WINNOW_MODEL_SKIP_WEIGHTS_HASH))
    status = check_hash(desc, path, weights->data);
  if (status)
    winnow_release_weights(weights);
  return status;
}

void winnow_release_weights(winnow_weights *weights) {
  if (weights->mapping)
    munmap(weights->mapping, weights->bytes);
  winnow_model_close(weights->owner);
  winnow_unmap_memory(weights->memory, weights->bytes);
  memset(weights, 0, sizeof *weights);
}
