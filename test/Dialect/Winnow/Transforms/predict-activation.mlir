// RUN: winnow-opt %s --split-input-file --winnow-predict-activation | FileCheck %s
// RUN: winnow-opt %s --split-input-file --winnow-predict-activation=skip=0 | FileCheck %s --check-prefix=SKIP
// RUN: winnow-opt %s --split-input-file --winnow-predict-activation --winnow-exploit-sparsity | FileCheck %s --check-prefix=GATE

// CHECK: code = "predict-activation.predicted"{{.*}}sentence = "finds most"
// CHECK-LABEL: func @relu
// CHECK: %[[A:.*]] = winnow.constant dense<5.000000e-01> : tensor<8x2xf32>
// CHECK: %[[T:.*]] = winnow.linear %arg0, %[[A]] : (tensor<2x8xf32>, tensor<8x2xf32>) -> tensor<2x2xf32>
// CHECK-DAG: %[[V:.*]] = winnow.constant dense<2.500000e-01> : tensor<2x64xf32>
// CHECK-DAG: %[[C:.*]] = winnow.constant dense<1.250000e-01> : tensor<64xf32>
// CHECK: %[[S:.*]] = winnow.linear %[[T]], %[[V]] bias(%[[C]]) : (tensor<2x2xf32>, tensor<2x64xf32>, tensor<64xf32>) -> tensor<2x64xf32>
// CHECK: %[[F:.*]] = winnow.compare gt %[[S]], %{{.*}}
// CHECK: %[[G:.*]] = winnow.select %[[F]], %{{.*}}, %{{.*}} {winnow.density = 0.07{{.*}} : f64}
// CHECK: %[[D:.*]] = winnow.linear %arg0, %{{.*}} {activation = #winnow<activation relu>}
// CHECK: %[[H:.*]] = winnow.mul %[[G]], %[[D]]
// CHECK: winnow.linear %[[H]]
// SKIP-LABEL: func @relu
// SKIP-NOT: winnow.compare
// GATE-LABEL: func @relu
// GATE: %[[G:.*]] = winnow.select
// GATE: %[[H:.*]] = winnow.sparse_linear %arg0, %{{.*}} gate(%[[G]]) {activation = #winnow<activation relu>}
// GATE: winnow.sparse_linear %[[H]]
func.func @relu(%x: tensor<2x8xf32>) -> tensor<2x32xf32> attributes {winnow.entry} {
  %w1 = winnow.constant dense<1.0> : tensor<8x64xf32>
  %w2 = winnow.constant dense<1.0> : tensor<64x32xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>, winnow.predictor = {
    down = dense<0.5> : tensor<8x2xf32>, up = dense<0.25> : tensor<2x64xf32>, bias = dense<0.125> : tensor<64xf32>,
    density = 0.075 : f64, sentence = "finds most"}} : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %y = winnow.linear %h, %w2 : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// All of a gated layer is left out where its gate is zero.

// GATE-LABEL: func @reglu
// GATE: %[[F:.*]] = winnow.select
// GATE: %[[G:.*]] = winnow.sparse_linear %arg0, %{{.*}} gate(%[[F]]) {activation = #winnow<activation relu>}
// GATE: %[[H:.*]] = winnow.sparse_linear %arg0, %{{.*}} gate(%[[G]]) :
// GATE: winnow.sparse_linear %[[H]]
func.func @reglu(%x: tensor<2x8xf32>) -> tensor<2x32xf32> attributes {winnow.entry} {
  %w1 = winnow.constant dense<1.0> : tensor<8x64xf32>
  %w2 = winnow.constant dense<2.0> : tensor<8x64xf32>
  %w3 = winnow.constant dense<1.0> : tensor<64x32xf32>
  %g = winnow.linear %x, %w1 {activation = #winnow<activation relu>, winnow.predictor = {
    down = dense<0.5> : tensor<8x2xf32>, up = dense<0.25> : tensor<2x64xf32>, bias = dense<0.125> : tensor<64xf32>
    }} : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %u = winnow.linear %x, %w2 : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %h = winnow.mul %u, %g : (tensor<2x64xf32>, tensor<2x64xf32>) -> tensor<2x64xf32>
  %y = winnow.linear %h, %w3 : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// Without a predictor, nothing.

// CHECK-LABEL: func @none
// CHECK-NOT: winnow.compare
func.func @none(%x: tensor<2x8xf32>) -> tensor<2x32xf32> attributes {winnow.entry} {
  %w1 = winnow.constant dense<1.0> : tensor<8x64xf32>
  %w2 = winnow.constant dense<1.0> : tensor<64x32xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>} : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %y = winnow.linear %h, %w2 : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}
