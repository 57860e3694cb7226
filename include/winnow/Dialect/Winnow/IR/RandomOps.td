//===- RandomOps.td - Random numbers --------------------------------------===//

#ifndef WINNOW_RANDOM_OPS_TD
#define WINNOW_RANDOM_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

def Winnow_RandomOp : Winnow_Op<"random", [Pure]> {
  let summary = "random numbers that depend on nothing but the attributes";
  let description = [{
    Element `i`, counted in row-major order, is made from the four 32-bit words
    w0 to w3 that Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random
    numbers: as easy as 1, 2, 3", 2011) gives for the key (`seed`, `stream`) and
    the counter (i mod 2^32, i / 2^32, t mod 2^32, t / 2^32), where t is
    `iteration`, the number of the round inside a loop, or 0. `w1:w0` is a
    64-bit number with w1 above.

    - `bits`: w0; of 64-bit integers `w1:w0`; of narrower ones the low bits.
    - `uniform`: in [0, 1), a multiple of 2^-p, where p is the type's precision
      in bits (24 for f32): the top p bits of w0, of f64 those of `w1:w0`.
    - `normal`: of mean 0 and variance 1, Box and Muller's
      sqrt(-2 ln u) cos(2 pi v) with u in (0, 1] and v in [0, 1): in f32
      u = (w0 / 2 + 1/2) 2^-31 and v from the top 24 bits of w1, in f64
      u = (`w1:w0` / 2^11 + 1) 2^-53 and v from the top 53 bits of `w3:w2`.
      Narrower types round the f32 number.

    The numbers are the same in every run, for every number of threads and on
    every CPU, the last bits of `normal` excepted.

    C1: the elements are integers for `bits`, floats otherwise.
    C2: `iteration` has rank 0.
  }];
  let arguments = (ins Winnow_RandomKindAttr:$kind, I32Attr:$seed, I32Attr:$stream,
      Optional<TensorOf<[I64]>>:$iteration);
  let results = (outs Winnow_NumberTensor:$result);
  let assemblyFormat = [{
    $kind (`iteration` `(` $iteration^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // WINNOW_RANDOM_OPS_TD
