// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 | FileCheck %s

// Small constants stay in the code.

// CHECK-LABEL: func.func @main
// CHECK: arith.constant dense<[1.000000e+00, 2.000000e+00]>
func.func @main() -> tensor<2xf32> attributes {winnow.entry} {
  %0 = winnow.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Large ones go to the weights file, equal ones once.

// CHECK: winnow.weights = [{bytes = 2048 : i64, layout = {kind = "dense"}, offset = 0 : i64
// CHECK-NOT: offset = 2048
// CHECK-LABEL: func.func @main(%arg0: memref<?xi8>
// CHECK: memref.view %arg0[%{{.*}}][] : memref<?xi8> to memref<512xf32>
func.func @main() -> (tensor<512xf32>, tensor<512xf32>) attributes {winnow.entry} {
  %0 = winnow.constant dense<1.0> : tensor<512xf32>
  %1 = winnow.constant dense<1.0> : tensor<512xf32>
  return %0, %1 : tensor<512xf32>, tensor<512xf32>
}

// -----

// Without elements there is nothing to group.

// CHECK-LABEL: func.func @main
// CHECK-NOT: collapse_shape
// CHECK: tensor.empty() : tensor<0x12xf32>
func.func @main(%x: tensor<0x3x4xf32>) -> tensor<0x12xf32> attributes {winnow.entry} {
  %0 = winnow.reshape %x : (tensor<0x3x4xf32>) -> tensor<0x12xf32>
  return %0 : tensor<0x12xf32>
}

// -----

// A reshape groups as few dimensions as it can.

#f = affine_map<()[s0, s1] -> (s0, s1, 12)>
#t = affine_map<()[s0, s1] -> (s0, s1, 3, 4)>
// CHECK-LABEL: func.func @main
// CHECK-NOT: collapse_shape
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1], [2, 3]]
func.func @main(%x: tensor<?x?x12xf32, #f>) -> tensor<?x?x3x4xf32, #t>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 0, max = 9}, {name = "s", min = 0, max = 9}]} {
  %0 = winnow.reshape %x : (tensor<?x?x12xf32, #f>) -> tensor<?x?x3x4xf32, #t>
  return %0 : tensor<?x?x3x4xf32, #t>
}

// -----

// Forward slices are views.

#n = affine_map<()[s0] -> (s0)>
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[N:[^:]*]]: index
// CHECK: tensor.extract_slice %{{.*}}[2] [%[[N]]] [1]
func.func @main(%x: tensor<8xf32>) -> tensor<?xf32, #n>
    attributes {winnow.entry, winnow.symbols = [{name = "n", min = 0, max = 6}]} {
  %0 = winnow.slice %x at affine_map<()[s0] -> (2)> step [1] : (tensor<8xf32>) -> tensor<?xf32, #n>
  return %0 : tensor<?xf32, #n>
}

// -----

// Backward slices read element by element.

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic
// CHECK: tensor.extract
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> attributes {winnow.entry} {
  %0 = winnow.slice %x at affine_map<() -> (7)> step [-1] : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0] [2] [1]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[2] [3] [1]
func.func @main(%a: tensor<2xf32>, %b: tensor<3xf32>) -> tensor<5xf32> attributes {winnow.entry} {
  %0 = winnow.concat %a, %b {axis = 0 : i64} : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

// A gather is a kernel that checks its indices.

// CHECK: winnow.sites = [{message = "index outside [-10, 9]", node = "embed"}]
// CHECK-LABEL: func.func @main
// CHECK: winnow.kernel "gather" ins(%{{.*}} : tensor<1x10x4xf32>, tensor<3xi64>) outs(%{{.*}} : tensor<1x3x4xf32>) {} {site = 0 : i32}
func.func @main(%t: tensor<10x4xf32>, %i: tensor<3xi64>) -> tensor<3x4xf32> attributes {winnow.entry} {
  %0 = winnow.gather %t, %i {axis = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>) -> tensor<3x4xf32> loc("embed")
  return %0 : tensor<3x4xf32>
}

// -----

// A gather whose indices are inside is a loop nest.

// CHECK: [[INDEX:#.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d2)>
// CHECK-NOT: winnow.sites = [{
// CHECK-LABEL: func.func @main
// CHECK: [[X:%.*]] = bufferization.to_tensor %arg1
// CHECK: linalg.generic {indexing_maps = [[[INDEX]], {{.*}}ins(%{{.*}} : tensor<3x5xi64>)
// CHECK: [[I:%.*]] = linalg.index 0
// CHECK: [[J:%.*]] = arith.index_cast
// CHECK: [[K:%.*]] = linalg.index 3
// CHECK: tensor.extract [[X]]{{.}}[[I]], [[J]], [[K]]{{.}}
func.func @main(%x: tensor<2x10x4xf32>, %i: tensor<3x5xi64>) -> tensor<2x3x5x4xf32> attributes {winnow.entry} {
  %0 = winnow.gather %x, %i {axis = 1 : i64, in_bounds} : (tensor<2x10x4xf32>, tensor<3x5xi64>) -> tensor<2x3x5x4xf32>
  return %0 : tensor<2x3x5x4xf32>
}

// -----

// A gather by one constant index is a view.

// CHECK-LABEL: func.func @main
// CHECK-NOT: winnow.kernel
// CHECK: tensor.extract_slice %{{.*}}[0, 9, 0] [2, 1, 4] [1, 1, 1] : tensor<2x10x4xf32> to tensor<2x4xf32>
func.func @main(%x: tensor<2x10x4xf32>) -> tensor<2x4xf32> attributes {winnow.entry} {
  %i = winnow.constant dense<-1> : tensor<i64>
  %0 = winnow.gather %x, %i {axis = 1 : i64} : (tensor<2x10x4xf32>, tensor<i64>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

// Nothing, taken from the end, is no view; nothing is put in nowhere.

// CHECK-LABEL: func.func @main
// CHECK-NOT: extract_slice
// CHECK: tensor.empty() : tensor<0xf32>
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0] [8] [1] : tensor<8xf32> into tensor<8xf32>
// CHECK-NOT: insert_slice
func.func @main(%x: tensor<8xf32>) -> (tensor<0xf32>, tensor<8xf32>) attributes {winnow.entry} {
  %0 = winnow.slice %x at affine_map<() -> (8)> step [1] : (tensor<8xf32>) -> tensor<0xf32>
  %1 = winnow.concat %x, %0 {axis = 0 : i64} : (tensor<8xf32>, tensor<0xf32>) -> tensor<8xf32>
  return %0, %1 : tensor<0xf32>, tensor<8xf32>
}

// -----

// A constant that a transpose moves is moved when the file is written.

// CHECK: winnow.weights = [{bytes = 2048 : i64, layout = {kind = "dense"}, offset = 0 : i64, parts = {{\[}}[dense<1.000000e+00> : tensor<512xf32>, array<i64: 4, 8, 16>, array<i64: 2, 0, 1>]]}]
// CHECK-LABEL: func.func @moved_constant
// CHECK: memref.view %arg0[%{{.*}}][] : memref<?xi8> to memref<16x4x8xf32>
// CHECK-NOT: linalg
func.func @moved_constant() -> tensor<64x8xf32> attributes {winnow.entry} {
  %0 = winnow.constant dense<1.0> : tensor<512xf32>
  %1 = winnow.reshape %0 : (tensor<512xf32>) -> tensor<4x8x16xf32>
  %2 = winnow.transpose %1 [2, 0, 1] : (tensor<4x8x16xf32>) -> tensor<16x4x8xf32>
  %3 = winnow.reshape %2 : (tensor<16x4x8xf32>) -> tensor<64x8xf32>
  return %3 : tensor<64x8xf32>
}

// -----

// Two transposes among reshapes are no longer one.

// CHECK-LABEL: func.func @moved_twice
// CHECK: linalg.generic
func.func @moved_twice() -> tensor<8x64xf32> attributes {winnow.entry} {
  %0 = winnow.constant dense<1.0> : tensor<4x8x16xf32>
  %1 = winnow.transpose %0 [2, 0, 1] : (tensor<4x8x16xf32>) -> tensor<16x4x8xf32>
  %2 = winnow.reshape %1 : (tensor<16x4x8xf32>) -> tensor<64x8xf32>
  %3 = winnow.transpose %2 [1, 0] : (tensor<64x8xf32>) -> tensor<8x64xf32>
  return %3 : tensor<8x64xf32>
}

// -----

// A size that the data gives may be the constant's: that is known at run time.

// CHECK-LABEL: func.func @main
// CHECK: linalg.generic
#t = affine_map<()[s0] -> (4, s0)>
#u = affine_map<()[s0] -> (s0, 4)>
func.func @main(%n: tensor<i64>) -> tensor<?x4xf32, #u>
    attributes {winnow.entry, winnow.symbols = [{name = "count", min = 0 : i64, max = 9223372036854775807 : i64, data}]} {
  winnow.bind_size %n to affine_map<()[s0] -> (s0)> : tensor<i64>
  %0 = winnow.constant dense<1.0> : tensor<12xf32>
  %1 = winnow.reshape %0 : (tensor<12xf32>) -> tensor<4x?xf32, #t>
  %2 = winnow.transpose %1 [1, 0] : (tensor<4x?xf32, #t>) -> tensor<?x4xf32, #u>
  return %2 : tensor<?x4xf32, #u>
}
