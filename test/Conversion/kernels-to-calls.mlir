// RUN: winnow-opt %s --winnow-kernels-to-calls | FileCheck %s

// Equal kernels are one function; a site is a last argument.

// CHECK-LABEL: func.func @equal
// CHECK: call @softmax(%arg0, %arg1)
// CHECK: call @softmax(%arg1, %arg0)
func.func @equal(%a: memref<4x4xf32>, %b: memref<4x4xf32>) {
  winnow.kernel "softmax" ins(%a : memref<4x4xf32>) outs(%b : memref<4x4xf32>) {}
  winnow.kernel "softmax" ins(%b : memref<4x4xf32>) outs(%a : memref<4x4xf32>) {}
  return
}

// CHECK-LABEL: func.func @distinct
// CHECK: call @layer_norm(%arg0, %arg1)
// CHECK: call @layer_norm_0(%arg0, %arg1)
func.func @distinct(%a: memref<4x4xf32>, %b: memref<4x4xf32>) {
  winnow.kernel "layer_norm" ins(%a : memref<4x4xf32>) outs(%b : memref<4x4xf32>) {epsilon = 1.0 : f32}
  winnow.kernel "layer_norm" ins(%a : memref<4x4xf32>) outs(%b : memref<4x4xf32>) {epsilon = 2.0 : f32}
  return
}

// CHECK-LABEL: func.func @site
// CHECK: %[[SITE:.*]] = arith.constant 7 : i32
// CHECK: call @gather(%arg0, %arg1, %arg2, %[[SITE]])
func.func @site(%t: memref<1x4x4xf32>, %i: memref<2xi64>, %o: memref<1x2x4xf32>) {
  winnow.kernel "gather" ins(%t, %i : memref<1x4x4xf32>, memref<2xi64>) outs(%o : memref<1x2x4xf32>) {} {site = 7 : i32}
  return
}

// CHECK-LABEL: func.func @strided
// CHECK: %[[DENSE:.*]] = memref.alloc() {alignment = 64 : i64} : memref<4x4xf32>
// CHECK: memref.copy %arg0, %[[DENSE]]
// CHECK: call @softmax(%[[DENSE]], %arg1)
func.func @strided(%a: memref<4x4xf32, strided<[32, 8]>>, %b: memref<4x4xf32>) {
  winnow.kernel "softmax" ins(%a : memref<4x4xf32, strided<[32, 8]>>) outs(%b : memref<4x4xf32>) {}
  return
}

// CHECK: func.func private @softmax(memref<4x4xf32>, memref<4x4xf32>) attributes {winnow.kernel = {kind = "softmax"}}
