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

// -----

// CHECK-LABEL: func.func private @cumprod
// CHECK:       scf.for {{.*}} iter_args(%[[PRODUCT:.*]] = %cst) -> (f32)
// CHECK:         arith.mulf %[[PRODUCT]]
func.func private @cumprod(memref<?x?x1xf32>, memref<?x?x1xf32>)
    attributes {winnow.kernel = {kind = "cumprod", exclusive = false, reverse = false}}

// -----

// A pivot, an exchange of rows, the elimination.

// CHECK-LABEL: func.func private @det
// CHECK:       scf.parallel
// CHECK:         scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (f32)
// CHECK:           scf.for {{.*}} -> (index, f32)
// CHECK:             math.absf
// CHECK:           scf.for
// CHECK:           arith.divf
// CHECK:             arith.subf
func.func private @det(memref<?x?x?xf32>, memref<?x?x?xf32>, memref<?xf32>)
    attributes {winnow.kernel = {kind = "det"}}

// -----

// The best so far are a heap in the outputs; NaN counts as the greatest.

// CHECK-LABEL: func.func private @topk
// CHECK-NOT:   memref.alloca
// CHECK:       scf.parallel
// CHECK:         arith.cmpf ogt
// CHECK:         arith.cmpf uno
// CHECK:         scf.while
// CHECK:       } {winnow.grain = 4 : i64}
func.func private @topk(memref<?x256x1xf32>, memref<?x16x1xf32>, memref<?x16x1xi64>)
    attributes {winnow.kernel = {kind = "topk", largest = true, unsigned = false}}

// -----

// CHECK-LABEL: func.func private @topk_unsigned
// CHECK:         arith.cmpi ugt
func.func private @topk_unsigned(memref<?x?x?xi8>, memref<?x?x?xi8>, memref<?x?x?xi64>)
    attributes {winnow.kernel = {kind = "topk", largest = false, unsigned = true}}

// -----

// An index outside of the data is reported, and nothing is written.

// CHECK:       func.func private @winnow_rt_fail(i32)
// CHECK-LABEL: func.func private @scatter
// CHECK:       scf.parallel
// CHECK:         %[[BAD:.*]] = arith.cmpi uge
// CHECK:         scf.if %[[BAD]] {
// CHECK-NEXT:      func.call @winnow_rt_fail(%arg3)
// CHECK:         scf.if %{{.*}} {
// CHECK:           %[[OLD:.*]] = memref.load %arg2
// CHECK:           %[[NEW:.*]] = arith.addf %[[OLD]]
// CHECK:           memref.store %[[NEW]], %arg2
func.func private @scatter(memref<?x?x?xi64>, memref<?x?x?xf32>, memref<?x?x?xf32>, i32)
    attributes {winnow.kernel = {kind = "scatter", in_place = true, reduction = "add", unsigned = false}}

// -----

// Whole rows: one index, then all columns. The output may have any strides.

// CHECK-LABEL: func.func private @scatter_rows
// CHECK:         memref.load %arg0[%{{.*}}, %{{.*}}] : memref<1x?xi64>
// CHECK:         scf.for
// CHECK-NOT:       memref.load %arg0
// CHECK-NOT:       memref.load %arg2
// CHECK:           memref.store %{{.*}}, %arg2
func.func private @scatter_rows(memref<1x?xi64>, memref<1x?x64xf32>, memref<1x?x64xf32, strided<[?, 128, 2]>>, i32)
    attributes {winnow.kernel = {kind = "scatter", in_place = true, reduction = "none", unsigned = false}}
