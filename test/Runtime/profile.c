// RUN: %build_c %s %S/Inputs/demo_model.c -lwinnow_rt -o %t
// RUN: %t

/* A profile: what is recorded, in which memory, and what is not. */
#include "check.h"

enum { BATCH = 20000, PLACES = 200 };

static winnow_context *context;
static float x[BATCH * 4], y[BATCH * 4], total[BATCH];
static int64_t ids[BATCH];
static winnow_profile_event events[PLACES];

static void run(int64_t batch) {
  int64_t dims[2] = {batch, 4};
  winnow_tensor in[2] = {
      winnow_make_tensor(WINNOW_DTYPE_F32, 2, dims, x, 0),
      winnow_make_tensor(WINNOW_DTYPE_I64, 1, dims, ids, 0)};
  winnow_tensor out[2] = {
      winnow_make_tensor(WINNOW_DTYPE_F32, 2, NULL, y, sizeof y),
      winnow_make_tensor(WINNOW_DTYPE_F32, 1, NULL, total, sizeof total)};
  OK(winnow_run(context, in, 2, out, 2));
}

/* Each run begins with -1 and has the one operation, on the caller's thread, end
 * to end; its parts lie within it. */
static void check_events(size_t count, int runs, int64_t batch) {
  int begun = 0, parts = 0, threads = 0;
  const winnow_profile_event *op = NULL;
  for (size_t i = 0; i < count; ++i)
    if (!events[i].is_part && events[i].op == 0)
      op = &events[i];
  CHECK(op);
  for (size_t i = 0; i < count; ++i) {
    const winnow_profile_event *event = &events[i];
    CHECK(event->end_ns >= event->begin_ns && event->begin_ns > 0);
    CHECK(event->thread >= 0 && event->thread < 3);
    threads |= 1 << event->thread;
    parts += event->is_part;
    begun += event->op == -1;
    if (event->is_part) {
      CHECK(event->op == 0 && event->flops == 0 && event->bytes == 0);
      CHECK(event->elements == 0);
      if (runs == 1)
        CHECK(event->begin_ns >= op->begin_ns && event->end_ns <= op->end_ns);
    } else if (event->op == 0) {
      CHECK(event->thread == 0);
      /* Half of the elements are computed with. */
      CHECK(event->flops == 4 * batch && event->bytes == 44 * batch);
      CHECK(event->active == batch && event->elements == 4 * batch);
      CHECK(event->computed == 2 * batch);
      CHECK(event[-1].is_part || event[-1].op == -1);
    } else {
      CHECK(event->op == -1 && event[1].begin_ns == event->end_ns);
    }
  }
  CHECK(begun == runs && parts >= runs && (threads & 1));
}

int main(void) {
  for (int i = 0; i < BATCH; ++i)
    ids[i] = i % 3;
  winnow_model_options options = WINNOW_MODEL_OPTIONS_INIT;
  static _Alignas(64) float table[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  options.weights = table;
  options.weights_bytes = sizeof table;
  extern const winnow_model_desc demo_model;
  winnow_model *model;
  OK(winnow_model_open(&demo_model, &options, &model));
  winnow_context_options threads = WINNOW_CONTEXT_OPTIONS_INIT;
  threads.num_threads = 3;
  OK(winnow_context_create(model, &threads, &context));
  winnow_model_close(model);

  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected room for the events of a profile, got none",
        winnow_context_start_profile(context, NULL, 4));
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT,
        "expected room for the events of a profile, got none",
        winnow_context_start_profile(context, events, 0));
  FAILS(WINNOW_ERROR_INVALID_ARGUMENT, "expected a context, got NULL",
        winnow_context_start_profile(NULL, events, 4));
  size_t count = 1;
  OK(winnow_context_stop_profile(context, &count));
  CHECK(count == 0);

  run(100); /* before: not recorded */
  OK(winnow_context_start_profile(context, events, PLACES));
  run(BATCH);
  OK(winnow_context_stop_profile(context, &count));
  CHECK(count >= 3 && count <= PLACES);
  check_events(count, 1, BATCH);

  /* A second start forgets; what comes after the end is not recorded. */
  OK(winnow_context_start_profile(context, events, PLACES));
  run(BATCH);
  OK(winnow_context_start_profile(context, events, PLACES));
  run(50);
  run(50);
  OK(winnow_context_stop_profile(context, &count));
  check_events(count, 2, 50);
  winnow_profile_event first = events[0];
  run(BATCH);
  CHECK(!memcmp(&first, &events[0], sizeof first));

  /* Too little room: the rest is counted and nothing is written behind it. */
  memset(events, 7, sizeof events);
  OK(winnow_context_start_profile(context, events, 2));
  run(BATCH);
  OK(winnow_context_stop_profile(context, &count));
  CHECK(count > 2 && events[0].op == -1 && events[1].op == 0);
  CHECK(events[2].op == 0x07070707);
  OK(winnow_context_stop_profile(context, NULL));
  winnow_context_destroy(context);
  return 0;
}
