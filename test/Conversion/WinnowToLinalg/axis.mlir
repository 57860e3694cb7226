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
