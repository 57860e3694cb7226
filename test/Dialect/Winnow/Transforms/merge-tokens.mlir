// RUN: winnow-opt %s --split-input-file --winnow-merge-tokens --canonicalize | FileCheck %s
// RUN: winnow-opt %s --split-input-file --winnow-merge-tokens=skip=0 --canonicalize | FileCheck %s --check-prefix=SKIP

// The tokens of an image are merged in squares, and the class token before them is not.

// CHECK: code = "merge-tokens.merged"{{.*}}sentence = "computes a feed-forward layer on 5 averages of 17 tokens: 71 % of its operations less"
// CHECK-LABEL: func.func @image
// CHECK-SAME: (%[[X:.*]]: tensor<2x17x8xf32>, %[[R:.*]]: tensor<2x17x8xf32>)
// CHECK: %[[BODY:.*]] = winnow.slice %[[X]] at {{.*}} -> tensor<2x16x8xf32>
// CHECK: %[[SQUARES:.*]] = winnow.reshape %[[BODY]] : (tensor<2x16x8xf32>) -> tensor<2x2x2x2x2x8xf32>
// CHECK: %[[MEAN:.*]] = winnow.reduce  mean %[[SQUARES]] [2, 4]
// CHECK: %[[FLAT:.*]] = winnow.reshape %[[MEAN]] : {{.*}} -> tensor<2x4x8xf32>
// CHECK: %[[CLASS:.*]] = winnow.slice %[[X]] at {{.*}} -> tensor<2x1x8xf32>
// CHECK: %[[ALL:.*]] = winnow.concat %[[CLASS]], %[[FLAT]] {axis = 1 : i64}
// CHECK: %[[H:.*]] = winnow.linear %[[ALL]], %{{.*}} {activation = #winnow<activation gelu>} : {{.*}} -> tensor<2x5x16xf32>
// CHECK: %[[Y:.*]] = winnow.linear %[[H]], %{{.*}} : {{.*}} -> tensor<2x5x8xf32>
// CHECK: winnow.broadcast_to %{{.*}} -> tensor<2x2x2x2x2x8xf32>
// CHECK: %[[BACK:.*]] = winnow.concat %{{.*}}, %{{.*}} {axis = 1 : i64}
// CHECK: winnow.add %[[BACK]], %[[R]]
// SKIP-LABEL: func.func @image
// SKIP-NOT: winnow.reduce
// SKIP: return
func.func @image(%x: tensor<2x17x8xf32>, %r: tensor<2x17x8xf32>) -> tensor<2x17x8xf32> {
  %w1 = winnow.constant dense<1.0> : tensor<8x16xf32>
  %w2 = winnow.constant dense<1.0> : tensor<16x8xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation gelu>} : (tensor<2x17x8xf32>, tensor<8x16xf32>) -> tensor<2x17x16xf32>
  %y = winnow.linear %h, %w2 residual(%r) : (tensor<2x17x16xf32>, tensor<16x8xf32>, tensor<2x17x8xf32>) -> tensor<2x17x8xf32>
  return %y : tensor<2x17x8xf32>
}

// -----

// Other sequences are merged in runs, and what is left over stays at the front.

// CHECK-LABEL: func.func @sequence
// CHECK: winnow.reshape %{{.*}} -> tensor<1x2x4x8xf32>
// CHECK: winnow.reduce  mean %{{.*}} [2]
// CHECK: winnow.linear {{.*}} -> tensor<1x5x16xf32>
func.func @sequence(%x: tensor<1x11x8xf32>) -> tensor<1x11x8xf32> {
  %w1 = winnow.constant dense<1.0> : tensor<8x16xf32>
  %w2 = winnow.constant dense<1.0> : tensor<16x8xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>} : (tensor<1x11x8xf32>, tensor<8x16xf32>) -> tensor<1x11x16xf32>
  %y = winnow.linear %h, %w2 : (tensor<1x11x16xf32>, tensor<16x8xf32>) -> tensor<1x11x8xf32>
  return %y : tensor<1x11x8xf32>
}

// -----

// CHECK: applied = false, code = "merge-tokens.few-tokens"{{.*}}"expected 4 tokens or more, got 3"
// CHECK-LABEL: func.func @few
// CHECK-NOT: winnow.reduce
func.func @few(%x: tensor<1x3x8xf32>) -> tensor<1x3x8xf32> {
  %w1 = winnow.constant dense<1.0> : tensor<8x16xf32>
  %w2 = winnow.constant dense<1.0> : tensor<16x8xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>} : (tensor<1x3x8xf32>, tensor<8x16xf32>) -> tensor<1x3x16xf32>
  %y = winnow.linear %h, %w2 : (tensor<1x3x16xf32>, tensor<16x8xf32>) -> tensor<1x3x8xf32>
  return %y : tensor<1x3x8xf32>
}

// -----

// CHECK: applied = false, code = "merge-tokens.unknown-count"{{.*}}"expected a number of tokens that is known, got
// CHECK-LABEL: func.func @unknown
// CHECK-NOT: winnow.reduce
#x = affine_map<()[s0] -> (1, s0, 8)>
#h = affine_map<()[s0] -> (1, s0, 16)>
func.func @unknown(%x: tensor<1x?x8xf32, #x>) -> tensor<1x?x8xf32, #x> attributes {winnow.symbols = [{name = "n", min = 0 : i64, max = 9 : i64}]} {
  %w1 = winnow.constant dense<1.0> : tensor<8x16xf32>
  %w2 = winnow.constant dense<1.0> : tensor<16x8xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>} : (tensor<1x?x8xf32, #x>, tensor<8x16xf32>) -> tensor<1x?x16xf32, #h>
  %y = winnow.linear %h, %w2 : (tensor<1x?x16xf32, #h>, tensor<16x8xf32>) -> tensor<1x?x8xf32, #x>
  return %y : tensor<1x?x8xf32, #x>
}

// -----

// Without an activation between them, or with another reader of what is, they are no such layer.

// CHECK-LABEL: func.func @other
// CHECK-NOT: winnow.reduce
func.func @other(%x: tensor<1x8x8xf32>) -> (tensor<1x8x8xf32>, tensor<1x8x16xf32>) {
  %w1 = winnow.constant dense<1.0> : tensor<8x16xf32>
  %w2 = winnow.constant dense<1.0> : tensor<16x8xf32>
  %g = winnow.linear %x, %w1 : (tensor<1x8x8xf32>, tensor<8x16xf32>) -> tensor<1x8x16xf32>
  %z = winnow.linear %g, %w2 : (tensor<1x8x16xf32>, tensor<16x8xf32>) -> tensor<1x8x8xf32>
  %h = winnow.linear %z, %w1 {activation = #winnow<activation relu>} : (tensor<1x8x8xf32>, tensor<8x16xf32>) -> tensor<1x8x16xf32>
  %y = winnow.linear %h, %w2 : (tensor<1x8x16xf32>, tensor<16x8xf32>) -> tensor<1x8x8xf32>
  return %y, %h : tensor<1x8x8xf32>, tensor<1x8x16xf32>
}
