// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v3 --canonicalize | FileCheck %s

// Rows are counted, blocks decided on, rows of sparse blocks listed, and then strips computed
// from the lists, or as those of a dense layer.

// CHECK-LABEL: func.func private @inputs
// CHECK:       scf.parallel
// CHECK:         arith.cmpf une
// CHECK:         memref.store %{{.*}}, %arg2
// CHECK:       call @winnow_rt_count
// CHECK:       scf.parallel
// CHECK:       scf.parallel
// The dense tiles of 4, 2 and 1 rows.
// CHECK:         scf.if
// CHECK-COUNT-84:  vector.fma
// Many rows: the sums of four inputs of the list side by side, while the next part of the
// strip is fetched, and one by one.
// CHECK:         scf.for %{{.*}} step %c4 iter_args
// CHECK-COUNT-12:  vector.fma
// CHECK-NOT:       vector.fma
// CHECK:           memref.prefetch %{{.*}}, read, locality<2>
// CHECK-COUNT-3:   vector.fma
// CHECK:           vector.store
// Few rows: while what the list names further on is fetched.
// CHECK:         scf.for %{{.*}} step %c4 iter_args
// CHECK:           memref.prefetch %{{.*}}, read, locality<3>
func.func private @inputs(memref<?x64xf32>, memref<1x64x24xf32>, memref<?xi32>, memref<?x80xi32>, memref<?x80xf32>, memref<?x2xi32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "sparse_linear", n = 24, mr = 4, nr = 24, kc = 64, mb = 128, limit_few = 430, limit_slope = 266, limit_offset = 4608}}

// -----

// With a gate: a word of bits for 64 columns, and a product for each bit.

// CHECK-LABEL: func.func private @gate
// CHECK:       math.ctpop
// CHECK:       call @winnow_rt_count
// CHECK:       scf.parallel
// CHECK:         vector.store
// CHECK:       scf.parallel
// CHECK:         scf.while
// CHECK:           math.cttz
// CHECK:           vector.fma
// CHECK:           memref.store %{{.*}}, %arg6
func.func private @gate(memref<?x64xf32>, memref<6x64x24xf32>, memref<?x144xf32>, memref<144x64xf32>, memref<?xi32>, memref<?x3xi64>, memref<?x144xf32>)
    attributes {winnow.kernel = {kind = "sparse_linear", n = 144, mr = 4, nr = 24, kc = 64, mb = 128, gate = true, limit_few = 760, limit_slope = 266, limit_offset = 4608}}
