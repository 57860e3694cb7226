/* Runs loop.onnx by its header with each number of iterations in argv, with the
 * caller's loop for outputs whose size depends on data. */
#include "loop.h"

#include <stdio.h>
#include <stdlib.h>

static int fail(winnow_status *status) {
  printf("error %d: %s\n", winnow_status_code(status),
         winnow_status_message(status));
  winnow_status_free(status);
  return 1;
}

int main(int argc, char **argv) {
  winnow_model *model;
  winnow_context *context;
  winnow_status *status = winnow_model_open(&loop_model, NULL, &model);
  if (status || (status = winnow_context_create(model, NULL, &context)))
    return fail(status);
  loop_dims expected = {2, 0};
  if ((status = loop_reserve(context, &expected)))
    return fail(status);
  for (int i = 1; i < argc; ++i) {
    const float x[] = {1, 2};
    const int64_t n = atoll(argv[i]);
    const loop_dims dims = {.width = 2};
    float last[2], *all = NULL;
    int64_t room[loop_num_output_dims];
    int calls = 0;
    do {
      winnow_status_free(status);
      if ((status = loop_plan(context, &dims, room)))
        return fail(status);
      size_t bytes = (size_t)(room[1] * room[2]) * sizeof *all;
      all = realloc(all, bytes + 1);
      status = loop_run(context, &dims, &n, x, last, all, bytes);
      ++calls;
    } while (winnow_status_code(status) == WINNOW_ERROR_CAPACITY);
    if (!status)
      status = winnow_context_output_dims(context, room, loop_num_output_dims);
    if (status)
      return fail(status);
    printf("%lld: %d calls, [%lld, %lld], last %g\n", (long long)n, calls,
           (long long)room[1], (long long)room[2],
           room[1] ? all[room[1] * 2 - 1] : 0);
    free(all);
  }
  winnow_context_destroy(context);
  winnow_model_close(model);
  return 0;
}
