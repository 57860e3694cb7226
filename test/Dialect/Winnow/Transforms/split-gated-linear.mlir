// RUN: winnow-opt %s --split-input-file --winnow-split-gated-linear | FileCheck %s

// CHECK: code = "split-gated-linear.split"{{.*}}sentence = "computes 2 parts of the layer by themselves, of which one is the gate of another"
// CHECK-LABEL: func @halves
// CHECK-DAG: %[[WG:.*]] = winnow.constant dense<{{.*}}1.000000e+00, 2.000000e+00], [5.000000e+00, 6.000000e+00{{.*}}> : tensor<2x2xf32>
// CHECK-DAG: %[[WU:.*]] = winnow.constant dense<{{.*}}3.000000e+00, 4.000000e+00], [7.000000e+00, 8.000000e+00{{.*}}> : tensor<2x2xf32>
// CHECK-DAG: %[[BG:.*]] = winnow.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[BU:.*]] = winnow.constant dense<[3.000000e+00, 4.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[A:.*]] = winnow.linear %arg0, %[[WG]] bias(%[[BG]])
// CHECK-DAG: %[[B:.*]] = winnow.linear %arg0, %[[WU]] bias(%[[BU]])
// CHECK-NOT: winnow.slice
// CHECK: %[[G:.*]] = winnow.relu %[[A]]
// CHECK: winnow.mul %[[G]], %[[B]]
func.func @halves(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %w = winnow.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %c = winnow.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %h = winnow.linear %x, %w bias(%c) : (tensor<3x2xf32>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  %a = winnow.slice %h at affine_map<() -> (0, 0)> step [1, 1] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %b = winnow.slice %h at affine_map<() -> (0, 2)> step [1, 1] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %g = winnow.relu %a : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = winnow.mul %g, %b : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// Every second column, of a weight that lies the other way; a squared gate, behind an activation of
// the other part.

// CHECK-LABEL: func @interleaved
// CHECK-DAG: %[[W0:.*]] = winnow.constant dense<{{.*}}1.000000e+00, 2.000000e+00], [5.000000e+00, 6.000000e+00{{.*}}> : tensor<2x2xf32>
// CHECK-DAG: %[[W1:.*]] = winnow.constant dense<{{.*}}3.000000e+00, 4.000000e+00], [7.000000e+00, 8.000000e+00{{.*}}> : tensor<2x2xf32>
// CHECK-DAG: winnow.linear %arg0, %[[W0]] {transpose_weight}
// CHECK-DAG: winnow.linear %arg0, %[[W1]] {transpose_weight}
// CHECK-NOT: winnow.slice
func.func @interleaved(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %w = winnow.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
  %h = winnow.linear %x, %w {transpose_weight} : (tensor<3x2xf32>, tensor<4x2xf32>) -> tensor<3x4xf32>
  %a = winnow.slice %h at affine_map<() -> (0, 0)> step [1, 2] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %b = winnow.slice %h at affine_map<() -> (0, 1)> step [1, 2] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %g = winnow.relu %b : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %q = winnow.mul %g, %g : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %t = winnow.tanh %a : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = winnow.mul %t, %q : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// Nothing is left out behind a SiLU: one layer is better.

// CHECK-LABEL: func @silu
// CHECK: winnow.slice
// CHECK: winnow.slice
func.func @silu(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %w = winnow.constant dense<1.0> : tensor<2x4xf32>
  %h = winnow.linear %x, %w : (tensor<3x2xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
  %a = winnow.slice %h at affine_map<() -> (0, 0)> step [1, 1] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %b = winnow.slice %h at affine_map<() -> (0, 2)> step [1, 1] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %s = winnow.sigmoid %a : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %g = winnow.mul %a, %s : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = winnow.mul %g, %b : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// CHECK: code = "split-gated-linear.whole-used"
// CHECK-LABEL: func @whole
// CHECK: winnow.slice
func.func @whole(%x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x4xf32>) {
  %w = winnow.constant dense<1.0> : tensor<2x4xf32>
  %h = winnow.linear %x, %w : (tensor<3x2xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
  %a = winnow.slice %h at affine_map<() -> (0, 0)> step [1, 1] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %b = winnow.slice %h at affine_map<() -> (0, 2)> step [1, 1] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %g = winnow.relu %a : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = winnow.mul %g, %b : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y, %h : tensor<3x2xf32>, tensor<3x4xf32>
}

// -----

// CHECK: code = "split-gated-linear.weight-not-constant"
// CHECK-LABEL: func @computed
// CHECK: winnow.slice
func.func @computed(%x: tensor<3x2xf32>, %w: tensor<2x4xf32>) -> tensor<3x2xf32> {
  %h = winnow.linear %x, %w : (tensor<3x2xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
  %a = winnow.slice %h at affine_map<() -> (0, 0)> step [1, 1] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %b = winnow.slice %h at affine_map<() -> (0, 2)> step [1, 1] : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %g = winnow.relu %a : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = winnow.mul %g, %b : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}
