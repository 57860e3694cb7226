// RUN: winnow-opt %s --split-input-file --winnow-fit-predictors | FileCheck %s
// What is fitted is tested with numbers in EndToEnd/predictor.py.

// CHECK: applied = false, code = "predict-activation.not-observed"
// CHECK-LABEL: func @not_observed
func.func @not_observed(%x: tensor<2x4xf32>) -> tensor<2x32xf32> attributes {winnow.entry} {
  %w1 = winnow.constant dense<1.0> : tensor<4x2xf32>
  %w2 = winnow.constant dense<1.0> : tensor<2x32xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>} : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %y = winnow.linear %h, %w2 : (tensor<2x2xf32>, tensor<2x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// CHECK: code = "predict-activation.few-rows"{{.*}}sentence = "expected 32 rows of calibration data or more to fit a predictor, a half of them to choose its threshold, and others to measure it; got 2, 1 and 1"
// CHECK-LABEL: func @few_rows
func.func @few_rows(%x: tensor<2x4xf32>) -> tensor<2x32xf32> attributes {winnow.entry} {
  %w1 = winnow.constant dense<1.0> : tensor<4x2xf32>
  %w2 = winnow.constant dense<1.0> : tensor<2x32xf32>
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>, winnow.observed = {
    sums = dense<[[1.0, 2.0], [3.0, -1.0], [0.0, 1.0], [1.0, 1.0]]> : tensor<4x2xf32>, measured = 1 : i64, rows = 1.0 : f64
    }} : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %y = winnow.linear %h, %w2 : (tensor<2x2xf32>, tensor<2x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// Layers that no predictor is made for.

// CHECK-NOT: predict-activation
// CHECK-LABEL: func @others
func.func @others(%x: tensor<2x4xf32>, %w: tensor<4x2xf32>) -> (tensor<2x32xf32>, tensor<2x32xf32>, tensor<2x32xf32>) attributes {winnow.entry} {
  %w1 = winnow.constant dense<1.0> : tensor<4x2xf32>
  %w2 = winnow.constant dense<1.0> : tensor<2x32xf32>
  %0 = winnow.linear %x, %w1 {activation = #winnow<activation gelu>} : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %1 = winnow.linear %0, %w2 : (tensor<2x2xf32>, tensor<2x32xf32>) -> tensor<2x32xf32>
  %2 = winnow.linear %x, %w {activation = #winnow<activation relu>} : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %3 = winnow.linear %2, %w2 : (tensor<2x2xf32>, tensor<2x32xf32>) -> tensor<2x32xf32>
  %4 = winnow.linear %x, %w1 {activation = #winnow<activation relu>, winnow.bits = 8 : i64} : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %5 = winnow.linear %4, %w2 : (tensor<2x2xf32>, tensor<2x32xf32>) -> tensor<2x32xf32>
  return %1, %3, %5 : tensor<2x32xf32>, tensor<2x32xf32>, tensor<2x32xf32>
}
