// RUN: winnow-opt %s --split-input-file --winnow-count-sites | FileCheck %s

!q = tensor<2x3x4x8xf32>
!k = tensor<2x3x2x8xf32>

// CHECK: code = "sites.attention"{{.*}}sentence = "2 attention, 1 causal, 1 masked, 1 grouped"
// CHECK-SAME: code = "sites.norm"{{.*}}sentence = "1 layer_norm, 2 rms_norm"
// CHECK-SAME: code = "sites.rotary"{{.*}}sentence = "1 rotary"
// CHECK-SAME: code = "sites.activation"{{.*}}sentence = "2 gelu, 1 gelu_tanh"
// CHECK-SAME: code = "sites.linear"{{.*}}sentence = "1 linear"
func.func @all(%q: !q, %k: !k, %m: tensor<1x1x1x3xi1>, %a: tensor<4xf32>, %w: tensor<8x8xf32>) -> !q {
  %0 = winnow.attention %q, %q, %q {causal, scale = 0.5 : f32} : (!q, !q, !q) -> !q
  %1 = winnow.attention %0, %k, %k mask(%m) {scale = 0.5 : f32} : (!q, !k, !k, tensor<1x1x1x3xi1>) -> !q
  %2 = winnow.layer_norm %1 {epsilon = 1.0e-5 : f32} : (!q) -> !q
  %3 = winnow.rms_norm %2 {epsilon = 1.0e-5 : f32} : (!q) -> !q
  %4 = winnow.rms_norm %3 {epsilon = 1.0e-5 : f32} : (!q) -> !q
  %5 = winnow.rotary %4, %a, %a : (!q, tensor<4xf32>, tensor<4xf32>) -> !q
  %6 = winnow.gelu %5 : (!q) -> !q
  %7 = winnow.gelu %6 {tanh_approximation} : (!q) -> !q
  %8 = winnow.linear %7, %w {activation = #winnow<activation gelu>} : (!q, tensor<8x8xf32>) -> !q
  return %8 : !q
}

// -----

// CHECK-NOT: winnow.report
// CHECK-LABEL: func @none
func.func @none(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// Gates that no linear took.
// CHECK: code = "sites.activation"{{.*}}sentence = "1 silu, 1 quick_gelu"
// CHECK-LABEL: func @gates
func.func @gates(%x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %c = winnow.constant dense<1.702> : tensor<f32>
  %0 = winnow.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = winnow.mul %x, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = winnow.mul %y, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = winnow.sigmoid %2 : (tensor<4xf32>) -> tensor<4xf32>
  %4 = winnow.mul %y, %3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %5 = winnow.sigmoid %z : (tensor<4xf32>) -> tensor<4xf32>
  return %1, %4, %5 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
