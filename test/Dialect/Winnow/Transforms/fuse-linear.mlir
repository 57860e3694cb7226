// RUN: winnow-opt %s --split-input-file --winnow-fuse-linear | FileCheck %s

!x = tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// CHECK: applied = true, code = "linear.fused"
// CHECK-SAME: sentence = "fused to linear with bias, gelu, residual"
// CHECK-LABEL: func @bias_activation_residual
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32, #{{.*}}>, %[[R:.*]]: tensor<?x32xf32, #{{.*}}>)
// CHECK-DAG: %[[W:.*]] = winnow.constant dense<1.000000e+00> : tensor<64x32xf32>
// CHECK-DAG: %[[B:.*]] = winnow.constant dense<2.000000e+00> : tensor<32xf32>
// CHECK: %[[L:.*]] = winnow.linear %[[X]], %[[W]] bias(%[[B]]) residual(%[[R]]) {activation = #winnow<activation gelu>}
// CHECK-NEXT: return %[[L]]
func.func @bias_activation_residual(%x: !x, %r: !y) -> !y {
  %w = winnow.constant dense<1.0> : tensor<64x32xf32>
  %b = winnow.constant dense<2.0> : tensor<32xf32>
  %0 = winnow.matmul %x, %w : (!x, tensor<64x32xf32>) -> !y
  %1 = winnow.add %b, %0 : (tensor<32xf32>, !y) -> !y
  %2 = winnow.gelu %1 : (!y) -> !y
  %3 = winnow.add %r, %2 : (!y, !y) -> !y
  return %3 : !y
}

// -----

!x = tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// An activation after the residual is another function, and stays outside; so
// does a second vector.
// CHECK-LABEL: func @order_matters
// CHECK: %[[L:.*]] = winnow.linear %{{.*}}, %{{.*}} residual(%{{.*}}) :
// CHECK-NEXT: %[[G:.*]] = winnow.relu %[[L]]
// CHECK-NEXT: %[[L2:.*]] = winnow.linear %{{.*}}, %{{.*}} {activation = #winnow<activation relu>}
// CHECK-NEXT: %[[A:.*]] = winnow.add %[[L2]]
// CHECK-NEXT: return %[[G]], %[[A]]
func.func @order_matters(%x: !x, %r: !y) -> (!y, !y) {
  %w = winnow.constant dense<1.0> : tensor<64x32xf32>
  %b = winnow.constant dense<2.0> : tensor<32xf32>
  %0 = winnow.matmul %x, %w : (!x, tensor<64x32xf32>) -> !y
  %1 = winnow.add %0, %r : (!y, !y) -> !y
  %2 = winnow.relu %1 : (!y) -> !y
  %3 = winnow.matmul %x, %w : (!x, tensor<64x32xf32>) -> !y
  %4 = winnow.relu %3 : (!y) -> !y
  %5 = winnow.add %4, %b : (!y, tensor<32xf32>) -> !y
  return %2, %5 : !y, !y
}

// -----

!x = tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// CHECK-LABEL: func @transposed_weight
// CHECK-DAG: %[[W:.*]] = winnow.constant dense<1.000000e+00> : tensor<32x64xf32>
// CHECK-DAG: winnow.reshape %{{.*}} : (tensor<1x32xf32>) -> tensor<32xf32>
// CHECK: winnow.linear %{{.*}}, %[[W]] bias(%{{.*}}) {activation = #winnow<activation silu>, transpose_weight}
// CHECK-NOT: sigmoid
func.func @transposed_weight(%x: !x) -> !y {
  %w = winnow.constant dense<1.0> : tensor<32x64xf32>
  %b = winnow.constant dense<2.0> : tensor<1x32xf32>
  %t = winnow.transpose %w [1, 0] : (tensor<32x64xf32>) -> tensor<64x32xf32>
  %0 = winnow.matmul %x, %t : (!x, tensor<64x32xf32>) -> !y
  %1 = winnow.add %0, %b : (!y, tensor<1x32xf32>) -> !y
  %2 = winnow.sigmoid %1 : (!y) -> !y
  %3 = winnow.mul %1, %2 : (!y, !y) -> !y
  return %3 : !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// CHECK-LABEL: func @quick_gelu
// CHECK: %[[R:.*]] = winnow.linear %{{.*}}, %{{.*}} {activation = #winnow<activation quick_gelu>} :
// CHECK-NEXT: return %[[R]]
func.func @quick_gelu(%x: !y) -> !y {
  %w = winnow.constant dense<1.0> : tensor<32x32xf32>
  %c = winnow.constant dense<1.702> : tensor<f32>
  %0 = winnow.matmul %x, %w : (!y, tensor<32x32xf32>) -> !y
  %1 = winnow.mul %0, %c : (!y, tensor<f32>) -> !y
  %2 = winnow.sigmoid %1 : (!y) -> !y
  %3 = winnow.mul %0, %2 : (!y, !y) -> !y
  return %3 : !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// Another factor in the sigmoid is another function.
// CHECK-LABEL: func @other_gate
// CHECK: winnow.linear %{{.*}}, %{{.*}} :
// CHECK: winnow.sigmoid
func.func @other_gate(%x: !y) -> !y {
  %w = winnow.constant dense<1.0> : tensor<32x32xf32>
  %c = winnow.constant dense<1.5> : tensor<f32>
  %0 = winnow.matmul %x, %w : (!y, tensor<32x32xf32>) -> !y
  %1 = winnow.mul %0, %c : (!y, tensor<f32>) -> !y
  %2 = winnow.sigmoid %1 : (!y) -> !y
  %3 = winnow.mul %0, %2 : (!y, !y) -> !y
  return %3 : !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// CHECK-LABEL: func @squared_relu
// CHECK: %[[R:.*]] = winnow.linear %{{.*}}, %{{.*}} {activation = #winnow<activation squared_relu>} :
// CHECK-NEXT: return %[[R]]
func.func @squared_relu(%x: !y) -> !y {
  %w = winnow.constant dense<1.0> : tensor<32x32xf32>
  %0 = winnow.matmul %x, %w : (!y, tensor<32x32xf32>) -> !y
  %1 = winnow.relu %0 : (!y) -> !y
  %2 = winnow.mul %1, %1 : (!y, !y) -> !y
  return %2 : !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// A relu that something else reads stays one.
// CHECK-LABEL: func @relu_used_twice
// CHECK: %[[L:.*]] = winnow.linear %{{.*}}, %{{.*}} {activation = #winnow<activation relu>} :
// CHECK-NEXT: winnow.mul %[[L]], %[[L]]
func.func @relu_used_twice(%x: !y) -> (!y, !y) {
  %w = winnow.constant dense<1.0> : tensor<32x32xf32>
  %0 = winnow.matmul %x, %w : (!y, tensor<32x32xf32>) -> !y
  %1 = winnow.relu %0 : (!y) -> !y
  %2 = winnow.mul %1, %1 : (!y, !y) -> !y
  return %2, %1 : !y, !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// CHECK: sentence = "took a sum into rms_norm"
// CHECK-LABEL: func @rms_norm_residual
// CHECK: winnow.rms_norm %arg0 residual(%arg1) {epsilon
func.func @rms_norm_residual(%x: !y, %r: !y) -> !y {
  %0 = winnow.add %x, %r : (!y, !y) -> !y
  %1 = winnow.rms_norm %0 {epsilon = 1.0e-6 : f32} : (!y) -> !y
  return %1 : !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// Of two linears that meet, the later one takes the earlier one's result.
// CHECK-LABEL: func @two_linears_meet
// CHECK: %[[A:.*]] = winnow.linear %{{.*}}, %{{.*}} bias(%{{.*}}) :
// CHECK-NEXT: %[[B:.*]] = winnow.linear %{{.*}}, %{{.*}} residual(%[[A]])
// CHECK-NEXT: return %[[B]]
func.func @two_linears_meet(%x: !y) -> !y {
  %w = winnow.constant dense<1.0> : tensor<32x32xf32>
  %b = winnow.constant dense<2.0> : tensor<32xf32>
  %0 = winnow.matmul %x, %w : (!y, tensor<32x32xf32>) -> !y
  %1 = winnow.add %0, %b : (!y, tensor<32xf32>) -> !y
  %2 = winnow.matmul %x, %w : (!y, tensor<32x32xf32>) -> !y
  %3 = winnow.add %1, %2 : (!y, !y) -> !y
  return %3 : !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// A sum that no linear takes goes into the norm.
// CHECK: code = "linear.norm-residual"
// CHECK-LABEL: func @norm_residual
// CHECK-NEXT: winnow.layer_norm %arg0 residual(%arg1) {epsilon = 9.99999974E-6 : f32}
func.func @norm_residual(%x: !y, %r: !y) -> !y {
  %0 = winnow.add %x, %r : (!y, !y) -> !y
  %1 = winnow.layer_norm %0 {epsilon = 1.0e-5 : f32} : (!y) -> !y
  return %1 : !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// Pre-norm blocks need the sum again.
// CHECK: applied = false, code = "linear.sum-used"
// CHECK-SAME: sentence = "the sum that is normalised has another use"
// CHECK-LABEL: func @sum_is_used
// CHECK-NEXT: winnow.add
// CHECK-NEXT: winnow.layer_norm %{{[0-9]+}} {
func.func @sum_is_used(%x: !y, %r: !y) -> (!y, !y) {
  %0 = winnow.add %x, %r : (!y, !y) -> !y
  %1 = winnow.layer_norm %0 {epsilon = 1.0e-5 : f32} : (!y) -> !y
  return %0, %1 : !y, !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// CHECK: applied = false, code = "linear.activation-input-used"
// CHECK-LABEL: func @activation_input_is_used
// CHECK: winnow.linear %{{.*}}, %{{.*}} :
// CHECK: winnow.gelu
func.func @activation_input_is_used(%x: !y) -> (!y, !y) {
  %w = winnow.constant dense<1.0> : tensor<32x32xf32>
  %0 = winnow.matmul %x, %w : (!y, tensor<32x32xf32>) -> !y
  %1 = winnow.gelu %0 : (!y) -> !y
  return %0, %1 : !y, !y
}

// -----

!y = tensor<?x32xf32, affine_map<()[s0] -> (s0, 32)>>

// CHECK: applied = false, code = "linear.weight-not-constant"
// CHECK-LABEL: func @weight_is_an_argument
// CHECK-NEXT: winnow.matmul
func.func @weight_is_an_argument(%x: !y, %w: tensor<32x32xf32>) -> !y {
  %0 = winnow.matmul %x, %w : (!y, tensor<32x32xf32>) -> !y
  return %0 : !y
}

// -----

// CHECK: applied = false, code = "linear.weight-rank"
// CHECK-SAME: sentence = "expected a constant of rank 2 on the right, got rank 3"
// CHECK-LABEL: func @batched_weight
// CHECK: winnow.matmul
func.func @batched_weight(%x: tensor<2x4x8xf32>) -> tensor<2x4x3xf32> {
  %w = winnow.constant dense<1.0> : tensor<2x8x3xf32>
  %0 = winnow.matmul %x, %w : (tensor<2x4x8xf32>, tensor<2x8x3xf32>) -> tensor<2x4x3xf32>
  return %0 : tensor<2x4x3xf32>
}

// -----

// Products of activations are no linears, and no near misses.
// CHECK-NOT: winnow.report
// CHECK-LABEL: func @scores
// CHECK-NEXT: winnow.matmul
func.func @scores(%q: tensor<2x4x8xf32>, %k: tensor<2x8x4xf32>) -> tensor<2x4x4xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x8xf32>, tensor<2x8x4xf32>) -> tensor<2x4x4xf32>
  return %0 : tensor<2x4x4xf32>
}

// -----

// CHECK: "fused to linear with bias, group_rational, residual"
// CHECK-LABEL: func @rational
// CHECK: %[[Y:.*]] = winnow.linear %arg0, %{{.*}} bias(%{{.*}}) residual(%arg1) {activation = #winnow<activation group_rational>, rational = #winnow.rational<abs_sum, {{.*}}>}
// CHECK-NEXT: return %[[Y]]
func.func @rational(%x: tensor<3x8xf32>, %r: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %w = winnow.constant dense<1.0> : tensor<8x4xf32>
  %b = winnow.constant dense<1.0> : tensor<4xf32>
  %0 = winnow.matmul %x, %w : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
  %1 = winnow.add %0, %b : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  %2 = winnow.group_rational %1 {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [-1.5]]> : tensor<2x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %3 = winnow.add %2, %r : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %3 : tensor<3x4xf32>
}

// -----

// CHECK: "took group_rational into layer_norm"
// CHECK-LABEL: func @norm_rational
// CHECK: %[[Y:.*]] = winnow.layer_norm %arg0 {epsilon = {{.*}} : f32, rational = #winnow.rational<abs_sum, {{.*}}>}
// CHECK-NEXT: return %[[Y]]
func.func @norm_rational(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = winnow.layer_norm %x {epsilon = 1.0e-5 : f32} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %1 = winnow.group_rational %0 {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [-1.5]]> : tensor<2x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %1 : tensor<3x4xf32>
}

// -----

// The norm has another use.
// CHECK-LABEL: func @norm_used
// CHECK: winnow.group_rational
func.func @norm_used(%x: tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>) {
  %0 = winnow.layer_norm %x {epsilon = 1.0e-5 : f32} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %1 = winnow.group_rational %0 {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [-1.5]]> : tensor<2x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0, %1 : tensor<3x4xf32>, tensor<3x4xf32>
}

// -----

// What the op says of its input and its blocks stays.

// CHECK-LABEL: func.func @quantized
// CHECK: winnow.quantized_linear %{{.*}}, %{{.*}} scale(%{{.*}}) {activation = #winnow<activation relu>, block_size = 16 : i64, round_input}
func.func @quantized(%x: tensor<2x32xf32>, %w: tensor<32x5xi8>, %s: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %0 = winnow.quantized_linear %x, %w scale(%s) {block_size = 16 : i64, round_input} : (tensor<2x32xf32>, tensor<32x5xi8>, tensor<2x5xf32>) -> tensor<2x5xf32>
  %1 = winnow.relu %0 : (tensor<2x5xf32>) -> tensor<2x5xf32>
  return %1 : tensor<2x5xf32>
}
