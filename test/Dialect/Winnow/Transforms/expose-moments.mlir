// RUN: winnow-opt %s --split-input-file --winnow-expose-moments | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-SAME: -> (tensor<8x8xf32> {winnow.name = "winnow.moments.0"})
// CHECK: %[[R:.*]] = winnow.reshape %arg0 : (tensor<2x3x8xf32>) -> tensor<6x8xf32>
// CHECK: %[[T:.*]] = winnow.transpose %[[R]] [1, 0]
// CHECK: %[[M:.*]] = winnow.matmul %[[T]], %[[R]] : (tensor<8x6xf32>, tensor<6x8xf32>) -> tensor<8x8xf32>
// CHECK: return %[[M]]
func.func @main(%x: tensor<2x3x8xf32> {winnow.name = "x"}) -> (tensor<2x3x16xf32> {winnow.name = "y"}) attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<8x16xf32>
  %y = winnow.linear %x, %w : (tensor<2x3x8xf32>, tensor<8x16xf32>) -> tensor<2x3x16xf32>
  return %y : tensor<2x3x16xf32>
}

// -----

// Rows of a number that the caller gives, and a site without a weight before.

// CHECK-LABEL: func.func @main
// CHECK-SAME: -> (tensor<8x8xf32> {winnow.name = "winnow.moments.1"})
// CHECK: winnow.matmul %{{.*}}, %{{.*}} : (tensor<8x?xf32, #{{.*}}>, tensor<?x8xf32, #{{.*}}>) -> tensor<8x8xf32>
func.func @main(%x: tensor<?x8xf32, affine_map<()[s0] -> (s0, 8)>> {winnow.name = "x"}, %q: tensor<1x2x1x8xf32> {winnow.name = "q"})
    -> (tensor<?x16xf32, affine_map<()[s0] -> (s0, 16)>> {winnow.name = "y"}, tensor<1x2x1x8xf32> {winnow.name = "z"})
    attributes {winnow.entry, winnow.symbols = [{name = "n", min = 1 : i64, max = 8 : i64}]} {
  %z = winnow.attention %q, %q, %q {scale = 1.0 : f32} : (tensor<1x2x1x8xf32>, tensor<1x2x1x8xf32>, tensor<1x2x1x8xf32>) -> tensor<1x2x1x8xf32>
  %w = winnow.constant dense<1.0> : tensor<8x16xf32>
  %y = winnow.linear %x, %w : (tensor<?x8xf32, affine_map<()[s0] -> (s0, 8)>>, tensor<8x16xf32>) -> tensor<?x16xf32, affine_map<()[s0] -> (s0, 16)>>
  return %y, %z : tensor<?x16xf32, affine_map<()[s0] -> (s0, 16)>>, tensor<1x2x1x8xf32>
}

// -----

// Too many inputs: nothing is kept.

// CHECK-LABEL: func.func @main
// CHECK-NOT: winnow.matmul
func.func @main(%x: tensor<2x4097xf32> {winnow.name = "x"}) -> (tensor<2x1xf32> {winnow.name = "y"}) attributes {winnow.entry} {
  %w = winnow.constant dense<1.0> : tensor<4097x1xf32>
  %y = winnow.linear %x, %w : (tensor<2x4097xf32>, tensor<4097x1xf32>) -> tensor<2x1xf32>
  return %y : tensor<2x1xf32>
}
