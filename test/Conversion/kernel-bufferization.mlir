// RUN: winnow-opt %s --one-shot-bufferize | FileCheck %s

// A kernel that works in place takes over a buffer that nothing else reads.

// CHECK-LABEL: func.func @in_place
// CHECK: %[[DATA:.*]] = memref.alloc() {{.*}} : memref<1x4x2xf32>
// CHECK-NOT: memref.alloc
// CHECK: winnow.kernel "scatter" {{.*}} outs(%[[DATA]] :
func.func @in_place(%i: tensor<1x3xi64>, %u: tensor<1x3x2xf32>) -> tensor<1x4x2xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x4x2xf32>
  %data = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %0 = winnow.kernel "scatter" ins(%i, %u : tensor<1x3xi64>, tensor<1x3x2xf32>) outs(%data : tensor<1x4x2xf32>) {in_place = true, reduction = "none", unsigned = false} {site = 0 : i32} -> tensor<1x4x2xf32>
  return %0 : tensor<1x4x2xf32>
}

// What is read later is copied, with the elements that stay.

// CHECK-LABEL: func.func @copied
// CHECK: %[[DATA:.*]] = memref.alloc() {{.*}} : memref<1x4x2xf32>
// CHECK: linalg.fill {{.*}} outs(%[[DATA]] :
// CHECK: %[[COPY:.*]] = memref.alloc() {{.*}} : memref<1x4x2xf32>
// CHECK: memref.copy %[[DATA]], %[[COPY]]
// CHECK: winnow.kernel "scatter" {{.*}} outs(%[[COPY]] :
func.func @copied(%i: tensor<1x3xi64>, %u: tensor<1x3x2xf32>) -> (tensor<1x4x2xf32>, tensor<1x4x2xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x4x2xf32>
  %data = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %0 = winnow.kernel "scatter" ins(%i, %u : tensor<1x3xi64>, tensor<1x3x2xf32>) outs(%data : tensor<1x4x2xf32>) {in_place = true, reduction = "none", unsigned = false} {site = 0 : i32} -> tensor<1x4x2xf32>
  return %data, %0 : tensor<1x4x2xf32>, tensor<1x4x2xf32>
}

// Other kernels overwrite their outputs: nothing is copied into them.

// CHECK-LABEL: func.func @overwritten
// CHECK-NOT: memref.copy
// CHECK: winnow.kernel "softmax"
func.func @overwritten(%x: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x2xf32>
  %data = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x2xf32>) -> tensor<4x2xf32>
  %0 = winnow.kernel "softmax" ins(%x : tensor<4x2xf32>) outs(%data : tensor<4x2xf32>) {} -> tensor<4x2xf32>
  return %data, %0 : tensor<4x2xf32>, tensor<4x2xf32>
}
