// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v3 --canonicalize | FileCheck %s

// A static length that is a whole number of vectors needs no mask; short rows
// go to a thread by the hundred.

// CHECK-LABEL: func.func private @softmax
// CHECK:       scf.parallel
// CHECK-NOT:   vector.maskedload
// CHECK:       arith.shli
// CHECK:       } {winnow.grain = 128 : i64}
func.func private @softmax(memref<?x64xf32>, memref<?x64xf32>)
    attributes {winnow.kernel = {kind = "softmax"}}

// -----

// CHECK-LABEL: func.func private @softmax_tail
// CHECK:       vector.maskedload
// CHECK:       vector.maskedstore
func.func private @softmax_tail(memref<?x?xf32>, memref<?x?xf32>)
    attributes {winnow.kernel = {kind = "softmax"}}

// -----

// The residual's sum waits in the output; the mean is subtracted before
// squaring.

// CHECK-LABEL: func.func private @layer_norm
// CHECK:       scf.parallel
// CHECK:         vector.load %arg0
// CHECK:         vector.load %arg1
// CHECK:         vector.store %{{.*}}, %arg4
// CHECK:         %[[X:.*]] = vector.load %arg4
// CHECK:         %[[CENTRED:.*]] = arith.subf %[[X]]
// CHECK:         vector.fma %[[CENTRED]], %[[CENTRED]]
// CHECK:         math.sqrt
// CHECK:         vector.load %arg2
// CHECK:         vector.load %arg3
func.func private @layer_norm(memref<?x768xf32>, memref<?x768xf32>, memref<768xf32>, memref<768xf32>, memref<?x768xf32>)
    attributes {winnow.kernel = {kind = "layer_norm", epsilon = 1.0e-5 : f32, residual = true, scale = true, bias = true}}

// -----

// RMS norm subtracts nothing and walks the row twice.

// CHECK-LABEL: func.func private @rms_norm
// CHECK:       scf.parallel
// CHECK:         %[[X:.*]] = vector.load %arg0
// CHECK:         vector.fma %[[X]], %[[X]]
// CHECK-NOT:     arith.subf
// CHECK:         math.sqrt
// CHECK:         vector.load %arg1
func.func private @rms_norm(memref<?x768xf32>, memref<768xf32>, memref<?x768xf32>)
    attributes {winnow.kernel = {kind = "rms_norm", epsilon = 1.0e-6 : f32, scale = true}}

// -----

// An index outside of the table is reported and row 0 is read instead.

// CHECK:       func.func private @winnow_rt_fail(i32)
// CHECK-LABEL: func.func private @gather
// CHECK:       scf.parallel
// CHECK:         %[[BAD:.*]] = arith.cmpi uge
// CHECK:         scf.if %[[BAD]]
// CHECK:           func.call @winnow_rt_fail(%arg3)
// CHECK:         %[[ROW:.*]] = arith.select %[[BAD]], %c0
// CHECK:         vector.load %arg0[%{{.*}}, %[[ROW]], %{{.*}}] : memref<1x?x768xf32>, vector<8xf32>
func.func private @gather(memref<1x?x768xf32>, memref<?xi64>, memref<1x?x768xf32>, i32)
    attributes {winnow.kernel = {kind = "gather"}}

// -----

// CHECK-LABEL: func.func private @gather_bools
// CHECK-NOT:   vector.load
// CHECK:       memref.load %arg0
func.func private @gather_bools(memref<1x?x768xi1>, memref<?xi32>, memref<1x?x768xi1>, i32)
    attributes {winnow.kernel = {kind = "gather"}}
