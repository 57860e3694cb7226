// RUN: winnow-opt %s --split-input-file --winnow-raise-topk-activation | FileCheck %s

// CHECK: code = "topk-activation.raised"{{.*}}sentence = "raised to the 3 greatest elements of each row"
// CHECK-LABEL: func @scatter
// CHECK: %[[Y:.*]] = winnow.topk_activation %arg0 {k = 3 : i64} : (tensor<2x8xf32>) -> tensor<2x8xf32>
// CHECK: return %[[Y]]
func.func @scatter(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %z = winnow.constant dense<0.0> : tensor<2x8xf32>
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x8xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %y = winnow.scatter_elements %z, %i, %v {axis = 1 : i64} : (tensor<2x8xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// CHECK-LABEL: func @mask
// CHECK: winnow.topk_activation %arg0 {k = 3 : i64}
func.func @mask(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %z = winnow.constant dense<0.0> : tensor<2x8xf32>
  %o = winnow.constant dense<1.0> : tensor<2x3xf32>
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x8xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %m = winnow.scatter_elements %z, %i, %o {axis = 1 : i64} : (tensor<2x8xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x8xf32>
  %y = winnow.mul %m, %x : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// CHECK: sentence = "raised to the 3 greatest elements of each row, and what is equal to the last of them"
// CHECK-LABEL: func @threshold
// CHECK: winnow.topk_activation %arg0 {k = 3 : i64, keep_ties}
func.func @threshold(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x8xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %t = winnow.slice %v at affine_map<() -> (0, 2)> step [1, 1] : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %c = winnow.compare ge %x, %t : (tensor<2x8xf32>, tensor<2x1xf32>) -> tensor<2x8xi1>
  %m = winnow.cast %c : (tensor<2x8xi1>) -> tensor<2x8xf32>
  %y = winnow.mul %x, %m : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// CHECK-LABEL: func @choice_by_minimum
// CHECK: winnow.topk_activation %arg0 {k = 3 : i64, keep_ties}
func.func @choice_by_minimum(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %z = winnow.constant dense<0.0> : tensor<f32>
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x8xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %t = winnow.reduce min %v [1] {keepdims} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %c = winnow.compare lt %x, %t : (tensor<2x8xf32>, tensor<2x1xf32>) -> tensor<2x8xi1>
  %y = winnow.select %c, %z, %x : (tensor<2x8xi1>, tensor<f32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// The second value is not the last of three.

// CHECK-LABEL: func @other_value
// CHECK-NOT: winnow.topk_activation
func.func @other_value(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x8xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %t = winnow.slice %v at affine_map<() -> (0, 1)> step [1, 1] : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %c = winnow.compare ge %x, %t : (tensor<2x8xf32>, tensor<2x1xf32>) -> tensor<2x8xi1>
  %m = winnow.cast %c : (tensor<2x8xi1>) -> tensor<2x8xf32>
  %y = winnow.mul %x, %m : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// CHECK-LABEL: func @least
// CHECK-NOT: winnow.topk_activation
func.func @least(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %z = winnow.constant dense<0.0> : tensor<2x8xf32>
  %v, %i = winnow.topk %x {axis = 1 : i64} : (tensor<2x8xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %y = winnow.scatter_elements %z, %i, %v {axis = 1 : i64} : (tensor<2x8xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// CHECK: applied = false, code = "topk-activation.base"
// CHECK-LABEL: func @among_ones
// CHECK-NOT: winnow.topk_activation
func.func @among_ones(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %z = winnow.constant dense<1.0> : tensor<2x8xf32>
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x8xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %y = winnow.scatter_elements %z, %i, %v {axis = 1 : i64} : (tensor<2x8xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// CHECK: code = "topk-activation.values"
// CHECK-LABEL: func @changed
// CHECK-NOT: winnow.topk_activation
func.func @changed(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %z = winnow.constant dense<0.0> : tensor<2x8xf32>
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x8xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %e = winnow.exp %v : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %y = winnow.scatter_elements %z, %i, %e {axis = 1 : i64} : (tensor<2x8xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// CHECK: code = "topk-activation.comparison"{{.*}}sentence = "the last value of a top-k is compared by 'gt', which does not keep it"
// CHECK-LABEL: func @above
// CHECK-NOT: winnow.topk_activation
func.func @above(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %z = winnow.constant dense<0.0> : tensor<f32>
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x8xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %t = winnow.reduce min %v [1] {keepdims} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %c = winnow.compare gt %x, %t : (tensor<2x8xf32>, tensor<2x1xf32>) -> tensor<2x8xi1>
  %y = winnow.select %c, %x, %z : (tensor<2x8xi1>, tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// Zeros that are stored one by one.

// CHECK-LABEL: func @stored_zeros
// CHECK: winnow.topk_activation %arg0 {k = 1 : i64}
func.func @stored_zeros(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %z = winnow.constant dense_resource<zeros> : tensor<1x2xf32>
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<1x2xf32>) -> (tensor<1x1xf32>, tensor<1x1xi64>)
  %y = winnow.scatter_elements %z, %i, %v {axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x1xi64>, tensor<1x1xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      zeros: "0x040000000000000000000000"
    }
  }
#-}
