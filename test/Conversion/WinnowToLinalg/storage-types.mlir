// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 | FileCheck %s

// Elements of storage types are bytes, which the interface tells apart. They
// move as they are.

// CHECK-LABEL: func.func @main
// CHECK-SAME: memref<3x2xi8> {winnow.dtype = f8E5M2}, %{{.*}}: memref<2x3xi8> {winnow.dtype = f8E5M2}
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<3x2xi8>) outs(%{{.*}} : tensor<2x3xi8>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: i8, %{{.*}}: i8)
// CHECK-NEXT: linalg.yield %[[X]]
func.func @main(%x: tensor<3x2xf8E5M2>) -> tensor<2x3xf8E5M2> attributes {winnow.entry} {
  %0 = winnow.transpose %x [1, 0] : (tensor<3x2xf8E5M2>) -> tensor<2x3xf8E5M2>
  return %0 : tensor<2x3xf8E5M2>
}

// -----

// A constant has the low bits of a byte for each element.

// CHECK-LABEL: func.func @main
// CHECK-SAME: {winnow.dtype = i4}
// CHECK: arith.constant dense<[15, 7, 8]> : tensor<3xi8>
func.func @main() -> tensor<3xi4> attributes {winnow.entry} {
  %0 = winnow.constant dense<[-1, 7, -8]> : tensor<3xi4>
  return %0 : tensor<3xi4>
}

// -----

// Other bits of the byte are not looked at: the sign is drawn over them.

// CHECK-LABEL: func.func @main
// CHECK: ^bb0(%[[BYTE:.*]]: i8, %{{.*}}: f32)
// CHECK: %[[HIGH:.*]] = arith.shli %[[BYTE]], %c4_i8
// CHECK: %[[NUMBER:.*]] = arith.shrsi %[[HIGH]], %c4_i8
// CHECK: arith.sitofp %[[NUMBER]] : i8 to f32
func.func @main(%x: tensor<3xi4>) -> tensor<3xf32> attributes {winnow.entry} {
  %0 = winnow.cast %x : (tensor<3xi4>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: arith.trunci %{{.*}} : i32 to i8
// CHECK: arith.andi %{{.*}}, %c3_i8
func.func @main(%x: tensor<3xi32>) -> tensor<3xui2> attributes {winnow.entry} {
  %0 = winnow.cast %x : (tensor<3xi32>) -> tensor<3xui2>
  return %0 : tensor<3xui2>
}

// -----

// A small float is decoded by its bits: the exponents' biases differ by 120, and
// the smallest normal number is 2^-6.

// CHECK-LABEL: func.func @main
// CHECK: arith.extui %{{.*}} : i8 to i32
// CHECK: %[[SMALLEST:.*]] = arith.constant 1.562500e-02 : f32
// CHECK: arith.subf %{{.*}}, %[[SMALLEST]]
// CHECK: %[[REBIAS:.*]] = arith.constant 1006632960 : i32
// CHECK: arith.addi %{{.*}}, %[[REBIAS]]
// CHECK: arith.ori
// CHECK-NOT: f8E4M3FN
// CHECK: arith.truncf %{{.*}} : f32 to f16
func.func @main(%x: tensor<3xf8E4M3FN>) -> tensor<3xf16> attributes {winnow.entry} {
  %0 = winnow.cast %x : (tensor<3xf8E4M3FN>) -> tensor<3xf16>
  return %0 : tensor<3xf16>
}

// -----

// f64 is rounded once, in 64 bits.

// CHECK-LABEL: func.func @main
// CHECK: arith.bitcast %{{.*}} : f64 to i64
// CHECK-NOT: arith.truncf
// CHECK: arith.trunci %{{.*}} : i64 to i8
func.func @main(%x: tensor<3xf64>) -> tensor<3xf8E4M3FNUZ> attributes {winnow.entry} {
  %0 = winnow.cast %x : (tensor<3xf64>) -> tensor<3xf8E4M3FNUZ>
  return %0 : tensor<3xf8E4M3FNUZ>
}

// -----

// The smallest power of two is subnormal in f32.

// CHECK-LABEL: func.func @main
// CHECK: arith.extf %{{.*}} : f32 to f64
// CHECK: arith.trunci %{{.*}} : i64 to i8
func.func @main(%x: tensor<3xf32>) -> tensor<3xf8E8M0FNU> attributes {winnow.entry} {
  %0 = winnow.cast %x : (tensor<3xf32>) -> tensor<3xf8E8M0FNU>
  return %0 : tensor<3xf8E8M0FNU>
}

// -----

// The same bits, the same byte.

// CHECK-LABEL: func.func @main
// CHECK-SAME: {winnow.dtype = f4E2M1FN}, %{{.*}}: memref<3xi8> {winnow.dtype = ui4}
// CHECK-NOT: arith
func.func @main(%x: tensor<3xf4E2M1FN>) -> tensor<3xui4> attributes {winnow.entry} {
  %0 = winnow.bitcast %x : (tensor<3xf4E2M1FN>) -> tensor<3xui4>
  return %0 : tensor<3xui4>
}
