// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 | FileCheck %s

// The entry gets the weights, its symbols, and buffers for inputs and outputs.

#s = affine_map<()[s0] -> (s0, 4)>
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %{{.*}}: memref<?xi8>, %[[N:.*]]: index, %[[IN:.*]]: memref<?x4xf32> {winnow.name = "x"}, %[[OUT:.*]]: memref<?x4xf32> {winnow.name = "y"})
// CHECK: %[[X:.*]] = bufferization.to_tensor %[[IN]] restrict
// CHECK: %[[INIT:.*]] = tensor.empty(%[[N]]) : tensor<?x4xf32>
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[X]] : tensor<?x4xf32>) outs(%[[INIT]] : tensor<?x4xf32>)
// CHECK: math.exp
// CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[OUT]]
func.func @main(%x: tensor<?x4xf32, #s> {winnow.name = "x"}) -> (tensor<?x4xf32, #s> {winnow.name = "y"})
    attributes {winnow.entry, winnow.symbols = [{name = "n", min = 0, max = 9}]} {
  %y = winnow.exp %x : (tensor<?x4xf32, #s>) -> tensor<?x4xf32, #s>
  return %y : tensor<?x4xf32, #s>
}

// -----

// A dimension of size 1 is read at 0 over and over.

// CHECK: #[[ROW:.*]] = affine_map<(d0, d1) -> (0, d1)>
// CHECK-LABEL: func.func @main
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[ROW]], #{{.*}}]
// CHECK: arith.addf
func.func @main(%x: tensor<3x4xf32>, %b: tensor<1x4xf32>) -> tensor<3x4xf32> attributes {winnow.entry} {
  %y = winnow.add %x, %b : (tensor<3x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// -----

// Unsigned integers are computed on as signless ones, by unsigned ops, and the
// interface remembers the sign.

// CHECK-LABEL: func.func @main
// CHECK-SAME: memref<3xi8> {winnow.dtype = ui8}
// CHECK: arith.divui
func.func @main(%x: tensor<3xui8>, %y: tensor<3xui8>) -> tensor<3xui8> attributes {winnow.entry} {
  %z = winnow.div %x, %y : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
  return %z : tensor<3xui8>
}

// -----

// Integer powers are products: upstream's op has no lowering.

// CHECK-LABEL: func.func @main
// CHECK-NOT: math.ipowi
// CHECK: arith.muli
func.func @main(%x: tensor<4xi64>, %y: tensor<4xi64>) -> tensor<4xi64> attributes {winnow.entry} {
  %0 = winnow.pow %x, %y : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  return %0 : tensor<4xi64>
}

// -----

// A distance beyond the width shifts everything out.

// CHECK-LABEL: func.func @main
// CHECK: %[[INSIDE:.*]] = arith.cmpi ult, %{{.*}}, %c8_i8
// CHECK: %[[SHIFTED:.*]] = arith.shrui
// CHECK: arith.select %[[INSIDE]], %[[SHIFTED]], %c0_i8
func.func @main(%x: tensor<3xui8>, %y: tensor<3xui8>) -> tensor<3xui8> attributes {winnow.entry} {
  %z = winnow.shift_right %x, %y : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
  return %z : tensor<3xui8>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: arith.bitcast %{{.*}} : f32 to i32
func.func @main(%x: tensor<3xf32>) -> tensor<3xui32> attributes {winnow.entry} {
  %z = winnow.bitcast %x : (tensor<3xf32>) -> tensor<3xui32>
  return %z : tensor<3xui32>
}
