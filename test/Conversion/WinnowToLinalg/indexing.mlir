// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "topk" ins(%{{.*}} : tensor<2x5x4xf32>) outs(%{{.*}}, %{{.*}} : tensor<2x3x4xf32>, tensor<2x3x4xi64>) {largest = true, unsigned = false}
func.func @main(%x: tensor<2x5x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xi64>) attributes {winnow.entry} {
  %0, %1 = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x5x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xi64>)
  return %0, %1 : tensor<2x3x4xf32>, tensor<2x3x4xi64>
}

// -----

// Whether u8 is signed is for the kernel to know.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "topk" {{.*}} {largest = false, unsigned = true}
func.func @main(%x: tensor<5xui8>) -> tensor<3xi64> attributes {winnow.entry} {
  %0, %1 = winnow.topk %x {axis = 0 : i64} : (tensor<5xui8>) -> (tensor<3xui8>, tensor<3xi64>)
  return %1 : tensor<3xi64>
}

// -----

// The data is the kernel's output, to be changed in place.

// CHECK: winnow.sites = [{message = "index outside [-5, 4]", node = "unknown"}]
// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "scatter" ins(%{{.*}}, %{{.*}} : tensor<2x3x4xi64>, tensor<2x3x4xf32>) outs(%{{.*}} : tensor<2x5x4xf32>) {in_place = true, reduction = "add", unsigned = false} {site = 0 : i32}
func.func @main(%x: tensor<2x5x4xf32>, %i: tensor<2x3x4xi64>, %u: tensor<2x3x4xf32>) -> tensor<2x5x4xf32> attributes {winnow.entry} {
  %0 = winnow.scatter_elements %x, %i, %u {axis = 1 : i64, reduction = #winnow<scatter_reduction add>} : (tensor<2x5x4xf32>, tensor<2x3x4xi64>, tensor<2x3x4xf32>) -> tensor<2x5x4xf32>
  return %0 : tensor<2x5x4xf32>
}

// -----

// Tuples become row numbers; one outside the data a number that no row has.

// CHECK-LABEL: func.func @main
// CHECK: %[[INVALID:.*]] = arith.constant -9223372036854775808 : i64
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[INVALID]]
// CHECK: winnow.kernel "scatter" ins(%{{.*}}, %{{.*}} : tensor<1x3xi64>, tensor<1x3x4xf32>) outs(%{{.*}} : tensor<1x10x4xf32>) {in_place = true, reduction = "none", unsigned = false}
func.func @main(%x: tensor<2x5x4xf32>, %i: tensor<3x2xi64>, %u: tensor<3x4xf32>) -> tensor<2x5x4xf32> attributes {winnow.entry} {
  %0 = winnow.scatter_nd %x, %i, %u : (tensor<2x5x4xf32>, tensor<3x2xi64>, tensor<3x4xf32>) -> tensor<2x5x4xf32>
  return %0 : tensor<2x5x4xf32>
}

// -----

// Tuples without an index mean the whole data.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "scatter" ins(%{{.*}}, %{{.*}} : tensor<1x1xi64>, tensor<1x1x4xf32>) outs(%{{.*}} : tensor<1x1x4xf32>)
func.func @main(%x: tensor<4xf32>, %i: tensor<1x0xi64>, %u: tensor<1x4xf32>) -> tensor<4xf32> attributes {winnow.entry} {
  %0 = winnow.scatter_nd %x, %i, %u : (tensor<4xf32>, tensor<1x0xi64>, tensor<1x4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "topk_activation" ins(%{{.*}} : tensor<6x8xf32>) outs(%{{.*}} : tensor<6x8xf32>) {k = 3 : i64, keep_ties = false}
func.func @main(%x: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> attributes {winnow.entry} {
  %0 = winnow.topk_activation %x {k = 3 : i64} : (tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %0 : tensor<2x3x8xf32>
}

// -----

// Of f64 by sorting and putting back.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "topk"
// CHECK: winnow.kernel "scatter"
func.func @main(%x: tensor<2x8xf64>) -> tensor<2x8xf64> attributes {winnow.entry} {
  %0 = winnow.topk_activation %x {k = 3 : i64} : (tensor<2x8xf64>) -> tensor<2x8xf64>
  return %0 : tensor<2x8xf64>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "topk"
// CHECK: arith.select
func.func @main(%x: tensor<2x8xf64>) -> tensor<2x8xf64> attributes {winnow.entry} {
  %0 = winnow.topk_activation %x {k = 3 : i64, keep_ties} : (tensor<2x8xf64>) -> tensor<2x8xf64>
  return %0 : tensor<2x8xf64>
}
