/* What the runtime's tests share. */
#ifndef CHECK_H
#define CHECK_H

#include "winnow/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);  \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/* Checks that a call succeeds, or says why not. */
#define OK(call)                                                               \
  do {                                                                         \
    winnow_status *status_ = (call);                                           \
    if (status_) {                                                             \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,                       \
              winnow_status_message(status_));                                 \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/* Checks that a call fails with this code and exactly this message; a message
 * that ends in "..." is compared up to there. */
#define FAILS(wanted_code, wanted, call)                                       \
  check_failure(__FILE__, __LINE__, wanted_code, wanted, call)

static inline void check_failure(const char *file, int line,
                                 winnow_status_code_t code, const char *wanted,
                                 winnow_status *status) {
  const char *got = winnow_status_message(status);
  size_t length = strlen(wanted);
  int prefix = length > 3 && strcmp(wanted + length - 3, "...") == 0;
  int same =
      prefix ? strncmp(wanted, got, length - 3) == 0 : strcmp(wanted, got) == 0;
  if (winnow_status_code(status) != code || !same) {
    fprintf(stderr, "%s:%d: expected %d: %s\n      got %d: %s\n", file, line,
            code, wanted, winnow_status_code(status), got);
    exit(1);
  }
  winnow_status_free(status);
}

extern const winnow_model_desc demo_model;

static const float demo_weights[12] __attribute__((aligned(64), unused)) = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static inline winnow_model *open_demo(void) {
  winnow_model_options options = WINNOW_MODEL_OPTIONS_INIT;
  options.weights = demo_weights;
  options.weights_bytes = sizeof demo_weights;
  winnow_model *model = NULL;
  OK(winnow_model_open(&demo_model, &options, &model));
  return model;
}

static inline winnow_context *make_context(winnow_model *model, int threads) {
  winnow_context_options options = WINNOW_CONTEXT_OPTIONS_INIT;
  options.num_threads = threads;
  winnow_context *context = NULL;
  OK(winnow_context_create(model, &options, &context));
  return context;
}

#endif
