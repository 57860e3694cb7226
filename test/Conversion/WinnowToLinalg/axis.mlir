// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 | FileCheck %s

// What is serial along an axis is a kernel on [before, axis, after].

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "cumsum" ins(%{{.*}} : tensor<6x5x1xi64>) outs(%{{.*}} : tensor<6x5x1xi64>) {exclusive = false, reverse = true}
func.func @main(%x: tensor<2x3x5xi64>) -> tensor<2x3x5xi64> attributes {winnow.entry} {
  %0 = winnow.cumsum %x {axis = 2 : i64, reverse} : (tensor<2x3x5xi64>) -> tensor<2x3x5xi64>
  return %0 : tensor<2x3x5xi64>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "cumsum" ins(%{{.*}} : tensor<1x?x8xf32>) outs(%{{.*}} : tensor<1x?x8xf32>) {exclusive = true, reverse = false}
!x = tensor<?x8xf32, affine_map<()[s0] -> (s0, 8)>>
func.func @main(%x: !x) -> !x attributes {winnow.entry, winnow.symbols = [{name = "n", min = 0, max = 9}]} {
  %0 = winnow.cumsum %x {axis = 0 : i64, exclusive} : (!x) -> !x
  return %0 : !x
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "cumprod" ins(%{{.*}} : tensor<2x3x1xf32>) outs(%{{.*}} : tensor<2x3x1xf32>) {exclusive = false, reverse = false}
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {winnow.entry} {
  %0 = winnow.cumprod %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// A determinant gets a copy of the matrices to work in.

// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "det" ins(%{{.*}} : tensor<6x4x4xf32>) outs(%{{.*}}, %{{.*}} : tensor<6x4x4xf32>, tensor<6xf32>) {}
func.func @main(%x: tensor<2x3x4x4xf32>) -> tensor<2x3xf32> attributes {winnow.entry} {
  %0 = winnow.det %x : (tensor<2x3x4x4xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// Narrow floats add up in f32.

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<2x3xf16>) outs(%{{.*}} : tensor<2xf32>)
// CHECK: %[[X:.*]] = arith.extf
// CHECK: arith.addf %{{.*}}, %[[X]] : f32
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<2xf32>) outs(%{{.*}} : tensor<2xf16>)
// CHECK: arith.truncf
func.func @main(%x: tensor<2x3xf16>) -> tensor<2xf16> attributes {winnow.entry} {
  %0 = winnow.reduce sum %x [1] : (tensor<2x3xf16>) -> tensor<2xf16>
  return %0 : tensor<2xf16>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: arith.extui
// CHECK: arith.divui
func.func @main(%x: tensor<2x3xui8>) -> tensor<2xui8> attributes {winnow.entry} {
  %0 = winnow.reduce mean %x [1] : (tensor<2x3xui8>) -> tensor<2xui8>
  return %0 : tensor<2xui8>
}
