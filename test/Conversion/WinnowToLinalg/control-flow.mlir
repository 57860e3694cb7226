// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 | FileCheck %s

// The first op that binds a data symbol gives it its value, which takes the
// place of its capacity from there on.

// CHECK: winnow.sites = [{message = "expected the size 'count' that the data gives to be at least 0"
// CHECK-LABEL: func.func @main(%arg0: memref<?xi8>, %arg1: index
// CHECK: %[[SIZE:.*]] = call @define_size_0(%{{.*}}, %c0_i32)
// CHECK: tensor.empty(%[[SIZE]])
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [%[[SIZE]]], strides: [1]
// CHECK: func.func private @define_size_0(index, i32) -> index attributes {winnow.kernel = {kind = "define_size", symbol = 0 : i64}}
#f = affine_map<()[s0] -> (s0)>
func.func @main(%n: tensor<i64>) -> tensor<?xi64, #f>
    attributes {winnow.entry, winnow.symbols = [{name = "count", min = 0 : i64, max = 9223372036854775807 : i64, data}]} {
  winnow.bind_size %n to affine_map<()[s0] -> (s0)> : tensor<i64>
  %r = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, #f>
  return %r : tensor<?xi64, #f>
}

// -----

// Any other binding is a check.

// CHECK-LABEL: func.func @main
// CHECK: call @check_size(%{{.*}}, %c3, %c0_i32)
func.func @main(%n: tensor<i64>) -> tensor<i64> attributes {winnow.entry} {
  winnow.bind_size %n to affine_map<() -> (3)> : tensor<i64>
  return %n : tensor<i64>
}

// -----

// A check says what it is told to say.

// CHECK: winnow.sites = [{{.*}}message = "expected three"
// CHECK-LABEL: func.func @main
func.func @main(%n: tensor<i64>) -> tensor<i64> attributes {winnow.entry} {
  winnow.bind_size %n to affine_map<() -> (3)> {message = "expected three"} : tensor<i64>
  return %n : tensor<i64>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: scf.for %[[I:.*]] = %{{.*}} iter_args(%[[S:.*]] = %{{.*}}) -> (tensor<5x3xf32>)
// CHECK: tensor.extract_slice %{{.*}}[%[[I]], 0] [1, 3] [1, 1] : tensor<5x3xf32> to tensor<3xf32>
// CHECK: tensor.insert_slice %{{.*}} into %[[S]][%[[I]], 0] [1, 3] [1, 1] : tensor<3xf32> into tensor<5x3xf32>
func.func @main(%x: tensor<5x3xf32>) -> tensor<5x3xf32> attributes {winnow.entry} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %r = scf.for %i = %c0 to %c5 step %c1 iter_args(%s = %x) -> tensor<5x3xf32> {
    %a = winnow.extract_at %x at %i : (tensor<5x3xf32>, index) -> tensor<3xf32>
    %b = winnow.insert_at %a into %s at %i : (tensor<3xf32>, tensor<5x3xf32>, index) -> tensor<5x3xf32>
    scf.yield %b : tensor<5x3xf32>
  }
  return %r : tensor<5x3xf32>
}

// -----

// A branch that computes nothing chooses element by element.

// CHECK-LABEL: func.func @main
// CHECK: %[[CONDITION:.*]] = tensor.extract
// CHECK: linalg.generic
// CHECK: arith.select %[[CONDITION]], %{{.*}}, %{{.*}} : f32
#f = affine_map<()[s0] -> (s0, 3)>
func.func @main(%b: tensor<i1>, %x: tensor<?x3xf32, #f>, %y: tensor<?x3xf32, #f>) -> tensor<?x3xf32, #f>
    attributes {winnow.entry, winnow.symbols = [{name = "n", min = 0, max = 9}]} {
  %c = tensor.extract %b[] : tensor<i1>
  %0 = arith.select %c, %x, %y : tensor<?x3xf32, #f>
  return %0 : tensor<?x3xf32, #f>
}
