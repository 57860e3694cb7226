/* Runs the model of pipeline.mlir and compares it with plain loops. */
#include "winnow/abi.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
extern void run(const winnow_call *) __asm__("winnow.run");
extern int64_t wsb(const int64_t *) __asm__("winnow.workspace_bytes");
extern void odims(const int64_t *, int64_t *) __asm__("winnow.output_dims");
static char scratch[1 << 16] __attribute__((aligned(64)));
void winnow_rt_parallel(winnow_task_fn fn, void *ctx, int64_t n,
                        int64_t grain) {
  int64_t step = grain > 3
                     ? grain / 3
                     : 1; /* many chunks: how work is cut must not matter */
  for (int64_t i = 0; i < n; i += step)
    fn(ctx, i, i + step < n ? i + step : n, scratch);
}
static int64_t marks, flops;
void winnow_rt_mark(int32_t op, int64_t f, int64_t bytes) {
  if (op != marks++ || bytes <= 0)
    printf("mark %d\n", op);
  flops += f;
}
void winnow_rt_fail(int32_t s) { printf("fail %d\n", s); }
int main(void) {
  int64_t B = 3, S = 77, D = 48, sym[2] = {B, S}, dims[16];
  float *w = aligned_alloc(64, 48 * 48 * 4);
  int64_t *mask = malloc(B * S * 8);
  float *x = malloc(B * S * D * 4), *pool = malloc(B * D * 4),
        *tr = malloc(B * D * S * 4), *mx = malloc(B * S * 4);
  for (int i = 0; i < 48 * 48; i++)
    w[i] = (i * 37 % 101) / 1010.f - 0.05f;
  for (int i = 0; i < B * S; i++)
    mask[i] = i % 5 != 0;
  for (int i = 0; i < B * S * D; i++)
    x[i] = (i * 13 % 97) / 97.f - 0.5f;
  odims(sym, dims);
  printf("dims");
  for (int i = 0; i < 7; i++)
    printf(" %ld", (long)dims[i]);
  printf("\nworkspace %ld\n", (long)wsb(sym));
  void *ws = aligned_alloc(64, (wsb(sym) + 63) / 64 * 64 + 64);
  const void *in[] = {mask, x};
  void *out[] = {pool, tr, mx};
  winnow_call c = {sizeof c, 0, sym, w, ws, in, out};
  run(&c);
  printf("operations %ld, FLOPs %ld\n", (long)marks, (long)flops);
  double worst = 0;
  for (int b = 0; b < B; b++) {
    double p[48] = {0};
    for (int s = 0; s < S; s++) {
      double m = 0;
      for (int d = 0; d < D; d++) {
        double h = 0;
        for (int k = 0; k < D; k++)
          h += x[(b * S + s) * D + k] * w[k * D + d];
        double g = exp(h + 0.5) * mask[b * S + s], e = g * g;
        p[d] += e;
        m += e * e;
        double err = fabs(tr[(b * D + d) * S + s] - e) / (1 + fabs(e));
        if (!(err <= worst))
          worst = err;
      }
      double err = fabs(mx[b * S + s] - m) / (1 + m);
      if (!(err <= worst))
        worst = err;
    }
    for (int d = 0; d < D; d++) {
      double err = fabs(pool[b * D + d] - p[d]) / (1 + p[d]);
      if (!(err <= worst))
        worst = err;
    }
  }
  if (worst < 1e-5)
    printf("numbers agree\n");
  else
    printf("worst relative error %g\n", worst);
  return !(worst < 1e-5);
}
