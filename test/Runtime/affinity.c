// RUN: %build_c %s %S/Inputs/demo_model.c -lwinnow_rt -o %t
// RUN: %t

/* Workers are kept off the caller's CPU where there are enough CPUs, and are
 * let alone where the caller has only one. */
#define _GNU_SOURCE
#include "check.h"

#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROOM = 200 };
static float x[4 * ROOM], y[4 * ROOM], total[ROOM];
static int64_t ids[ROOM];

/* Runs once after the worker has gone to sleep. */
static void run(winnow_context *context) {
  int64_t dims[] = {ROOM, 4};
  winnow_tensor in[] = {winnow_make_tensor(WINNOW_DTYPE_F32, 2, dims, x, 0),
                        winnow_make_tensor(WINNOW_DTYPE_I64, 1, dims, ids, 0)};
  winnow_tensor out[] = {
      winnow_make_tensor(WINNOW_DTYPE_F32, 2, NULL, y, sizeof y),
      winnow_make_tensor(WINNOW_DTYPE_F32, 1, NULL, total, sizeof total)};
  usleep(20000);
  OK(winnow_run(context, in, 2, out, 2));
}

/* How many CPUs the one other thread of this process may use. */
static int worker_cpus(void) {
  DIR *tasks = opendir("/proc/self/task");
  int count = -1;
  for (struct dirent *task; (task = readdir(tasks));) {
    pid_t id = (pid_t)atoi(task->d_name);
    cpu_set_t cpus;
    if (id > 0 && id != getpid() && sched_getaffinity(id, sizeof cpus, &cpus) == 0)
      count = CPU_COUNT(&cpus);
  }
  closedir(tasks);
  return count;
}

int main(void) {
  cpu_set_t all, one;
  CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
  int cpus = CPU_COUNT(&all);
  winnow_model *model = open_demo();

  winnow_context *context = make_context(model, 2);
  CHECK(worker_cpus() == cpus);
  run(context);
  CHECK(worker_cpus() == (cpus >= 2 ? cpus - 1 : cpus));
  winnow_context_destroy(context);

  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
  context = make_context(model, 2);
  run(context);
  CHECK(worker_cpus() == 1);
  winnow_context_destroy(context);

  winnow_model_close(model);
  return 0;
}
