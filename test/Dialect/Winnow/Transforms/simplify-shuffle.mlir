// RUN: winnow-opt %s --split-input-file --winnow-simplify-idioms --canonicalize | FileCheck %s

// Tokens that are looked up are looked up in the order of their windows, and what is computed of
// each is computed in it.

// CHECK: code = "simplify.shuffle"
// CHECK-LABEL: func.func @lookup
// CHECK-SAME: (%[[IDS:.*]]: tensor<2x16xi64>)
// CHECK: %[[GRID:.*]] = winnow.reshape %[[IDS]] : (tensor<2x16xi64>) -> tensor<2x2x2x2x2xi64>
// CHECK: %[[ORDER:.*]] = winnow.transpose %[[GRID]] [0, 1, 3, 2, 4]
// CHECK: %[[ROWS:.*]] = winnow.gather %{{.*}}, %[[ORDER]]
// CHECK: %[[Y:.*]] = winnow.linear %[[ROWS]]
// CHECK-NOT: winnow.transpose
// CHECK: winnow.reshape %[[Y]] : (tensor<2x2x2x2x2x4xf32>) -> tensor<2x4x16xf32>
func.func @lookup(%ids: tensor<2x16xi64>) -> tensor<2x4x16xf32> {
  %table = winnow.constant dense<1.0> : tensor<10x8xf32>
  %w = winnow.constant dense<1.0> : tensor<8x4xf32>
  %g = winnow.gather %table, %ids {axis = 0 : i64} : (tensor<10x8xf32>, tensor<2x16xi64>) -> tensor<2x16x8xf32>
  %0 = winnow.reshape %g : (tensor<2x16x8xf32>) -> tensor<2x2x2x2x2x8xf32>
  %1 = winnow.linear %0, %w : (tensor<2x2x2x2x2x8xf32>, tensor<8x4xf32>) -> tensor<2x2x2x2x2x4xf32>
  %2 = winnow.transpose %1 [0, 1, 3, 2, 4, 5] : (tensor<2x2x2x2x2x4xf32>) -> tensor<2x2x2x2x2x4xf32>
  %3 = winnow.reshape %2 : (tensor<2x2x2x2x2x4xf32>) -> tensor<2x4x16xf32>
  return %3 : tensor<2x4x16xf32>
}

// -----

// Numbers of positions are put in that order.

// CHECK-LABEL: func.func @positions
// CHECK: %[[P:.*]] = winnow.constant dense<{{\[\[}}[1.000000e+00], [3.000000e+00]], {{\[}}[2.000000e+00], [4.000000e+00]]]> : tensor<2x2x1xf32>
// CHECK: %[[ROWS:.*]] = winnow.gather
// CHECK: winnow.add %[[ROWS]], %[[P]]
func.func @positions(%ids: tensor<2x2xi64>) -> tensor<2x2x8xf32> {
  %table = winnow.constant dense<1.0> : tensor<10x8xf32>
  %p = winnow.constant dense<[[[1.0], [2.0]], [[3.0], [4.0]]]> : tensor<2x2x1xf32>
  %g = winnow.gather %table, %ids {axis = 0 : i64} : (tensor<10x8xf32>, tensor<2x2xi64>) -> tensor<2x2x8xf32>
  %0 = winnow.add %g, %p : (tensor<2x2x8xf32>, tensor<2x2x1xf32>) -> tensor<2x2x8xf32>
  %1 = winnow.transpose %0 [1, 0, 2] : (tensor<2x2x8xf32>) -> tensor<2x2x8xf32>
  return %1 : tensor<2x2x8xf32>
}

// -----

// What something else reads in the first order stays in it.

// CHECK-LABEL: func.func @two_readers
// CHECK: winnow.transpose %{{.*}} [1, 0, 2]
func.func @two_readers(%ids: tensor<2x3xi64>) -> (tensor<3x2x8xf32>, tensor<2x3x8xf32>) {
  %table = winnow.constant dense<1.0> : tensor<10x8xf32>
  %g = winnow.gather %table, %ids {axis = 0 : i64} : (tensor<10x8xf32>, tensor<2x3xi64>) -> tensor<2x3x8xf32>
  %1 = winnow.transpose %g [1, 0, 2] : (tensor<2x3x8xf32>) -> tensor<3x2x8xf32>
  return %1, %g : tensor<3x2x8xf32>, tensor<2x3x8xf32>
}

// -----

// An order of features is not one of tokens.

// CHECK-LABEL: func.func @features
// CHECK: winnow.transpose %{{.*}} [0, 2, 1]
func.func @features(%ids: tensor<2x3xi64>) -> tensor<2x8x3xf32> {
  %table = winnow.constant dense<1.0> : tensor<10x8xf32>
  %g = winnow.gather %table, %ids {axis = 0 : i64} : (tensor<10x8xf32>, tensor<2x3xi64>) -> tensor<2x3x8xf32>
  %1 = winnow.transpose %g [0, 2, 1] : (tensor<2x3x8xf32>) -> tensor<2x8x3xf32>
  return %1 : tensor<2x8x3xf32>
}

// -----

// Two transposes between which dimensions are joined and split are one.

// CHECK-LABEL: func.func @compose
// CHECK: %[[T:.*]] = winnow.transpose %arg0 [0, 2, 1, 4, 3]
// CHECK-NOT: winnow.transpose
func.func @compose(%x: tensor<2x3x4x5x7xf32>) -> tensor<2x4x3x35xf32> {
  %0 = winnow.transpose %x [0, 4, 3, 1, 2] : (tensor<2x3x4x5x7xf32>) -> tensor<2x7x5x3x4xf32>
  %1 = winnow.reshape %0 : (tensor<2x7x5x3x4xf32>) -> tensor<2x35x3x4xf32>
  %2 = winnow.transpose %1 [0, 3, 2, 1] : (tensor<2x35x3x4xf32>) -> tensor<2x4x3x35xf32>
  return %2 : tensor<2x4x3x35xf32>
}

// -----

// An order of features moves into weights: as rows where a linear reads it, as columns where it is
// added, and as the scale of a norm, until something undoes it.

// CHECK-LABEL: func.func @stream
// CHECK-SAME: (%[[X:.*]]: tensor<5x4xf32>)
// CHECK-DAG: winnow.transpose %{{.*}} [1, 0, 2] : (tensor<2x2x3xf32>)
// CHECK: %[[H:.*]] = winnow.linear %[[X]], %{{.*}} -> tensor<5x3xf32>
// CHECK: winnow.transpose %{{.*}} [0, 2, 1] : (tensor<3x2x2xf32>)
// CHECK: %[[Y:.*]] = winnow.linear %[[H]], %{{.*}} residual(%[[X]])
// CHECK: winnow.transpose %{{.*}} [1, 0] : (tensor<2x2xf32>)
// CHECK: %[[N:.*]] = winnow.rms_norm %[[Y]] scale(%{{.*}})
// CHECK: return %[[N]]
func.func @stream(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %w = winnow.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [10.0, 11.0, 12.0]]> : tensor<4x3xf32>
  %v = winnow.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]]> : tensor<3x4xf32>
  %s = winnow.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %0 = winnow.reshape %x : (tensor<5x4xf32>) -> tensor<5x2x2xf32>
  %1 = winnow.transpose %0 [0, 2, 1] : (tensor<5x2x2xf32>) -> tensor<5x2x2xf32>
  %2 = winnow.reshape %1 : (tensor<5x2x2xf32>) -> tensor<5x4xf32>
  %h = winnow.linear %2, %w : (tensor<5x4xf32>, tensor<4x3xf32>) -> tensor<5x3xf32>
  %y = winnow.linear %h, %v residual(%2) : (tensor<5x3xf32>, tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  %n = winnow.rms_norm %y scale(%s) {epsilon = 1.0e-5 : f32} : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %3 = winnow.reshape %n : (tensor<5x4xf32>) -> tensor<5x2x2xf32>
  %4 = winnow.transpose %3 [0, 2, 1] : (tensor<5x2x2xf32>) -> tensor<5x2x2xf32>
  %5 = winnow.reshape %4 : (tensor<5x2x2xf32>) -> tensor<5x4xf32>
  return %5 : tensor<5x4xf32>
}

// -----

// What else needs the moved features keeps them moved.

// CHECK-LABEL: func.func @needed
// CHECK: %[[T:.*]] = winnow.transpose
// CHECK: %[[F:.*]] = winnow.reshape %[[T]]
// CHECK: winnow.linear %{{.*}}, %{{.*}} residual(%[[F]])
func.func @needed(%x: tensor<5x4xf32>, %h: tensor<5x3xf32>) -> (tensor<5x4xf32>, tensor<5x4xf32>) {
  %v = winnow.constant dense<2.0> : tensor<3x4xf32>
  %0 = winnow.reshape %x : (tensor<5x4xf32>) -> tensor<5x2x2xf32>
  %1 = winnow.transpose %0 [0, 2, 1] : (tensor<5x2x2xf32>) -> tensor<5x2x2xf32>
  %2 = winnow.reshape %1 : (tensor<5x2x2xf32>) -> tensor<5x4xf32>
  %y = winnow.linear %h, %v residual(%2) : (tensor<5x3xf32>, tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %y, %2 : tensor<5x4xf32>, tensor<5x4xf32>
}
