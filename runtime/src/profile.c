/* What runs of a context do and when. Threads take places in the caller's
 * memory by counting up; who gets none only counts. */
#define _GNU_SOURCE
#include "internal.h"

#include <time.h>

int64_t winnow_now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static winnow_profile_event *take_place(winnow_recorder *recorder) {
  size_t place = atomic_fetch_add_explicit(&recorder->count, 1, memory_order_relaxed);
  return place < recorder->capacity ? &recorder->events[place] : NULL;
}

void winnow_recorder_begin(winnow_recorder *recorder, int32_t op, int64_t flops, int64_t bytes) {
  int64_t now = winnow_now_ns();
  winnow_recorder_end(recorder, now);
  winnow_profile_event *event = take_place(recorder);
  recorder->op = op;
  recorder->open = event;
  if (event)
    *event = (winnow_profile_event){
        .op = op, .begin_ns = now, .end_ns = now, .flops = flops, .bytes = bytes};
}

void winnow_recorder_count(winnow_recorder *recorder, int64_t active, int64_t elements,
                           int64_t computed) {
  winnow_profile_event *event = recorder->open;
  if (!event || elements == 0)
    return;
  event->elements = elements;
  event->active = active;
  event->computed = computed;
  event->flops = (int64_t)((double)event->flops * (double)computed / (double)elements);
}

void winnow_recorder_end(winnow_recorder *recorder, int64_t now) {
  if (recorder->open)
    recorder->open->end_ns = now ? now : winnow_now_ns();
  recorder->open = NULL;
}

int64_t winnow_recorder_now(const winnow_recorder *recorder) {
  return recorder->events ? winnow_now_ns() : 0;
}

void winnow_recorder_add_part(winnow_recorder *recorder, int32_t thread, int64_t begin) {
  if (!recorder->events)
    return;
  winnow_profile_event *event = take_place(recorder);
  if (event)
    *event = (winnow_profile_event){.op = recorder->op,
                                    .thread = thread,
                                    .is_part = 1,
                                    .begin_ns = begin,
                                    .end_ns = winnow_now_ns()};
}
