// RUN: winnow-opt %s --split-input-file --canonicalize | FileCheck %s

// CHECK-LABEL: func @no_ops
// CHECK-NEXT: return %arg0
func.func @no_ops(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = winnow.cast %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = winnow.reshape %0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = winnow.transpose %1 [0, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = winnow.broadcast_to %2 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = winnow.slice %3 at affine_map<() -> (0, 0)> step [1, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = winnow.concat %4 {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %6 = winnow.bitcast %5 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %6 : tensor<2x3xf32>
}

// -----

// A slice that reverses has the input's shape, but is not the input.
// CHECK-LABEL: func @reverse
// CHECK-NEXT: winnow.slice
func.func @reverse(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = winnow.slice %x at affine_map<() -> (2)> step [-1] : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// CHECK-LABEL: func @reshape_of_reshape
// CHECK-NEXT: %[[R:.*]] = winnow.reshape %arg0 : (tensor<2x6xf32>) -> tensor<4x3xf32>
// CHECK-NEXT: return %[[R]]
func.func @reshape_of_reshape(%x: tensor<2x6xf32>) -> tensor<4x3xf32> {
  %0 = winnow.reshape %x : (tensor<2x6xf32>) -> tensor<12xf32>
  %1 = winnow.reshape %0 : (tensor<12xf32>) -> tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}

// -----

// CHECK-LABEL: func @transpose_of_transpose
// CHECK-NEXT: %[[T:.*]] = winnow.transpose %arg0 [2, 1, 0]
// CHECK-NEXT: return %[[T]]
func.func @transpose_of_transpose(%x: tensor<2x3x4xf32>) -> tensor<4x3x2xf32> {
  %0 = winnow.transpose %x [1, 2, 0] : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = winnow.transpose %0 [1, 0, 2] : (tensor<3x4x2xf32>) -> tensor<4x3x2xf32>
  return %1 : tensor<4x3x2xf32>
}

// -----

// CHECK-LABEL: func @inverse_transposes
// CHECK-NEXT: return %arg0
func.func @inverse_transposes(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = winnow.transpose %x [1, 2, 0] : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = winnow.transpose %0 [2, 0, 1] : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// -----

// Constants change their shape without a copy: a resource keeps its name.
// CHECK-LABEL: func @reshape_of_constants
// CHECK-DAG: %[[D:.*]] = winnow.constant dense<{{\[}}[1, 2], [3, 4]]> : tensor<2x2xi64>
// CHECK-DAG: %[[R:.*]] = winnow.constant dense_resource<blob> : tensor<1x2xf32>
// CHECK: return %[[D]], %[[R]]
func.func @reshape_of_constants() -> (tensor<2x2xi64>, tensor<1x2xf32>) {
  %0 = winnow.constant dense<[1, 2, 3, 4]> : tensor<4xi64>
  %1 = winnow.reshape %0 : (tensor<4xi64>) -> tensor<2x2xi64>
  %2 = winnow.constant dense_resource<blob> : tensor<2xf32>
  %3 = winnow.reshape %2 : (tensor<2xf32>) -> tensor<1x2xf32>
  return %1, %3 : tensor<2x2xi64>, tensor<1x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      blob: "0x040000000000803F00000040"
    }
  }
#-}

// -----

// Ops are pure: what nothing uses goes.
// CHECK-LABEL: func @unused
// CHECK-NEXT: return
func.func @unused(%x: tensor<2x3xf32>) {
  %0 = winnow.constant dense<1.0> : tensor<f32>
  %1 = winnow.add %x, %0 : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %2 = winnow.softmax %1 {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// x / 1 in every group.
// CHECK-LABEL: func @rational_identity
// CHECK-NEXT: return %arg0
func.func @rational_identity(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = winnow.group_rational %x {rational = #winnow.rational<sum_abs_signed, dense<[[0.0, 1.0, 0.0]]> : tensor<1x3xf32>, dense<0.0> : tensor<2x2xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// A denominator of 1 alone is no identity.
// CHECK-LABEL: func @rational_polynomial
// CHECK-NEXT: winnow.group_rational
func.func @rational_polynomial(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = winnow.group_rational %x {rational = #winnow.rational<sum_abs_signed, dense<[[0.0, 1.0, 0.5]]> : tensor<1x3xf32>, dense<0.0> : tensor<1x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// CHECK-LABEL: func @rational_equal_groups
// CHECK-NEXT: rational = #winnow.rational<abs_sum, dense<{{.*}}> : tensor<1x2xf32>, dense<5.000000e-01> : tensor<1x1xf32>>
func.func @rational_equal_groups(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = winnow.group_rational %x {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0], [0.0, 1.0]]> : tensor<2x2xf32>, dense<0.5> : tensor<2x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Four channels, two functions.
// CHECK-LABEL: func @rational_equal_neighbours
// CHECK-NEXT: rational = #winnow.rational<abs_sum, dense<{{.*}}> : tensor<1x2xf32>, dense<{{\[}}[5.000000e-01], [1.500000e+00]]> : tensor<2x1xf32>>
func.func @rational_equal_neighbours(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = winnow.group_rational %x {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [0.5], [1.5], [1.5]]> : tensor<4x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Runs of different lengths have no common group size but 1.
// CHECK-LABEL: func @rational_other_runs
// CHECK-NEXT: tensor<4x1xf32>>
func.func @rational_other_runs(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = winnow.group_rational %x {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [1.5], [1.5], [1.5]]> : tensor<4x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// All queries attend.
// CHECK-LABEL: func @probsparse_of_all
// CHECK-NEXT: %[[A:.*]] = winnow.attention %arg0, %arg1, %arg2 mask(%arg4) {causal, scale = 5.000000e-01 : f32}
// CHECK-NEXT: return %[[A]]
func.func @probsparse_of_all(%q: tensor<2x6x4x8xf32>, %k: tensor<2x7x4x8xf32>, %v: tensor<2x7x4x5xf32>, %t: tensor<6x3xi64>, %m: tensor<1x1x6x7xf32>) -> tensor<2x6x4x5xf32> {
  %0 = winnow.probsparse_attention %q, %k, %v, %t mask(%m) {causal, kept = 6 : i64, scale = 0.5 : f32} : (tensor<2x6x4x8xf32>, tensor<2x7x4x8xf32>, tensor<2x7x4x5xf32>, tensor<6x3xi64>, tensor<1x1x6x7xf32>) -> tensor<2x6x4x5xf32>
  return %0 : tensor<2x6x4x5xf32>
}

// -----

// CHECK-LABEL: func @probsparse_of_some
// CHECK-NEXT: winnow.probsparse_attention
func.func @probsparse_of_some(%q: tensor<2x6x4x8xf32>, %t: tensor<3xi64>) -> tensor<2x6x4x8xf32> {
  %0 = winnow.probsparse_attention %q, %q, %q, %t {kept = 5 : i64, scale = 0.5 : f32} : (tensor<2x6x4x8xf32>, tensor<2x6x4x8xf32>, tensor<2x6x4x8xf32>, tensor<3xi64>) -> tensor<2x6x4x8xf32>
  return %0 : tensor<2x6x4x8xf32>
}

// -----

// CHECK-LABEL: func @keeps_all
// CHECK-NEXT: return %arg0
func.func @keeps_all(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = winnow.topk_activation %x {k = 3 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
