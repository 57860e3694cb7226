// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v3 --canonicalize | FileCheck %s

// The last dimension: one sum a row.

// CHECK-LABEL: func.func private @cumsum_rows
// CHECK:       scf.parallel
// CHECK-NOT:   vector
// CHECK:         scf.for {{.*}} iter_args(%[[SUM:.*]] = %c0_i64)
// CHECK:           %[[X:.*]] = memref.load %arg0
// CHECK:           %[[NEXT:.*]] = arith.addi %[[SUM]], %[[X]]
// CHECK:           memref.store %[[NEXT]], %arg1
func.func private @cumsum_rows(memref<?x?x1xi64>, memref<?x?x1xi64>)
    attributes {winnow.kernel = {kind = "cumsum", exclusive = false, reverse = false}}

// -----

// Another dimension: a vector of sums, and an exclusive sum is stored before
// its element joins.

// CHECK-LABEL: func.func private @cumsum_columns
// CHECK:       scf.parallel
// CHECK:         scf.for {{.*}} iter_args(%[[SUM:.*]] = %{{.*}}) -> (vector<8xf32>)
// CHECK:           %[[X:.*]] = vector.load %arg0
// CHECK:           arith.addf %[[SUM]], %[[X]]
// CHECK:           vector.store %[[SUM]], %arg1
func.func private @cumsum_columns(memref<1x?x64xf32>, memref<1x?x64xf32>)
    attributes {winnow.kernel = {kind = "cumsum", exclusive = true, reverse = false}}

// -----

// Narrow floats add up in f32.

// CHECK-LABEL: func.func private @cumsum_narrow
// CHECK:       scf.for {{.*}} -> (f32)
// CHECK:         arith.extf
// CHECK:         arith.addf {{.*}} : f32
// CHECK:         arith.truncf
func.func private @cumsum_narrow(memref<?x?x1xf16>, memref<?x?x1xf16>)
    attributes {winnow.kernel = {kind = "cumsum", exclusive = false, reverse = true}}
